//! Provider, schedule and report together, through hours of a simulated clock.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Duration;

use aws_credentials::host::{
    Command, File, FileError, FileIdentity, HttpError, Output, Request, Response, RunError,
};
use aws_credentials::report::{AtHand, Level, Line, Report, Subject};
use aws_credentials::schedule::{self, Intervals, Schedule};
use aws_credentials::{Files, Host, Material, Provider};
use aws_signing::Timestamp;
use zeroize::Zeroizing;

use crate::common::*;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const WEB: Subject<'_> = Subject::Credentials("web");
const START: i64 = NOW * SECOND;

/// A service, as it answers at a time that counts from [`START`], in milliseconds.
type Service = Box<dyn Fn(i64) -> Result<String, HttpError>>;

/// A host with a service, and a clock that somebody may set.
struct World {
    /// How long it runs, in milliseconds.
    elapsed: Cell<i64>,
    /// How wrong its clock is.
    clock_error: Cell<i64>,
    service: Service,
    requests: RefCell<Vec<i64>>,
}

impl Files for World {
    fn read(&self, _: &Path, _: usize) -> Result<File, FileError> {
        Err(FileError::NotFound)
    }

    fn identify(&self, _: &Path) -> Result<FileIdentity, FileError> {
        Err(FileError::NotFound)
    }
}

impl Host for World {
    fn now(&self) -> i64 {
        START + self.elapsed.get() + self.clock_error.get()
    }

    fn random(&self) -> u64 {
        // Different each time, and the same in each run.
        (self.elapsed.get() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    async fn sleep(&self, duration: Duration) {
        let elapsed = self.elapsed.get() + duration.as_millis() as i64;
        self.elapsed.set(elapsed);
    }

    async fn http(&self, request: Request) -> Result<Response, HttpError> {
        let path = request.url.target.as_str();
        if path.ends_with("/c") || path.ends_with("/web") {
            self.requests.borrow_mut().push(self.elapsed.get());
        }
        let body = match (self.service)(self.elapsed.get())? {
            _ if path.ends_with("/token") => "TOKEN".to_owned(),
            body => body,
        };
        Ok(Response {
            status: 200,
            headers: Vec::new(),
            body: Zeroizing::new(body.into_bytes()),
        })
    }

    async fn run(&self, _: Command) -> Result<Output, RunError> {
        unreachable!("no source here runs a program")
    }
}

/// The loop that a worker runs.
struct Refresher {
    world: World,
    provider: Provider,
    intervals: Intervals,
    schedule: Schedule,
    report: Report,
    material: Option<Material>,
    lines: Vec<Line>,
}

impl Refresher {
    fn new(source: &str, service: impl Fn(i64) -> Result<String, HttpError> + 'static) -> Self {
        Self {
            world: World {
                elapsed: Cell::new(0),
                clock_error: Cell::new(0),
                service: Box::new(service),
                requests: RefCell::default(),
            },
            provider: provider(source, &[]),
            intervals: Intervals::default(),
            schedule: Schedule::default(),
            report: Report::default(),
            material: None,
            lines: Vec::new(),
        }
    }

    fn at_hand(&self) -> Option<AtHand> {
        let material = self.material.as_ref()?;
        Some(AtHand {
            expires_at: material.expires_at(),
            outlives_expiry: material.outlives_expiry(),
        })
    }

    fn is_usable(&self) -> bool {
        self.at_hand().is_some_and(|got| {
            schedule::is_usable(got.expires_at, got.outlives_expiry, self.world.now())
        })
    }

    fn fetch(&mut self) {
        assert!(self.requests() < 10_000, "it asks without end");
        let result = ready(self.provider.fetch(&self.world));
        let (now, random) = (self.world.now(), self.world.random());
        let line = match result {
            Ok(material) => {
                self.schedule
                    .fetched(now, material.expires_at(), self.intervals, random);
                let origin = material.origin().to_owned();
                self.material = Some(material);
                let got = self.at_hand().unwrap();
                self.report.fetched(now, WEB, &origin, got)
            }
            Err(error) => {
                let at_hand = self.at_hand();
                let left = at_hand.map_or(Some(0), |got| {
                    schedule::left(got.expires_at, got.outlives_expiry, now)
                });
                self.schedule.failed(now, left, self.intervals, random);
                self.report.failed(now, WEB, &error, at_hand)
            }
        };
        self.lines.extend(line);
    }

    /// Runs for a time, and says for how many of its milliseconds nothing was usable.
    fn run(&mut self, milliseconds: i64) -> i64 {
        let end = self.world.elapsed.get() + milliseconds;
        let mut unusable = 0;
        while self.world.elapsed.get() < end {
            if self.schedule.is_due(self.world.now()) {
                self.fetch();
            }
            // The worker looks at least once a second; the test looks more often.
            let pause =
                self.schedule
                    .wait(self.world.now(), self.intervals, Duration::from_millis(50));
            let pause = pause.max(Duration::from_millis(1));
            if !self.is_usable() {
                unusable += pause.as_millis() as i64;
            }
            ready(self.world.sleep(pause));
        }
        unusable
    }

    fn requests(&self) -> usize {
        self.world.requests.borrow().len()
    }

    fn levels(&self) -> Vec<Level> {
        self.lines.iter().map(|line| line.level).collect()
    }
}

/// Credentials that expire at a time that counts from [`START`].
fn expiring(at: i64) -> String {
    let compact = Timestamp::from_unix((START + at) / SECOND);
    let text = compact.amz_date();
    let at = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &text[..4],
        &text[4..6],
        &text[6..8],
        &text[9..11],
        &text[11..13],
        &text[13..15]
    );
    json_credentials().replace(LATER, &at)
}

fn down() -> Result<String, HttpError> {
    Err(HttpError::Connect("Connection refused (111)".to_owned()))
}

#[test]
fn an_hour_of_credentials_is_renewed_in_its_last_five_minutes() {
    let mut refresher = Refresher::new("container uri=/c", |at| Ok(expiring(at + HOUR)));
    assert_eq!(refresher.run(24 * HOUR), 0);
    // Every 55 to 56 minutes.
    assert!(
        (25..=27).contains(&refresher.requests()),
        "{}",
        refresher.requests()
    );
    assert_eq!(refresher.levels(), [Level::Notice]);
}

#[test]
fn ten_seconds_of_credentials_are_enough() {
    let mut refresher = Refresher::new("container uri=/c", |at| Ok(expiring(at + 10 * SECOND)));
    assert_eq!(refresher.run(10 * MINUTE), 0);
    let requests = refresher.requests();
    assert!((100..=130).contains(&requests), "{requests} in 600 s");
    assert_eq!(refresher.levels(), [Level::Notice]);
}

#[test]
fn one_fetch_for_each_rotation() {
    // The service itself renews every ten seconds, three seconds before the old ones expire.
    let rotation = 10 * SECOND;
    let service = move |at: i64| Ok(expiring((at / rotation + 1) * rotation + 3 * SECOND));
    let mut refresher = Refresher::new("container uri=/c", service);
    assert_eq!(refresher.run(10 * MINUTE), 0);
    let requests = refresher.requests();
    assert!(
        (60..=180).contains(&requests),
        "{requests} for 60 rotations"
    );
}

#[test]
fn an_outage_is_not_felt_and_told_once_a_minute() {
    let service = |at| match at {
        at if (50 * MINUTE..59 * MINUTE).contains(&at) => down(),
        at => Ok(expiring(at + HOUR)),
    };
    let mut refresher = Refresher::new("container uri=/c", service);
    assert_eq!(refresher.run(2 * HOUR), 0);
    let levels = refresher.levels();
    assert_eq!(levels.first(), Some(&Level::Notice));
    assert_eq!(
        levels.last(),
        Some(&Level::Notice),
        "it recovered: {:#?}",
        refresher.lines
    );
    let warnings = levels.len() - 2;
    assert!((4..=6).contains(&warnings), "{:#?}", refresher.lines);
    assert!(
        levels[1..=warnings]
            .iter()
            .all(|level| *level == Level::Warn)
    );
    assert!(
        refresher
            .lines
            .last()
            .unwrap()
            .text
            .contains("renewed again, after 4 min")
    );
}

#[test]
fn after_expiry_nothing_is_used_until_new_ones_come() {
    let service = |at| match at {
        at if (HOUR / 2..2 * HOUR).contains(&at) => down(),
        at => Ok(expiring(at + HOUR)),
    };
    let mut refresher = Refresher::new("container uri=/c", service);
    assert_eq!(refresher.run(HOUR), 0, "good to the last second");
    let unusable = refresher.run(2 * HOUR);
    // The rest of the outage, and until somebody looks again.
    assert!((HOUR..HOUR + 10 * SECOND).contains(&unusable), "{unusable}");
    let errors = refresher.levels();
    let errors = errors
        .iter()
        .filter(|level| **level == Level::Error)
        .count();
    assert!((54..=62).contains(&errors), "{errors} lines in an hour");
    let attempts = refresher.requests();
    assert!((360..=1000).contains(&attempts), "{attempts}");
}

#[test]
fn an_instance_goes_on_with_expired_credentials() {
    let service = |at| match at {
        at if (HOUR..9 * HOUR).contains(&at) => down(),
        at => Ok(expiring(at + 6 * HOUR)),
    };
    let mut refresher = Refresher::new("imds role=web", service);
    assert_eq!(refresher.run(12 * HOUR), 0);
    let levels = refresher.levels();
    assert!(!levels.contains(&Level::Error), "{:#?}", refresher.lines);
    assert_eq!(
        levels.last(),
        Some(&Level::Notice),
        "{:#?}",
        refresher.lines
    );
    // It is asked from five minutes before they expire, at six hours, and answers at nine.
    let warnings = levels.iter().filter(|level| **level == Level::Warn).count();
    assert!((100..=186).contains(&warnings), "{warnings}");
}

#[test]
fn an_instance_whose_service_has_none_newer_is_asked_every_few_minutes() {
    let service = |at| {
        Ok(expiring(if at < 10 * HOUR {
            6 * HOUR
        } else {
            at + 6 * HOUR
        }))
    };
    let mut refresher = Refresher::new("imds role=web", service);
    assert_eq!(refresher.run(6 * HOUR), 0);
    let before = refresher.requests();
    assert!(before < 15, "{before}");
    assert_eq!(refresher.run(4 * HOUR), 0);
    let stale = refresher.requests() - before;
    assert!((24..=48).contains(&stale), "{stale} in four hours");
    refresher.run(HOUR);
    let last = refresher.lines.last().unwrap();
    assert_eq!(last.level, Level::Notice, "{last:?}");
}

#[test]
fn a_clock_that_is_set_forward_costs_one_fetch() {
    let mut refresher = Refresher::new("container uri=/c", |at| Ok(expiring(at + 6 * HOUR)));
    refresher.run(HOUR);
    refresher.world.clock_error.set(5 * HOUR + 30 * SECOND);
    assert_eq!(refresher.run(MINUTE), 0);
    assert_eq!(refresher.requests(), 2);
    // What comes expires in less than an hour now, as this clock goes.
    assert_eq!(refresher.run(30 * MINUTE), 0);
    assert_eq!(refresher.requests(), 2);
}

#[test]
fn a_clock_that_is_set_back_costs_one_fetch() {
    let mut refresher = Refresher::new("container uri=/c", |at| Ok(expiring(at + HOUR)));
    refresher.run(HOUR / 2);
    refresher.world.clock_error.set(-24 * HOUR);
    assert_eq!(refresher.run(MINUTE), 0);
    assert_eq!(refresher.requests(), 2);
    // By this clock, they are good for a day: what the store thinks of them, it says itself.
    assert_eq!(refresher.run(2 * HOUR), 0);
    assert_eq!(refresher.requests(), 2);
    let now = refresher.world.now();
    assert!(refresher.schedule.rejected(now));
    refresher.run(MINUTE);
    assert_eq!(refresher.requests(), 3);
}

#[test]
fn a_store_that_goes_on_refusing_costs_six_fetches_a_minute() {
    let mut refresher = Refresher::new("container uri=/c", |at| Ok(expiring(at + HOUR)));
    refresher.run(MINUTE);
    for _ in 0..600 {
        let now = refresher.world.now();
        refresher.schedule.rejected(now);
        refresher.run(100);
    }
    let requests = refresher.requests();
    assert!(
        (5..=8).contains(&requests),
        "{requests} in a minute of refusals"
    );
}

#[test]
fn credentials_that_come_expired_are_refused_and_asked_for_again() {
    let service = |at| Ok(expiring(if at < MINUTE { -HOUR } else { at + HOUR }));
    let mut refresher = Refresher::new("container uri=/c", service);
    let unusable = refresher.run(2 * MINUTE);
    assert!(
        (MINUTE..MINUTE + 10 * SECOND).contains(&unusable),
        "{unusable}"
    );
    assert!(
        refresher.lines[0]
            .text
            .contains("is this machine's clock right?")
    );
    assert_eq!(refresher.levels().last(), Some(&Level::Notice));
}

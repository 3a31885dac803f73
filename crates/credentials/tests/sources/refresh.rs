//! The loop that keeps credentials fresh, through hours of a simulated clock.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Duration;

use aws_credentials::host::{
    Command, File, FileError, FileIdentity, HttpError, Output, Request, Response, RunError,
};
use aws_credentials::refresh::{NextStep, Progress, RefreshTarget, keep_fresh};
use aws_credentials::refresh_log::{LogLevel, LogLine, Subject};
use aws_credentials::{Definition, FetchError, Files, Host, Material, Validity};
use aws_signing::Timestamp;
use zeroize::Zeroizing;

use crate::common::*;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const START: i64 = NOW * SECOND;

/// A service, with its responses at a time that counts from [`START`], in milliseconds.
type Service = Box<dyn Fn(i64) -> Result<String, HttpError>>;

/// A host with a service and a clock that somebody may set, and what it shares with no other
/// process.
struct World {
    definition: Definition,
    service: Service,
    /// How long it has been running, in milliseconds, and when it ends.
    elapsed: Cell<i64>,
    end: Cell<i64>,
    /// For how much of this time nothing was usable.
    unusable: Cell<i64>,
    /// How wrong its clock is.
    clock_error: Cell<i64>,
    requests: RefCell<Vec<i64>>,
    progress: Cell<Progress>,
    published: RefCell<Option<Zeroizing<Vec<u8>>>>,
    /// Of what is published.
    validity: Cell<Option<Validity>>,
    /// Whether there is room to publish anything, and whether there is progress at all.
    has_room: Cell<bool>,
    is_declared: Cell<bool>,
    lines: RefCell<Vec<LogLine>>,
    errors: RefCell<Vec<String>>,
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

    /// Looks every 50 ms whether there is something usable.
    async fn sleep(&self, duration: Duration) {
        let until = self.elapsed.get() + duration.as_millis() as i64;
        let until = until.min(self.end.get());
        while self.elapsed.get() < until {
            let step = (until - self.elapsed.get()).min(50);
            if !self.is_usable() {
                self.unusable.set(self.unusable.get() + step);
            }
            self.elapsed.set(self.elapsed.get() + step);
        }
    }

    async fn http(&self, request: Request) -> Result<Response, HttpError> {
        let path = request.url.target.as_str();
        if path.ends_with("/c") || path.ends_with("/web") {
            self.requests.borrow_mut().push(self.elapsed.get());
            assert!(self.requests() < 10_000, "it asks without end");
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

impl RefreshTarget for World {
    type Lease = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Credentials("web")
    }

    fn is_finishing(&self) -> bool {
        self.elapsed.get() >= self.end.get()
    }

    fn begin(&self, wait: impl FnOnce(&mut Progress) -> Duration) -> NextStep<()> {
        match self.update(wait) {
            Some(Duration::ZERO) => NextStep::Fetch(()),
            Some(pause) => NextStep::Wait(pause),
            None => NextStep::Stop,
        }
    }

    fn update<T>(&self, change: impl FnOnce(&mut Progress) -> T) -> Option<T> {
        if !self.is_declared.get() {
            return None;
        }
        let mut progress = self.progress.get();
        let result = change(&mut progress);
        self.progress.set(progress);
        Some(result)
    }

    fn published(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.published.borrow().clone()
    }

    fn publish(&self, material: &[u8]) -> Result<(), FetchError> {
        if !self.has_room.get() {
            return Err(FetchError::NotConfigured("there is no room".to_owned()));
        }
        let validity = Material::read(material).unwrap().validity();
        self.validity.set(Some(validity));
        let material = Zeroizing::new(material.to_vec());
        self.published.replace(Some(material));
        Ok(())
    }

    fn keep_error(&self, error: &FetchError) {
        self.errors.borrow_mut().push(error.to_string());
    }

    fn log(&self, line: &LogLine) {
        self.lines.borrow_mut().push(line.clone());
    }
}

impl World {
    fn new(source: &str, service: impl Fn(i64) -> Result<String, HttpError> + 'static) -> Self {
        Self {
            definition: define(source, &[]).unwrap(),
            service: Box::new(service),
            elapsed: Cell::new(0),
            end: Cell::new(0),
            unusable: Cell::new(0),
            clock_error: Cell::new(0),
            requests: RefCell::default(),
            progress: Cell::default(),
            published: RefCell::default(),
            validity: Cell::default(),
            has_room: Cell::new(true),
            is_declared: Cell::new(true),
            lines: RefCell::default(),
            errors: RefCell::default(),
        }
    }

    fn is_usable(&self) -> bool {
        let validity = self.validity.get();
        validity.is_some_and(|validity| validity.is_usable(self.now()))
    }

    /// Runs the loop for a time, and says for how many of its milliseconds nothing was usable.
    fn run(&self, milliseconds: i64) -> i64 {
        self.end.set(self.elapsed.get() + milliseconds);
        self.unusable.set(0);
        ready(keep_fresh(&self.definition, &[], self, self));
        self.unusable.get()
    }

    fn rejected(&self) -> bool {
        let now = self.now();
        self.update(|progress| progress.rejected(now)).unwrap()
    }

    fn requests(&self) -> usize {
        self.requests.borrow().len()
    }

    fn lines(&self) -> Vec<LogLine> {
        self.lines.borrow().clone()
    }

    fn levels(&self) -> Vec<LogLevel> {
        self.lines().iter().map(|line| line.level).collect()
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
    let world = World::new("container uri=/c", |at| Ok(expiring(at + HOUR)));
    assert_eq!(world.run(24 * HOUR), 0);
    // Every 55 to 56 minutes.
    assert!(
        (25..=27).contains(&world.requests()),
        "{}",
        world.requests()
    );
    assert_eq!(world.levels(), [LogLevel::Notice]);
}

#[test]
fn what_has_become_of_the_fetches_is_recorded() {
    let service = |at| {
        if at < HOUR {
            Ok(expiring(2 * HOUR))
        } else {
            down()
        }
    };
    let world = World::new("container uri=/c", service);
    world.run(MINUTE);
    let progress = world.progress.get();
    let record = progress.record();
    assert_eq!((record.fetches(), record.failures()), (1, 0));
    assert_eq!(record.last_success(), Some(START));
    assert_eq!(
        (record.last_failure(), record.expires_at()),
        (None, Some(START + 2 * HOUR))
    );
    assert!(
        progress
            .next_fetch()
            .is_some_and(|at| at > START + HOUR && at < START + 2 * HOUR)
    );
    assert!(world.errors.borrow().is_empty());

    world.run(2 * HOUR);
    let record = world.progress.get().record();
    assert!(
        record.failures() > 3 && record.fetches() == record.failures() + 1,
        "{record:?}"
    );
    assert!(record.last_failure().is_some_and(|at| at > START + HOUR));
    assert!(world.errors.borrow()[0].contains("Connection refused"));
}

#[test]
fn ten_seconds_of_credentials_are_enough() {
    let world = World::new("container uri=/c", |at| Ok(expiring(at + 10 * SECOND)));
    assert_eq!(world.run(10 * MINUTE), 0);
    let requests = world.requests();
    assert!((100..=130).contains(&requests), "{requests} in 600 s");
    assert_eq!(world.levels(), [LogLevel::Notice]);
}

#[test]
fn one_fetch_for_each_rotation() {
    // The service itself renews every ten seconds, three seconds before the old ones expire.
    let rotation = 10 * SECOND;
    let service = move |at: i64| Ok(expiring((at / rotation + 1) * rotation + 3 * SECOND));
    let world = World::new("container uri=/c", service);
    assert_eq!(world.run(10 * MINUTE), 0);
    let requests = world.requests();
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
    let world = World::new("container uri=/c", service);
    assert_eq!(world.run(2 * HOUR), 0);
    let levels = world.levels();
    assert_eq!(levels.first(), Some(&LogLevel::Notice));
    assert_eq!(
        levels.last(),
        Some(&LogLevel::Notice),
        "it recovered: {:#?}",
        world.lines()
    );
    let warnings = levels.len() - 2;
    assert!((4..=6).contains(&warnings), "{:#?}", world.lines());
    assert!(
        levels[1..=warnings]
            .iter()
            .all(|level| *level == LogLevel::Warn)
    );
    assert!(
        world
            .lines()
            .last()
            .unwrap()
            .text
            .contains("fetched again, after 4 min")
    );
}

#[test]
fn after_expiry_nothing_is_used_until_new_ones_come() {
    let service = |at| match at {
        at if (HOUR / 2..2 * HOUR).contains(&at) => down(),
        at => Ok(expiring(at + HOUR)),
    };
    let world = World::new("container uri=/c", service);
    assert_eq!(world.run(HOUR), 0, "good to the last second");
    let unusable = world.run(2 * HOUR);
    // The rest of the outage, and until somebody looks again.
    assert!((HOUR..HOUR + 10 * SECOND).contains(&unusable), "{unusable}");
    let errors = world.levels();
    let errors = errors
        .iter()
        .filter(|level| **level == LogLevel::Error)
        .count();
    assert!((54..=62).contains(&errors), "{errors} lines in an hour");
    let attempts = world.requests();
    assert!((360..=1000).contains(&attempts), "{attempts}");
}

#[test]
fn an_instance_goes_on_with_expired_credentials() {
    let service = |at| match at {
        at if (HOUR..9 * HOUR).contains(&at) => down(),
        at => Ok(expiring(at + 6 * HOUR)),
    };
    let world = World::new("imds role=web", service);
    assert_eq!(world.run(12 * HOUR), 0);
    let levels = world.levels();
    assert!(!levels.contains(&LogLevel::Error), "{:#?}", world.lines());
    assert_eq!(
        levels.last(),
        Some(&LogLevel::Notice),
        "{:#?}",
        world.lines()
    );
    // It is asked from five minutes before they expire, at six hours, and answers at nine.
    let warnings = levels
        .iter()
        .filter(|level| **level == LogLevel::Warn)
        .count();
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
    let world = World::new("imds role=web", service);
    assert_eq!(world.run(6 * HOUR), 0);
    let before = world.requests();
    assert!(before < 15, "{before}");
    assert_eq!(world.run(4 * HOUR), 0);
    let stale = world.requests() - before;
    assert!((24..=48).contains(&stale), "{stale} in four hours");
    world.run(HOUR);
    let lines = world.lines();
    let last = lines.last().unwrap();
    assert_eq!(last.level, LogLevel::Notice, "{last:?}");
}

#[test]
fn a_clock_that_is_set_forward_costs_one_fetch() {
    let world = World::new("container uri=/c", |at| Ok(expiring(at + 6 * HOUR)));
    world.run(HOUR);
    world.clock_error.set(5 * HOUR + 30 * SECOND);
    assert_eq!(world.run(MINUTE), 0);
    assert_eq!(world.requests(), 2);
    // What comes expires in less than an hour now, as this clock goes.
    assert_eq!(world.run(30 * MINUTE), 0);
    assert_eq!(world.requests(), 2);
}

#[test]
fn a_clock_that_is_set_back_costs_one_fetch() {
    let world = World::new("container uri=/c", |at| Ok(expiring(at + HOUR)));
    world.run(HOUR / 2);
    world.clock_error.set(-24 * HOUR);
    assert_eq!(world.run(MINUTE), 0);
    assert_eq!(world.requests(), 2);
    // By this clock, they are valid for a day: what the upstream thinks of them, it says itself.
    assert_eq!(world.run(2 * HOUR), 0);
    assert_eq!(world.requests(), 2);
    assert!(world.rejected());
    world.run(MINUTE);
    assert_eq!(world.requests(), 3);
}

#[test]
fn a_store_that_goes_on_refusing_costs_six_fetches_a_minute() {
    let world = World::new("container uri=/c", |at| Ok(expiring(at + HOUR)));
    world.run(MINUTE);
    for _ in 0..600 {
        world.rejected();
        world.run(100);
    }
    let requests = world.requests();
    assert!(
        (5..=8).contains(&requests),
        "{requests} in a minute of refusals"
    );
}

#[test]
fn credentials_that_come_expired_are_refused_and_asked_for_again() {
    let service = |at| Ok(expiring(if at < MINUTE { -HOUR } else { at + HOUR }));
    let world = World::new("container uri=/c", service);
    let unusable = world.run(2 * MINUTE);
    assert!(
        (MINUTE..MINUTE + 10 * SECOND).contains(&unusable),
        "{unusable}"
    );
    assert!(
        world.lines()[0]
            .text
            .contains("check the clock of this machine")
    );
    assert_eq!(world.levels().last(), Some(&LogLevel::Notice));
}

#[test]
fn what_cannot_be_published_counts_as_not_fetched() {
    let world = World::new("container uri=/c", |at| Ok(expiring(at + HOUR)));
    world.has_room.set(false);
    assert_eq!(world.run(MINUTE), MINUTE);
    let lines = world.lines();
    assert_eq!(lines[0].level, LogLevel::Error);
    let text = "credentials \"web\" cannot be fetched, there are none and requests are rejected: \
                there is no room";
    assert_eq!(lines[0].text, text);
    assert!(world.progress.get().is_failing());
    assert!(world.requests() > 5, "{}", world.requests());

    world.has_room.set(true);
    world.run(MINUTE);
    assert!(world.is_usable() && !world.progress.get().is_failing());
}

#[test]
fn what_is_no_longer_declared_is_not_fetched() {
    let world = World::new("container uri=/c", |at| Ok(expiring(at + HOUR)));
    world.is_declared.set(false);
    world.run(MINUTE);
    assert_eq!((world.requests(), world.elapsed.get()), (0, 0));
}

//! What to say of fetching, and when: one line when it begins to fail, at most one a minute while
//! it does, one when what was at hand has expired, one when it works again. A source that fails
//! now and then is reported once a minute, too.

use std::fmt;

use crate::FetchError;
use crate::schedule::is_usable;
use crate::time::format_iso8601;

/// How often a failure that lasts is reported, in milliseconds.
const INTERVAL: i64 = 60_000;

/// What was said of one provider. As it begins (all zero), nothing was.
///
/// Integers only, as in [`Schedule`](crate::schedule::Schedule), for the same reason.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Since when it fails, as Unix time in milliseconds; zero: it does not.
    failing_since: i64,
    /// When a failure was reported last.
    last_line: i64,
    /// How many fetches failed since then.
    failures: u32,
    /// Not zero once anything was fetched.
    obtained: u32,
    /// Not zero once the end of what was at hand was reported.
    expired: u32,
    /// Not zero while a failure that lasts has been reported.
    announced: u32,
}

/// What is fetched, by the name that the operator has given it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// A provider's credentials.
    Credentials(&'a str),
    /// A token.
    Token(&'a str),
}

/// The lines' urgency, as nginx names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Requests fail.
    Error,
    /// Requests will fail, unless something is done or changes.
    Warn,
    /// All is well again, or for the first time.
    Notice,
}

/// A line for the log; its text holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How urgent it is.
    pub level: Level,
    /// What it says, beginning with what is fetched.
    pub text: String,
}

/// What is at hand: fetched before, perhaps expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtHand {
    /// When it expires, in Unix seconds.
    pub expires_at: Option<i64>,
    /// Whether it is used after that.
    pub outlives_expiry: bool,
}

impl Report {
    /// A fetch yielded something, of `origin`. `now` is Unix time in milliseconds.
    pub fn fetched(
        &mut self,
        now: i64,
        subject: Subject<'_>,
        origin: &str,
        got: AtHand,
    ) -> Option<Line> {
        if got
            .expires_at
            .is_some_and(|at| at.saturating_mul(1000) <= now)
        {
            return self.stale(now, subject, origin, got);
        }
        let since = std::mem::take(&mut self.failing_since);
        let was_announced = std::mem::take(&mut self.announced) != 0;
        let first = std::mem::replace(&mut self.obtained, 1) == 0;
        self.failures = 0;
        self.expired = 0;
        let until = Until(got.expires_at);
        let text = if was_announced {
            let after = Span(now.saturating_sub(since));
            let are = subject.are();
            format!("{subject} {are} renewed again, after {after}: {origin}{until}")
        } else if first {
            format!("{subject}: {origin}{until}")
        } else {
            return None;
        };
        let level = Level::Notice;
        Some(Line { level, text })
    }

    /// A fetch failed.
    pub fn failed(
        &mut self,
        now: i64,
        subject: Subject<'_>,
        error: &FetchError,
        at_hand: Option<AtHand>,
    ) -> Option<Line> {
        self.begin(now);
        self.failures = self.failures.saturating_add(1);
        let usable = at_hand.filter(|got| is_usable(got.expires_at, got.outlives_expiry, now));
        let ends = usable.is_none() && std::mem::replace(&mut self.expired, 1) == 0;
        if self.was_said_lately(now) && !ends {
            return None;
        }

        let state = State {
            subject,
            usable,
            at_hand,
        };
        let text = if self.failures == 1 {
            format!("{subject} cannot be renewed, {state}: {error}")
        } else {
            let (failures, since) = (self.failures, Span(now.saturating_sub(self.failing_since)));
            format!(
                "{subject} cannot be renewed for {since} ({failures} attempts since the last \
                 message), {state}: {error}"
            )
        };
        let level = if usable.is_some() {
            Level::Warn
        } else {
            Level::Error
        };
        self.failure(now, level, text)
    }

    /// A fetch yielded credentials (no token) that have expired and are used all the same.
    fn stale(&mut self, now: i64, subject: Subject<'_>, origin: &str, got: AtHand) -> Option<Line> {
        self.begin(now);
        self.obtained = 1;
        self.expired = 0;
        if self.was_said_lately(now) {
            return None;
        }
        let at = format_iso8601(got.expires_at.unwrap_or_default());
        let text = format!(
            "{subject}: {origin} has none newer than those that expired at {at}; they stay in use"
        );
        self.failure(now, Level::Warn, text)
    }

    fn begin(&mut self, now: i64) {
        if self.failing_since == 0 {
            self.failing_since = now;
        }
    }

    fn was_said_lately(&self, now: i64) -> bool {
        (0..INTERVAL).contains(&now.saturating_sub(self.last_line))
    }

    fn failure(&mut self, now: i64, level: Level, text: String) -> Option<Line> {
        self.last_line = now;
        self.announced = 1;
        self.failures = 0;
        Some(Line { level, text })
    }
}

impl Subject<'_> {
    fn are(self) -> &'static str {
        match self {
            Self::Credentials(_) => "are",
            Self::Token(_) => "is",
        }
    }
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials(name) => write!(f, "credentials \"{name}\""),
            Self::Token(name) => write!(f, "token \"{name}\""),
        }
    }
}

struct State<'a> {
    subject: Subject<'a>,
    usable: Option<AtHand>,
    at_hand: Option<AtHand>,
}

impl fmt::Display for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(got) = self.usable {
            let until = match got.expires_at {
                Some(_) if got.outlives_expiry => Until(None),
                expires_at => Until(expires_at),
            };
            return match self.subject {
                Subject::Credentials(_) => write!(f, "those at hand stay in use{until}"),
                Subject::Token(_) => write!(f, "the one at hand stays in use{until}"),
            };
        }
        let expired_at = self.at_hand.and_then(|got| got.expires_at);
        let expired_at = expired_at.map(format_iso8601);
        match (self.subject, expired_at) {
            (Subject::Credentials(_), Some(at)) => {
                write!(f, "those at hand expired at {at} and requests are refused")
            }
            (Subject::Credentials(_), None) => {
                f.write_str("there are none and requests are refused")
            }
            (Subject::Token(name), Some(at)) => {
                write!(
                    f,
                    "the one at hand expired at {at} and $aws_token_{name} is empty"
                )
            }
            (Subject::Token(name), None) => {
                write!(f, "there is none and $aws_token_{name} is empty")
            }
        }
    }
}

/// ` until 2026-01-02T03:04:05Z`, or nothing.
struct Until(Option<i64>);

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(at) => write!(f, " until {}", format_iso8601(at)),
        }
    }
}

/// A span of time given in milliseconds, in the unit that suits it.
struct Span(i64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.max(0) / 1000;
        match secs {
            0..120 => write!(f, "{secs} s"),
            120..7200 => write!(f, "{} min", secs / 60),
            _ => write!(f, "{} h", secs / 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_323_045_000;
    const SECOND: i64 = 1000;
    const EXPIRES: i64 = NOW / 1000 + 100;

    fn at_hand() -> AtHand {
        AtHand {
            expires_at: Some(EXPIRES),
            outlives_expiry: false,
        }
    }

    fn failed(report: &mut Report, now: i64, at_hand: Option<AtHand>) -> Option<(Level, String)> {
        let error = FetchError::NotConfigured("why".to_owned());
        let line = report.failed(now, Subject::Credentials("a"), &error, at_hand)?;
        Some((line.level, line.text))
    }

    fn fetched(report: &mut Report, now: i64, got: AtHand) -> Option<(Level, String)> {
        let line = report.fetched(now, Subject::Credentials("a"), "imds", got)?;
        Some((line.level, line.text))
    }

    #[test]
    fn only_the_first_success_is_reported() {
        let mut report = Report::default();
        let text = "credentials \"a\": imds until 2026-01-02T03:05:45Z".to_owned();
        assert_eq!(
            fetched(&mut report, NOW, at_hand()),
            Some((Level::Notice, text))
        );
        assert_eq!(fetched(&mut report, NOW + SECOND, at_hand()), None);
    }

    #[test]
    fn a_failure_is_reported_once_a_minute_and_its_end_once() {
        let mut report = Report::default();
        fetched(&mut report, NOW, at_hand());
        let (level, text) = failed(&mut report, NOW, Some(at_hand())).unwrap();
        assert_eq!(level, Level::Warn);
        assert_eq!(
            text,
            "credentials \"a\" cannot be renewed, those at hand stay in use until \
             2026-01-02T03:05:45Z: why"
        );
        for at in 1..60 {
            assert_eq!(
                failed(&mut report, NOW + at * SECOND, Some(at_hand())),
                None,
                "{at}"
            );
        }
        let (level, text) = failed(&mut report, NOW + 60 * SECOND, Some(at_hand())).unwrap();
        assert_eq!(level, Level::Warn);
        assert!(
            text.contains("for 60 s (60 attempts since the last message)"),
            "{text}"
        );

        let (level, text) = fetched(&mut report, NOW + 61 * SECOND, at_hand()).unwrap();
        assert_eq!(level, Level::Notice);
        assert_eq!(
            text,
            "credentials \"a\" are renewed again, after 61 s: imds until 2026-01-02T03:05:45Z"
        );
        assert_eq!(fetched(&mut report, NOW + 62 * SECOND, at_hand()), None);
    }

    #[test]
    fn a_source_that_fails_now_and_then_is_reported_once_a_minute() {
        let mut report = Report::default();
        let mut lines = Vec::new();
        for at in 0..60 {
            let now = NOW + at * 10 * SECOND;
            let got = AtHand {
                expires_at: Some(now / 1000 + 10),
                outlives_expiry: false,
            };
            lines.extend(failed(&mut report, now, Some(got)));
            lines.extend(fetched(&mut report, now + SECOND, got));
        }
        // In ten minutes: each time a warning, and that it is over.
        assert_eq!(lines.len(), 20, "{lines:#?}");
        assert!(
            lines
                .chunks(2)
                .all(|pair| pair[0].0 == Level::Warn && pair[1].0 == Level::Notice)
        );
    }

    #[test]
    fn each_expiry_is_reported() {
        let mut report = Report::default();
        for start in [NOW, NOW + 600 * SECOND] {
            let got = AtHand {
                expires_at: Some(start / 1000 + 10),
                outlives_expiry: false,
            };
            fetched(&mut report, start, got);
            assert_eq!(
                failed(&mut report, start, Some(got)).unwrap().0,
                Level::Warn
            );
            assert_eq!(failed(&mut report, start + 9 * SECOND, Some(got)), None);
            let (level, text) = failed(&mut report, start + 10 * SECOND, Some(got)).unwrap();
            assert_eq!(level, Level::Error);
            assert!(text.contains("for 10 s (2 attempts"), "{text}");
        }
    }

    #[test]
    fn expiry_is_reported_when_it_comes() {
        let mut report = Report::default();
        fetched(&mut report, NOW, at_hand());
        failed(&mut report, NOW + 90 * SECOND, Some(at_hand())).unwrap();
        let (level, text) = failed(&mut report, NOW + 100 * SECOND, Some(at_hand())).unwrap();
        assert_eq!(level, Level::Error);
        assert!(
            text.contains("expired at 2026-01-02T03:05:45Z and requests"),
            "{text}"
        );
        assert_eq!(
            failed(&mut report, NOW + 101 * SECOND, Some(at_hand())),
            None
        );
        assert!(failed(&mut report, NOW + 160 * SECOND, Some(at_hand())).is_some());
    }

    #[test]
    fn having_nothing_is_an_error() {
        let mut report = Report::default();
        let (level, text) = failed(&mut report, NOW, None).unwrap();
        assert_eq!(level, Level::Error);
        assert_eq!(
            text,
            "credentials \"a\" cannot be renewed, there are none and requests are refused: why"
        );
        assert_eq!(failed(&mut report, NOW + SECOND, None), None);
    }

    #[test]
    fn expired_ones_that_stay_in_use_are_a_warning() {
        let mut report = Report::default();
        let got = AtHand {
            expires_at: Some(NOW / 1000 - 5),
            outlives_expiry: true,
        };
        let (level, text) = fetched(&mut report, NOW, got).unwrap();
        assert_eq!(level, Level::Warn);
        assert!(
            text.contains("expired at 2026-01-02T03:04:00Z; they stay in use"),
            "{text}"
        );
        assert_eq!(fetched(&mut report, NOW + SECOND, got), None);
        assert_eq!(failed(&mut report, NOW + 2 * SECOND, Some(got)), None);
        let (level, text) = failed(&mut report, NOW + 60 * SECOND, Some(got)).unwrap();
        assert_eq!(level, Level::Warn);
        assert!(text.contains("those at hand stay in use: why"), "{text}");
        assert!(fetched(&mut report, NOW + 61 * SECOND, at_hand()).is_some());
    }

    #[test]
    fn a_clock_that_goes_back_does_not_silence() {
        let mut report = Report::default();
        failed(&mut report, NOW, None).unwrap();
        assert!(failed(&mut report, NOW - 3600 * SECOND, None).is_some());
    }

    #[test]
    fn a_token_is_spoken_of_as_one() {
        let subject = Subject::Token("a");
        let error = FetchError::NotConfigured("why".to_owned());
        let mut report = Report::default();
        let mut texts = Vec::new();
        let lines = [
            report.failed(NOW, subject, &error, None),
            report.fetched(NOW + SECOND, subject, "ecr", at_hand()),
            report.failed(NOW + 90 * SECOND, subject, &error, Some(at_hand())),
            report.failed(NOW + 100 * SECOND, subject, &error, Some(at_hand())),
            Report::default().fetched(NOW, subject, "ecr", at_hand()),
        ];
        for line in lines {
            texts.push(line.unwrap().text);
        }
        assert_eq!(
            texts,
            [
                "token \"a\" cannot be renewed, there is none and $aws_token_a is empty: why",
                "token \"a\" is renewed again, after 1 s: ecr until 2026-01-02T03:05:45Z",
                "token \"a\" cannot be renewed, the one at hand stays in use until \
                 2026-01-02T03:05:45Z: why",
                "token \"a\" cannot be renewed, the one at hand expired at 2026-01-02T03:05:45Z and \
                 $aws_token_a is empty: why",
                "token \"a\": ecr until 2026-01-02T03:05:45Z",
            ]
        );
    }

    #[test]
    fn spans_are_read_easily() {
        let spans = [0, 119, 120, 7199, 7200].map(|secs| Span(secs * SECOND).to_string());
        assert_eq!(spans, ["0 s", "119 s", "2 min", "119 min", "2 h"]);
    }
}

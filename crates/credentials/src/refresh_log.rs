//! What to log about fetches, and when: one line when fetches begin to fail, at most one per minute
//! while they fail, one when the previous material expires, and one when they succeed again. A
//! source that fails intermittently is also logged at most once a minute.

use std::fmt;

use crate::FetchError;
use crate::time::format_iso8601;
use crate::validity::Validity;

/// How often a persistent failure is logged, in milliseconds.
const INTERVAL: i64 = 60_000;

/// What was logged about one provider or token. If all is zero, nothing was.
///
/// It consists of integers only, like [`Schedule`](crate::schedule::Schedule), for the same reason.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefreshLog {
    /// Since when fetches have been failing, as Unix time in milliseconds; zero: they do not fail.
    failing_since: i64,
    /// When a failure was last logged.
    last_line: i64,
    /// How many fetches have failed since then.
    failures: u32,
    /// Not zero once anything was fetched.
    obtained: u32,
    /// Not zero once the expiration of the previous material has been logged.
    expired: u32,
    /// Not zero while a persistent failure has been logged.
    announced: u32,
}

/// What is fetched, by its name in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// A provider's credentials.
    Credentials(&'a str),
    /// A token.
    Token(&'a str),
}

/// The severity of a line, as nginx names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Requests fail.
    Error,
    /// Requests will fail unless something changes.
    Warn,
    /// Fetches succeed again, or for the first time.
    Notice,
}

/// A line for the log; its text contains no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its severity.
    pub level: LogLevel,
    /// The text, which begins with what is fetched.
    pub text: String,
}

impl RefreshLog {
    /// A fetch has succeeded; `origin` is its source. `now` is Unix time in milliseconds.
    pub fn fetched(
        &mut self,
        now: i64,
        subject: Subject<'_>,
        origin: &str,
        got: Validity,
    ) -> Option<LogLine> {
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
            format!("{subject} {are} fetched again, after {after}: {origin}{until}")
        } else if first {
            format!("{subject}: {origin}{until}")
        } else {
            return None;
        };
        let level = LogLevel::Notice;
        Some(LogLine { level, text })
    }

    /// A fetch has failed.
    pub fn failed(
        &mut self,
        now: i64,
        subject: Subject<'_>,
        error: &FetchError,
        held: Option<Validity>,
    ) -> Option<LogLine> {
        self.begin(now);
        self.failures = self.failures.saturating_add(1);
        let usable = held.filter(|held| held.is_usable(now));
        let ends = usable.is_none() && std::mem::replace(&mut self.expired, 1) == 0;
        if self.was_said_lately(now) && !ends {
            return None;
        }

        let consequence = Consequence {
            subject,
            usable,
            held,
        };
        let text = if self.failures == 1 {
            format!("{subject} cannot be fetched, {consequence}: {error}")
        } else {
            let (failures, since) = (self.failures, Span(now.saturating_sub(self.failing_since)));
            format!(
                "{subject} cannot be fetched for {since} ({failures} attempts since the last \
                 message), {consequence}: {error}"
            )
        };
        let level = if usable.is_some() {
            LogLevel::Warn
        } else {
            LogLevel::Error
        };
        self.failure(now, level, text)
    }

    /// A fetch returned credentials (not a token) that have expired and are used nevertheless.
    fn stale(
        &mut self,
        now: i64,
        subject: Subject<'_>,
        origin: &str,
        got: Validity,
    ) -> Option<LogLine> {
        self.begin(now);
        self.obtained = 1;
        self.expired = 0;
        if self.was_said_lately(now) {
            return None;
        }
        let at = format_iso8601(got.expires_at.unwrap_or_default());
        let text = format!(
            "{subject}: {origin} still returns those that expired at {at}: they stay in use"
        );
        self.failure(now, LogLevel::Warn, text)
    }

    fn begin(&mut self, now: i64) {
        if self.failing_since == 0 {
            self.failing_since = now;
        }
    }

    fn was_said_lately(&self, now: i64) -> bool {
        (0..INTERVAL).contains(&now.saturating_sub(self.last_line))
    }

    fn failure(&mut self, now: i64, level: LogLevel, text: String) -> Option<LogLine> {
        self.last_line = now;
        self.announced = 1;
        self.failures = 0;
        Some(LogLine { level, text })
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

/// The consequences of the failure for requests.
struct Consequence<'a> {
    subject: Subject<'a>,
    usable: Option<Validity>,
    held: Option<Validity>,
}

impl fmt::Display for Consequence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(got) = self.usable {
            let until = match got.expires_at {
                Some(_) if got.outlives_expiry => Until(None),
                expires_at => Until(expires_at),
            };
            return match self.subject {
                Subject::Credentials(_) => write!(f, "the current ones stay in use{until}"),
                Subject::Token(_) => write!(f, "the current one stays in use{until}"),
            };
        }
        let expired_at = self.held.and_then(|got| got.expires_at);
        let expired_at = expired_at.map(format_iso8601);
        match (self.subject, expired_at) {
            (Subject::Credentials(_), Some(at)) => {
                write!(
                    f,
                    "the current ones expired at {at} and requests are rejected"
                )
            }
            (Subject::Credentials(_), None) => {
                f.write_str("there are none and requests are rejected")
            }
            (Subject::Token(name), Some(at)) => {
                write!(
                    f,
                    "the current one expired at {at} and $aws_token_{name} is empty"
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

/// A duration in milliseconds, in a suitable unit.
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
mod tests;

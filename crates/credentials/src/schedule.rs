//! When to fetch.
//!
//! Pure: the time and the randomness are arguments. All times are Unix time in milliseconds, except
//! expiry, which services specify in whole seconds.

use std::time::Duration;

/// Credentials are refreshed from this long before they expire: AWS provides the next ones of an
/// instance [at least five minutes before][1].
///
/// [1]: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
const LEAD: i64 = 5 * 60 * 1000;
/// The minimum time between two fetches, whatever the source returns.
const SHORTEST: i64 = 500;
/// The first delay after a failure. Each further one is twice as long...
const FIRST_RETRY: i64 = 1000;
/// ...up to this maximum...
const LONGEST_RETRY: i64 = 60_000;
/// ...or to this one while every request is rejected for lack of credentials.
const LONGEST_RETRY_WITHOUT: i64 = 10_000;
/// If credentials have expired but stay in use, the source is asked again after one to two times
/// this, as by [the SDKs][1].
///
/// [1]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html
const STALE: i64 = 5 * 60 * 1000;
/// A rejection by an upstream leads to a fetch only if the last one was at least this long ago.
const REJECTION_INTERVAL: i64 = 10_000;
/// How far the clock can go back before its earlier times are ignored.
const CLOCK_TOLERANCE: i64 = 2000;
/// No fetch is scheduled.
const NEVER: i64 = i64::MAX;

/// How often the operator wants fetches; by default, nothing is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Intervals {
    /// The maximum time from one fetch to the next, whatever expiration the source reports.
    pub interval: Option<Duration>,
    /// How long to wait after a failure. If it is not set, the delays become longer with each
    /// failure.
    pub retry: Option<Duration>,
}

impl Intervals {
    /// The operator has set nothing.
    pub(crate) const UNSET: Self = Self {
        interval: None,
        retry: None,
    };
}

/// When to fetch for one provider or token. If all is zero, a fetch is due.
///
/// It consists of integers only, all values of which are valid, so that it can be in shared memory
/// and outlive the process that fetches.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// When to fetch.
    next: i64,
    /// The time of the clock at that decision.
    decided: i64,
    /// When the last fetch ended.
    last: i64,
    /// How many fetches in a row have failed.
    failures: u32,
    /// Keeps the size free of padding.
    reserved: u32,
}

impl Schedule {
    /// Whether to fetch now.
    pub fn is_due(&self, now: i64) -> bool {
        now >= self.next
            || (self.next != NEVER && now < self.decided.saturating_sub(CLOCK_TOLERANCE))
    }

    /// When to fetch next; `None`: no fetch is planned.
    pub(crate) fn next(&self) -> Option<i64> {
        (self.next != NEVER).then_some(self.next)
    }

    /// How long to wait: at most `longest`, since files can change and the clock can jump.
    pub fn wait(&self, now: i64, intervals: Intervals, longest: Duration) -> Duration {
        // The schedule can be older than the operator's choice of this interval.
        let is_overdue = self.failures == 0
            && intervals
                .interval
                .is_some_and(|interval| now.saturating_sub(self.last) >= millis(interval));
        if is_overdue || self.is_due(now) {
            return Duration::ZERO;
        }
        let left = self.next.saturating_sub(now).unsigned_abs();
        Duration::from_millis(left).min(longest)
    }

    /// How many fetches in a row have failed.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// A fetch has returned material that expires at `expires_at`, in Unix seconds.
    pub fn fetched(
        &mut self,
        now: i64,
        expires_at: Option<i64>,
        intervals: Intervals,
        random: u64,
    ) {
        self.failures = 0;
        self.last = now;
        // The jitter prevents machines that started together from fetching together.
        let by_expiry = expires_at.map(|expires_at| {
            let left = expires_at.saturating_mul(1000).saturating_sub(now);
            if left <= 0 {
                return STALE + share(STALE, random);
            }
            // Short-lived material is refreshed in the middle of its lifetime.
            let lead = LEAD.min(left / 2);
            left - lead + share(lead / 5, random)
        });
        let by_interval = intervals.interval.map(|interval| {
            let interval = millis(interval);
            interval - share(interval / 10, random)
        });
        let next = match by_expiry.into_iter().chain(by_interval).min() {
            Some(wait) => now.saturating_add(wait.max(SHORTEST)),
            None => NEVER,
        };
        self.decide(now, next);
    }

    /// A fetch has failed. The previous material can be used for `left` milliseconds; `None`:
    /// without limit. If there is none, it is `Some(0)`.
    pub fn failed(&mut self, now: i64, left: Option<i64>, intervals: Intervals, random: u64) {
        self.last = now;
        let doublings = self.failures.min(16);
        self.failures = self.failures.saturating_add(1);
        let retry = intervals.retry.map(millis);
        let longest = match left {
            None => retry.unwrap_or(LONGEST_RETRY),
            Some(left) if left <= 0 => retry.unwrap_or(LONGEST_RETRY_WITHOUT),
            // Several more attempts before the material expires.
            Some(left) => (left / 4).min(retry.unwrap_or(LONGEST_RETRY)).max(SHORTEST),
        };
        let wait = match retry {
            Some(_) => longest - share(longest / 10, random),
            None => {
                let wait = (FIRST_RETRY << doublings).min(longest);
                wait / 2 + share(wait / 2, random)
            }
        };
        self.decide(now, now.saturating_add(wait.max(SHORTEST)));
    }

    /// An upstream has rejected the credentials as expired or unknown. Schedules a fetch, unless
    /// there was one recently; returns whether it did.
    pub fn rejected(&mut self, now: i64) -> bool {
        let lately = (0..REJECTION_INTERVAL).contains(&now.saturating_sub(self.last));
        if lately || self.is_due(now) {
            return false;
        }
        self.decide(now, now);
        true
    }

    /// Schedules an immediate fetch: a file that was read has changed.
    pub fn files_changed(&mut self, now: i64) {
        self.decide(now, now);
    }

    fn decide(&mut self, now: i64, next: i64) {
        self.decided = now;
        self.next = next;
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A random part of `whole`, from zero to all of it.
fn share(whole: i64, random: u64) -> i64 {
    let range = whole.unsigned_abs().saturating_add(1);
    // The high bits of a product are distributed evenly enough; no range here is above 2^32.
    ((u128::from(random) * u128::from(range)) >> 64) as i64
}

#[cfg(test)]
mod tests;

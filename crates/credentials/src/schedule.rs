//! When to fetch.
//!
//! Pure: the time and the randomness are arguments. All times are Unix time in milliseconds,
//! except for expiry, which services give in whole seconds.

use std::time::Duration;

/// Credentials are renewed from this long before they expire: AWS has the next ones of an
/// instance ready [at least five minutes before][1].
///
/// [1]: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
const LEAD: i64 = 5 * 60 * 1000;
/// How often a source is asked at most, whatever it answers.
const SHORTEST: i64 = 500;
/// The first wait after a failure. Each further one is twice as long...
const FIRST_RETRY: i64 = 1000;
/// ...up to this...
const LONGEST_RETRY: i64 = 60_000;
/// ...or to this while every request is refused for want of credentials.
const LONGEST_RETRY_WITHOUT: i64 = 10_000;
/// Expired credentials that stay in use are looked after again in one to two times this, which
/// [the SDKs][1] do, too.
///
/// [1]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html
const STALE: i64 = 5 * 60 * 1000;
/// A store's refusal leads to a fetch only this long after the last one.
const REJECTION_INTERVAL: i64 = 10_000;
/// How far the clock may go back before what it said before is worth nothing.
const CLOCK_TOLERANCE: i64 = 2000;
/// No fetch is planned.
const NEVER: i64 = i64::MAX;

/// What an operator says of how often to fetch. As it begins, nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rhythm {
    /// The longest time from one fetch to the next, whatever the source says of expiry.
    pub interval: Option<Duration>,
    /// How long to wait after a failure. Without it waits become longer with each failure.
    pub retry: Option<Duration>,
}

/// The plan for one provider. As it begins (all zero), a fetch is due.
///
/// It is integers only, each value of which is valid, so that it can lie in shared memory and
/// outlive the process that fetches.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// When to fetch.
    next: i64,
    /// What the clock said when that was decided.
    decided: i64,
    /// When the last fetch ended.
    last: i64,
    /// How many fetches failed since one did not.
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

    /// How long to do nothing: at most `longest`, since files may change and the clock may jump.
    pub fn wait(&self, now: i64, rhythm: Rhythm, longest: Duration) -> Duration {
        // The plan may have been made before the operator chose this interval.
        let is_overdue = self.failures == 0
            && rhythm
                .interval
                .is_some_and(|interval| now.saturating_sub(self.last) >= millis(interval));
        if is_overdue || self.is_due(now) {
            return Duration::ZERO;
        }
        let left = self.next.saturating_sub(now).unsigned_abs();
        Duration::from_millis(left).min(longest)
    }

    /// How many fetches failed since one did not.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// A fetch yielded something that expires at `expires_at`, in Unix seconds.
    pub fn fetched(&mut self, now: i64, expires_at: Option<i64>, rhythm: Rhythm, random: u64) {
        self.failures = 0;
        self.last = now;
        // The jitter keeps many machines that started together from asking together.
        let by_expiry = expires_at.map(|expires_at| {
            let left = expires_at.saturating_mul(1000).saturating_sub(now);
            if left <= 0 {
                return STALE + share(STALE, random);
            }
            // Short lives are renewed in their middle.
            let lead = LEAD.min(left / 2);
            left - lead + share(lead / 5, random)
        });
        let by_interval = rhythm.interval.map(|interval| {
            let interval = millis(interval);
            interval - share(interval / 10, random)
        });
        let next = match by_expiry.into_iter().chain(by_interval).min() {
            Some(wait) => now.saturating_add(wait.max(SHORTEST)),
            None => NEVER,
        };
        self.decide(now, next);
    }

    /// A fetch failed. What is at hand, if anything, is usable for `left` milliseconds, `None`
    /// being without end.
    pub fn failed(&mut self, now: i64, left: Option<i64>, rhythm: Rhythm, random: u64) {
        self.last = now;
        let doublings = self.failures.min(16);
        self.failures = self.failures.saturating_add(1);
        let retry = rhythm.retry.map(millis);
        let longest = match left {
            None => retry.unwrap_or(LONGEST_RETRY),
            Some(left) if left <= 0 => retry.unwrap_or(LONGEST_RETRY_WITHOUT),
            // Several more attempts before there is nothing left.
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

    /// A store refused the credentials as expired or unknown. Plans a fetch, unless there was one
    /// lately; says whether it did.
    pub fn rejected(&mut self, now: i64) -> bool {
        let lately = (0..REJECTION_INTERVAL).contains(&now.saturating_sub(self.last));
        if lately || self.is_due(now) {
            return false;
        }
        self.decide(now, now);
        true
    }

    /// Plans a fetch at once: a file that was read is another one now.
    pub fn files_changed(&mut self, now: i64) {
        self.decide(now, now);
    }

    fn decide(&mut self, now: i64, next: i64) {
        self.decided = now;
        self.next = next;
    }
}

/// Whether what expires at `expires_at` (Unix seconds) may be used at `now` (milliseconds).
pub fn is_usable(expires_at: Option<i64>, outlives_expiry: bool, now: i64) -> bool {
    left(expires_at, outlives_expiry, now).is_none_or(|left| left > 0)
}

/// For how many milliseconds it may be used from now on; `None`: without end. It is the argument
/// of [`Schedule::failed`], which takes `Some(0)` where there is nothing at hand.
pub fn left(expires_at: Option<i64>, outlives_expiry: bool, now: i64) -> Option<i64> {
    if outlives_expiry {
        return None;
    }
    expires_at.map(|at| at.saturating_mul(1000).saturating_sub(now))
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A random part of `whole`, from nothing to all of it.
fn share(whole: i64, random: u64) -> i64 {
    let range = whole.unsigned_abs().saturating_add(1);
    // The high bits of a product spread evenly enough; no range here is above 2^32.
    ((u128::from(random) * u128::from(range)) >> 64) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_323_045_000;
    const SECOND: i64 = 1000;
    const MINUTE: i64 = 60 * SECOND;
    const PLAIN: Rhythm = Rhythm {
        interval: None,
        retry: None,
    };
    const EXTREMES: [u64; 2] = [0, u64::MAX];

    /// The earliest and the latest wait after a fetch, in milliseconds.
    fn after_fetch(left_secs: i64) -> [i64; 2] {
        EXTREMES.map(|random| {
            let mut schedule = Schedule::default();
            schedule.fetched(NOW, Some(NOW / 1000 + left_secs), PLAIN, random);
            schedule.next - NOW
        })
    }

    #[test]
    fn the_first_fetch_is_due() {
        assert!(Schedule::default().is_due(NOW));
        assert_eq!(
            Schedule::default().wait(NOW, PLAIN, Duration::MAX),
            Duration::ZERO
        );
    }

    #[test]
    fn renews_in_the_last_five_minutes() {
        assert_eq!(after_fetch(6 * 3600), [355 * MINUTE, 356 * MINUTE]);
        assert_eq!(after_fetch(15 * 60), [10 * MINUTE, 11 * MINUTE]);
    }

    #[test]
    fn renews_short_lives_in_their_middle() {
        assert_eq!(after_fetch(10), [5 * SECOND, 6 * SECOND]);
        assert_eq!(after_fetch(8 * 60), [4 * MINUTE, 4 * MINUTE + 48 * SECOND]);
        assert_eq!(after_fetch(1), [500, 600]);
    }

    #[test]
    fn the_same_answer_again_is_not_asked_for_at_once() {
        // An instance's next credentials may come late: the last five minutes are halved.
        assert_eq!(after_fetch(300), [150 * SECOND, 180 * SECOND]);
        let mut schedule = Schedule::default();
        let (mut now, expires_at) = (NOW, NOW / 1000 + 300);
        let mut fetches = 0;
        while now < NOW + 299 * SECOND {
            schedule.fetched(now, Some(expires_at), PLAIN, 0);
            now = schedule.next;
            fetches += 1;
        }
        assert!(fetches < 12, "{fetches}");
    }

    #[test]
    fn expired_credentials_are_looked_after_in_five_to_ten_minutes() {
        assert_eq!(after_fetch(0), [5 * MINUTE, 10 * MINUTE]);
        assert_eq!(after_fetch(-86_400), [5 * MINUTE, 10 * MINUTE]);
    }

    #[test]
    fn permanent_credentials_are_not_fetched_again() {
        let mut schedule = Schedule::default();
        schedule.fetched(NOW, None, PLAIN, 7);
        assert!(!schedule.is_due(NOW + 1_000_000 * MINUTE));
        assert!(!schedule.is_due(NOW - 1_000_000 * MINUTE));
        let longest = Duration::from_secs(1);
        assert_eq!(schedule.wait(NOW, PLAIN, longest), longest);
        schedule.files_changed(NOW + 1);
        assert!(schedule.is_due(NOW + 1));
    }

    /// The longest waits after failures in a row.
    fn retries(left: Option<i64>) -> Vec<i64> {
        let mut schedule = Schedule::default();
        let waits = (0..9).map(|_| {
            schedule.failed(NOW, left, PLAIN, u64::MAX);
            schedule.next - NOW
        });
        waits.collect()
    }

    #[test]
    fn waits_longer_after_each_failure() {
        let doubling = [
            1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000,
        ];
        assert_eq!(retries(None), doubling);
        assert_eq!(retries(Some(3600 * SECOND)), doubling);
        assert_eq!(
            retries(Some(0))[3..],
            [8000, 10_000, 10_000, 10_000, 10_000, 10_000]
        );
        assert_eq!(retries(Some(-1)), retries(Some(0)));
    }

    #[test]
    fn retries_often_while_little_is_left() {
        assert_eq!(retries(Some(5 * SECOND))[..3], [1000, 1250, 1250]);
        assert_eq!(retries(Some(1))[..3], [500, 500, 500]);
    }

    #[test]
    fn retries_are_spread_over_half_of_the_wait() {
        let mut schedule = Schedule::default();
        for _ in 0..3 {
            schedule.failed(NOW, None, PLAIN, 0);
        }
        assert_eq!(schedule.next - NOW, 2000);
        for _ in 0..100 {
            schedule.failed(NOW, None, PLAIN, 0);
        }
        assert_eq!((schedule.next - NOW, schedule.failures()), (30_000, 103));
        schedule.fetched(NOW, None, PLAIN, 0);
        assert_eq!(schedule.failures(), 0);
    }

    /// The earliest and the latest wait after a fetch that is to be repeated each hour.
    fn hourly(left_secs: Option<i64>) -> [i64; 2] {
        let rhythm = Rhythm {
            interval: Some(Duration::from_secs(3600)),
            retry: None,
        };
        let expires_at = left_secs.map(|left| NOW / 1000 + left);
        EXTREMES.map(|random| {
            let mut schedule = Schedule::default();
            schedule.fetched(NOW, expires_at, rhythm, random);
            schedule.next - NOW
        })
    }

    #[test]
    fn an_interval_is_not_exceeded() {
        let within = [60 * MINUTE, 54 * MINUTE];
        assert_eq!(hourly(None), within);
        assert_eq!(hourly(Some(12 * 3600)), within);
        assert_eq!(hourly(Some(15 * 60)), after_fetch(15 * 60));
    }

    #[test]
    fn an_interval_that_becomes_shorter_counts_at_once() {
        let mut schedule = Schedule::default();
        schedule.fetched(NOW, None, PLAIN, 0);
        let longest = Duration::from_secs(1);
        let rhythm = Rhythm {
            interval: Some(Duration::from_secs(60)),
            retry: None,
        };
        assert_eq!(schedule.wait(NOW + 59 * SECOND, rhythm, longest), longest);
        assert_eq!(
            schedule.wait(NOW + 60 * SECOND, rhythm, longest),
            Duration::ZERO
        );
        // The pause after a failure is kept.
        schedule.failed(NOW + 60 * SECOND, None, rhythm, u64::MAX);
        let wait = schedule.wait(NOW + 60 * SECOND, rhythm, Duration::MAX);
        assert_eq!(wait, Duration::from_secs(1));
    }

    #[test]
    fn a_pause_after_failures_is_kept_unless_little_is_left() {
        let rhythm = Rhythm {
            interval: None,
            retry: Some(Duration::from_secs(30)),
        };
        let waits = |left: Option<i64>| {
            EXTREMES.map(|random| {
                let mut schedule = Schedule::default();
                for _ in 0..9 {
                    schedule.failed(NOW, left, rhythm, random);
                }
                schedule.next - NOW
            })
        };
        let half_a_minute = [30 * SECOND, 27 * SECOND];
        assert_eq!(waits(None), half_a_minute);
        assert_eq!(waits(Some(0)), half_a_minute);
        assert_eq!(waits(Some(3600 * SECOND)), half_a_minute);
        assert_eq!(waits(Some(20 * SECOND)), [5 * SECOND, 4500]);
        assert_eq!(waits(Some(1)), [500, 500]);
    }

    #[test]
    fn a_rejection_leads_to_one_fetch() {
        let mut schedule = Schedule::default();
        schedule.fetched(NOW, None, PLAIN, 0);
        assert!(!schedule.rejected(NOW + 9 * SECOND));
        assert!(!schedule.is_due(NOW + 9 * SECOND));
        assert!(schedule.rejected(NOW + 10 * SECOND));
        assert!(schedule.is_due(NOW + 10 * SECOND));
        assert!(!schedule.rejected(NOW + 10 * SECOND));
    }

    #[test]
    fn a_clock_that_goes_back_makes_the_plan_void() {
        let mut schedule = Schedule::default();
        schedule.fetched(NOW, Some(NOW / 1000 + 3600), PLAIN, 0);
        assert!(!schedule.is_due(NOW - 2 * SECOND));
        assert!(schedule.is_due(NOW - 3 * SECOND));
        assert!(schedule.is_due(NOW - 48 * 3600 * SECOND));

        // Once it has failed at the new time, the new time counts.
        schedule.failed(NOW - 3600 * SECOND, None, PLAIN, u64::MAX);
        assert!(!schedule.is_due(NOW - 3600 * SECOND));
        assert!(schedule.is_due(NOW - 3599 * SECOND));
    }

    #[test]
    fn a_clock_that_goes_forward_makes_it_due() {
        let mut schedule = Schedule::default();
        schedule.fetched(NOW, Some(NOW / 1000 + 3600), PLAIN, 0);
        assert!(schedule.is_due(NOW + 48 * 3600 * SECOND));
        let wait = schedule.wait(NOW + 3299 * SECOND, PLAIN, Duration::MAX);
        assert_eq!(wait, Duration::from_secs(1));
    }

    #[test]
    fn usable_until_they_expire() {
        let at = NOW / 1000;
        assert!(is_usable(None, false, NOW));
        assert!(is_usable(Some(at + 1), false, NOW));
        assert!(!is_usable(Some(at), false, NOW));
        assert!(is_usable(Some(at - 86_400), true, NOW));
        assert_eq!(left(Some(at + 2), false, NOW), Some(2000));
        assert_eq!(left(Some(at + 2), true, NOW), None);
        assert_eq!(left(Some(i64::MIN), false, i64::MAX), Some(i64::MIN));
    }

    #[test]
    fn any_values_of_shared_memory_are_safe() {
        for value in [i64::MIN, -1, 0, 1, i64::MAX] {
            let mut schedule = Schedule {
                next: value,
                decided: value,
                last: value,
                failures: u32::MAX,
                reserved: 0,
            };
            schedule.is_due(NOW);
            schedule.wait(NOW, PLAIN, Duration::MAX);
            schedule.rejected(NOW);
            schedule.failed(value, Some(value), PLAIN, u64::MAX);
            schedule.fetched(value, Some(value), PLAIN, u64::MAX);
        }
    }
}

use super::*;

const NOW: i64 = 1_767_323_045_000;
const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const PLAIN: Intervals = Intervals {
    interval: None,
    retry: None,
};
const EXTREMES: [u64; 2] = [0, u64::MAX];

/// The minimum and the maximum delay after a fetch, in milliseconds.
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
    // An instance's next credentials can come late: the last five minutes are halved.
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

/// The maximum delays after failures in a row.
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

/// The minimum and the maximum delay after a fetch that is to be repeated each hour.
fn hourly(left_secs: Option<i64>) -> [i64; 2] {
    let intervals = Intervals {
        interval: Some(Duration::from_secs(3600)),
        retry: None,
    };
    let expires_at = left_secs.map(|left| NOW / 1000 + left);
    EXTREMES.map(|random| {
        let mut schedule = Schedule::default();
        schedule.fetched(NOW, expires_at, intervals, random);
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
    let intervals = Intervals {
        interval: Some(Duration::from_secs(60)),
        retry: None,
    };
    assert_eq!(
        schedule.wait(NOW + 59 * SECOND, intervals, longest),
        longest
    );
    assert_eq!(
        schedule.wait(NOW + 60 * SECOND, intervals, longest),
        Duration::ZERO
    );
    // The delay after a failure is kept.
    schedule.failed(NOW + 60 * SECOND, None, intervals, u64::MAX);
    let wait = schedule.wait(NOW + 60 * SECOND, intervals, Duration::MAX);
    assert_eq!(wait, Duration::from_secs(1));
}

#[test]
fn a_pause_after_failures_is_kept_unless_little_is_left() {
    let intervals = Intervals {
        interval: None,
        retry: Some(Duration::from_secs(30)),
    };
    let waits = |left: Option<i64>| {
        EXTREMES.map(|random| {
            let mut schedule = Schedule::default();
            for _ in 0..9 {
                schedule.failed(NOW, left, intervals, random);
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

    // Once it has failed at the new time, the new time applies.
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
fn any_values_of_shared_memory_are_safe() {
    for value in [i64::MIN, -1, 0, 1, i64::MAX] {
        let mut schedule = Schedule {
            next: value,
            decided: value,
            last: value,
            failures: u32::MAX,
            reserved: 0,
        };
        let is_due = schedule.is_due(NOW);
        let wait = schedule.wait(NOW, PLAIN, Duration::MAX);
        assert_eq!(is_due, wait.is_zero(), "{value}");
        assert!(!schedule.rejected(NOW) || schedule.is_due(NOW), "{value}");
        schedule.failed(value, Some(value), PLAIN, u64::MAX);
        assert_eq!(schedule.failures(), u32::MAX);
        schedule.fetched(value, Some(value), PLAIN, u64::MAX);
        assert_eq!(schedule.failures(), 0);
    }
}

use super::*;

const NOW: i64 = 1_767_323_045_000;
const SECOND: i64 = 1000;
const EXPIRES: i64 = NOW / 1000 + 100;

fn at_hand() -> Validity {
    Validity {
        expires_at: Some(EXPIRES),
        outlives_expiry: false,
    }
}

fn failed(log: &mut RefreshLog, now: i64, at_hand: Option<Validity>) -> Option<(LogLevel, String)> {
    let error = FetchError::NotConfigured("why".to_owned());
    let line = log.failed(now, Subject::Credentials("a"), &error, at_hand)?;
    Some((line.level, line.text))
}

fn fetched(log: &mut RefreshLog, now: i64, got: Validity) -> Option<(LogLevel, String)> {
    let line = log.fetched(now, Subject::Credentials("a"), "imds", got)?;
    Some((line.level, line.text))
}

#[test]
fn only_the_first_success_is_reported() {
    let mut log = RefreshLog::default();
    let text = "credentials \"a\": imds until 2026-01-02T03:05:45Z".to_owned();
    assert_eq!(
        fetched(&mut log, NOW, at_hand()),
        Some((LogLevel::Notice, text))
    );
    assert_eq!(fetched(&mut log, NOW + SECOND, at_hand()), None);
}

#[test]
fn a_failure_is_reported_once_a_minute_and_its_end_once() {
    let mut log = RefreshLog::default();
    fetched(&mut log, NOW, at_hand());
    let (level, text) = failed(&mut log, NOW, Some(at_hand())).unwrap();
    assert_eq!(level, LogLevel::Warn);
    assert_eq!(
        text,
        "credentials \"a\" cannot be fetched, the current ones stay in use until \
         2026-01-02T03:05:45Z: why"
    );
    for at in 1..60 {
        assert_eq!(
            failed(&mut log, NOW + at * SECOND, Some(at_hand())),
            None,
            "{at}"
        );
    }
    let (level, text) = failed(&mut log, NOW + 60 * SECOND, Some(at_hand())).unwrap();
    assert_eq!(level, LogLevel::Warn);
    assert!(
        text.contains("for 60 s (60 attempts since the last message)"),
        "{text}"
    );

    let (level, text) = fetched(&mut log, NOW + 61 * SECOND, at_hand()).unwrap();
    assert_eq!(level, LogLevel::Notice);
    assert_eq!(
        text,
        "credentials \"a\" are fetched again, after 61 s: imds until 2026-01-02T03:05:45Z"
    );
    assert_eq!(fetched(&mut log, NOW + 62 * SECOND, at_hand()), None);
}

#[test]
fn a_source_that_fails_now_and_then_is_reported_once_a_minute() {
    let mut log = RefreshLog::default();
    let mut lines = Vec::new();
    for at in 0..60 {
        let now = NOW + at * 10 * SECOND;
        let got = Validity {
            expires_at: Some(now / 1000 + 10),
            outlives_expiry: false,
        };
        lines.extend(failed(&mut log, now, Some(got)));
        lines.extend(fetched(&mut log, now + SECOND, got));
    }
    // In ten minutes: a warning each time, and the end of the failure.
    assert_eq!(lines.len(), 20, "{lines:#?}");
    assert!(
        lines
            .chunks(2)
            .all(|pair| pair[0].0 == LogLevel::Warn && pair[1].0 == LogLevel::Notice)
    );
}

#[test]
fn each_expiry_is_reported() {
    let mut log = RefreshLog::default();
    for start in [NOW, NOW + 600 * SECOND] {
        let got = Validity {
            expires_at: Some(start / 1000 + 10),
            outlives_expiry: false,
        };
        fetched(&mut log, start, got);
        assert_eq!(
            failed(&mut log, start, Some(got)).unwrap().0,
            LogLevel::Warn
        );
        assert_eq!(failed(&mut log, start + 9 * SECOND, Some(got)), None);
        let (level, text) = failed(&mut log, start + 10 * SECOND, Some(got)).unwrap();
        assert_eq!(level, LogLevel::Error);
        assert!(text.contains("for 10 s (2 attempts"), "{text}");
    }
}

#[test]
fn expiry_is_reported_when_it_comes() {
    let mut log = RefreshLog::default();
    fetched(&mut log, NOW, at_hand());
    failed(&mut log, NOW + 90 * SECOND, Some(at_hand())).unwrap();
    let (level, text) = failed(&mut log, NOW + 100 * SECOND, Some(at_hand())).unwrap();
    assert_eq!(level, LogLevel::Error);
    assert!(
        text.contains("expired at 2026-01-02T03:05:45Z and requests"),
        "{text}"
    );
    assert_eq!(failed(&mut log, NOW + 101 * SECOND, Some(at_hand())), None);
    assert!(failed(&mut log, NOW + 160 * SECOND, Some(at_hand())).is_some());
}

#[test]
fn having_nothing_is_an_error() {
    let mut log = RefreshLog::default();
    let (level, text) = failed(&mut log, NOW, None).unwrap();
    assert_eq!(level, LogLevel::Error);
    assert_eq!(
        text,
        "credentials \"a\" cannot be fetched, there are none and requests are rejected: why"
    );
    assert_eq!(failed(&mut log, NOW + SECOND, None), None);
}

#[test]
fn expired_ones_that_stay_in_use_are_a_warning() {
    let mut log = RefreshLog::default();
    let got = Validity {
        expires_at: Some(NOW / 1000 - 5),
        outlives_expiry: true,
    };
    let (level, text) = fetched(&mut log, NOW, got).unwrap();
    assert_eq!(level, LogLevel::Warn);
    assert!(
        text.contains("expired at 2026-01-02T03:04:00Z: they stay in use"),
        "{text}"
    );
    assert_eq!(fetched(&mut log, NOW + SECOND, got), None);
    assert_eq!(failed(&mut log, NOW + 2 * SECOND, Some(got)), None);
    let (level, text) = failed(&mut log, NOW + 60 * SECOND, Some(got)).unwrap();
    assert_eq!(level, LogLevel::Warn);
    assert!(text.contains("the current ones stay in use: why"), "{text}");
    assert!(fetched(&mut log, NOW + 61 * SECOND, at_hand()).is_some());
}

#[test]
fn a_clock_that_goes_back_does_not_silence() {
    let mut log = RefreshLog::default();
    failed(&mut log, NOW, None).unwrap();
    assert!(failed(&mut log, NOW - 3600 * SECOND, None).is_some());
}

#[test]
fn a_token_is_spoken_of_as_one() {
    let subject = Subject::Token("a");
    let error = FetchError::NotConfigured("why".to_owned());
    let mut log = RefreshLog::default();
    let mut texts = Vec::new();
    let lines = [
        log.failed(NOW, subject, &error, None),
        log.fetched(NOW + SECOND, subject, "ecr", at_hand()),
        log.failed(NOW + 90 * SECOND, subject, &error, Some(at_hand())),
        log.failed(NOW + 100 * SECOND, subject, &error, Some(at_hand())),
        RefreshLog::default().fetched(NOW, subject, "ecr", at_hand()),
    ];
    for line in lines {
        texts.push(line.unwrap().text);
    }
    assert_eq!(
        texts,
        [
            "token \"a\" cannot be fetched, there is none and $aws_token_a is empty: why",
            "token \"a\" is fetched again, after 1 s: ecr until 2026-01-02T03:05:45Z",
            "token \"a\" cannot be fetched, the current one stays in use until \
             2026-01-02T03:05:45Z: why",
            "token \"a\" cannot be fetched, the current one expired at 2026-01-02T03:05:45Z and \
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

//! The words of a token's directive, and what they come to.

use std::time::Duration;

use crate::common::*;
use crate::official::KEYS;

#[test]
fn what_makes_another_token_is_told_apart() {
    let digest = |line: &str| define_token(line, &KEYS).unwrap().digest();
    let lines = [
        "ecr",
        "ecr region=eu-west-2",
        "ecr endpoint=http://127.0.0.1:1",
        "ecr-public",
        "ecr credentials=imds",
        "codeartifact domain=web",
        "codeartifact domain=web owner=123456789012",
        "codeartifact domain=web duration=0",
        "codeartifact domain=web format=basic",
        "process command=print",
        "process command=print format=basic",
        "process command=/bin/print",
    ];
    for (at, line) in lines.iter().enumerate() {
        for other in &lines[at + 1..] {
            assert_ne!(digest(line), digest(other), "{line}, {other}");
        }
    }
    // A token stays in use when it is only to be renewed more often.
    assert_eq!(digest("ecr"), digest("ecr interval=1h format=basic"));
    let credentials = define("process command=print", &KEYS).unwrap();
    assert_ne!(digest("process command=print"), credentials.digest());
}

#[test]
fn how_often_is_read() {
    let intervals = |line: &str| {
        let intervals = define_token(line, &KEYS).unwrap().intervals();
        let secs = |span: Option<Duration>| span.map(|span| span.as_secs());
        (secs(intervals.interval), secs(intervals.retry))
    };
    assert_eq!(intervals("ecr"), (None, None));
    assert_eq!(intervals("ecr interval=1h30m"), (Some(5400), None));
    assert_eq!(intervals("process command=a"), (Some(21_600), Some(30)));
    assert_eq!(
        intervals("process command=a interval=10 retry=5m"),
        (Some(10), Some(300))
    );
}

#[test]
fn what_cannot_work_is_refused_when_it_is_read() {
    let without_region = &KEYS[..2];
    for (line, error) in [
        (
            "ecrr",
            "unknown source \"ecrr\"; the sources are ecr, ecr-public, codeartifact, process",
        ),
        (
            "ecr",
            "region: it is missing: add region=, such as region=eu-west-1, or set AWS_REGION",
        ),
        ("ecr region=a.b", "region: \"a.b\" is not one"),
        (
            "ecr region=r endpoint=127.0.0.1",
            "endpoint: it does not begin with",
        ),
        (
            "ecr region=r credentials=web",
            "credentials=: no provider \"web\" is declared above, and there is no source of this \
             name",
        ),
        (
            "ecr region=r retry=1m",
            "\"retry=\" is unknown: ecr accepts region=, endpoint=, insecure, credentials=, \
             interval=, format=",
        ),
        (
            "ecr-public region=r",
            "\"region=\" is unknown: ecr-public accepts endpoint=,",
        ),
        (
            "ecr region=r interval=0",
            "interval=: it must be a time of a second or more, such as 30s or 6h",
        ),
        (
            "ecr region=r format=bearer",
            "format=: ecr already returns the base64 of a user",
        ),
        (
            "codeartifact region=r",
            "codeartifact requires \"domain=\", e.g. domain=my-domain",
        ),
        (
            "codeartifact region=r domain=My",
            "domain=: it must consist of 2 to 50 lowercase letters, digits and hyphens",
        ),
        (
            "codeartifact region=r domain=a&b=c",
            "domain=: it must consist of",
        ),
        (
            "codeartifact region=r domain=web owner=1234",
            "owner=: it must be the 12 digits of an account",
        ),
        (
            "codeartifact region=r domain=web duration=899",
            "duration=: it must be a time from 15m to 12h",
        ),
        (
            "codeartifact region=r domain=web duration=13h",
            "duration=: it must be a time from 15m to 12h",
        ),
        (
            "process",
            "process requires \"command=\", e.g. \"command=/usr/local/bin/print-token --for web\"",
        ),
        ("process command=a retry=no", "retry=: it must be a time"),
    ] {
        let text = define_token(line, without_region).unwrap_err().to_string();
        assert!(text.starts_with(error), "{text}");
    }
    let text = define_token("ecr region=r", &[("AWS_EC2_METADATA_DISABLED", "true")]).unwrap();
    let text = text.check(&Script::new()).unwrap_err().to_string();
    assert!(text.starts_with("no source is configured"), "{text}");

    let keys = define("signing_keys path=/a access_key=A", &[]).unwrap();
    let words = ["region=r", "credentials=keys"];
    let error = parse_token("ecr", &words, &environment(&[]), &[("keys", &keys)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "credentials=: signing keys of one service cannot sign for ecr"
    );
}

//! Everything that can go wrong between a fetcher and whom it asks, at every step of each.

use aws_credentials::host::HttpError;

use crate::common::*;

/// A kind of wrong response.
enum Fault {
    Http(HttpError),
    Answer(u16, String),
}

use Fault::{Answer, Http};

/// What may happen to any request, and how the error ends.
fn faults() -> Vec<(Fault, &'static str)> {
    let html = "<!DOCTYPE html><html><body>Sign in to the network</body></html>";
    let refused = HttpError::Connect("Connection refused (111)".to_owned());
    vec![
        (Http(refused), ": cannot connect: Connection refused (111)"),
        (
            Http(HttpError::Resolve("host not found".to_owned())),
            ": cannot resolve its name: host not found",
        ),
        (
            Http(HttpError::Tls("certificate has expired".to_owned())),
            ": no TLS session: certificate has expired",
        ),
        (
            Http(HttpError::ConnectTimeout),
            ": connecting took too long",
        ),
        (Http(HttpError::Timeout), ": the response took too long"),
        (
            Http(HttpError::Truncated),
            ": the connection was closed before the end of the response",
        ),
        (
            Http(HttpError::Protocol("garbage".to_owned())),
            ": not a valid HTTP response: garbage",
        ),
        (
            Answer(200, "x".repeat(2 * 1024 * 1024)),
            ": the response has more than 65536 bytes",
        ),
        (Answer(302, html.to_owned()), ": status 302"),
        (Answer(204, String::new()), ": status 204"),
        (Answer(400, html.to_owned()), ": status 400"),
        (Answer(401, String::new()), ": status 401"),
        (Answer(429, "slow down".to_owned()), ": status 429"),
        (Answer(500, html.to_owned()), ": status 500"),
        (Answer(503, String::new()), ": status 503"),
    ]
}

/// What may be where credentials should.
fn bodies(good: &str) -> Vec<String> {
    let mut bodies: Vec<String> = [
        "",
        " \n",
        "null",
        "true",
        "[]",
        "{}",
        "\"text\"",
        "<html><body>Welcome</body></html>",
        "<?xml version=\"1.0\"?>",
        "\u{0}\u{1}\u{2}",
        "{\"message\": \"not now\"}",
    ]
    .map(str::to_owned)
    .into();
    // Any half of it, any part of it missing, empty or of another type, and what has expired.
    bodies.extend((1..good.len() - 1).map(|length| good[..length].to_owned()));
    for (name, value) in [
        ("AccessKeyId", "ASIAEXAMPLE"),
        ("SecretAccessKey", "wJalrXUtnFEMI/K7MDENG"),
        ("Token", "IQoJb3JpZ2lu/EXAMPLE=="),
        ("Expiration", LATER),
    ] {
        bodies.push(good.replace(name, "Other"));
        bodies.push(good.replace(value, ""));
        bodies.push(good.replace(value, "a b"));
        let control = if good.starts_with('{') {
            "a\\u0007"
        } else {
            "a&#7;"
        };
        bodies.push(good.replace(value, control));
        bodies.push(good.replace(&format!("\"{value}\""), "1767323045"));
        bodies.push(good.replace(&format!("\"{value}\""), "{\"a\": 1}"));
        bodies.push(good.replace(&format!(">{value}<"), "><b>1</b><"));
    }
    bodies.push(good.replace(LATER, "2026-01-02T03:04:05"));
    bodies.push(good.replace(LATER, "1767326645"));
    bodies.retain(|body| body != good);
    bodies
}

const TOKEN: &str = "PUT http://169.254.169.254/latest/api/token";
const ROLES: &str = "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/";
const ROLE: &str = "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/web";
const AGENT: &str = "GET http://169.254.170.2/c";
const STS: &str = "POST https://sts.amazonaws.com/";
const VARIABLES: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "SECRET"),
];

/// Each source that asks somebody, with its requests and the correct responses.
fn sources() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let imds = vec![
        (TOKEN, "TOKEN".to_owned()),
        (ROLES, "web".to_owned()),
        (ROLE, json_credentials()),
    ];
    let sts = |action| vec![(STS, sts_credentials(action))];
    vec![
        ("imds", imds),
        ("container uri=/c", vec![(AGENT, json_credentials())]),
        (
            "web_identity role_arn=arn:aws:iam::1:role/a token_file=/token",
            sts("AssumeRoleWithWebIdentity"),
        ),
        (
            "assume_role source=env role_arn=arn:aws:iam::1:role/a",
            sts("AssumeRole"),
        ),
    ]
}

/// A host where the first steps go well, and the next one does not.
fn after(steps: &[(&str, String)], fault: &Fault) -> Script {
    let (last, good) = steps.split_last().unwrap();
    let mut host = Script::new().file("/token", "eyJ0SECRET");
    for (request, answer) in good {
        host = host.expect(*request, 200, answer);
    }
    match fault {
        Http(error) => host.expect_error(last.0, error.clone()),
        Answer(status, body) => host.expect(last.0, *status, body),
    }
}

#[test]
fn every_step_of_every_source_reports_what_happened() {
    for (line, steps) in sources() {
        for at in 1..=steps.len() {
            for (fault, end) in faults() {
                let host = after(&steps[..at], &fault);
                let error = fetch_once(&host, line, &VARIABLES).unwrap_err().to_string();
                let url = steps[at - 1]
                    .0
                    .split(' ')
                    .nth(1)
                    .unwrap()
                    .trim_end_matches('/');
                assert!(error.starts_with(url), "{line}: {error}");
                assert!(error.contains(end), "{line}: {error} lacks {end}");
                assert!(!error.contains('\n') && error.len() < 300, "{error}");
                assert!(!error.contains("SECRET"), "{error}");
            }
        }
    }
}

#[test]
fn no_body_but_the_right_one_becomes_credentials() {
    for (line, steps) in sources() {
        let good = &steps.last().unwrap().1;
        let host = after(&steps, &Answer(200, good.clone()));
        assert_eq!(
            parts(&fetch_once(&host, line, &VARIABLES).unwrap()),
            TEMPORARY,
            "{line}"
        );
        for body in bodies(good) {
            let host = after(&steps, &Answer(200, body.clone()));
            let error = fetch_once(&host, line, &VARIABLES)
                .expect_err(&format!("{line} took {body:?}"))
                .to_string();
            assert!(error.contains("response"), "{line}: {error}");
        }
    }
}

#[test]
fn answers_of_others_are_not_taken() {
    let imds = vec![(TOKEN, "TOKEN".to_owned()), (ROLES, "web".to_owned())];
    for (line, mut steps, answer) in [
        ("imds", imds, sts_credentials("AssumeRole")),
        ("container uri=/c", vec![], sts_credentials("AssumeRole")),
        (
            "assume_role source=env role_arn=arn:aws:iam::1:role/a",
            vec![],
            sts_credentials("AssumeRoleWithWebIdentity"),
        ),
    ] {
        let request = if line.starts_with("imds") {
            ROLE
        } else if line.starts_with("container") {
            AGENT
        } else {
            STS
        };
        steps.push((request, answer.clone()));
        let host = after(&steps, &Answer(200, answer));
        assert!(fetch_once(&host, line, &VARIABLES).is_err(), "{line}");
    }
}

#[test]
fn credentials_that_expired_on_the_way_are_refused_except_by_imds() {
    for (line, steps) in sources() {
        for (now, is_expired) in [
            (NOW + 3599, false),
            (NOW + 3600, true),
            (NOW + 86_400, true),
        ] {
            let host = after(&steps, &Answer(200, steps.last().unwrap().1.clone()));
            host.clock.set(now * 1000 + 999);
            let result = fetch_once(&host, line, &VARIABLES);
            match result {
                Ok(_) => assert!(!is_expired || line == "imds", "{line}"),
                Err(error) => {
                    assert!(is_expired, "{line}: {error}");
                    let end = "expired at 2026-01-02T04:04:05Z: check the clock of this machine";
                    assert!(error.to_string().ends_with(end), "{error}");
                }
            }
        }
    }
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack() {
    for (line, steps) in sources() {
        for body in [
            "[".repeat(60_000),
            "{\"a\":".repeat(10_000),
            "<a>".repeat(20_000),
        ] {
            let host = after(&steps, &Answer(200, body));
            assert!(fetch_once(&host, line, &VARIABLES).is_err(), "{line}");
        }
    }
}

//! The services of instances and containers.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use aws_credentials::FetchError;
use aws_credentials::host::HttpError;

use crate::local::fetch;
use crate::service::{Received, Reply, Service};

const CREDENTIALS: &str = r#"{"Code": "Success", "AccessKeyId": "ASIAEXAMPLE",
    "SecretAccessKey": "wJalrX", "Token": "IQoJb3", "Expiration": "2999-01-01T00:00:00Z"}"#;

/// As strict as the service of an instance that allows version 2 alone.
fn imds(received: &Received) -> Reply {
    const ROLES: &str = "GET /latest/meta-data/iam/security-credentials/";
    let status = |status| Reply::Answer(status, String::new());
    if received.line == "PUT /latest/api/token" {
        let ttl = received.headers.get("x-aws-ec2-metadata-token-ttl-seconds");
        return match ttl.map(|text| text.parse()) {
            Some(Ok(1..=21_600)) => Reply::Answer(200, "AQAEAL==".to_owned()),
            _ => status(400),
        };
    }
    if received
        .headers
        .get("x-aws-ec2-metadata-token")
        .map(String::as_str)
        != Some("AQAEAL==")
    {
        return status(401);
    }
    match received.line.strip_prefix(ROLES) {
        Some("") => Reply::Answer(200, "web".to_owned()),
        Some("web") => Reply::Answer(200, CREDENTIALS.to_owned()),
        _ => status(404),
    }
}

#[test]
fn an_instance_gives_its_credentials() {
    let service = Service::start(imds);
    let endpoint = format!("endpoint={}", service.url());
    let credentials = fetch(&["imds", &endpoint], &[]).unwrap();
    assert_eq!(credentials.access_key_id, "ASIAEXAMPLE");
    assert_eq!(credentials.session_token.unwrap().expose(), "IQoJb3");
    assert_eq!(service.requests(), 3);

    let error = fetch(&["imds", &endpoint, "role=other"], &[]).unwrap_err();
    assert!(
        matches!(error, FetchError::Status { status: 404, .. }),
        "{error}"
    );
}

#[test]
fn a_containers_agent_wants_the_token() {
    let service = Service::start(|received| {
        let token = received.headers.get("authorization").map(String::as_str);
        match (received.line.as_str(), token) {
            ("GET /v1/credentials", Some("word")) => Reply::Answer(200, CREDENTIALS.to_owned()),
            _ => Reply::Answer(403, r#"{"message": "who are you?"}"#.to_owned()),
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, "word\n").unwrap();
    let uri = format!("{}/v1/credentials", service.url());
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            path.to_str().unwrap(),
        ),
    ];
    let credentials = fetch(&["container"], &variables).unwrap();
    assert_eq!(credentials.secret_access_key.expose(), "wJalrX");

    fs::write(&path, "other").unwrap();
    let error = fetch(&["container"], &variables).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{uri}: status 403, who are you?")
    );
}

fn fails(service: &Service) -> FetchError {
    fetch(&["imds", &format!("endpoint={}", service.url())], &[]).unwrap_err()
}

#[test]
fn a_dead_service_is_refused_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("endpoint=http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = fetch(&["imds", &endpoint], &[]).unwrap_err().to_string();
    assert!(
        error.contains("cannot connect: Connection refused"),
        "{error}"
    );
}

/// Expects that the service is given up after a few seconds.
fn is_given_up(service: &Service) {
    let start = Instant::now();
    match fails(service) {
        FetchError::Http { error, .. } => assert_eq!(error, HttpError::Timeout),
        other => panic!("{other}"),
    }
    let taken = start.elapsed();
    let few_seconds = Duration::from_secs(1)..Duration::from_secs(10);
    assert!(few_seconds.contains(&taken), "{taken:?}");
}

#[test]
fn a_silent_service_is_given_up() {
    is_given_up(&Service::start(|_| Reply::Silence));
}

#[test]
fn a_slow_service_is_given_up_though_it_never_pauses_long() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n";
    let answer = [&answer[..], &[b'x'; 200]].concat();
    is_given_up(&Service::start(move |_| Reply::Slow(answer.clone())));
}

#[test]
fn half_an_answer_and_garbage_are_errors() {
    for (bytes, expected) in [
        (&b""[..], HttpError::Truncated),
        (b"HTTP/1.1 200 OK\r\n", HttpError::Truncated),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntoken",
            HttpError::Truncated,
        ),
        (b"SSH-2.0-x\r\n\r\n", HttpError::Protocol("head".to_owned())),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n",
            HttpError::TooLarge(65_536),
        ),
    ] {
        let service = Service::start(move |_| Reply::Raw(bytes.to_vec()));
        match fails(&service) {
            FetchError::Http { error, .. } => assert_eq!(error, expected),
            other => panic!("{other}"),
        }
        assert_eq!(service.requests(), 1);
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let service = Service::start(|_| Reply::Answer(307, String::new()));
    let error = fails(&service);
    assert!(
        matches!(error, FetchError::Status { status: 307, .. }),
        "{error}"
    );
    assert_eq!(service.requests(), 1);
}

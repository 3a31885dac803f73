//! Credentials that cannot be had, or not renewed: what clients and the log are told.

use std::time::{Duration, Instant};

use nginx_tests::http::{Request, Response};
use nginx_tests::{Behaviour, Builder, DeadPort, Load, MetadataServer, Nginx, RawOrigin, alone};
use nginx_tests::{http, wait_until};

/// An nginx whose location `/` signs with what a container's endpoint yields, for `store`.
fn with_container(metadata: &MetadataServer, store: &RawOrigin) -> Builder {
    Nginx::builder()
        .var("metadata", metadata.address())
        .var("origin", store.address())
        .http("aws_credentials_provider task container uri=http://{metadata}/container;")
        .server(
            "aws_region us-east-1; aws_credentials task; aws_credentials_timeout 100ms;
             location / { aws_sign on; proxy_pass http://{origin}; }
             location /patient/ { aws_credentials_timeout 10s; aws_sign on;
                 proxy_pass http://{origin}; }",
        )
}

fn is_good(response: &Response) -> bool {
    response.status == 200 && response.body == b"hello"
}

/// The lines about the provider, above level info.
fn lines(nginx: &Nginx) -> Vec<String> {
    let log = nginx.error_log();
    let lines = log
        .lines()
        .filter(|line| line.contains("aws_auth: credentials"));
    lines.map(str::to_owned).collect()
}

#[test]
fn whatever_is_not_credentials_is_an_error_and_one_line() {
    let redirect = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n";
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"AccessKeyId\": \"AKID";
    let large = vec![b' '; 2 * 1024 * 1024];
    let html = b"<html>SECRETPAGE</html>".to_vec();
    let faults = [
        (Behaviour::Close, "closed before the end of the response"),
        (Behaviour::Answer(500, b"SECRETPAGE".to_vec()), "500"),
        (Behaviour::Answer(403, html.clone()), "403"),
        (Behaviour::Answer(200, html), "JSON"),
        (Behaviour::Answer(200, Vec::new()), "is empty"),
        (Behaviour::Answer(200, b"[1]".to_vec()), "/container"),
        (Behaviour::Answer(200, large), "bytes"),
        (Behaviour::Raw(redirect.into()), "302"),
        (
            Behaviour::Raw(half.into()),
            "closed before the end of the response",
        ),
        (Behaviour::Raw(b"SSH-2.0-SECRETPAGE\r\n".to_vec()), "HTTP"),
    ];
    std::thread::scope(|scope| {
        for (behaviour, words) in faults {
            scope.spawn(move || expect_one_line(behaviour, words));
        }
    });
}

/// Has the metadata server behave so, until all is well again.
fn expect_one_line(behaviour: Behaviour, words: &str) {
    let metadata = MetadataServer::start();
    metadata.behave(behaviour.clone());
    let store = metadata.store();
    let nginx = with_container(&metadata, &store).start();
    let response = http::get(nginx.port(), "/b/k").expect_status(503);
    assert_eq!(response.header("Retry-After"), Some("1"));
    let line = nginx.wait_for_log("requests are rejected", Duration::from_secs(3));
    assert!(line.contains(words), "{behaviour:?}: {line}");
    assert!(!nginx.error_log().contains("SECRETPAGE"), "{line}");

    metadata.behave(Behaviour::Good);
    wait_until("there are credentials", || {
        http::get(nginx.port(), "/b/k").status == 200
    });
    let lines = lines(&nginx);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("[error]"), "{lines:#?}");
    assert!(lines[1].contains("[notice]"), "{lines:#?}");
    assert!(lines[1].contains("are fetched again"), "{lines:#?}");
}

#[test]
fn a_dead_server_is_named() {
    let dead = DeadPort::new();
    let nginx = Nginx::builder()
        .var("dead", dead.port())
        .http("aws_credentials_provider task container uri=http://127.0.0.1:{dead}/;")
        .server("location / { return 204; }")
        .start();
    let line = nginx.wait_for_log("requests are rejected", Duration::from_secs(3));
    assert!(line.contains("Connection refused"), "{line}");
    assert!(
        line.contains(&format!("127.0.0.1:{}", dead.port())),
        "{line}"
    );
    http::get(nginx.port(), "/").expect_status(204);
}

// No request fails before what is at hand has expired, all do afterwards, and none does as soon as
// there is something new.
#[test]
fn the_last_good_ones_are_used_until_they_expire() {
    let _alone = alone();
    let metadata = MetadataServer::start();
    metadata.set_lifetime(Duration::from_secs(4));
    let store = metadata.store();
    let nginx = with_container(&metadata, &store).workers(2).start();
    http::get(nginx.port(), "/b/k").expect_status(200);
    metadata.behave(Behaviour::Answer(500, Vec::new()));
    let expires_at = metadata.issued()[0].expires_at;

    let load = Load::start(2, nginx.port(), &Request::get("/b/k"), is_good);
    let unix_time = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.expect("a clock after 1970").as_millis()
    };
    // nginx's clock is up to a moment behind.
    while unix_time() + 50 < u128::from(expires_at) * 1000 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let report = load.stop();
    assert_eq!(report.failures, [""; 0], "{:?}", metadata.refused());

    wait_until("they have expired", || {
        http::get(nginx.port(), "/b/k").status == 503
    });
    assert_eq!(metadata.issued().len(), 1);
    nginx.wait_for_log("requests are rejected", Duration::from_secs(5));
    let before = store.requests().len();
    let start = Instant::now();
    http::get(nginx.port(), "/patient/k").expect_status(503);
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "it waited in vain"
    );
    assert_eq!(store.requests().len(), before);

    metadata.behave(Behaviour::Good);
    wait_until("there are new ones", || {
        http::get(nginx.port(), "/b/k").status == 200
    });
    let lines = lines(&nginx);
    let levels: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .collect();
    assert_eq!(levels, ["notice", "warn", "error", "notice"], "{lines:#?}");
}

// A server that does not respond does not affect requests while there are credentials.
#[test]
fn a_hanging_server_slows_no_request() {
    let _alone = alone();
    let metadata = MetadataServer::start();
    metadata.set_lifetime(Duration::from_secs(5));
    let store = metadata.store();
    let nginx = with_container(&metadata, &store).start();
    http::get(nginx.port(), "/b/k").expect_status(200);
    metadata.behave(Behaviour::Hang);
    metadata.wait_for_fetches(2);
    for _ in 0..50 {
        let start = Instant::now();
        http::get(nginx.port(), "/b/k").expect_status(200);
        assert!(start.elapsed() < Duration::from_millis(500));
    }
}

// Nor does its own level debug show a secret, whatever happens.
#[test]
fn no_log_holds_a_secret() {
    let metadata = MetadataServer::start();
    metadata.set_lifetime(Duration::from_secs(2));
    let store = metadata.store();
    let mut nginx = with_container(&metadata, &store).debug().start();
    for round in 0..3 {
        wait_until("credentials rotate", || metadata.issued().len() > round);
        http::get(nginx.port(), "/b/k").expect_status(200);
    }
    metadata.behave(Behaviour::Answer(
        200,
        b"{\"SecretAccessKey\": \"SECRET\"}".to_vec(),
    ));
    nginx.wait_for_log("cannot be fetched", Duration::from_secs(5));
    nginx.reload();
    nginx.quit();
    let log = format!("{}{}", nginx.error_log(), nginx.debug_log());
    assert!(log.contains("canonical request"), "no debug log");
    assert!(!log.contains("SECRET"), "a secret in the log");
}

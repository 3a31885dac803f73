//! Peers that are dead, refuse connections, or close them: what reaches the next one is signed like
//! the first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed, object_store};
use nginx_tests::http::{self, Connection, Request};
use nginx_tests::{Builder, DeadPort, Nginx, RawOrigin, Reply};

/// A signed location in front of `upstream stores`, whose block is given.
fn signing(upstream: &str, location: &str) -> Builder {
    Nginx::builder()
        .http(&format!("upstream stores {{ {upstream} }}"))
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_s3_bucket bucket; aws_endpoint s3.example.test;
             location / {{ aws_sign; {location} proxy_pass http://stores; }}"
        ))
}

const KEEPALIVE: &str = "proxy_http_version 1.1; proxy_set_header Connection \"\";";

#[test]
fn a_dead_peer_is_passed_over() {
    let dead = DeadPort::new();
    let origin = object_store();
    origin.put("bucket", "two words", "hello");
    let nginx = signing("server {dead} max_fails=0; server {origin};", "")
        .var("dead", format!("127.0.0.1:{}", dead.port()))
        .var("origin", origin.address())
        .start();

    for _ in 0..4 {
        let response = http::get(nginx.port(), "/two%20words").expect_status(200);
        assert_eq!(response.text(), "hello");
        http::head(nginx.port(), "/two%20words").expect_status(200);
    }
    assert_eq!(origin.requests().len(), 8);
    // The dead one was asked, too.
    let log = nginx.wait_for_access_log(8).join("\n");
    assert!(log.contains("|502, 200|"), "{log}");
}

#[test]
fn a_peer_that_answers_503_is_passed_over() {
    let busy = RawOrigin::start(|_| Reply::new(503, "busy"));
    let good = RawOrigin::with_body("hello");
    let nginx = signing(
        "server {busy} max_fails=0; server {good} backup;",
        "proxy_next_upstream error http_503;",
    )
    .var("busy", busy.address())
    .var("good", good.address())
    .start();

    let response = http::get(nginx.port(), "/two%20words?b=1&a=2").expect_status(200);
    assert_eq!(response.text(), "hello");
    let (first, second) = (busy.only_request(), good.only_request());
    assert_eq!(first.line(), "GET /two%20words?a=2&b=1 HTTP/1.0");
    // Within the same second, they are the same byte for byte.
    assert_eq!(second.line(), first.line());
    for request in [&first, &second] {
        expect_signed(request);
        assert_eq!(
            request.header("Host").as_deref(),
            Some("bucket.s3.example.test")
        );
    }
}

#[test]
fn a_peer_that_closes_without_a_response_is_passed_over() {
    let closing = RawOrigin::start(|_| Reply::close());
    let good = RawOrigin::with_body("hello");
    let nginx = signing("server {closing} max_fails=0; server {good} backup;", "")
        .var("closing", closing.address())
        .var("good", good.address())
        .start();
    for method in ["GET", "HEAD"] {
        Request::new(method, "/key")
            .send(nginx.port())
            .expect_status(200);
    }
    for request in closing.requests().iter().chain(&good.requests()) {
        expect_signed(request);
    }
    assert_eq!((closing.requests().len(), good.requests().len()), (2, 2));
}

#[test]
fn when_all_peers_fail_the_client_gets_502_and_the_next_request_is_served() {
    let count = AtomicUsize::new(0);
    let origin = RawOrigin::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Reply::close(),
        _ => Reply::new(200, "hello"),
    });
    let nginx = signing(
        "server {origin} max_fails=0; server {origin} max_fails=0;",
        "",
    )
    .var("origin", origin.address())
    .start();
    http::get(nginx.port(), "/key").expect_status(502);
    http::get(nginx.port(), "/key").expect_status(200);
    for request in origin.requests() {
        expect_signed(&request);
    }
}

#[test]
fn kept_connections_carry_many_signed_requests() {
    let origin = object_store();
    for nth in 0..100 {
        origin.put("bucket", &format!("key {nth}"), nth.to_string());
    }
    let nginx = signing("server {origin}; keepalive 2;", KEEPALIVE)
        .var("origin", origin.address())
        .start();
    let mut client = Connection::open(nginx.port());
    for nth in 0..100 {
        let request = Request::get(format!("/key%20{nth}"));
        let response = client.send(&request).expect_status(200);
        assert_eq!(response.text(), nth.to_string());
    }
    assert_eq!(origin.connections(), 1);
}

// The object store closes a connection that nginx keeps: the request is sent again on a new one.
#[test]
fn a_kept_connection_that_the_store_has_closed() {
    let count = Arc::new(AtomicUsize::new(0));
    let origin = RawOrigin::start({
        let count = Arc::clone(&count);
        move |_| match count.fetch_add(1, Ordering::SeqCst) {
            nth if nth % 3 == 2 => Reply::close(),
            nth if nth % 3 == 1 => Reply::new(200, "bye").and_close(),
            _ => Reply::new(200, "hello"),
        }
    });
    let nginx = signing("server {origin} max_fails=0; keepalive 2;", KEEPALIVE)
        .var("origin", origin.address())
        .start();
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(http::get(nginx.port(), "/key").status);
    }
    // A fresh connection that is closed at once is a failure, with and without us.
    assert!(
        statuses.iter().all(|s| matches!(s, 200 | 502)),
        "{statuses:?}"
    );
    assert!(
        statuses.iter().filter(|s| **s == 200).count() >= 8,
        "{statuses:?}"
    );
    for request in origin.requests() {
        expect_signed(&request);
    }
}

// A retry within the keepalive connection sends the whole head again, from its first byte.
#[test]
fn a_request_that_failed_on_a_kept_connection_is_sent_again_whole() {
    let origin = RawOrigin::start(|request| {
        // The first request of a connection gets a response, the second does not.
        match request.header("X-Nth").as_deref() {
            Some("2") if request.connection == 0 => Reply::close(),
            _ => Reply::new(200, "hello"),
        }
    });
    let nginx = signing("server {origin} max_fails=0; keepalive 2;", KEEPALIVE)
        .var("origin", origin.address())
        .start();
    for nth in ["1", "2"] {
        Request::get("/two%20words")
            .header("X-Nth", nth)
            .send(nginx.port())
            .expect_status(200);
    }
    let requests = origin.requests();
    let connections: Vec<_> = requests.iter().map(|r| r.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
    for request in &requests {
        expect_signed(request);
        assert_eq!(request.line(), "GET /two%20words HTTP/1.1");
    }
    assert_eq!(requests[1].header("X-Nth"), requests[2].header("X-Nth"));
}

// A hash of variables, and `proxy_bind`'s hook, are evaluated for each request.
#[test]
fn peers_that_a_hash_chooses() {
    let stores = [RawOrigin::with_body("0"), RawOrigin::with_body("1")];
    let nginx = signing("hash $uri; server {zero}; server {one};", "")
        .var("zero", stores[0].address())
        .var("one", stores[1].address())
        .start();
    for nth in 0..20 {
        let target = format!("/key-{nth}");
        let first = http::get(nginx.port(), &target).expect_status(200).text();
        let second = http::get(nginx.port(), &target).expect_status(200);
        assert_eq!(second.text(), first);
    }
    for store in &stores {
        assert!(!store.requests().is_empty());
        for request in store.requests() {
            expect_signed(&request);
        }
    }
}

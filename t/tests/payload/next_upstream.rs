//! A peer that fails is followed by another, which gets the whole body from its beginning, framed and
//! signed as if it were the first.

use nginx_tests::account::SECRET_KEY_DIRECTIVES;
use nginx_tests::http::{Connection, Request};
use nginx_tests::payload::{Check, bytes, expect_chunks, expect_hash, expect_unsigned};
use nginx_tests::{DeadPort, HeldOrigin, Nginx, RawOrigin, Reply};

/// Modes, and what becomes there of a body that is there as a whole.
const BUFFERED: [(&str, Check); 3] = [
    ("signed", expect_hash),
    ("unsigned", expect_unsigned),
    ("streaming", expect_chunks),
];

/// Modes, and what becomes there of a body that comes in while it is sent.
const UNBUFFERED: [(&str, Check); 3] = [
    ("auto", expect_chunks),
    ("unsigned", expect_unsigned),
    ("streaming", expect_chunks),
];

/// Asks `first`, and `second` where the first fails.
fn nginx(first: impl ToString, second: &RawOrigin, mode: &str, server: &str) -> Nginx {
    Nginx::builder()
        .var("first", first)
        .var("second", second.address())
        .http(
            "upstream store {
                 server {first};
                 server {second} backup;
             }",
        )
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign on; aws_sign_methods PUT; aws_payload {mode};
             client_body_buffer_size 1k; client_max_body_size 0; proxy_http_version 1.1;
             proxy_next_upstream error timeout http_500;
             {server}
             location / {{ proxy_pass http://store; }}"
        ))
        .start()
}

/// In memory, in a file, in several chunks.
fn bodies() -> [Vec<u8>; 3] {
    [bytes(100), bytes(30_000), bytes(300_000)]
}

#[track_caller]
fn expect_second(nginx: &Nginx, second: &RawOrigin, check: Check, body: &[u8], count: usize) {
    let put = Request::new("PUT", "/key").body(body);
    put.send(nginx.port()).expect_status(200);
    let requests = second.requests();
    assert_eq!(requests.len(), count);
    assert!(check(&requests[count - 1]) == body, "{} bytes", body.len());
}

#[test]
fn a_first_peer_that_rejects_the_connection() {
    for (mode, check) in BUFFERED {
        let (dead, second) = (DeadPort::new(), RawOrigin::with_body(""));
        let first = format!("127.0.0.1:{} max_fails=0", dead.port());
        let nginx = nginx(first, &second, mode, "");
        for (count, body) in (1..).zip(bodies()) {
            expect_second(&nginx, &second, check, &body, count);
        }
    }
}

/// It has read all, or nothing but the head.
#[test]
fn a_first_peer_that_closes_the_connection() {
    for (mode, check) in BUFFERED {
        for body in bodies() {
            let (first, second) = (
                RawOrigin::start(|_| Reply::close()),
                RawOrigin::with_body(""),
            );
            let nginx = nginx(first.address(), &second, mode, "");
            expect_second(&nginx, &second, check, &body, 1);
            assert!(check(&first.only_request()) == body, "{mode}");

            let (first, second) = (HeldOrigin::start(), RawOrigin::with_body(""));
            let nginx = self::nginx(first.address(), &second, mode, "");
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let mut first = first.accept();
                    first.read_head();
                    // With a frame's half read.
                    first.read(body.len().min(40_000) / 2);
                });
                expect_second(&nginx, &second, check, &body, 1);
            });
        }
    }
}

#[test]
fn a_first_peer_that_answers_with_an_error() {
    for (mode, check) in BUFFERED {
        for body in bodies() {
            let first = RawOrigin::start(|_| Reply::new(500, "busy"));
            let second = RawOrigin::with_body("");
            let nginx = nginx(first.address(), &second, mode, "");
            expect_second(&nginx, &second, check, &body, 1);
            assert!(check(&first.only_request()) == body, "{mode}");
        }
    }
}

/// A connection that was kept, and that the object store closes when the next request comes: nginx asks the
/// same peer again.
#[test]
fn a_kept_connection_that_is_gone() {
    for (mode, check) in BUFFERED {
        let origin = RawOrigin::start(|request| match request.connection {
            // The second request of the first connection.
            0 if request.target() == "/key" => Reply::close(),
            _ => Reply::new(200, ""),
        });
        let nginx = Nginx::builder()
            .var("origin", origin.address())
            .http("upstream store { server {origin}; keepalive 1; }")
            .server(&format!(
                "{SECRET_KEY_DIRECTIVES} aws_sign on; aws_sign_methods GET PUT; aws_payload {mode};
                 client_body_buffer_size 1k;
                 proxy_http_version 1.1; proxy_set_header Connection \"\";
                 location / {{ proxy_pass http://store; }}"
            ))
            .start();
        let body = bytes(300_000);
        Request::get("/warm").send(nginx.port()).expect_status(200);
        let put = Request::new("PUT", "/key").body(&body);
        put.send(nginx.port()).expect_status(200);
        let requests = origin.requests();
        assert_eq!(requests.len(), 3, "{mode}");
        for request in &requests[1..] {
            assert!(check(request) == body, "{mode}");
        }
        assert_ne!(requests[2].connection, requests[1].connection);
    }
}

/// Nothing has been sent when a connection is rejected: the next peer gets all, though nobody has kept
/// it.
#[test]
fn unbuffered_where_nothing_was_sent_yet() {
    for (mode, check) in UNBUFFERED {
        let (dead, second) = (DeadPort::new(), RawOrigin::with_body(""));
        let first = format!("127.0.0.1:{} max_fails=0", dead.port());
        let nginx = nginx(first, &second, mode, "proxy_request_buffering off;");
        for (count, length) in (1..).zip([70_000, 300_000]) {
            expect_second(&nginx, &second, check, &bytes(length), count);
        }
    }
}

/// What has been sent is gone: the second peer must not get the rest for a whole.
#[test]
fn unbuffered_where_some_was_sent() {
    for (mode, _) in UNBUFFERED {
        let (first, second) = (HeldOrigin::start(), RawOrigin::with_body(""));
        let nginx = nginx(
            first.address(),
            &second,
            mode,
            "proxy_request_buffering off;",
        );
        let wire = Request::new("PUT", "/key").body(bytes(300_000)).to_bytes();
        let mut client = Connection::open(nginx.port());
        client.write(&wire[..150_000]).expect("nginx reads");
        let mut connection = first.accept();
        connection.read_head();
        connection.read(66_000);
        drop(connection);
        // nginx may close before it has read that.
        let _ = client.write(&wire[150_000..]);
        client.read(false).expect("a response").expect_status(502);
        assert_eq!(second.connections(), 0, "{mode}");
    }
}

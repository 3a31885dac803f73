//! The harness's clients and scripted origins: bytes go out and come in as they are.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use nginx_tests::http::{self, Connection, Request};
use nginx_tests::{DeadPort, RawOrigin, Reply};

#[test]
fn the_client_sends_the_bytes_it_is_given() {
    let origin = RawOrigin::with_body("");
    Request::new("GET", b"/a b\x7f\xff?%")
        .header("X-Odd", b"\x01\xfe")
        .header("x-odd", "2")
        .send(origin.port());
    Request::new("PUT", "/k").body("12345").send(origin.port());
    Request::new("PUT", "/k")
        .chunks(["123", "45"])
        .send(origin.port());
    Request::get("/").http10().send(origin.port());

    let requests = origin.requests();
    assert_eq!(
        requests[0].head.bytes(),
        b"GET /a b\x7f\xff?% HTTP/1.1\r\nHost: localhost\r\nX-Odd: \x01\xfe\r\nx-odd: 2\r\n\
          Connection: close\r\n\r\n"
    );
    assert_eq!(requests[1].body, b"12345");
    assert_eq!(requests[2].body, b"3\r\n123\r\n2\r\n45\r\n0\r\n\r\n");
    assert_eq!(
        requests[3].head.bytes(),
        b"GET / HTTP/1.0\r\nConnection: close\r\n\r\n"
    );
}

#[test]
fn a_connection_carries_responses_of_every_framing() {
    let origin = RawOrigin::start(|request| match request.target().as_str() {
        "/length" => Reply::with_headers(200, &[("X-A", "b")], "length"),
        "/none" => Reply::new(304, ""),
        "/chunks" => Reply::raw(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
             3;x\r\nchu\r\n3\r\nnks\r\n0\r\nT: 1\r\n\r\n",
        ),
        other => Reply::raw(format!("HTTP/1.1 200\r\n\r\nuntil the end of {other}")),
    });
    let mut connection = Connection::open(origin.port());
    let answer = connection.send(&Request::get("/length"));
    assert_eq!(
        (answer.text().as_str(), answer.header("x-a")),
        ("length", Some("b"))
    );
    assert_eq!(connection.send(&Request::new("HEAD", "/length")).body, b"");
    assert_eq!(connection.send(&Request::get("/none")).status, 304);
    assert_eq!(connection.send(&Request::get("/chunks")).text(), "chunks");
    assert_eq!(
        http::get(origin.port(), "/other").text(),
        "until the end of /other"
    );
    assert_eq!(origin.connections(), 2);
    let carried: Vec<_> = origin
        .requests()
        .iter()
        .map(|request| request.connection)
        .collect();
    assert!(carried[..4].iter().all(|c| *c == carried[0]) && carried[4] != carried[0]);
}

#[test]
fn an_origin_counts_connections_without_requests_and_can_be_silent() {
    let origin = RawOrigin::start(|request| match request.target().as_str() {
        "/close" => Reply::close(),
        _ => Reply::hang(),
    });
    assert_eq!(origin.connections(), 0);
    let silent = Connection::open(origin.port());
    assert_eq!(origin.connections(), 1);
    assert_eq!(origin.connections(), 1);

    let closed = Connection::open(origin.port()).try_send(&Request::get("/close"));
    assert_eq!(
        closed.expect_err("no response").kind(),
        std::io::ErrorKind::UnexpectedEof
    );

    let mut hanging = Connection::open(origin.port());
    hanging
        .socket()
        .set_read_timeout(Some(Duration::from_millis(50)))
        .expect("a timeout");
    let nothing = hanging
        .try_send(&Request::get("/hang"))
        .expect_err("no response");
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(origin.connections(), 3);

    drop(origin);
    assert!(
        matches!(silent.socket().read(&mut [0]), Ok(0)),
        "the origin closes what is open"
    );
}

#[test]
fn a_script_that_panics_fails_the_test() {
    let origin = RawOrigin::start(|_| panic!("on purpose"));
    assert!(
        Connection::open(origin.port())
            .try_send(&Request::get("/"))
            .is_err()
    );
    let panic = catch_unwind(AssertUnwindSafe(|| drop(origin))).expect_err("a panic");
    let message = panic.downcast_ref::<&str>().copied().unwrap_or_default();
    assert!(message.contains("script panicked"), "{message}");
}

#[test]
fn a_dead_port_refuses_connections() {
    let dead = DeadPort::new();
    let refused = Connection::try_open(dead.port()).expect_err("nobody listens");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(
        std::net::TcpListener::bind(("127.0.0.1", dead.port())).is_err(),
        "it is taken"
    );
}

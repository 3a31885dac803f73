//! Versions of HTTP on both sides, connections that carry many requests, and heads of every size.

use nginx_tests::account::{expect_signed, object_store_of, signing};
use nginx_tests::http::{self, Connection, Request};
use nginx_tests::{RawOrigin, http2};

/// A target that is not in canonical form, and the object it means.
const OBJECTS: [(&str, &str); 3] = [
    ("/plain.txt", "plain.txt"),
    ("/a+b%20(c)", "a+b (c)"),
    ("/dir/caf%c3%a9", "dir/caf\u{e9}"),
];

const ONE_LOCATION: &str = "location / { aws_sign; proxy_pass http://{origin}; }";

#[test]
fn http_1_0_and_1_1_to_the_store() {
    let origin = object_store_of(&OBJECTS.map(|(_, key)| key));
    let nginx = signing(
        origin.address(),
        "aws_sign on;
         location / { proxy_http_version 1.0; proxy_pass http://{origin}; }
         location /new/ { proxy_http_version 1.1; proxy_pass http://{origin}/; }",
    )
    .start();
    for (prefix, version) in [("", "HTTP/1.0"), ("/new", "HTTP/1.1")] {
        for (target, key) in OBJECTS {
            let response = http::get(nginx.port(), format!("{prefix}{target}")).expect_status(200);
            assert_eq!(response.text(), key);
            let request = origin.requests().pop().expect("a request");
            assert!(request.line().ends_with(version), "{}", request.line());
        }
    }
}

#[test]
fn clients_of_http_1_0_and_of_http_2() {
    let origin = object_store_of(&OBJECTS.map(|(_, key)| key));
    let nginx = signing(origin.address(), ONE_LOCATION).http2().start();
    for (target, key) in OBJECTS {
        let response = http2::get(nginx.h2_port(), target, &[]).expect_status(200);
        assert_eq!(response.text(), key);
        http2::request("HEAD", nginx.h2_port(), target, &[]).expect_status(200);
        let response = Request::get(target).http10().send(nginx.port());
        assert_eq!(response.expect_status(200).text(), key);
    }
}

#[test]
fn requests_of_one_client_connection_are_each_signed_for_themselves() {
    let origin = object_store_of(&OBJECTS.map(|(_, key)| key));
    let nginx = signing(origin.address(), ONE_LOCATION).start();
    let mut connection = Connection::open(nginx.port());
    for (target, key) in OBJECTS {
        let response = connection.send(&Request::get(target)).expect_status(200);
        assert_eq!(response.text(), key);
    }
    // An absolute target is the same request.
    let response = connection.send(&Request::get("http://localhost/plain.txt"));
    assert_eq!(response.expect_status(200).text(), "plain.txt");

    // All at once; the responses are in order.
    let pipeline: Vec<u8> = OBJECTS
        .iter()
        .flat_map(|(target, _)| Request::get(target).to_bytes())
        .collect();
    connection.write(&pipeline).expect("nginx reads");
    for (_, key) in OBJECTS {
        let response = connection.read(false).expect("a response");
        assert_eq!((response.status, &*response.text()), (200, key));
    }
}

#[test]
fn a_range_is_passed_on_and_not_signed() {
    let origin = RawOrigin::with_body("hello");
    let nginx = signing(origin.address(), ONE_LOCATION).start();
    Request::get("/key")
        .header("Range", "bytes=1-3")
        .header("If-None-Match", "\"x\"")
        .send(nginx.port())
        .expect_status(200);
    let request = origin.only_request();
    expect_signed(&request);
    assert_eq!(request.header("Range").as_deref(), Some("bytes=1-3"));
    assert_eq!(request.header("If-None-Match").as_deref(), Some("\"x\""));
    let authorization = request.header("Authorization").unwrap();
    assert!(!authorization.contains("range"), "{authorization}");
}

// Three bytes on the wire for each of the longest key that S3 takes, and a head of many lines.
#[test]
fn a_long_key_and_many_headers() {
    let origin = RawOrigin::with_body("hello");
    let key = "\u{e9}".repeat(512);
    let nginx = signing(origin.address(), ONE_LOCATION).start();

    let mut request = Request::get(format!("/{key}"));
    for nth in 0..60 {
        request = request
            .header(&format!("X-Client-{nth}"), "x".repeat(200))
            .header(&format!("X-Amz-Meta-{nth}"), "y".repeat(100));
    }
    request.send(nginx.port()).expect_status(200);

    let request = origin.only_request();
    expect_signed(&request);
    assert_eq!(request.target(), format!("/{}", "%C3%A9".repeat(512)));
    for nth in 0..60 {
        assert!(request.header(&format!("X-Client-{nth}")).is_some());
        assert!(request.header(&format!("X-Amz-Meta-{nth}")).is_some());
    }
}

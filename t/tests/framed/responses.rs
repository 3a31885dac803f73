//! A client hears why it is rejected, also while it is still sending a large body: nginx reads on and
//! throws away what comes, since a connection that is closed with bytes unread is reset.

use nginx_tests::account::signing;
use nginx_tests::framed::{Framed, Framing, Upload};
use nginx_tests::http::{Connection, Response};
use nginx_tests::payload::bytes;
use nginx_tests::{Nginx, RawOrigin};

/// More than nginx has room for.
const LENGTH: usize = 6 << 20;

/// Locations `/buffered/`, `/streamed/` and `/decode/`.
fn nginx(origin: &RawOrigin) -> Nginx {
    signing(
        origin.address(),
        "aws_sign on; aws_sign_methods GET HEAD PUT; client_max_body_size 0;
         proxy_http_version 1.1; client_body_buffer_size 16k;
         location /buffered/ { proxy_pass http://{origin}/; }
         location /streamed/ { proxy_request_buffering off; proxy_pass http://{origin}/; }
         location /decode/ {
             aws_payload decode; proxy_request_buffering off; proxy_pass http://{origin}/;
         }",
    )
    .http2()
    .start()
}

/// A body whose framing breaks off after its first chunk of `chunk` bytes.
fn broken(target: &str, chunk: usize) -> Upload {
    Framed::new(Framing::UnsignedTrailer, bytes(chunk))
        .put(target)
        .header("x-amz-decoded-content-length", &LENGTH.to_string())
        .body(|body| {
            let end = body.len() - b"0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n".len();
            let mut body = [&body[..end], b"broken\r\n"].concat();
            body.resize(LENGTH, b'x');
            body
        })
}

/// Sends a request up to what it is rejected for, reads the response, and then sends the rest: whoever
/// closes the connection now, resets it.
#[track_caller]
fn send(nginx: &Nginx, upload: &Upload, first: usize, status: u16) -> Response {
    let wire = upload.request().to_bytes();
    let first = wire.len() - upload.body.len() + first;
    let mut client = Connection::open(nginx.port());
    client.write(&wire[..first]).expect("it is read");
    let response = client.read(false).expect("a response");
    assert_eq!(response.status, status, "{}", upload.target);
    if let Err(error) = client.write(&wire[first..]) {
        panic!("{} {status}: nobody reads on: {error}", upload.target);
    }
    response
}

#[test]
fn the_rest_of_a_broken_body_is_read() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    for way in ["buffered", "streamed", "decode"] {
        let target = format!("/{way}/key");
        // Found as nginx reads the head, or later on.
        for chunk in [1, 100_000] {
            let upload = broken(&target, chunk);
            let response = send(&nginx, &upload, chunk + 100, 400);
            assert_eq!(response.header("Connection"), Some("close"));
        }
    }
}

#[test]
fn the_rest_is_read_where_the_head_is_rejected() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    for way in ["buffered", "streamed", "decode"] {
        let upload = || broken(&format!("/{way}/key"), 1);
        for (status, name, value) in [
            (411, "x-amz-decoded-content-length", ""),
            (400, "x-amz-decoded-content-length", "x"),
            (
                501,
                "x-amz-content-sha256",
                "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
            ),
            (400, "x-amz-content-sha256", "x"),
            (403, "x-amz-trailer", "x-amz-acl"),
            (403, "x-amz-acl", "public-read"),
        ] {
            let upload = upload().header(name, value);
            for first in [0, 10_000] {
                let response = send(&nginx, &upload, first, status);
                // Where nginx has not begun to read a body, it may go on after it.
                if name != "x-amz-acl" {
                    assert_eq!(response.header("Connection"), Some("close"), "{status}");
                }
            }
        }
    }
}

/// As clients do that send all and read then.
#[test]
fn a_client_that_reads_last_hears_it_too() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    for way in ["buffered", "streamed", "decode"] {
        let upload = broken(&format!("/{way}/key"), 100_000);
        upload.request().send(nginx.port()).expect_status(400);
        upload
            .in_http_chunks(1 << 20)
            .send(nginx.port())
            .expect_status(400);

        // Over HTTP/2 the rest is rejected as it comes; curl would call that an error of its own.
        let upload = Framed::new(Framing::UnsignedTrailer, bytes(100_000))
            .header("x-amz-trailer", "x-amz-checksum-sha1")
            .put(&format!("/{way}/key"));
        let response = upload.send_http2(nginx.h2_port(), true);
        response.expect_status(400);
    }
}

/// What follows a broken body is no request.
#[test]
fn nothing_behind_a_broken_body_is_taken_for_a_request() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    for way in ["buffered", "streamed", "decode"] {
        let upload = Framed::new(Framing::UnsignedTrailer, "hello")
            .put(&format!("/{way}/key"))
            .replace("5\r\n", "!\r\n")
            .header("Connection", "keep-alive");
        let mut client = Connection::open(nginx.port());
        let response = client.try_send(&upload.request()).expect("a response");
        response.expect_status(400);
        let _ = client.write(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(client.read(false).is_err(), "{way}");
    }
    assert_eq!(origin.connections(), 0);
    assert!(!nginx.access_log().contains("smuggled"));
}

//! What `aws_payload auto` makes of a framed body: the framing stays, byte for byte except the
//! signatures, which become ours.

use nginx_tests::RawOrigin;
use nginx_tests::account::{expect_signed, object_store, signing};
use nginx_tests::framed::{FRAMINGS, Framed, Framing};
use nginx_tests::http::Request;
use nginx_tests::payload::{bytes, expect_chunks};

/// Locations `/buffered/` and `/streamed/`.
const LOCATIONS: &str = "aws_sign on; aws_sign_methods GET HEAD PUT; client_max_body_size 0;
    proxy_http_version 1.1; client_body_buffer_size 16k;
    location /buffered/ { proxy_pass http://{origin}/; }
    location /streamed/ { proxy_request_buffering off; proxy_pass http://{origin}/; }";

#[test]
fn the_framing_is_kept_and_its_signatures_are_ours() {
    let origin = RawOrigin::with_body("");
    let nginx = signing(origin.address(), LOCATIONS).start();
    for framing in FRAMINGS {
        for way in ["buffered", "streamed"] {
            for (length, chunk_size) in [(0, 8192), (1, 8192), (100_000, 8192), (300_001, 100_000)]
            {
                let framed = Framed::new(framing, bytes(length)).chunk_size(chunk_size);
                let upload = framed.put(&format!("/{way}/key"));
                upload.request().send(nginx.port()).expect_status(200);
                let sent = origin.requests().pop().expect("a request");
                upload.expect_kept(&sent);
            }
        }
    }
}

/// In the form in which each client writes it; S3 knows it in all of them.
#[test]
fn content_encoding_is_kept_as_the_client_writes_it() {
    let origin = RawOrigin::with_body("");
    let nginx = signing(origin.address(), LOCATIONS).start();
    for encoding in ["aws-chunked", "aws-chunked,gzip", "gzip,aws-chunked", ""] {
        for way in ["buffered", "streamed"] {
            for framing in FRAMINGS {
                let upload = Framed::new(framing, bytes(10_000))
                    .header("Content-Encoding", encoding)
                    .put(&format!("/{way}/key"));
                upload.request().send(nginx.port()).expect_status(200);
                let sent = origin.requests().pop().expect("a request");
                upload.expect_kept(&sent);
            }
        }
    }
}

/// HTTP's own chunks around the framing go on to the object store where nginx does not buffer: nobody
/// knows the length then. An object store takes that, since the framing says how long the object is.
#[test]
fn http_chunks_around_the_framing() {
    let origin = RawOrigin::with_body("");
    let nginx = signing(origin.address(), LOCATIONS).start();
    for framing in FRAMINGS {
        let framed = Framed::new(framing, bytes(100_000)).chunk_size(8192);

        let upload = framed.put("/buffered/key");
        let request = upload.in_http_chunks(30_000);
        request.send(nginx.port()).expect_status(200);
        let sent = origin.requests().pop().expect("a request");
        assert_eq!(sent.header("Transfer-Encoding"), None);
        let length = upload.body.len().to_string();
        assert_eq!(sent.header("Content-Length"), Some(length));
        upload.expect_kept(&sent);

        let upload = framed.put("/streamed/key");
        let request = upload.in_http_chunks(30_000);
        request.send(nginx.port()).expect_status(200);
        let mut sent = origin.requests().pop().expect("a request");
        assert_eq!(sent.header("Transfer-Encoding").as_deref(), Some("chunked"));
        assert_eq!(sent.header("Content-Length"), None);
        sent.body = without_http_chunks(&sent.body);
        upload.expect_kept(&sent);
    }
}

fn without_http_chunks(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = raw
            .windows(2)
            .position(|two| two == b"\r\n")
            .expect("a line");
        let size = std::str::from_utf8(&raw[..end]).expect("digits");
        let size = usize::from_str_radix(size, 16).expect("digits");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&raw[end + 2..][..size]);
        raw = &raw[end + 2 + size + 2..];
    }
}

/// The other object store that verifies signatures. It does not check chunks as strictly as Swift
/// does.
#[test]
fn s3s_stores_what_clients_frame() {
    let origin = object_store();
    origin.put("bucket", "other", "");
    let nginx = signing(origin.address(), LOCATIONS).http2().start();
    for framing in FRAMINGS {
        for way in ["buffered", "streamed"] {
            for (length, chunk_size) in [(0, 8192), (1, 8192), (65_536, 8192), (1_500_000, 1 << 20)]
            {
                let body = bytes(length);
                let framed = Framed::new(framing, &body).chunk_size(chunk_size);
                let put = |key: &str| framed.put(&format!("/{way}/{key}"));
                for key in ["length", "chunks", "http2"] {
                    let answer = match key {
                        "length" => put(key).request().send(nginx.port()),
                        "chunks" => put(key).in_http_chunks(50_000).send(nginx.port()),
                        _ => put(key).send_http2(nginx.h2_port(), true),
                    };
                    let what = format!("{framing:?} {way} {length} {key}");
                    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
                    let stored = origin.get("bucket", key).expect("it was stored");
                    assert!(stored == body, "{what}: other bytes");
                }
            }
        }
    }
}

/// A body is framed again by us where its client declares nothing, also while another's framing is
/// kept in the same location.
#[test]
fn each_request_is_taken_as_it_declares_itself() {
    let origin = RawOrigin::with_body("");
    let nginx = signing(origin.address(), LOCATIONS).start();
    let body = bytes(100_000);
    for _ in 0..2 {
        let plain = Request::new("PUT", "/streamed/key").body(&body);
        plain.send(nginx.port()).expect_status(200);
        let sent = origin.requests().pop().expect("a request");
        assert!(expect_chunks(&sent) == body);

        let upload = Framed::new(Framing::UnsignedTrailer, &body).put("/streamed/key");
        upload.request().send(nginx.port()).expect_status(200);
        let sent = origin.requests().pop().expect("a request");
        upload.expect_kept(&sent);
    }
}

/// A client that does not say so in `X-Amz-Content-SHA256` has framed nothing, whatever else it says.
#[test]
fn what_is_not_declared_is_no_framing() {
    let origin = RawOrigin::with_body("");
    let nginx = signing(origin.address(), LOCATIONS).start();
    let upload = Framed::new(Framing::UnsignedTrailer, "hello")
        .put("/buffered/key")
        .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    upload.request().send(nginx.port()).expect_status(200);
    let sent = origin.only_request();
    expect_signed(&sent);
    assert!(sent.body == upload.body);
    let declared = sent.header("x-amz-content-sha256");
    assert_eq!(declared.as_deref(), Some("UNSIGNED-PAYLOAD"));
}

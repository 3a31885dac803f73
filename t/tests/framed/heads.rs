//! Framing that is rejected for what the head says of it: nothing is sent, whatever the body is.

use nginx_tests::account::signing;
use nginx_tests::framed::{Framed, Framing};
use nginx_tests::http::Request;
use nginx_tests::payload::{bytes, each_mode};
use nginx_tests::{Nginx, RawOrigin};

/// A status, how the log calls the fault, and the request that has it.
type Case = (u16, &'static str, Request);

fn cases(target: &str, length: usize) -> Vec<Case> {
    let put = |framing| Framed::new(framing, bytes(length)).put(target);
    let unsigned = || put(Framing::UnsignedTrailer);
    let decoded = |value: &str| {
        let upload = unsigned().header("x-amz-decoded-content-length", value);
        upload.request()
    };
    let declared = |value: &str| unsigned().header("x-amz-content-sha256", value).request();
    let announced = |value: &str| unsigned().header("x-amz-trailer", value).request();
    let number = "the client's X-Amz-Decoded-Content-Length is not a decimal number";
    let unknown = "the client's X-Amz-Content-SHA256 is neither a SHA-256 hash";
    let ecdsa = "the client signs its chunks with ECDSA, which is not supported";
    vec![
        (411, "without X-Amz-Decoded-Content-Length", decoded("")),
        (400, number, decoded("0x10")),
        (400, number, decoded("-1")),
        (400, number, decoded("010")),
        (400, number, decoded("1,1")),
        (400, number, decoded("9223372036854775808")),
        (
            400,
            "several X-Amz-Decoded-Content-Length headers",
            unsigned()
                .request()
                .header("X-AMZ-Decoded-Content-Length", length.to_string()),
        ),
        (
            501,
            ecdsa,
            declared("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"),
        ),
        (
            501,
            ecdsa,
            declared("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"),
        ),
        (400, unknown, declared("STREAMING-UNSIGNED-PAYLOAD")),
        (400, unknown, declared("streaming-unsigned-payload-trailer")),
        (400, unknown, declared("abcd")),
        (
            400,
            unknown,
            // Empty, and no other.
            unsigned()
                .header("x-amz-content-sha256", "")
                .request()
                .header("x-amz-content-sha256", ""),
        ),
        (
            400,
            "several X-Amz-Content-SHA256 headers",
            unsigned()
                .request()
                .header("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"),
        ),
        (
            400,
            "contains an invalid header name",
            announced("x-amz-checksum-crc32;a"),
        ),
        (
            400,
            "announced trailer \"x-amz-checksum-crc32\" twice",
            announced("x-amz-checksum-crc32,X-Amz-Checksum-CRC32"),
        ),
        (
            400,
            "announced trailer \"x-amz-checksum-crc32\", but sent a header of this name",
            unsigned()
                .request()
                .header("x-amz-checksum-crc32", "AAAAAA=="),
        ),
        (
            400,
            "announced more than 4 trailers",
            announced("x-amz-meta-a,x-amz-meta-b,x-amz-meta-c,x-amz-meta-d,x-amz-meta-e"),
        ),
        (
            400,
            "announced trailers, but its X-Amz-Content-SHA256 declares none",
            put(Framing::Signed)
                .header("x-amz-trailer", "x-amz-checksum-crc32")
                .request(),
        ),
        (
            400,
            "declares signed trailers, but it announced none",
            put(Framing::SignedTrailer)
                .header("x-amz-trailer", "")
                .request(),
        ),
        (
            403,
            "client trailer \"x-amz-acl\" is not listed in \"aws_pass_headers\"",
            announced("x-amz-acl"),
        ),
    ]
}

fn nginx(origin: &RawOrigin) -> Nginx {
    each_mode(
        origin,
        &["auto", "signed", "unsigned", "streaming", "decode"],
    )
    .start()
}

#[test]
fn a_head_that_contradicts_itself_is_rejected_before_anything_is_sent() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    let mut refused = 0;
    for mode in ["auto", "signed", "unsigned", "streaming", "decode"] {
        for way in ["buffered", "streamed"] {
            // With its head, and after it.
            for length in [10, 50_000] {
                for (status, text, request) in cases(&format!("/{mode}/{way}/key"), length) {
                    let response = request.send(nginx.port());
                    refused += 1;
                    let lines = nginx.own_request_lines();
                    assert_eq!(response.status, status, "{mode} {way} {text}: {lines:#?}");
                    assert_eq!(lines.len(), refused, "{mode} {way} {text}: {lines:#?}");
                    assert!(lines[refused - 1].contains(text), "{}", lines[refused - 1]);
                }
            }
        }
    }
    assert_eq!(origin.connections(), 0);
}

/// What is said of a framing that is not there, by a client that declares another body, is not
/// looked at.
#[test]
fn a_head_without_framing_is_not_looked_at() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    let upload = Framed::new(Framing::UnsignedTrailer, "")
        .put("/auto/buffered/key")
        .header("x-amz-content-sha256", "")
        .header("x-amz-decoded-content-length", "no number")
        .body(|_| b"hello".to_vec());
    upload.request().send(nginx.port()).expect_status(200);
    assert_eq!(origin.only_request().body, b"hello");
}

/// `aws_pass_headers` decides about headers in the language of signatures, the body's included:
/// `off` rejects an SDK's upload, and says what it is rejected for.
#[test]
fn an_sdk_is_rejected_where_no_header_passes() {
    let origin = RawOrigin::with_body("");
    let nginx = signing(
        origin.address(),
        "aws_sign on; aws_sign_methods PUT; aws_pass_headers off; proxy_http_version 1.1;
         location / { proxy_pass http://{origin}; }
         location /streamed/ { proxy_request_buffering off; proxy_pass http://{origin}; }
         location /listed/ {
             aws_pass_headers x-amz-decoded-content-length x-amz-trailer x-amz-checksum-*
                              x-amz-sdk-checksum-algorithm;
             proxy_pass http://{origin};
         }",
    )
    .start();
    for target in ["/key", "/streamed/key"] {
        let upload = Framed::new(Framing::UnsignedTrailer, bytes(50_000)).put(target);
        upload.request().send(nginx.port()).expect_status(403);
    }
    let lines = nginx.own_request_lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for line in lines {
        assert!(
            line.contains(
                "client header \"x-amz-decoded-content-length\" is not allowed: to forward it, list \
                 it in \"aws_pass_headers\""
            ),
            "{line}"
        );
    }
    assert_eq!(origin.connections(), 0);

    let upload = Framed::new(Framing::UnsignedTrailer, bytes(50_000)).put("/listed/key");
    upload.request().send(nginx.port()).expect_status(200);
    assert!(origin.only_request().body == upload.body);
}

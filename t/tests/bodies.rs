//! Uploads in every mode of `aws_payload`, buffered and while they come in, whole at the store.
//!
//! The store is OpenStack Swift, which checks the payload's hash and each chunk's signature.

use nginx_tests::http::{Request, Response};
use nginx_tests::{Nginx, Swift};

/// One location for each mode and way of buffering, `/<mode>/<buffered or streamed>/`.
fn nginx(swift: &Swift) -> Nginx {
    let mut locations = String::new();
    for mode in ["auto", "signed", "unsigned", "streaming", "decode"] {
        for (buffering, name) in [("on", "buffered"), ("off", "streamed")] {
            locations.push_str(&format!(
                "location /{mode}/{name}/ {{
                     aws_payload {mode};
                     proxy_request_buffering {buffering};
                     proxy_pass http://{{store}}/;
                 }}"
            ));
        }
    }
    Nginx::builder()
        .var("store", format!("127.0.0.1:{}", swift.port()))
        .server(&format!(
            "aws_access_key {}; aws_secret_key {}; aws_region us-east-1; aws_sign on;
             aws_s3_bucket bucket; aws_endpoint {{store}}; aws_addressing_style path;
             aws_sign_methods GET HEAD PUT POST DELETE;
             client_max_body_size 0; proxy_http_version 1.1; proxy_set_header Connection \"\";
             {locations}",
            Swift::ACCESS_KEY,
            Swift::SECRET_KEY
        ))
        .http2()
        .start()
}

/// Bytes in which each place can be told from others.
fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at % 251) as u8 ^ (at / 251) as u8)
        .collect()
}

#[track_caller]
fn expect_stored(swift: &Swift, key: &str, body: &[u8]) {
    let stored = swift
        .send(Request::get(format!("/bucket/{key}")))
        .expect_status(200);
    assert_eq!(stored.body.len(), body.len(), "{key}");
    assert!(stored.body == body, "{key}: other bytes");
    // What is stored is not called encoded.
    assert_eq!(stored.header("Content-Encoding"), None, "{key}");
}

#[test]
fn swift_stores_bodies_of_every_size_in_every_mode() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    let nginx = nginx(&swift);

    for mode in ["auto", "signed", "unsigned", "streaming", "decode"] {
        for buffering in ["buffered", "streamed"] {
            for length in [0, 1, 1000, 16_384, 16_385, 65_536, 65_537, 1_000_000] {
                let body = bytes(length);
                let key = format!("{mode}-{buffering}-{length}");
                let put = |request: Request| -> Response { request.send(nginx.port()) };
                let target = format!("/{mode}/{buffering}/{key}");
                put(Request::new("PUT", &target).body(&body)).expect_status(200);
                expect_stored(&swift, &key, &body);

                let target = format!("{target}-chunked");
                let answer = put(Request::new("PUT", &target).chunks(body.chunks(40_000)));
                if buffering == "streamed" && mode != "signed" {
                    answer.expect_status(411);
                } else {
                    answer.expect_status(200);
                    expect_stored(&swift, &format!("{key}-chunked"), &body);
                }
            }
        }
    }
}

//! Uploads in every mode of `aws_payload`, buffered and while they come in, whole at the object store.
//!
//! The object store is OpenStack Swift, which checks the payload's hash and each chunk's signature.

use nginx_tests::http::Request;
use nginx_tests::payload::bytes;
use nginx_tests::{Nginx, Swift, http2};

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
            for length in [0, 1, 65_536, 65_537, 400_000] {
                let body = bytes(length);
                let key = format!("{mode}-{buffering}-{length}");
                let put = Request::new("PUT", format!("/{mode}/{buffering}/{key}")).body(&body);
                put.send(nginx.port()).expect_status(200);
                expect_stored(&swift, &key, &body);
            }
        }
    }
}

#[test]
fn swift_stores_bodies_of_unknown_length_and_of_http2() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    let nginx = nginx(&swift);
    let body = bytes(200_000);

    for mode in ["auto", "signed", "unsigned", "streaming", "decode"] {
        for buffering in ["buffered", "streamed"] {
            let key = format!("{mode}-{buffering}");
            let path = format!("/{mode}/{buffering}/{key}");
            http2::upload("PUT", nginx.h2_port(), &path, &[], &body).expect_status(200);
            expect_stored(&swift, &key, &body);

            let chunked = Request::new("PUT", format!("{path}-chunked"));
            let chunked = chunked.chunks(body.chunks(40_000)).send(nginx.port());
            if buffering == "streamed" && mode != "signed" {
                chunked.expect_status(411);
                continue;
            }
            chunked.expect_status(200);
            expect_stored(&swift, &format!("{key}-chunked"), &body);
            let path = format!("{path}-h2");
            http2::upload_unannounced("PUT", nginx.h2_port(), &path, &[], &body).expect_status(200);
            expect_stored(&swift, &format!("{key}-h2"), &body);
        }
    }
}

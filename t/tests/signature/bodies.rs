//! Bodies under signatures in the query and of Version 2: a hash is said where it is asked for, chunks
//! never, and of Version 2 nothing.

use nginx_tests::account::signing;
use nginx_tests::framed::{FRAMINGS, Framed, Framing};
use nginx_tests::http::Request;
use nginx_tests::payload::{UNSIGNED, bytes, sha256};
use nginx_tests::{Nginx, RawOrigin, RawRequest, Reply, Style, checksum};

/// Those beside the one of all other tests.
const STYLES: [Style; 3] = [Style::Query, Style::HeadersV2, Style::QueryV2];

const WAYS: [(&str, &str); 2] = [("buffered", "on"), ("streamed", "off")];

/// A location `/<style>/<mode>/<way>/` for each that there is.
fn nginx(origin: &RawOrigin) -> Nginx {
    let mut locations = String::new();
    for style in STYLES {
        for mode in modes(style) {
            for (way, buffering) in WAYS {
                locations.push_str(&format!(
                    "location /{style:?}/{mode}/{way}/ {{
                         {} aws_payload {mode}; proxy_request_buffering {buffering};
                         proxy_pass http://{{origin}}/;
                     }}\n",
                    style.directives()
                ));
            }
        }
    }
    signing(
        origin.address(),
        &format!(
            "aws_sign on; aws_sign_methods GET HEAD PUT DELETE; client_max_body_size 0;
             proxy_http_version 1.1; client_body_buffer_size 16k; {locations}
             location /set/ {{ aws_signature_in query; proxy_set_body set; proxy_pass http://{{origin}}/; }}
             location /set/signed/ {{
                 aws_signature_in query; aws_payload signed;
                 proxy_set_body set; proxy_pass http://{{origin}}/;
             }}"
        ),
    )
    .http2()
    .start()
}

fn modes(style: Style) -> &'static [&'static str] {
    match style {
        Style::Query => &["auto", "signed", "unsigned", "decode"],
        _ => &["auto", "unsigned", "decode"],
    }
}

/// The body has arrived as it is, and is signed where the mode says so.
#[track_caller]
fn expect_body(style: Style, mode: &str, request: &RawRequest, body: &[u8]) {
    style.expect_signed(request);
    let what = format!("{style:?} {mode}");
    assert!(request.body == body, "{what}");
    let hash = (mode == "signed").then(|| sha256(body));
    assert_eq!(request.header("x-amz-content-sha256"), hash, "{what}");
    for name in [
        "x-amz-decoded-content-length",
        "x-amz-trailer",
        "Content-Encoding",
    ] {
        assert_eq!(request.header(name), None, "{what}");
    }
}

#[test]
fn plain_bodies() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    for style in STYLES {
        for mode in modes(style) {
            for (way, _) in WAYS {
                for length in [0, 1, 1000, 100_000] {
                    let body = bytes(length);
                    let target = format!("/{style:?}/{mode}/{way}/key?x=1");
                    Request::new("PUT", &target)
                        .body(&body)
                        .send(nginx.port())
                        .expect_status(200);
                    let sent = origin.requests().pop().expect("a request");
                    expect_body(style, mode, &sent, &body);
                }
                for method in ["GET", "HEAD", "DELETE"] {
                    let target = format!("/{style:?}/{mode}/{way}/key");
                    let request = Request::new(method, target).send(nginx.port());
                    request.expect_status(200);
                    let sent = origin.requests().pop().expect("a request");
                    expect_body(style, mode, &sent, b"");
                }
            }
        }
    }
}

/// The body of `proxy_set_body` is signed in the query where that is asked for.
#[test]
fn set_bodies() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    for (target, mode) in [("/set/key", "auto"), ("/set/signed/key", "signed")] {
        let put = Request::new("PUT", target).body("another");
        put.send(nginx.port()).expect_status(200);
        let sent = origin.requests().pop().expect("a request");
        expect_body(Style::Query, mode, &sent, b"set");
    }
}

/// No object store accepts chunks that the signature does not declare: the client's encoding is
/// removed.
#[test]
fn framed_bodies() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    let received = || origin.requests().pop().expect("a request");
    for style in STYLES {
        for mode in modes(style) {
            for framing in FRAMINGS {
                for (length, chunk_size) in [(0, 8192), (1, 8192), (200_001, 65_536)] {
                    let body = bytes(length);
                    let framed = Framed::new(framing, &body).chunk_size(chunk_size);
                    let upload = framed.put(&format!("/{style:?}/{mode}/buffered/key"));
                    upload.request().send(nginx.port()).expect_status(200);
                    let sent = received();
                    expect_body(style, mode, &sent, &body);
                    if framing != Framing::Signed {
                        let value = checksum::base64("crc32", &body);
                        assert_eq!(sent.header_all("x-amz-checksum-crc32"), [value]);
                    }
                    let upload = framed.put(&format!("/{style:?}/{mode}/streamed/key"));
                    upload
                        .in_http_chunks(50_000)
                        .send(nginx.port())
                        .expect_status(200);
                    expect_body(style, mode, &received(), &body);
                    upload.send_http2(nginx.h2_port(), true).expect_status(200);
                    expect_body(style, mode, &received(), &body);
                }
            }
        }
    }
}

#[test]
fn a_wrong_checksum_is_rejected() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    for style in STYLES {
        for (way, _) in WAYS {
            for length in [0, 1000, 300_000] {
                let upload = Framed::new(Framing::UnsignedTrailer, bytes(length))
                    .trailers(&[("x-amz-checksum-crc32", "y/Q5Jg==")])
                    .put(&format!("/{style:?}/auto/{way}/key"));
                upload.request().send(nginx.port()).expect_status(400);
            }
        }
    }
    // Only what comes as a whole counts there.
    assert_eq!(origin.requests().len(), 0);
}

/// The object store is not told of it: it is compared here, where nginx buffers the body.
#[test]
fn the_hash_that_a_client_declares() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    let wrong = sha256("another body");
    for style in STYLES {
        for mode in modes(style) {
            for length in [1, 1000, 100_000] {
                let body = bytes(length);
                let put = |way: &str, hash: &str| {
                    Request::new("PUT", format!("/{style:?}/{mode}/{way}/key"))
                        .header("X-Amz-Content-Sha256", hash)
                        .body(&body)
                        .send(nginx.port())
                };
                let before = origin.requests().len();
                put("buffered", &sha256(&body)).expect_status(200);
                put("buffered", UNSIGNED).expect_status(200);
                put("streamed", &sha256(&body)).expect_status(200);
                assert_eq!(origin.requests().len(), before + 3);
                for sent in &origin.requests()[before..] {
                    expect_body(style, mode, sent, &body);
                }
                // If bodies are configured as unsigned, they are not examined.
                let status = if *mode == "unsigned" { 200 } else { 400 };
                put("buffered", &wrong).expect_status(status);
                let sent = usize::from(status == 200);
                assert_eq!(
                    origin.requests().len(),
                    before + 3 + sent,
                    "{style:?} {mode}"
                );
            }
            // A body that was lost on its way here.
            let status = if *mode == "unsigned" { 200 } else { 400 };
            Request::new("PUT", format!("/{style:?}/{mode}/buffered/key"))
                .header("X-Amz-Content-Sha256", &wrong)
                .send(nginx.port())
                .expect_status(status);
        }
    }
}

/// A body that was read for a location with signatures in headers, which keeps its chunks.
#[test]
fn chunks_that_were_kept_elsewhere() {
    let origin = RawOrigin::start(|request| match request.target() {
        target if target.starts_with("/first") => Reply::new(503, ""),
        _ => Reply::new(200, ""),
    });
    for style in STYLES {
        let nginx = signing(
            origin.address(),
            &format!(
                "aws_sign on; aws_sign_methods PUT; proxy_intercept_errors on;
                 location /first {{ error_page 503 = @second; proxy_pass http://{{origin}}; }}
                 location @second {{ {} proxy_pass http://{{origin}}; }}",
                style.directives()
            ),
        )
        .start();
        let before = origin.requests().len();
        let upload = Framed::new(Framing::UnsignedTrailer, bytes(1000)).put("/first");
        upload.request().send(nginx.port()).expect_status(501);
        assert_eq!(origin.requests().len(), before + 1, "{style:?}");
        let log = nginx.error_log();
        let advice = "could decode it: the location that reads it must have the same style";
        assert!(log.contains(advice), "{log}");
    }
}

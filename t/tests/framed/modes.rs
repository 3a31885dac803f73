//! Clients that frame their bodies in front of `aws_payload signed`, `unsigned` and `streaming`: the
//! client's framing is taken off and checked there, too, and the mode says how the body goes on.

use nginx_tests::framed::{FRAMINGS, Framed, Framing};
use nginx_tests::payload::{bytes, each_mode, expect_chunks, expect_hash, expect_unsigned};
use nginx_tests::{Nginx, RawOrigin, RawRequest, checksum};

fn nginx(origin: &RawOrigin) -> Nginx {
    each_mode(origin, &["signed", "unsigned", "streaming"])
        .http2()
        .start()
}

/// What arrives is signed as the mode says, and holds these bytes.
#[track_caller]
fn expect_mode(mode: &str, sent: &RawRequest, body: &[u8]) {
    let what = format!("{mode}\n{}", String::from_utf8_lossy(sent.head.bytes()));
    assert_eq!(sent.header("Transfer-Encoding"), None, "{what}");
    let length = sent.body.len().to_string();
    assert_eq!(sent.header_all("Content-Length"), [length], "{what}");
    assert_eq!(sent.header("x-amz-trailer"), None, "{what}");
    if mode == "streaming" && !body.is_empty() {
        assert!(expect_chunks(sent) == body, "{what}");
        return;
    }
    match mode {
        "unsigned" => expect_unsigned(sent),
        _ => expect_hash(sent),
    };
    assert!(sent.body == body, "{what}");
    assert_eq!(sent.header("x-amz-decoded-content-length"), None, "{what}");
    assert_eq!(sent.header("Content-Encoding"), None, "{what}");
}

#[test]
fn the_body_goes_on_as_the_mode_says() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    let received = || origin.requests().pop().expect("a request");
    for mode in ["signed", "unsigned", "streaming"] {
        for framing in FRAMINGS {
            for (length, chunk_size) in [(0, 8192), (1, 8192), (65_536, 8192), (400_001, 150_000)] {
                let body = bytes(length);
                let framed = Framed::new(framing, &body).chunk_size(chunk_size);

                let upload = framed.put(&format!("/{mode}/buffered/key"));
                upload.request().send(nginx.port()).expect_status(200);
                let sent = received();
                expect_mode(mode, &sent, &body);
                if framing != Framing::Signed {
                    let value = checksum::base64("crc32", &body);
                    assert_eq!(sent.header_all("x-amz-checksum-crc32"), [value]);
                }

                // Of unknown length to HTTP, but not to a server that reads the head.
                let upload = framed.put(&format!("/{mode}/streamed/key"));
                upload
                    .in_http_chunks(50_000)
                    .send(nginx.port())
                    .expect_status(200);
                expect_mode(mode, &received(), &body);
                upload.send_http2(nginx.h2_port(), true).expect_status(200);
                expect_mode(mode, &received(), &body);
            }
        }
    }
}

#[test]
fn our_framing_stands_before_the_clients_other_codings() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    for way in ["buffered", "streamed"] {
        for (encoding, sent) in [
            ("gzip,aws-chunked", "aws-chunked,gzip"),
            ("aws-chunked,gzip", "aws-chunked,gzip"),
            ("gzip", "aws-chunked,gzip"),
        ] {
            let framed = Framed::new(Framing::SignedTrailer, bytes(100_000));
            let upload = framed.header("Content-Encoding", encoding);
            let upload = upload.put(&format!("/streaming/{way}/key"));
            upload.request().send(nginx.port()).expect_status(200);
            let request = origin.requests().pop().expect("a request");
            assert_eq!(request.header_all("Content-Encoding"), [sent]);
        }
    }
}

/// Nothing that is not what its client said reaches an object store as a whole.
#[test]
fn a_wrong_checksum_is_rejected_in_every_mode() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin);
    let mut sent = 0;
    for mode in ["signed", "unsigned", "streaming"] {
        for way in ["buffered", "streamed"] {
            for length in [0, 1000, 300_000] {
                let upload = Framed::new(Framing::UnsignedTrailer, bytes(length))
                    .trailers(&[("x-amz-checksum-crc32", "y/Q5Jg==")])
                    .put(&format!("/{mode}/{way}/key"));
                upload.request().send(nginx.port()).expect_status(400);
                sent += 1;
                let log = nginx.error_log();
                assert_eq!(
                    log.matches("does not match the body").count(),
                    sent,
                    "{log}"
                );
            }
        }
    }
    // Only what comes as a whole counts there.
    assert_eq!(origin.requests().len(), 0);
}

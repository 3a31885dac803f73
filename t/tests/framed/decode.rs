//! `aws_payload decode`: an SDK's framing is taken off, for object stores that reject it. What the framing
//! said about the body is checked first, and the last byte waits until it has been.

use std::io::Read;

use nginx_tests::account::signing;
use nginx_tests::framed::{FRAMINGS, Framed, Framing, Upload};
use nginx_tests::http::Connection;
use nginx_tests::payload::{bytes, expect_hash, expect_unsigned};
use nginx_tests::{HeldOrigin, Nginx, RawOrigin, RawRequest, Reply, checksum};

/// Locations `/buffered/` and `/streamed/`.
const LOCATIONS: &str = "aws_sign on; aws_sign_methods GET HEAD PUT; aws_payload decode;
    client_max_body_size 0; proxy_http_version 1.1; client_body_buffer_size 16k;
    location /buffered/ { proxy_pass http://{origin}/; }
    location /streamed/ { proxy_request_buffering off; proxy_pass http://{origin}/; }";

fn nginx(origin: impl ToString) -> Nginx {
    // Without it, nginx -t warns of lost metadata; the tests count our lines.
    let server = format!("ignore_invalid_headers off; {LOCATIONS}");
    signing(origin, &server).http2().start()
}

/// Fails the test unless this is the plain body, and nothing in the head speaks of a framing.
#[track_caller]
fn expect_plain(sent: &RawRequest, body: &[u8]) {
    assert_eq!(
        sent.header_all("Content-Length"),
        [body.len().to_string()],
        "{:?}",
        sent.head
    );
    assert!(sent.body == body, "other bytes");
    for gone in [
        "Transfer-Encoding",
        "x-amz-decoded-content-length",
        "x-amz-trailer",
    ] {
        assert_eq!(sent.header(gone), None);
    }
    let text = String::from_utf8_lossy(sent.head.bytes()).to_lowercase();
    assert!(!text.contains("aws-chunked"), "{text}");
    assert!(!text.contains("streaming-"), "{text}");
}

#[track_caller]
fn expect_no_checksum(sent: &RawRequest) {
    let text = String::from_utf8_lossy(sent.head.bytes()).to_lowercase();
    assert!(!text.contains("checksum"), "{text}");
}

fn unsigned() -> Option<String> {
    Some("UNSIGNED-PAYLOAD".to_owned())
}

/// Of a body that was there before its head was signed, the hash is signed, and the checksum after
/// it has become a header.
#[track_caller]
fn expect_all_known(sent: &RawRequest, framing: Framing, body: &[u8]) {
    expect_hash(sent);
    if framing == Framing::Signed {
        expect_no_checksum(sent);
        return;
    }
    let value = checksum::base64("crc32", body);
    assert_eq!(sent.header_all("x-amz-checksum-crc32"), [value]);
    let algorithm = sent.header("x-amz-sdk-checksum-algorithm");
    assert_eq!(algorithm.as_deref(), Some("CRC32"));
}

#[test]
fn a_store_sees_a_plain_body() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(origin.address());
    let send = |upload: Upload, transfer: &str| {
        let response = match transfer {
            "length" => upload.request().send(nginx.port()),
            "chunks" => upload.in_http_chunks(50_000).send(nginx.port()),
            "http2" => upload.send_http2(nginx.h2_port(), true),
            _ => upload.send_http2(nginx.h2_port(), false),
        };
        response.expect_status(200);
        origin.requests().pop().expect("a request")
    };
    for framing in FRAMINGS {
        for (length, chunk_size) in [(0, 8192), (1, 8192), (65_536, 8192), (700_001, 300_000)] {
            let body = bytes(length);
            let framed = Framed::new(framing, &body).chunk_size(chunk_size);
            for transfer in ["length", "chunks", "http2", "http2 without length"] {
                let sent = send(framed.put("/buffered/key"), transfer);
                expect_plain(&sent, &body);
                expect_all_known(&sent, framing, &body);

                let sent = send(framed.put("/streamed/key"), transfer);
                expect_plain(&sent, &body);
                // A short one may have come with its head.
                if length == 700_001 || sent.header("x-amz-content-sha256") == unsigned() {
                    expect_unsigned(&sent);
                    expect_no_checksum(&sent);
                } else {
                    expect_all_known(&sent, framing, &body);
                }
            }
        }
    }
}

#[test]
fn other_codings_stay() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(origin.address());
    for (encoding, left) in [
        ("aws-chunked", None),
        ("AWS-Chunked,gzip", Some("gzip")),
        ("gzip, aws-chunked", Some("gzip")),
        ("br,aws-chunked,gzip", Some("br,gzip")),
        ("gzip", Some("gzip")),
        ("", None),
    ] {
        for way in ["buffered", "streamed"] {
            let framed = Framed::new(Framing::UnsignedTrailer, bytes(20_000));
            let upload = framed.header("Content-Encoding", encoding);
            let upload = upload.put(&format!("/{way}/key"));
            upload.request().send(nginx.port()).expect_status(200);
            let sent = origin.requests().pop().expect("a request");
            expect_plain(&sent, &bytes(20_000));
            let sent = sent.header("Content-Encoding");
            assert_eq!(sent.as_deref(), left, "{encoding} {way}");
        }
    }
}

#[test]
fn a_right_checksum_of_each_kind_passes() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(origin.address());
    let body = bytes(100_000);
    for algorithm in checksum::ALL {
        for framing in [Framing::SignedTrailer, Framing::UnsignedTrailer] {
            let framed = Framed::new(framing, &body).checksum(algorithm);
            for way in ["buffered", "streamed"] {
                let upload = framed.put(&format!("/{way}/key"));
                upload.request().send(nginx.port()).expect_status(200);
                let sent = origin.requests().pop().expect("a request");
                expect_plain(&sent, &body);
                if way == "buffered" {
                    expect_hash(&sent);
                    let value = checksum::base64(algorithm, &body);
                    let header = format!("x-amz-checksum-{algorithm}");
                    assert_eq!(sent.header_all(&header), [value]);
                } else {
                    expect_no_checksum(&sent);
                }
            }
        }
    }
}

/// What the client's trailer says is not so: the object store never has the last byte.
#[test]
fn a_wrong_checksum_of_each_kind_is_rejected_before_the_last_byte() {
    let held = HeldOrigin::start();
    let nginx = nginx(held.address());
    let (small, large) = (bytes(1000), bytes(500_000));
    let mut refused = 0;
    for algorithm in checksum::ALL {
        for framing in [Framing::SignedTrailer, Framing::UnsignedTrailer] {
            // That of another body.
            let name = format!("x-amz-checksum-{algorithm}");
            let wrong = checksum::base64(algorithm, b"another");
            let put = |body: &[u8], way: &str| {
                let framed = Framed::new(framing, body).trailers(&[(&name, &wrong)]);
                framed.put(&format!("/{way}/key"))
            };
            // Known before anything is sent.
            for (body, way) in [
                (&small, "buffered"),
                (&large, "buffered"),
                (&small, "streamed"),
            ] {
                let upload = put(body, way);
                upload.request().send(nginx.port()).expect_status(400);
                assert!(held.try_accept().is_none(), "{algorithm} {way}");
                refused += 1;
            }

            let upload = put(&large, "streamed");
            let (response, head, came) = upload.send_in_vain(nginx.port(), &held);
            response.expect_status(400);
            let announced = head.header("Content-Length");
            assert_eq!(announced, Some(large.len().to_string()));
            assert!(came.len() < large.len(), "{algorithm}: the whole body");
            refused += 1;

            let line = format!("client trailer \"{name}\" does not match the body");
            let log = nginx.error_log();
            assert_eq!(log.matches("aws_auth:").count(), refused, "{log}");
            assert_eq!(log.matches(&line).count() % 4, 0, "{log}");
            assert!(log.contains(&line), "{log}");
        }
    }
}

/// The byte that is held back is the last one: all others have come by then, and it comes if the
/// checksum after it is right.
#[test]
fn all_but_the_last_byte_are_sent_while_they_come() {
    let held = HeldOrigin::start();
    let nginx = nginx(held.address());
    let body = bytes(200_000);
    let upload = Framed::new(Framing::UnsignedTrailer, &body).put("/streamed/key");
    let wire = upload.request().to_bytes();
    let (data, trailer) = wire.split_at(wire.len() - b"32:y/Q5Jg==\r\n\r\n".len());
    for is_right in [true, false] {
        let mut client = Connection::open(nginx.port());
        client.write(data).expect("it is read");
        let mut store = held.accept();
        let head = store.read_head();
        assert_eq!(head.header("Content-Length").as_deref(), Some("200000"));
        assert!(store.read(199_999) == body[..199_999]);

        if is_right {
            client.write(trailer).expect("it is read");
            assert_eq!(store.read(1), body[199_999..]);
            store.answer(&Reply::new(200, ""));
            client.read(false).expect("a response").expect_status(200);
        } else {
            client.write(b"32:AAAAAA==\r\n\r\n").expect("it is read");
            client.read(false).expect("a response").expect_status(400);
            assert_eq!(store.read_to_end(), b"");
        }
    }
}

/// Of a body of no bytes there is no last one to hold back: it is read first.
#[test]
fn a_body_of_no_bytes_is_checked_before_anything_is_sent() {
    let held = HeldOrigin::start();
    let nginx = nginx(held.address());
    for framing in FRAMINGS {
        let upload = Framed::new(framing, "").put("/streamed/key");
        let wrong = match framing {
            Framing::Signed => upload.clone().body(|body| [&body[..], b"x"].concat()),
            _ => upload.clone().replace("AAAAAA==", "AAAAAQ=="),
        };
        // An object store would have the head by the time when the client is told to go on.
        let send = |upload: &Upload| {
            let wire = upload
                .clone()
                .header("Expect", "100-continue")
                .request()
                .to_bytes();
            let (head, body) = wire.split_at(wire.len() - upload.body.len());
            let mut client = Connection::open(nginx.port());
            client.write(head).expect("it is read");
            let mut told = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
            client.socket().read_exact(&mut told).expect("it is told");
            client.write(body).expect("it is read");
            client
        };
        let response = send(&wrong).read(false).expect("a response");
        response.expect_status(400);
        assert!(held.try_accept().is_none(), "{framing:?}");

        let mut client = send(&upload);
        let mut store = held.accept();
        let length = store.read_head().header("Content-Length");
        assert_eq!(length.as_deref(), Some("0"));
        store.answer(&Reply::new(200, ""));
        client.read(false).expect("a response").expect_status(200);
    }
}

/// A trailer that nobody here can verify would be lost, or believed.
#[test]
fn what_cannot_be_verified_is_not_implemented() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(origin.address());
    let mut expected = 0;
    for trailer in [
        "x-amz-checksum-md5",
        "x-amz-checksum-xxhash64",
        "x-amz-meta-a",
    ] {
        for framing in [Framing::SignedTrailer, Framing::UnsignedTrailer] {
            for way in ["buffered", "streamed"] {
                let framed = Framed::new(framing, bytes(100_000)).trailers(&[(trailer, "AAAA")]);
                let upload = framed.put(&format!("/{way}/key"));
                upload.request().send(nginx.port()).expect_status(501);
                expected += 1;
                let log = nginx.error_log();
                let line = format!(
                    "client trailer \"{trailer}\" cannot be verified: not a supported checksum"
                );
                assert!(log.contains(&line), "{log}");
                assert_eq!(log.matches("aws_auth:").count(), expected, "{log}");
            }
        }
    }
    assert_eq!(origin.connections(), 0);
}

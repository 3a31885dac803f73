//! Framing that is broken inside the body, where the head promised that it was not: 400, one line in
//! the log, no whole request at the object store, and the object store is not held responsible.

use nginx_tests::account::signing;
use nginx_tests::framed::{Framed, Framing, Upload};
use nginx_tests::http::Connection;
use nginx_tests::payload::bytes;
use nginx_tests::{HeldOrigin, Nginx, Reply};

/// More than nginx reads before it begins to send.
const LENGTH: usize = 200_000;

/// A fault, how the log calls it, and the upload that has it.
type Case = (&'static str, &'static str, Upload);

fn framed(framing: Framing) -> Framed {
    Framed::new(framing, bytes(LENGTH)).chunk_size(8192)
}

/// Each fault stands after the data, except those of the size line's first digits. All of it is in
/// `PUT <target>`.
fn cases(target: &str) -> Vec<Case> {
    let unsigned = || framed(Framing::UnsignedTrailer).put(target);
    let signed = || framed(Framing::Signed).put(target);
    let both = || framed(Framing::SignedTrailer).put(target);
    let last = "\r\n0\r\n";
    let with_end = |end: &str| unsigned().replace(last, end);
    let trailer = "x-amz-checksum-crc32:";
    let signature = format!(";chunk-signature={}", "a".repeat(64));
    let appended =
        |end: &'static str| unsigned().body(move |body| [&body, end.as_bytes()].concat());
    let cut = |upload: Upload, mark: &str| {
        upload.body(|mut body| {
            let at = body.windows(mark.len()).position(|w| w == mark.as_bytes());
            body.truncate(at.expect("the mark"));
            body
        })
    };
    vec![
        (
            "no digit",
            "does not begin with its size",
            with_end("\r\nzz\r\n"),
        ),
        (
            "no size",
            "does not begin with its size",
            with_end("\r\n\r\n"),
        ),
        (
            "a prefix",
            "does not begin with its size",
            with_end("\r\n0x0\r\n"),
        ),
        (
            "a blank",
            "does not begin with its size",
            with_end("\r\n0 \r\n"),
        ),
        (
            "bare LF",
            "does not begin with its size",
            with_end("\r\n0\n"),
        ),
        (
            "bare CR",
            "does not begin with its size",
            with_end("\r\n0\rx"),
        ),
        (
            "no CRLF behind data",
            "not followed by CRLF",
            with_end("0\r\n"),
        ),
        (
            "LF behind data",
            "not followed by CRLF",
            with_end("\n0\r\n"),
        ),
        (
            "an endless line",
            "the line that begins a chunk is too long",
            with_end(&format!("\r\n{}", "0".repeat(300))),
        ),
        (
            "an extension",
            "an extension other than",
            with_end("\r\n0;a=b\r\n"),
        ),
        (
            "a signature where there are none",
            "a signature, but unsigned chunks were declared",
            with_end(&format!("\r\n0{signature}\r\n")),
        ),
        (
            "no signature",
            "a chunk has no signature",
            cut(signed(), "\r\n0;").body(|body| [&body[..], b"\r\n0\r\n\r\n"].concat()),
        ),
        (
            "a short signature",
            "not 64 hexadecimal digits",
            cut(signed(), "\r\n0;")
                .body(|b| [&b[..], b"\r\n0;chunk-signature=ab\r\n\r\n"].concat()),
        ),
        (
            "another extension behind the signature",
            "not 64 hexadecimal digits",
            cut(signed(), "\r\n0;").body(|body| {
                [
                    &body[..],
                    format!("\r\n0{signature};a=b\r\n\r\n").as_bytes(),
                ]
                .concat()
            }),
        ),
        (
            "a chunk above the limit",
            "a chunk of 16777217 bytes exceeds the limit",
            with_end("\r\n1000001\r\n").header("x-amz-decoded-content-length", "30000000"),
        ),
        (
            "fewer bytes than declared",
            "the chunks contain 200000 bytes of the 200001 declared",
            unsigned().header("x-amz-decoded-content-length", "200001"),
        ),
        (
            "more bytes than declared",
            "the chunks contain more than the 199999 bytes declared",
            unsigned().header("x-amz-decoded-content-length", "199999"),
        ),
        (
            "no last chunk",
            "ends within the aws-chunked encoding",
            cut(unsigned(), last),
        ),
        (
            "an end inside data",
            "ends within the aws-chunked encoding",
            unsigned().body(|b| b[..150_000].to_vec()),
        ),
        (
            "an end inside trailers",
            "ends within the aws-chunked encoding",
            cut(unsigned(), "32:"),
        ),
        (
            "an end before the empty line",
            "ends within the aws-chunked encoding",
            unsigned().body(|body| body[..body.len() - 2].to_vec()),
        ),
        (
            "a byte behind the end",
            "bytes follow the end",
            appended("x"),
        ),
        (
            "a line behind the end",
            "bytes follow the end",
            appended("\r\n"),
        ),
        (
            "another body behind the end",
            "bytes follow the end",
            appended("0\r\n\r\n"),
        ),
        (
            "a trailer that is not announced",
            "sent trailer \"x-amz-checksum-crc32\" without announcing it",
            unsigned().header("x-amz-trailer", ""),
        ),
        (
            "another trailer than is announced",
            "sent trailer \"x-amz-checksum-crc32\" without announcing it",
            unsigned().header("x-amz-trailer", "x-amz-checksum-sha1"),
        ),
        (
            "a trailer that does not come",
            "announced trailer \"x-amz-checksum-crc32\", but did not send it",
            cut(unsigned(), trailer).body(|body| [&body[..], b"\r\n"].concat()),
        ),
        (
            "a trailer twice",
            "two trailers have the same name",
            unsigned().replace(
                trailer,
                "x-amz-checksum-crc32:AAAA\r\nx-amz-checksum-crc32:",
            ),
        ),
        (
            "a trailer without a colon",
            "not a line of the form name:value",
            unsigned().replace(trailer, "x-amz-checksum-crc32"),
        ),
        (
            "a blank in a trailer",
            "the value of a trailer is empty or contains other",
            unsigned().replace(trailer, "x-amz-checksum-crc32: "),
        ),
        (
            "a trailer above the limit",
            "the trailers exceed the limit",
            unsigned().replace(trailer, format!("{trailer}{}", "A".repeat(5000))),
        ),
        (
            "trailers that are not signed",
            "the trailers have no signature",
            cut(both(), "x-amz-trailer-signature").body(|body| [&body[..], b"\r\n"].concat()),
        ),
        (
            "a signature without trailers",
            "there is no trailer, but signed trailers were declared",
            both().body(|body| {
                let find = |mark: &[u8]| body.windows(mark.len()).position(|w| w == mark);
                let (from, to) = (find(b"x-amz-checksum"), find(b"x-amz-trailer-signature"));
                let (from, to) = (from.expect("a trailer"), to.expect("a signature"));
                [&body[..from], &body[to..]].concat()
            }),
        ),
    ]
}

/// Locations `/<mode>/<buffered or streamed>/`, in front of two peers that one failure disables.
fn nginx(store: &HeldOrigin) -> Nginx {
    let mut locations = String::new();
    for mode in ["auto", "decode"] {
        for (name, buffering) in [("buffered", "on"), ("streamed", "off")] {
            locations.push_str(&format!(
                "location /{mode}/{name}/ {{
                     aws_payload {mode}; proxy_request_buffering {buffering};
                     proxy_pass http://store/;
                 }}"
            ));
        }
    }
    signing(
        store.address(),
        &format!(
            "aws_sign on; aws_sign_methods GET HEAD PUT; client_max_body_size 0;
             proxy_http_version 1.1; client_body_buffer_size 16k; {locations}"
        ),
    )
    .http(
        "upstream store {
             server {origin} max_fails=1 fail_timeout=60s;
             server {origin} max_fails=1 fail_timeout=60s;
         }",
    )
    .start()
}

/// Both peers are asked at once, and none of them was blamed.
#[track_caller]
fn expect_no_peer_blamed(nginx: &Nginx, store: &HeldOrigin) {
    let log = nginx.error_log();
    assert!(!log.contains("temporarily disabled"), "{log}");
    assert!(!log.contains("no live upstreams"), "{log}");
    for _ in 0..2 {
        std::thread::scope(|scope| {
            let upload = framed(Framing::Signed).put("/auto/buffered/key");
            let client = scope.spawn(move || upload.request().send(nginx.port()).status);
            let mut connection = store.accept();
            let length = connection.read_head().header("Content-Length");
            connection.read(length.expect("a length").parse().expect("a number"));
            connection.answer(&Reply::new(200, ""));
            assert_eq!(client.join().expect("a response"), 200);
        });
    }
}

#[track_caller]
fn expect_line(nginx: &Nginx, number: usize, name: &str, text: &str) {
    let lines = nginx.own_request_lines();
    assert_eq!(lines.len(), number, "{name}: {lines:#?}");
    assert!(
        lines[number - 1].contains("[error]"),
        "{}",
        lines[number - 1]
    );
    assert!(
        lines[number - 1].contains(text),
        "{name}: {}",
        lines[number - 1]
    );
}

#[test]
fn broken_framing_is_rejected_before_anything_is_sent_where_nginx_buffers() {
    let store = HeldOrigin::start();
    let nginx = nginx(&store);
    let mut refused = 0;
    for mode in ["auto", "decode"] {
        for (name, line, upload) in cases(&format!("/{mode}/buffered/key")) {
            let response = upload.request().send(nginx.port());
            assert_eq!(response.status, 400, "{mode}: {name}");
            assert_eq!(
                response.header("Connection"),
                Some("close"),
                "{mode}: {name}"
            );
            assert!(store.try_accept().is_none(), "{mode}: {name}");
            refused += 1;
            expect_line(&nginx, refused, name, line);
        }
    }
    expect_no_peer_blamed(&nginx, &store);
}

#[test]
fn broken_framing_never_comes_to_its_announced_end_where_it_streams() {
    let store = HeldOrigin::start();
    let nginx = nginx(&store);
    let mut refused = 0;
    for mode in ["auto", "decode"] {
        for (name, line, upload) in cases(&format!("/{mode}/streamed/key")) {
            let (response, head, came) = upload.send_in_vain(nginx.port(), &store);
            assert_eq!(response.status, 400, "{mode}: {name}");
            let announced = head.header("Content-Length").expect("a length");
            let announced: usize = announced.parse().expect("a number");
            assert!(
                came.len() < announced,
                "{mode}: {name}: all {announced} bytes"
            );
            refused += 1;
            expect_line(&nginx, refused, name, line);
        }
    }
    expect_no_peer_blamed(&nginx, &store);
}

/// In HTTP's own chunks there is no announced end: their last one does not come.
#[test]
fn broken_framing_never_comes_to_the_end_of_http_chunks() {
    let store = HeldOrigin::start();
    let nginx = nginx(&store);
    for (name, _, upload) in cases("/auto/streamed/key") {
        std::thread::scope(|scope| {
            let client = scope.spawn(|| upload.in_http_chunks(10_000).send(nginx.port()).status);
            let mut connection = store.accept();
            let head = connection.read_head();
            assert_eq!(head.header("Transfer-Encoding").as_deref(), Some("chunked"));
            let came = connection.read_to_end();
            assert_eq!(client.join().expect("a response"), 400, "{name}");
            assert!(!closes_http(&came), "{name}");
        });
    }
    expect_no_peer_blamed(&nginx, &store);
}

/// Whether HTTP's chunks come to their end.
fn closes_http(mut raw: &[u8]) -> bool {
    loop {
        let Some(end) = raw.windows(2).position(|two| two == b"\r\n") else {
            return false;
        };
        let size = std::str::from_utf8(&raw[..end]).expect("digits");
        let size = usize::from_str_radix(size, 16).expect("digits");
        match raw.get(end + 2 + size + 2..) {
            Some(_) if size == 0 => return true,
            Some(rest) => raw = rest,
            None => return false,
        }
    }
}

/// A client that goes away in the middle is nobody's fault here, and nothing of ours to log.
#[test]
fn a_client_that_leaves_leaves_no_object() {
    let store = HeldOrigin::start();
    let nginx = nginx(&store);
    for mode in ["auto", "decode"] {
        let upload = framed(Framing::UnsignedTrailer).put(&format!("/{mode}/streamed/key"));
        let wire = upload.request().to_bytes();
        let mut client = Connection::open(nginx.port());
        client.write(&wire[..wire.len() - 10]).expect("it is read");
        let mut connection = store.accept();
        let head = connection.read_head();
        drop(client);
        let came = connection.read_to_end().len();
        let announced: usize = head
            .header("Content-Length")
            .and_then(|length| length.parse().ok())
            .expect("a length");
        assert!(came < announced, "{mode}: all {announced} bytes");
    }
    let log = nginx.request_log();
    assert!(!log.contains("aws_auth:"), "{log}");
    expect_no_peer_blamed(&nginx, &store);
}

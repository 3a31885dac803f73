//! `aws_hide_auth_errors`: bodies of every size, that come at once, in HTTP's chunks, byte by byte or not
//! to their end, through nginx's other filters. What is hidden is hidden on every way, and what is not
//! passes byte for byte.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use nginx_tests::auth_error::{expect_hidden, expect_no_secret, mismatch, signing, xml};
use nginx_tests::http::{self, Connection, Request};
use nginx_tests::{RawOrigin, Reply, http2};

#[test]
fn other_responses_pass_byte_for_byte() {
    let long = |start: &str, length: usize| {
        let filling = "0123456789abcde\n".repeat(length / 16);
        format!("{start}{filling}")
    };
    for (status, body) in [
        (404, xml("NoSuchKey", "<Key>SignatureDoesNotMatch</Key>")),
        (403, xml("AccessDenied", "<Message>Access Denied</Message>")),
        (400, xml("XAmzContentSHA256Mismatch", "<Message/>")),
        (301, xml("PermanentRedirect", "<Endpoint>s3</Endpoint>")),
        (
            400,
            xml("InvalidArgument", "<ArgumentName>max-keys</ArgumentName>"),
        ),
        (
            403,
            "{\"message\":\"Missing Authentication Token\"}".to_owned(),
        ),
        (
            403,
            "{\"Message\":\"User is not authorized to perform: s3:GetObject\"}".to_owned(),
        ),
        (403, String::new()),
        (403, " ".to_owned()),
        (403, "<".to_owned()),
        (
            404,
            "<!DOCTYPE html><Error><Code>ExpiredToken</Code></Error>".to_owned(),
        ),
        (404, long("a page\n", 3_000_000)),
        // Undecided to the end, and to the limit.
        (400, long("<Error>", 10_000)),
        (400, long("<Error>", 100_000)),
        (400, long("{\"message\": \"", 1_000_000)),
        // Not rejections.
        (200, mismatch()),
        (500, mismatch()),
        (503, xml("SlowDown", "")),
    ] {
        let origin = RawOrigin::start(move |request| match request.target().as_str() {
            // In HTTP's chunks, of odd sizes.
            "/chunks" => {
                let mut reply = format!(
                    "HTTP/1.1 {status} Reply\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                );
                for part in body.as_bytes().chunks(977) {
                    let text = str::from_utf8(part).expect("ASCII");
                    reply.push_str(&format!("{:x}\r\n{text}\r\n", part.len()));
                }
                Reply::raw(format!("{reply}0\r\n\r\n"))
            }
            "/close" => Reply::raw(format!("HTTP/1.1 {status} Reply\r\n\r\n{body}")),
            "/body" => Reply::new(200, &body),
            _ => Reply::new(status, &body),
        });
        let nginx = signing(
            origin.address(),
            "proxy_http_version 1.1;
             location / { proxy_pass http://{origin}; }
             location /unbuffered/ { proxy_buffering off; proxy_pass http://{origin}/; }
             location /small/ {
                 proxy_buffer_size 1k; proxy_buffers 2 1k; proxy_busy_buffers_size 1k;
                 proxy_pass http://{origin}/;
             }
             location /off/ { aws_hide_auth_errors off; proxy_pass http://{origin}/; }",
        )
        .start();
        let body = http::get(nginx.port(), "/body").body;
        for prefix in ["", "/unbuffered", "/small", "/off"] {
            for target in ["/key", "/chunks", "/close"] {
                let target = format!("{prefix}{target}");
                let response = http::get(nginx.port(), &target).expect_status(status);
                assert!(
                    response.body == body,
                    "{target}: {} bytes",
                    response.body.len()
                );
            }
        }
        assert_eq!(nginx.own_lines(), [""; 0]);
    }
}

/// In all transfer forms, and for all kinds of requests.
#[test]
fn an_error_is_hidden_on_every_way() {
    let origin = RawOrigin::start(|request| {
        let body = mismatch();
        let headers = [("Content-Type", "text/xml")];
        match request.target().as_str() {
            "/chunks" => {
                let (start, rest) = body.split_at(70);
                Reply::raw(format!(
                    "HTTP/1.1 403 Reply\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n\
                     {:x}\r\n{start}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
                    start.len(),
                    rest.len()
                ))
            }
            "/close" => Reply::raw(format!(
                "HTTP/1.1 403 Reply\r\nContent-Type: text/xml\r\n\r\n{body}"
            )),
            // As it is for a client that sends a long URL: S3 repeats that several times.
            "/long" => {
                Reply::with_headers(403, &headers, body.replace("/key", &"/key".repeat(50_000)))
            }
            _ => Reply::with_headers(403, &headers, body),
        }
    });
    let nginx = signing(
        origin.address(),
        "proxy_http_version 1.1;
         location / { proxy_pass http://{origin}; }
         location /unbuffered/ { proxy_buffering off; proxy_pass http://{origin}/; }
         location /small/ {
             proxy_buffer_size 256; proxy_buffers 2 1k; proxy_busy_buffers_size 1k;
             proxy_pass http://{origin}/;
         }
         location /gzip/ {
             gzip on; gzip_types text/xml; gzip_min_length 1; proxy_pass http://{origin}/;
         }
         location /ssi/ { ssi on; ssi_types *; proxy_pass http://{origin}/; }
         location /added/ { add_before_body /empty; proxy_pass http://{origin}/; }
         location /empty { aws_sign off; return 204; }
         location /temp/ { proxy_max_temp_file_size 1m; proxy_pass http://{origin}/; }",
    )
    .http2()
    .start();

    let mut count = 0;
    for prefix in [
        "",
        "/unbuffered",
        "/small",
        "/gzip",
        "/ssi",
        "/added",
        "/temp",
    ] {
        for target in ["/key", "/chunks", "/close", "/long"] {
            let target = format!("{prefix}{target}");
            expect_hidden(
                &http::get(nginx.port(), &target),
                403,
                "SignatureDoesNotMatch",
            );
            let http10 = Request::get(&target).http10().send(nginx.port());
            expect_hidden(&http10, 403, "SignatureDoesNotMatch");
            let range = Request::get(&target)
                .header("Range", "bytes=0-9")
                .send(nginx.port());
            expect_hidden(&range, 403, "SignatureDoesNotMatch");
            expect_hidden(
                &http2::get(nginx.h2_port(), &target, &[]),
                403,
                "SignatureDoesNotMatch",
            );
            count += 4;
            assert_eq!(nginx.own_lines().len(), count, "{target}");
        }
    }
    // Compressed by nginx: what is compressed is what may be seen.
    let gzip = Request::get("/gzip/key")
        .header("Accept-Encoding", "gzip")
        .send(nginx.port());
    assert_eq!(gzip.status, 403);
    assert_eq!(gzip.header("Content-Encoding"), Some("gzip"));
    assert!(gzip.body.starts_with(b"\x1f\x8b") && gzip.body.len() < 300);

    // One connection serves what follows.
    let mut connection = Connection::open(nginx.port());
    for target in ["/key", "/chunks", "/unbuffered/long", "/close", "/key"] {
        expect_hidden(
            &connection.send(&Request::get(target)),
            403,
            "SignatureDoesNotMatch",
        );
        let head = connection
            .send(&Request::new("HEAD", target))
            .expect_status(403);
        expect_no_secret(&format!("{:?}", head.headers));
    }
}

/// An origin that sends `pieces` one after the other, with a pause, once; then it closes.
fn dripping(pieces: Vec<Vec<u8>>) -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a request");
            head.push(byte[0]);
        }
        stream.set_nodelay(true).expect("a socket");
        for piece in pieces {
            // nginx may close when it has what it needs.
            let _ = stream.write_all(&piece);
            // For nginx to read each piece by itself, which nothing depends on.
            std::thread::sleep(Duration::from_millis(3));
        }
    });
    (port, thread)
}

#[test]
fn bodies_that_come_in_pieces() {
    let pass = xml("NoSuchKey", "<Message>not here</Message>");
    for buffering in ["on", "off"] {
        for (body, hidden) in [(mismatch(), true), (pass.clone(), false)] {
            for (length, broken) in [(true, false), (false, false), (true, true)] {
                let head = match length {
                    // One that breaks off announces more than it sends.
                    true => format!(
                        "HTTP/1.1 403 Reply\r\nContent-Length: {}\r\n\r\n",
                        body.len() + 9 * usize::from(broken)
                    ),
                    false => "HTTP/1.1 403 Reply\r\n\r\n".to_owned(),
                };
                let mut pieces = vec![head.into_bytes()];
                pieces.extend(body.bytes().take(70).map(|byte| vec![byte]));
                pieces.push(body.as_bytes()[70..].to_vec());
                let (port, origin) = dripping(pieces);
                let nginx = signing(
                    format!("127.0.0.1:{port}"),
                    &format!("location / {{ proxy_buffering {buffering}; proxy_pass http://{{origin}}; }}"),
                )
                .start();
                let case = format!("{buffering} {hidden} {length} {broken}");
                let mut connection = Connection::open(nginx.port());
                connection
                    .write(&Request::get("/key").http10().to_bytes())
                    .expect("a connection");
                let mut answer = Vec::new();
                let mut socket = connection.socket();
                let deadline = std::time::Instant::now() + http::TIMEOUT;
                while !answer.windows(8).any(|end| end == b"</Error>") {
                    let mut buffer = [0; 4096];
                    let read = socket.read(&mut buffer).unwrap_or(0);
                    answer.extend_from_slice(&buffer[..read]);
                    assert!(
                        read > 0 && std::time::Instant::now() < deadline,
                        "{case}: {}",
                        String::from_utf8_lossy(&answer)
                    );
                }
                let answer = String::from_utf8_lossy(&answer).into_owned();
                assert!(answer.starts_with("HTTP/1.1 403"), "{case}: {answer}");
                if hidden {
                    expect_no_secret(&answer);
                    assert!(
                        answer.contains("See the error log of this server."),
                        "{case}: {answer}"
                    );
                } else {
                    assert!(answer.contains(&pass), "{case}: {answer}");
                }
                origin.join().expect("the origin");
                assert_eq!(nginx.own_lines().len(), usize::from(hidden), "{case}");
            }
        }
    }
}

/// A response that breaks off before it can be told what it is passes as far as it came.
#[test]
fn a_response_that_breaks_off() {
    for buffering in ["on", "off"] {
        let head =
            "HTTP/1.1 403 Reply\r\nContent-Length: 1000\r\n\r\n<?xml version=\"1.0\"?><Error><Mess";
        let (port, origin) = dripping(vec![head.into(), b"age>half of".to_vec()]);
        let nginx = signing(
            format!("127.0.0.1:{port}"),
            &format!("location / {{ proxy_buffering {buffering}; proxy_pass http://{{origin}}; }}"),
        )
        .start();
        let mut connection = Connection::open(nginx.port());
        connection
            .write(&Request::get("/key").to_bytes())
            .expect("a connection");
        let mut answer = String::new();
        connection
            .socket()
            .read_to_string(&mut answer)
            .expect("a response");
        assert!(
            answer.starts_with("HTTP/1.1 403") && answer.ends_with("<Error><Message>half of"),
            "{buffering}: {answer}"
        );
        origin.join().expect("the origin");
    }
}

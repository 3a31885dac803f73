//! `aws_hide_auth_errors`: what a store says of our signature, key or token is for the operator. A
//! client learns the code; everything else that a store says reaches it as it was said.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use nginx_tests::account::SECRET_KEY_DIRECTIVES;
use nginx_tests::http::{self, Connection, Request, Response};
use nginx_tests::{Builder, DeadPort, Nginx, RawOrigin, Reply, Swift, http2};

/// What no client may see, and no log.
const SECRETS: [&str; 5] = [
    "TOKEN",
    "AKIDEXAMPLE",
    "AWS4-HMAC",
    "CanonicalRequest",
    "x-amz-date",
];

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

fn xml(code: &str, rest: &str) -> String {
    format!("{DECLARATION}<Error><Code>{code}</Code>{rest}</Error>")
}

/// As S3 prints it.
fn mismatch() -> String {
    xml(
        "SignatureDoesNotMatch",
        "<Message>The request signature we calculated does not match the signature you provided.</Message>\
         <AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256\n20261122T083000Z\n\
         20261122/us-east-1/s3/aws4_request\n0f</StringToSign><CanonicalRequest>GET\n/key\nlist-type=2\n\
         host:bucket.s3.amazonaws.com\nx-amz-date:20261122T083000Z\nx-amz-security-token:TOKEN\n\n\
         host;x-amz-date;x-amz-security-token\nUNSIGNED-PAYLOAD</CanonicalRequest><RequestId>4CFC</RequestId>",
    )
}

/// As services that speak JSON print it.
const JSON_MISMATCH: &str = r#"{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'GET\n/\n\nhost:x\nx-amz-date:20261122T083000Z\nx-amz-security-token:TOKEN\n\nhost\ne3b0'\n"}"#;

/// An nginx in front of `origin`, whose locations sign.
fn signing(origin: impl ToString, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin)
        .server(&format!("{SECRET_KEY_DIRECTIVES} aws_sign on;\n{server}"))
}

fn plain(origin: &RawOrigin) -> Nginx {
    signing(
        origin.address(),
        "location / { proxy_pass http://{origin}; }
         location /off/ { aws_hide_auth_errors off; proxy_pass http://{origin}; }
         location /unsigned/ { aws_sign off; proxy_pass http://{origin}; }",
    )
    .start()
}

/// An origin that always answers so.
fn answering(reply: Reply) -> RawOrigin {
    RawOrigin::start(move |_| reply.clone())
}

#[track_caller]
fn expect_no_secret(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret}\n{text}");
    }
}

/// Fails unless the answer has this code and nothing else of the store's body.
#[track_caller]
fn expect_hidden(response: &Response, status: u16, code: &str) {
    let text = response.text();
    assert_eq!(response.status, status, "{text}");
    assert!(text.contains(&format!("{code}")), "{text}");
    assert!(text.contains("Its error log tells why."), "{text}");
    assert!(text.len() < 300, "{text}");
    expect_no_secret(&format!("{:?}{text}", response.headers));
    if let Some(length) = response.header("Content-Length") {
        assert_eq!(length, text.len().to_string());
    }
}

/// The module's lines in the error log.
fn lines(nginx: &Nginx) -> Vec<String> {
    let log = nginx.error_log();
    let own = log.lines().filter(|line| line.contains("aws_auth:"));
    own.map(str::to_owned).collect()
}

#[test]
fn a_mismatch_is_the_operators_to_know() {
    let origin = answering(Reply::with_headers(
        403,
        &[
            ("Content-Type", "application/xml"),
            ("x-amz-request-id", "4CFC"),
            ("x-amz-id-2", "Qcw="),
            ("ETag", "\"store\""),
            ("Last-Modified", "Sun, 22 Nov 2026 08:30:00 GMT"),
            ("Accept-Ranges", "bytes"),
        ],
        mismatch(),
    ));
    let nginx = plain(&origin);

    let response = http::get(nginx.port(), "/key");
    expect_hidden(&response, 403, "SignatureDoesNotMatch");
    let text = response.text();
    let (start, end) = (
        "<Error><Code>SignatureDoesNotMatch</Code><Message>",
        "</Message></Error>",
    );
    assert!(text.starts_with(&format!("{DECLARATION}{start}")) && text.ends_with(end));
    assert_eq!(
        response.header("Content-Length"),
        Some(&*text.len().to_string())
    );
    assert_eq!(response.header("Content-Type"), Some("application/xml"));
    assert_eq!(response.header("x-amz-request-id"), Some("4CFC"));
    assert_eq!(response.header("x-amz-id-2"), Some("Qcw="));
    for name in ["ETag", "Last-Modified", "Accept-Ranges"] {
        assert_eq!(response.header(name), None, "{name}");
    }

    let lines = lines(&nginx);
    let [line] = &lines[..] else {
        panic!("{lines:#?}")
    };
    assert!(
        line.contains("[error]")
            && line
                .contains("the store refused the signed request with 403 SignatureDoesNotMatch: "),
        "{line}"
    );
    expect_no_secret(line);
}

#[test]
fn errors_of_every_kind() {
    for (status, body, code, said) in [
        (400, xml("ExpiredToken", "<Token-0>TOKEN</Token-0>"), "ExpiredToken", "has expired"),
        (400, xml("InvalidToken", "<Token-0>TOKEN</Token-0>"), "InvalidToken", "does not know"),
        (
            403,
            xml("InvalidAccessKeyId", "<AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId>"),
            "InvalidAccessKeyId",
            "does not know",
        ),
        (
            400,
            xml("AuthorizationHeaderMalformed", "<Message>AKIDEXAMPLE</Message><Region>eu-west-1</Region>"),
            "AuthorizationHeaderMalformed",
            "it wants \"aws_region eu-west-1\"",
        ),
        (
            403,
            xml("RequestTimeTooSkewed", "<RequestTime>x-amz-date</RequestTime>"),
            "RequestTimeTooSkewed",
            "clock",
        ),
        (
            400,
            xml(
                "InvalidArgument",
                "<Message>Only one auth mechanism allowed</Message><ArgumentName>Authorization</ArgumentName>\
                 <ArgumentValue>AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE</ArgumentValue>",
            ),
            "InvalidArgument",
            "signed twice",
        ),
        (307, mismatch(), "SignatureDoesNotMatch", "debug log"),
        (
            403,
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n    \
             <Code>InvalidClientTokenId</Code>\n    <Message>AKIDEXAMPLE</Message>\n  </Error>\n</ErrorResponse>\n"
                .to_owned(),
            "InvalidClientTokenId",
            "does not know",
        ),
        (403, JSON_MISMATCH.to_owned(), "InvalidSignatureException", "debug log"),
        (
            400,
            r#"{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"TOKEN"}"#.to_owned(),
            "ExpiredTokenException",
            "has expired",
        ),
    ] {
        let origin = answering(Reply::new(status, &body));
        let nginx = plain(&origin);
        expect_hidden(&http::get(nginx.port(), "/key"), status, code);
        let hidden = lines(&nginx);
        assert!(
            hidden.len() == 1 && hidden[0].contains(said) && hidden[0].contains(code),
            "{hidden:#?}"
        );
        expect_no_secret(&nginx.error_log());

        // Off, it passes; the operator is told all the same.
        let response = http::get(nginx.port(), "/off/key").expect_status(status);
        assert_eq!(response.text(), body);
        assert_eq!(lines(&nginx).len(), 2);
        // What is not signed is not ours.
        let response = http::get(nginx.port(), "/unsigned/key").expect_status(status);
        assert_eq!(response.text(), body);
        assert_eq!(lines(&nginx).len(), 2);
    }
}

#[test]
fn other_answers_pass_byte_for_byte() {
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
        // Not refusals.
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
        assert_eq!(lines(&nginx), [""; 0]);
    }
}

/// However it comes, and whoever asks.
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
             gzip on; gzip_types text/xml; gzip_min_length 1; gunzip on; proxy_pass http://{origin}/;
         }
         location /ssi/ { ssi on; ssi_types *; proxy_pass http://{origin}/; }
         location /sub/ {
             sub_filter_types *; sub_filter Sender Receiver; sub_filter Code Code; proxy_pass http://{origin}/;
         }
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
        "/sub",
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
            assert_eq!(lines(&nginx).len(), count, "{target}");
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
                        answer.contains("Its error log tells why."),
                        "{case}: {answer}"
                    );
                } else {
                    assert!(answer.contains(&pass), "{case}: {answer}");
                }
                origin.join().expect("the origin");
                assert_eq!(lines(&nginx).len(), usize::from(hidden), "{case}");
            }
        }
    }
}

/// An answer that breaks off before it can be told what it is passes as far as it came.
#[test]
fn an_answer_that_breaks_off() {
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
            .expect("an answer");
        assert!(
            answer.starts_with("HTTP/1.1 403") && answer.ends_with("<Error><Message>half of"),
            "{buffering}: {answer}"
        );
        origin.join().expect("the origin");
    }
}

/// A header tells at once, and what it belongs to is not looked at: not even if it is compressed.
#[test]
fn errors_that_a_header_names() {
    let origin = answering(Reply::with_headers(
        403,
        &[
            ("Content-Type", "application/json"),
            ("Content-Encoding", "gzip"),
            ("x-amzn-RequestId", "491c"),
            (
                "x-amzn-ErrorType",
                "InvalidSignatureException:http://internal/",
            ),
            ("x-amzn-ErrorMessage", "AWS4-HMAC"),
        ],
        "\x1f AKIDEXAMPLE",
    ));
    let nginx = signing(
        origin.address(),
        "location / { proxy_pass http://{origin}; }
         location /hidden-header/ { proxy_hide_header x-amzn-ErrorType; proxy_pass http://{origin}; }
         location /off/ { aws_hide_auth_errors off; proxy_pass http://{origin}; }",
    )
    .start();
    for target in ["/key", "/hidden-header/key"] {
        let response = http::get(nginx.port(), target);
        expect_hidden(&response, 403, "InvalidSignatureException");
        assert!(
            response
                .text()
                .starts_with("{\"__type\":\"InvalidSignatureException\",")
        );
        assert_eq!(response.header("Content-Type"), Some("application/json"));
        assert_eq!(response.header("x-amzn-RequestId"), Some("491c"));
        assert_eq!(response.header("Content-Encoding"), None);

        let head = http::head(nginx.port(), target).expect_status(403);
        assert_eq!(
            head.header("Content-Length"),
            response.header("Content-Length")
        );
        expect_no_secret(&format!("{:?}", head.headers));
    }
    assert_eq!(lines(&nginx).len(), 4);
    assert_eq!(
        http::get(nginx.port(), "/off/key").text(),
        "\x1f AKIDEXAMPLE"
    );
    assert_eq!(lines(&nginx).len(), 5);

    // Of an answer without a body, there is one now.
    let origin = answering(Reply::with_headers(
        403,
        &[("x-amz-error-code", "ExpiredToken")],
        "",
    ));
    let nginx = plain(&origin);
    expect_hidden(&http::get(nginx.port(), "/key"), 403, "ExpiredToken");
}

#[test]
fn error_pages_come_first() {
    let origin = answering(Reply::with_headers(
        403,
        &[("x-amzn-ErrorType", "InvalidSignatureException")],
        mismatch(),
    ));
    let body = answering(Reply::new(403, mismatch()));
    let nginx = signing(
        origin.address(),
        "proxy_intercept_errors on;
         location / { error_page 403 = /page; proxy_pass http://{origin}; }
         location /login { error_page 403 http://login.test/; proxy_pass http://{origin}; }
         location /other { error_page 403 @other; proxy_pass http://{origin}; }
         location /as-ok { error_page 403 =200 @other; proxy_pass http://{origin}; }
         location /as-empty { error_page 403 =204 @other; proxy_pass http://{origin}; }
         location /unmatched { error_page 500 /page; proxy_pass http://{body}; }
         location @other { proxy_intercept_errors off; proxy_pass http://{body}; }
         location /page { aws_sign off; return 403 'the page'; }",
    )
    .var("body", body.address())
    .start();
    let get = |target: &str| http::get(nginx.port(), target);
    assert_eq!(get("/key").expect_status(403).text(), "the page");
    let login = get("/login").expect_status(302);
    assert_eq!(login.header("Location"), Some("http://login.test/"));
    assert!(login.text().contains("302 Found"), "{}", login.text());
    expect_hidden(&get("/unmatched"), 403, "SignatureDoesNotMatch");
    // What the page is made of may be refused itself; its status is the operator's.
    expect_hidden(&get("/other"), 403, "SignatureDoesNotMatch");
    expect_hidden(&get("/as-ok"), 200, "SignatureDoesNotMatch");
    // Nothing follows a head that has no body but the next answer.
    let mut connection = Connection::open(nginx.port());
    connection
        .send(&Request::get("/as-empty"))
        .expect_status(204);
    let next = connection.send(&Request::get("/key")).expect_status(403);
    assert_eq!(next.text(), "the page");
}

#[test]
fn a_cached_error_is_hidden_each_time_and_told_once() {
    let origin = RawOrigin::start(|request| match request.target().as_str() {
        "/long" => Reply::new(403, mismatch().replace("/key", &"/key".repeat(50_000))),
        "/missing" => Reply::new(403, xml("AccessDenied", &"<A>b</A>".repeat(10_000))),
        "/late" => Reply::new(403, format!("<Error>{}", "<A>b</A>".repeat(10_000))),
        _ => Reply::new(403, mismatch()),
    });
    let nginx = signing(
        origin.address(),
        "proxy_cache objects; proxy_cache_valid any 1h;
         add_header X-Cache $upstream_cache_status always;
         location / { proxy_pass http://{origin}; }
         location /head/ { proxy_cache_key head$uri; proxy_pass http://{origin}/; }
         location /off/ { aws_hide_auth_errors off; proxy_pass http://{origin}/; }",
    )
    .http("proxy_cache_path {dir}/cache keys_zone=objects:1m;")
    .start();
    for target in ["/key", "/long"] {
        for cache in ["MISS", "HIT", "HIT"] {
            let response = http::get(nginx.port(), target);
            expect_hidden(&response, 403, "SignatureDoesNotMatch");
            assert_eq!(response.header("X-Cache"), Some(cache));
        }
    }
    assert_eq!(lines(&nginx).len(), 2);
    assert_eq!(
        http::head(nginx.port(), "/head/key")
            .expect_status(403)
            .text(),
        ""
    );
    expect_hidden(
        &http::get(nginx.port(), "/head/key"),
        403,
        "SignatureDoesNotMatch",
    );
    assert_eq!(lines(&nginx).len(), 2, "nobody sees the body of a HEAD");

    for target in [
        "/missing",
        "/late",
        "/off/long",
        "/off/missing",
        "/off/late",
    ] {
        let fresh = http::get(nginx.port(), target).expect_status(403);
        assert!(fresh.body.len() > 70_000);
        for _ in 0..2 {
            let cached = http::get(nginx.port(), target).expect_status(403);
            assert_eq!(cached.header("X-Cache"), Some("HIT"));
            assert!(
                cached.body == fresh.body,
                "{target}: {} bytes",
                cached.body.len()
            );
        }
    }
}

#[test]
fn subrequests() {
    let origin = RawOrigin::start(|request| match request.target().as_str() {
        "/page" => Reply::with_headers(
            200,
            &[("Content-Type", "text/html")],
            "[<!--# include virtual=\"/signed/key\" -->|<!--# include virtual=\"/signed/missing\" -->]",
        ),
        "/missing" => Reply::new(404, xml("NoSuchKey", "")),
        "/moved" => Reply::with_headers(403, &[("X-Accel-Redirect", "/signed/key")], "moved"),
        _ => Reply::new(403, mismatch()),
    });
    let nginx = signing(
        origin.address(),
        "location /page { aws_sign off; ssi on; proxy_pass http://{origin}; }
         location /moved { proxy_pass http://{origin}; }
         location /signed/ { proxy_pass http://{origin}/; }
         location /before { add_before_body /signed/key; aws_sign off; default_type text/html; return 200 page; }
         location /guarded { auth_request /signed/key; aws_sign off; proxy_pass http://{origin}; }",
    )
    .start();
    let page = http::get(nginx.port(), "/page").expect_status(200).text();
    expect_no_secret(&page);
    let (hidden, passed) = page.split_once('|').expect("two includes");
    assert!(
        hidden.starts_with('[') && hidden.contains("Its error log tells why."),
        "{page}"
    );
    assert_eq!(passed, format!("{}]", xml("NoSuchKey", "")));
    assert_eq!(lines(&nginx).len(), 1);

    expect_hidden(
        &http::get(nginx.port(), "/moved"),
        403,
        "SignatureDoesNotMatch",
    );
    let guarded = http::get(nginx.port(), "/guarded")
        .expect_status(403)
        .text();
    expect_no_secret(&guarded);
    assert!(guarded.contains("403 Forbidden"), "{guarded}");
    let before = http::get(nginx.port(), "/before").expect_status(200).text();
    expect_no_secret(&before);
}

/// In a debug log the operator finds what to compare, without the token.
#[test]
fn a_debug_log_has_both_canonical_requests() {
    for body in [mismatch(), JSON_MISMATCH.to_owned()] {
        let origin = answering(Reply::new(403, body));
        let nginx = signing(
            origin.address(),
            "location / { proxy_pass http://{origin}; }",
        )
        .debug()
        .start();
        http::get(nginx.port(), "/key").expect_status(403);
        let log = nginx.debug_log();
        let own: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("aws_auth:"))
            .collect();
        let shown = |text: &str| own.iter().any(|line| line.contains(text));
        assert!(shown("aws_auth: canonical request: /key"), "{own:#?}");
        assert!(shown("the store's canonical request: host:"), "{own:#?}");
        assert!(
            shown("the store's canonical request: x-amz-security-token:***"),
            "{own:#?}"
        );
        assert!(!shown("TOKEN"), "{own:#?}");
        assert_eq!(lines(&nginx).len(), 1);
    }
}

#[test]
fn the_directive() {
    let dead = DeadPort::new();
    let conf = |server: &str| signing(format!("127.0.0.1:{}", dead.port()), server);
    conf("aws_hide_auth_errors yes; location / { proxy_pass http://{origin}; }")
        .check()
        .expect_refused(
            "\"aws_hide_auth_errors\" has the invalid value \"yes\": write \"on\" or \"off\"",
        );
    conf("aws_hide_auth_errors on; aws_hide_auth_errors on;")
        .check()
        .expect_refused("\"aws_hide_auth_errors\" is duplicate");

    let origin = answering(Reply::new(403, mismatch()));
    let nginx = signing(
        origin.address(),
        "aws_hide_auth_errors off;
         location / { proxy_pass http://{origin}; }
         location /on/ { aws_hide_auth_errors on; proxy_pass http://{origin}; }
         location /if/ {
             if ($arg_on) { aws_hide_auth_errors on; }
             proxy_pass http://{origin};
         }",
    )
    .start();
    for (target, hidden) in [
        ("/key", false),
        ("/on/key", true),
        ("/if/key", false),
        ("/if/key?on=1", true),
    ] {
        let response = http::get(nginx.port(), target).expect_status(403);
        assert_eq!(response.text() == mismatch(), !hidden, "{target}");
    }
}

/// What a real store says of another secret, and of a user that it does not know.
#[test]
fn swift_refuses_and_nobody_learns_why() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    swift.put("bucket", "key", "served");
    let nginx = Nginx::builder()
        .var("store", format!("127.0.0.1:{}", swift.port()))
        .server(
            "aws_region us-east-1; aws_s3_bucket bucket; aws_endpoint {store}; aws_addressing_style path;
             aws_sign on;
             aws_access_key test:tester; aws_secret_key wrong;
             location / { proxy_pass http://{store}; }
             location /user/ { aws_access_key test:nobody; aws_secret_key x; proxy_pass http://{store}/; }
             location /region/ { aws_region eu-west-1; proxy_pass http://{store}/; }
             location /off/ { aws_hide_auth_errors off; proxy_pass http://{store}/; }",
        )
        .start();
    for (target, status, code) in [
        ("/key", 403, "SignatureDoesNotMatch"),
        ("/user/key", 403, "SignatureDoesNotMatch"),
        ("/region/key", 400, "AuthorizationHeaderMalformed"),
    ] {
        let response = http::get(nginx.port(), target);
        expect_hidden(&response, status, code);
        assert!(!response.text().contains("test:"), "{}", response.text());
    }
    let told = lines(&nginx);
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(
        told[2].contains("it wants \"aws_region us-east-1\""),
        "{told:#?}"
    );
    let open = http::get(nginx.port(), "/off/key")
        .expect_status(403)
        .text();
    assert!(
        open.contains("SignatureDoesNotMatch") && !open.contains("Its error log"),
        "{open}"
    );
}

//! Errors and redirects whose bodies repeat a signature that stood in the query: no client reads it,
//! however it is encoded and wherever it stands, and no cache keeps it.

use nginx_tests::account::signing;
use nginx_tests::auth_error;
use nginx_tests::http::{self, Connection, Request, Response};
use nginx_tests::{Builder, RawOrigin, RawRequest, Reply, Style, parameter, wait_until};

const TOKEN: &str = "FwoGZXIv+token/token==";
const QUERY: [Style; 2] = [Style::Query, Style::QueryV2];
const MESSAGE: &str = "The response contained the signature that this server made, and was \
                       replaced.";

fn xml_escaped(text: &str) -> String {
    text.replace('&', "&amp;")
}

/// A 404 of S3.
fn missing(target: &str) -> String {
    let target = xml_escaped(target);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>\
         <Message>Gone.</Message><Resource>{target}</Resource></Error>"
    )
}

/// In HTTP's chunks of `size` bytes, so that the signature is in many.
fn in_chunks(status: u16, body: &str, size: usize) -> Reply {
    let mut wire = format!(
        "HTTP/1.1 {status} Reply\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    for chunk in body.as_bytes().chunks(size) {
        let chunk = String::from_utf8_lossy(chunk);
        wire.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
    }
    wire.push_str("0\r\n\r\n");
    Reply::raw(wire)
}

/// Answers as the first part of the path says, with the target in each body.
fn echo() -> RawOrigin {
    RawOrigin::start(|request: &RawRequest| {
        let target = request.target();
        let typed = |status, kind: &str, body: &str| {
            Reply::with_headers(status, &[("Content-Type", kind), ("ETag", "\"e\"")], body)
        };
        let token = parameter(request, "X-Amz-Security-Token").unwrap_or_default();
        let padding = |length| "x".repeat(length);
        match target[1..].split('/').next().unwrap_or_default() {
            "missing" => typed(404, "application/xml", &missing(&target)),
            "moved" => typed(
                307,
                "text/html",
                &format!(
                    "<a href=\"https://elsewhere.example{}\">here</a>",
                    xml_escaped(&target)
                ),
            ),
            "json" => typed(
                400,
                "application/json",
                &format!(
                    "{{\"url\":\"{}\"}}",
                    target.replace('&', "\\u0026").replace('/', "\\/")
                ),
            ),
            "failed" => typed(
                500,
                "text/plain",
                &target.replace('%', "%25").replace('=', "%3D"),
            ),
            "token" => typed(403, "text/plain", &format!("the token {token} is odd")),
            "chunks" => in_chunks(404, &missing(&target), 7),
            "late" => typed(
                404,
                "text/plain",
                &(padding(40_000) + &target + &padding(20_000)),
            ),
            "long" => typed(404, "text/plain", &padding(70_000)),
            "packed" => Reply::with_headers(
                404,
                &[
                    ("Content-Type", "application/xml"),
                    ("Content-Encoding", "gzip"),
                ],
                "not to be read",
            ),
            "refused" => typed(403, "application/xml", &auth_error::mismatch()),
            "clean" => typed(404, "text/plain", &padding(60_000)),
            "endless" => Reply::raw("HTTP/1.1 404 Gone\r\n\r\nuntil the end"),
            "empty" => typed(404, "text/plain", ""),
            "chunked" => in_chunks(404, "<Error><Code>NoSuchKey</Code></Error>", 5),
            _ => typed(200, "text/plain", &target),
        }
    })
}

fn nginx(origin: &RawOrigin, style: Style, more: &str) -> Builder {
    signing(
        origin.address(),
        &format!(
            "aws_session_token {TOKEN}; aws_sign on; {} proxy_http_version 1.1; {more}
             location / {{ proxy_pass http://{{origin}}; }}
             location /cached/ {{
                 proxy_cache cache; proxy_cache_valid any 1h; proxy_cache_key $uri;
                 add_header X-Cache $upstream_cache_status always;
                 proxy_pass http://{{origin}}/;
             }}",
            style.directives()
        ),
    )
    .http("proxy_cache_path {dir}/cache keys_zone=cache:1m;")
}

/// Neither the signature nor the token of `request` stands in the body, as it was sent or decoded.
#[track_caller]
fn expect_clean(response: &Response, request: &RawRequest) {
    let body = response.text();
    let signature = parameter(request, "X-Amz-Signature")
        .or_else(|| parameter(request, "Signature"))
        .expect("a signature");
    let target = request.target();
    let (_, sent) = target.rsplit_once('=').expect("a signature");
    for secret in [&signature, sent, TOKEN, "FwoGZXIv"] {
        assert!(!body.contains(secret), "{secret}\n{body}");
    }
}

/// Each way in which nginx hands bodies on.
const WAYS: [&str; 3] = [
    "",
    "proxy_buffering off;",
    "proxy_buffer_size 4k; proxy_buffers 8 4k; gzip on; gzip_types *; gzip_proxied any;",
];

#[test]
fn no_body_of_an_error_or_a_redirect_repeats_the_signature() {
    for style in QUERY {
        for way in WAYS {
            let origin = echo();
            let nginx = nginx(&origin, style, way).start();
            for (kind, status, content_type) in [
                ("missing", 404, "application/xml"),
                ("moved", 307, "text/plain"),
                ("json", 400, "application/json"),
                ("failed", 500, "text/plain"),
                ("token", 403, "text/plain"),
                ("chunks", 404, "application/xml"),
                ("late", 404, "text/plain"),
                ("long", 404, "text/plain"),
                ("packed", 404, "application/xml"),
            ] {
                let response = http::get(nginx.port(), format!("/{kind}/key?versionId=1"));
                let response = response.expect_status(status);
                expect_clean(&response, &origin.requests().pop().expect("a request"));
                let text = response.text();
                assert!(text.contains(MESSAGE), "{style:?} {way} {kind}: {text}");
                assert!(!text.contains("not to be read"));
                assert_eq!(
                    response.header("Content-Type"),
                    Some(content_type),
                    "{kind}"
                );
                assert_eq!(response.header("Content-Encoding"), None);
                assert_eq!(response.header("ETag"), None);
                let coded = matches!(kind, "missing" | "chunks");
                assert_eq!(text.contains("<Code>NoSuchKey</Code>"), coded, "{text}");
            }
        }
    }
}

#[test]
fn other_bodies_pass_byte_for_byte() {
    for way in &WAYS[..2] {
        let origin = echo();
        let nginx = nginx(&origin, Style::Query, way).start();
        let get = |target: &str| http::get(nginx.port(), target);

        let clean = get("/clean/key").expect_status(404);
        assert_eq!(clean.body, vec![b'x'; 60_000]);
        assert_eq!(clean.header("ETag"), Some("\"e\""));
        assert_eq!(clean.header("Content-Length"), Some("60000"));
        assert_eq!(get("/empty/key").expect_status(404).body, b"");
        let chunked = get("/chunked/key").expect_status(404);
        assert_eq!(chunked.text(), "<Error><Code>NoSuchKey</Code></Error>");
        // Of a response that is no error nothing is held back.
        let served = get("/served/key").expect_status(200);
        assert!(served.text().contains("Signature="), "{}", served.text());
        let head = http::head(nginx.port(), "/missing/key").expect_status(404);
        assert!(head.header("Content-Length").is_some());
    }
    // A signature in headers is repeated by nobody, and nothing is searched for it.
    let origin = echo();
    let nginx = nginx(&origin, Style::Headers, "").start();
    let long = http::get(nginx.port(), "/long/key").expect_status(404);
    assert_eq!(long.body.len(), 70_000);
}

/// The connection goes on: what was announced is what was sent.
#[test]
fn several_on_one_connection() {
    let origin = echo();
    let nginx = nginx(&origin, Style::Query, "").start();
    let mut connection = Connection::open(nginx.port());
    for (target, status) in [
        ("/missing/a", 404),
        ("/clean/a", 404),
        ("/packed/a", 404),
        ("/served/a", 200),
        ("/chunks/a", 404),
        ("/long/a", 404),
    ] {
        assert_eq!(connection.send(&Request::get(target)).status, status);
    }
}

/// Errors about the signature itself are recognized, even if clients may read such errors.
#[test]
fn authentication_errors() {
    let origin = echo();
    let nginx = nginx(
        &origin,
        Style::Query,
        "location /shown/ { aws_hide_auth_errors off; proxy_pass http://{origin}/; }",
    )
    .start();
    let refused = http::get(nginx.port(), "/refused/key").expect_status(403);
    assert!(
        refused
            .text()
            .contains("<Code>SignatureDoesNotMatch</Code>")
    );
    assert!(refused.text().len() < 300, "{}", refused.text());
    let shown = http::get(nginx.port(), "/shown/refused/key").expect_status(403);
    assert_eq!(shown.text(), auth_error::mismatch());
    let echoed = http::get(nginx.port(), "/shown/missing/key").expect_status(404);
    assert!(echoed.text().contains(MESSAGE));
    assert_eq!(
        nginx.error_log().matches("the upstream rejected").count(),
        2
    );
}

#[test]
fn no_cache_keeps_such_a_body() {
    for style in QUERY {
        let origin = echo();
        let nginx = nginx(&origin, style, "").start();
        for (count, kind) in ["missing", "chunks", "failed", "packed", "long"]
            .iter()
            .enumerate()
        {
            let target = format!("/cached/{kind}/key");
            // nginx asks for the body that this client does not get.
            http::head(nginx.port(), &target);
            for _ in 0..2 {
                let response = http::get(nginx.port(), &target);
                assert_eq!(response.header("X-Cache"), Some("MISS"), "{kind}");
                expect_clean(&response, &origin.requests().pop().expect("a request"));
            }
            assert_eq!(origin.requests().len(), 3 * (count + 1));
        }
    }
}

/// What repeats nothing is cached as any other error is, once the whole body has been seen.
#[test]
fn other_errors_are_cached() {
    let origin = echo();
    let nginx = nginx(&origin, Style::Query, "").start();
    for (count, kind) in ["clean", "empty", "chunked"].iter().enumerate() {
        let target = format!("/cached/{kind}/key");
        let first = http::get(nginx.port(), &target).expect_status(404);
        assert_eq!(first.header("X-Cache"), Some("MISS"), "{kind}");
        for _ in 0..2 {
            let cached = http::get(nginx.port(), &target).expect_status(404);
            assert_eq!(cached.header("X-Cache"), Some("HIT"), "{kind}");
            assert!(cached.body == first.body, "{kind}");
        }
        assert_eq!(origin.requests().len(), count + 1);
    }
    // Without an announced end, a body that has broken off looks like one that is complete.
    for _ in 0..2 {
        let response = http::get(nginx.port(), "/cached/endless/key").expect_status(404);
        assert_eq!(response.header("X-Cache"), Some("MISS"));
        assert_eq!(response.text(), "until the end");
    }
}

/// nginx goes on filling its cache where a client has left.
#[test]
fn no_cache_keeps_a_body_whose_client_has_left() {
    let origin = echo();
    let nginx = nginx(&origin, Style::Query, "").start();
    for _ in 0..3 {
        let before = origin.requests().len();
        let mut client = Connection::open(nginx.port());
        client
            .write(&Request::get("/cached/late/key").to_bytes())
            .expect("nginx reads");
        drop(client);
        wait_until("it has been sent", || origin.requests().len() > before);
    }
    let response = http::get(nginx.port(), "/cached/late/key");
    assert_eq!(response.header("X-Cache"), Some("MISS"));
    expect_clean(&response, &origin.requests().pop().expect("a request"));
}

//! A signature in the query is valid for anyone who reads it: no log, no variable and no header of
//! a response shows it.

use nginx_tests::account::signing;
use nginx_tests::http::{self, Request, Response};
use nginx_tests::{Builder, DeadPort, Nginx, RawOrigin, RawRequest, Reply, Style, parameter};

const TOKEN: &str = "FwoGZXIvtokentokentoken";
const QUERY: [Style; 2] = [Style::Query, Style::QueryV2];

/// The signature of a request, as it was sent and decoded.
#[track_caller]
fn signatures(request: &RawRequest) -> Vec<String> {
    let decoded = parameter(request, "X-Amz-Signature")
        .or_else(|| parameter(request, "Signature"))
        .expect("a signature");
    let target = request.target();
    let (_, sent) = target.rsplit_once('=').expect("a signature");
    assert!(sent.len() >= 28, "{sent}");
    vec![decoded, sent.to_owned(), TOKEN.to_owned()]
}

#[track_caller]
fn expect_none_in(text: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{secret}\n{text}");
    }
}

/// Answers with the whole target in headers that lead somewhere, and keeps it from nobody.
fn echo() -> RawOrigin {
    RawOrigin::start(|request| {
        let target = request.target();
        let location = format!("https://elsewhere.example{target}");
        let (status, location) = match request.target() {
            target if target.starts_with("/foreign") => (
                302,
                "https://other.example/k?X-Amz-Credential=theirs&X-Amz-Expires=900\
                 &X-Amz-Signature=0123456789&x=%2F"
                    .to_owned(),
            ),
            target if target.starts_with("/ok") => (200, location),
            target if target.starts_with("/relative") => (301, target.to_string()),
            _ => (307, location),
        };
        let (_, query) = target.split_once('?').unwrap_or_default();
        let nested = query
            .replace('%', "%25")
            .replace('&', "%26")
            .replace('=', "%3D");
        Reply::with_headers(
            status,
            &[
                ("Location", &location),
                ("Content-Location", &target),
                (
                    "Refresh",
                    &format!("5; url=http://elsewhere.example{target}#top"),
                ),
                (
                    "Link",
                    &format!("<{target}>; rel=\"next\", </x?y=1>; rel=\"prev\""),
                ),
                ("X-Nested", &format!("/login?to={nested}&x=2")),
            ],
            "answered",
        )
    })
}

fn nginx(origin: &RawOrigin, style: Style) -> Builder {
    signing(
        origin.address(),
        &format!(
            "aws_session_token {TOKEN}; aws_sign on; {}
             access_log {{dir}}/all.log all;
             location / {{ proxy_pass http://{{origin}}; }}
             location /redirect/ {{
                 proxy_redirect https://elsewhere.example/ http://public.example/;
                 proxy_pass http://{{origin}}/;
             }}
             location /cached/ {{
                 proxy_cache cache; proxy_cache_valid any 1h;
                 add_header X-Cache $upstream_cache_status always;
                 proxy_pass http://{{origin}}/;
             }}
             location /intercepted/ {{
                 proxy_intercept_errors on; error_page 307 = /moved;
                 proxy_pass http://{{origin}}/;
             }}
             location = /moved {{ return 302 $upstream_http_location; }}",
            style.directives()
        ),
    )
    .http(
        "proxy_cache_path {dir}/cache keys_zone=cache:1m;
         log_format all '$request $uri $args $request_uri $proxy_host $upstream_addr '
             '$upstream_http_location $sent_http_location $upstream_http_refresh '
             '$sent_http_content_location $upstream_http_link $upstream_http_x_nested';",
    )
}

const ECHOING: [&str; 5] = [
    "Location",
    "Content-Location",
    "Refresh",
    "Link",
    "X-Nested",
];

#[track_caller]
fn expect_clean(response: &Response, request: &RawRequest) {
    let head: Vec<String> = ECHOING
        .iter()
        .filter_map(|name| response.header(name).map(str::to_owned))
        .collect();
    expect_none_in(&head.join("\n"), &signatures(request));
}

#[test]
fn no_answer_repeats_the_signature() {
    for style in QUERY {
        let origin = echo();
        let nginx = nginx(&origin, style).start();
        let port = nginx.port();
        let last = || origin.requests().pop().expect("a request");

        let response = http::get(port, "/key?versionId=3&x=1").expect_status(307);
        expect_clean(&response, &last());
        let path = "/key?versionId=3&x=1";
        for (name, value) in [
            ("Location", format!("https://elsewhere.example{path}")),
            ("Content-Location", path.to_owned()),
            (
                "Refresh",
                format!("5; url=http://elsewhere.example{path}#top"),
            ),
            (
                "Link",
                format!("<{path}>; rel=\"next\", </x?y=1>; rel=\"prev\""),
            ),
        ] {
            assert_eq!(response.header(name), Some(&*value), "{style:?}");
        }
        let response = http::get(port, "/key").expect_status(307);
        expect_clean(&response, &last());
        assert_eq!(
            response.header("Location"),
            Some("https://elsewhere.example/key")
        );

        for (target, status, location) in [
            ("/redirect/key?x=1", 307, "http://public.example/key?x=1"),
            ("/ok", 200, "https://elsewhere.example/ok"),
            (
                "/intercepted/key?x=1",
                302,
                "https://elsewhere.example/key?x=1",
            ),
        ] {
            let response = http::get(port, target).expect_status(status);
            expect_clean(&response, &last());
            assert_eq!(response.header("Location"), Some(location), "{target}");
            let response = http::head(port, target).expect_status(status);
            expect_clean(&response, &last());
        }
        let response = http::get(port, "/relative?x=1").expect_status(301);
        expect_clean(&response, &last());
        let location = response.header("Location").expect("a location");
        assert!(location.ends_with("/relative?x=1"), "{location}");

        let log = nginx.read("all.log");
        assert!(
            log.contains("https://elsewhere.example/key?versionId=3&x=1"),
            "{log}"
        );
        for request in origin.requests() {
            expect_none_in(&log, &signatures(&request));
        }
    }
}

/// A service that redirects to a presigned URL means it.
#[test]
fn another_ones_signature_is_not_touched() {
    for style in QUERY {
        let origin = echo();
        let nginx = nginx(&origin, style).start();
        let response = http::get(nginx.port(), "/foreign").expect_status(302);
        let location = "https://other.example/k?X-Amz-Credential=theirs&X-Amz-Expires=900\
                        &X-Amz-Signature=0123456789&x=%2F";
        assert_eq!(response.header("Location"), Some(location));
    }
    // What a client has signed itself, and we have not.
    let origin = echo();
    let nginx = signing(
        origin.address(),
        "location / { proxy_pass http://{origin}; }",
    )
    .start();
    let target = "/key?X-Amz-Signature=0123456789abcdef";
    let response = http::get(nginx.port(), target).expect_status(307);
    let location = format!("https://elsewhere.example{target}");
    assert_eq!(response.header("Location"), Some(&*location));
}

/// The cache keeps the object store's own bytes.
#[test]
fn no_cache_keeps_the_signature() {
    for style in QUERY {
        let origin = echo();
        let nginx = nginx(&origin, style).start();
        for count in 1..=3 {
            let response = http::get(nginx.port(), "/cached/key?x=1").expect_status(307);
            assert_eq!(response.header("X-Cache"), Some("MISS"), "{style:?}");
            let requests = origin.requests();
            assert_eq!(requests.len(), count);
            expect_clean(&response, &requests[count - 1]);
        }
    }
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(&origin, Style::Query).start();
    for cache in ["MISS", "HIT", "HIT"] {
        let response = http::get(nginx.port(), "/cached/key").expect_status(200);
        assert_eq!(response.header("X-Cache"), Some(cache));
    }
}

/// Bodies that are sent while they come in, whose buffers nginx uses again.
#[test]
fn an_unbuffered_upload() {
    for style in QUERY {
        let origin = echo();
        let nginx = signing(
            origin.address(),
            &format!(
                "aws_session_token {TOKEN}; aws_sign on; aws_sign_methods PUT; {}
                 location / {{
                     proxy_request_buffering off; client_max_body_size 0;
                     proxy_http_version 1.1; proxy_pass http://{{origin}};
                 }}",
                style.directives()
            ),
        )
        .start();
        let put = Request::new("PUT", "/key?x=1").body(vec![b'x'; 500_000]);
        let response = put.send(nginx.port()).expect_status(307);
        expect_clean(&response, &origin.only_request());
        let location = response.header("Location");
        assert_eq!(location, Some("https://elsewhere.example/key?x=1"));
    }
}

/// Neither of requests that go well nor of those that fail, also in a debug log.
#[test]
fn no_log_holds_the_signature() {
    for style in Style::ALL {
        let origin = RawOrigin::start(|request| match request.target() {
            target if target.starts_with("/closed") => Reply::close(),
            target if target.starts_with("/missing") => Reply::new(404, "missing"),
            _ => Reply::new(200, "served"),
        });
        let dead = DeadPort::new();
        let nginx = signing(
            origin.address(),
            &format!(
                "aws_session_token {TOKEN}; aws_sign on; {}
                 location / {{ proxy_pass http://{{origin}}; }}
                 location /dead/ {{ proxy_pass http://127.0.0.1:{}; }}",
                style.directives(),
                dead.port()
            ),
        )
        .debug()
        .start();
        for (target, status) in [
            ("/key?x=1", 200),
            ("/missing", 404),
            ("/closed?x=1", 502),
            ("/dead/key", 502),
        ] {
            http::get(nginx.port(), target).expect_status(status);
        }
        let logs = logs(&nginx);
        for request in origin.requests() {
            style.expect_signed(&request);
            let authorization = request.header("Authorization").unwrap_or_default();
            let secrets = match style {
                Style::Query | Style::QueryV2 => signatures(&request),
                Style::Headers => vec![behind(&authorization, "Signature=")],
                Style::HeadersV2 => vec![behind(&authorization, "AWS AKIDEXAMPLE:")],
            };
            expect_none_in(&logs, &secrets);
            expect_none_in(&logs, &[TOKEN.to_owned()]);
        }
        let said = match style {
            Style::Headers | Style::Query => "canonical request: GET",
            Style::HeadersV2 | Style::QueryV2 => "string to sign: GET",
        };
        assert!(logs.contains(said), "{logs}");
        // Once in the canonical headers or query, or in the string to sign.
        assert!(
            logs.to_lowercase().contains("x-amz-security-token"),
            "{logs}"
        );
    }
}

#[track_caller]
fn behind(text: &str, start: &str) -> String {
    text.split_once(start).expect(start).1.to_owned()
}

fn logs(nginx: &Nginx) -> String {
    [nginx.debug_log(), nginx.error_log(), nginx.access_log()].concat()
}

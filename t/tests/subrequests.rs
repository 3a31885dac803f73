//! Subrequests into a signed location: they are signed as what they are, whatever request they
//! belong to, and no body of that request goes with them.
//!
//! The directives that name a subrequest's path take it decoded; SSI takes it encoded.

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed, object_store_with, signing};
use nginx_tests::http::{self, Connection, Request};
use nginx_tests::{Builder, Nginx, Origin, RawOrigin, Reply, wait_until};

const PAGE: &str = r#"<!--# include virtual="/signed/two%20words" --> and <!--# include virtual="/signed/two%20words?x-id=GetObject" -->"#;

/// A signed location `/signed/` that only nginx itself can reach.
fn into_signed(origin: &Origin, server: &str) -> Builder {
    let signed = "location /signed/ { internal; aws_sign; proxy_pass http://{origin}/; }";
    signing(origin.address(), &format!("{signed}\n{server}"))
}

/// Requests of every kind whose bodies subrequests could take along.
fn requests(target: &str) -> Vec<Request> {
    let post = || Request::new("POST", target);
    vec![
        Request::get(target),
        post().body("a"),
        post().body("b".repeat(100_000)),
        post().chunks(["c".repeat(20_000), "d".to_owned()]),
        Request::new("PUT", target).body("e".repeat(20_000)),
        Request::new("DELETE", target),
    ]
}

#[track_caller]
fn expect_gets(origin: &Origin, line: &str, count: usize) {
    let requests = origin.requests();
    assert_eq!(requests.len(), count);
    for request in requests {
        assert_eq!(request.line(), line);
        assert_eq!(request.status, Some(200));
        for name in ["Content-Length", "Transfer-Encoding"] {
            assert_eq!(request.header(name), None, "{name}");
        }
    }
}

#[test]
fn auth_request_into_a_signed_location() {
    for body in [
        "",
        "proxy_pass_request_body off; proxy_set_header Content-Length \"\";",
    ] {
        let origin = object_store_with(&[("two words", "hello"), ("page.html", PAGE)]);
        let application = RawOrigin::with_body("served");
        let nginx = into_signed(
            &origin,
            &format!(
                "location / {{
                     auth_request \"/auth/two words\";
                     client_max_body_size 1m;
                     proxy_pass http://{{application}};
                 }}
                 location /refused {{ auth_request /auth/missing; proxy_pass http://{{application}}; }}
                 location /unbuffered {{
                     auth_request \"/auth/two words\";
                     proxy_http_version 1.1;
                     proxy_request_buffering off;
                     proxy_pass http://{{application}};
                 }}
                 location /auth/ {{ internal; aws_sign; {body} proxy_pass http://{{origin}}/; }}"
            ),
        )
        .var("application", application.address())
        .start();

        let mut count = 0;
        for target in ["/", "/unbuffered"] {
            for request in requests(target) {
                let mut connection = Connection::open(nginx.port());
                let response = connection.send(&request).expect_status(200);
                assert_eq!(response.text(), "served");
                count += 1;
            }
        }
        expect_gets(&origin, "GET /two%20words HTTP/1.0", count);
        // The body is the application's, and whole.
        let mut lengths: Vec<usize> = application
            .requests()
            .iter()
            .map(|r| r.body.len())
            .collect();
        lengths.sort_unstable();
        assert!(lengths.ends_with(&[100_000, 100_000]), "{lengths:?}");

        // The object store's 404 is auth_request's 500, as without us.
        http::get(nginx.port(), "/refused").expect_status(500);
    }
}

#[test]
fn mirror_into_a_signed_location() {
    let origin = object_store_with(&[("two words", "hello"), ("page.html", PAGE)]);
    let application = RawOrigin::with_body("served");
    let nginx = into_signed(
        &origin,
        "location / { mirror \"/signed/two words\"; proxy_pass http://{application}; }",
    )
    .var("application", application.address())
    .start();

    // A mirrored request has its parent's method: GET is signed, what is not signed goes nowhere.
    for request in requests("/") {
        let response = request.send(nginx.port()).expect_status(200);
        assert_eq!(response.text(), "served");
    }
    let requests = application.requests();
    assert_eq!(requests.len(), 6);
    wait_until("the mirrored request has arrived", || {
        origin.requests().iter().any(|r| r.status.is_some())
    });
    expect_gets(&origin, "GET /two%20words HTTP/1.0", 1);
}

#[test]
fn server_side_includes_of_signed_objects() {
    let origin = object_store_with(&[("two words", "hello"), ("page.html", PAGE)]);
    let nginx = into_signed(
        &origin,
        "location / {
             ssi on;
             ssi_types text/plain application/octet-stream;
             root {dir}/www;
         }
         location /both/ {
             ssi on;
             ssi_types *;
             proxy_set_header Accept-Encoding \"\";
             aws_sign;
             proxy_pass http://{origin}/;
         }",
    )
    .file("www/page.html", PAGE)
    .start();

    for target in ["/page.html", "/both/page.html"] {
        let response = http::get(nginx.port(), target).expect_status(200);
        assert_eq!(response.text(), "hello and hello", "{target}");
    }
    let mut lines: Vec<String> = origin.requests().iter().map(|r| r.line()).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "GET /page.html HTTP/1.0",
            "GET /two%20words HTTP/1.0",
            "GET /two%20words HTTP/1.0",
            "GET /two%20words?x-id=GetObject HTTP/1.0",
            "GET /two%20words?x-id=GetObject HTTP/1.0",
        ]
    );
}

// A page that is the response to a POST includes objects by GET.
#[test]
fn includes_in_the_response_to_a_post() {
    let origin = object_store_with(&[("two words", "hello"), ("page.html", PAGE)]);
    let application =
        RawOrigin::start(|_| Reply::with_headers(200, &[("Content-Type", "text/html")], PAGE));
    let nginx = into_signed(
        &origin,
        "location / { ssi on; proxy_pass http://{application}; }
         location /unbuffered {
             ssi on;
             proxy_request_buffering off;
             proxy_pass http://{application};
         }",
    )
    .var("application", application.address())
    .start();
    for target in ["/", "/unbuffered"] {
        for request in requests(target) {
            let response = request.send(nginx.port()).expect_status(200);
            assert_eq!(response.text(), "hello and hello");
        }
    }
    for request in origin.requests() {
        assert_eq!(request.method(), "GET");
        assert_eq!(request.header("Content-Length"), None);
    }
    assert_eq!(origin.requests().len(), 4 * 6);
}

#[test]
fn additions_of_signed_objects() {
    let origin = object_store_with(&[("two words", "hello"), ("page.html", PAGE)]);
    let nginx = into_signed(
        &origin,
        "location / {
             default_type text/html;
             add_before_body \"/signed/two words\";
             add_after_body \"/signed/two words\";
             root {dir}/www;
         }",
    )
    .file("www/page.html", ", ")
    .start();
    let response = http::get(nginx.port(), "/page.html").expect_status(200);
    assert_eq!(response.text(), "hello, hello");
}

// The header of one request does not stay with the next: what auth_request found is passed on by
// the operator, into a request that is signed with it.
#[test]
fn a_subrequests_result_in_a_signed_request() {
    let origin = RawOrigin::with_body("hello");
    let application =
        RawOrigin::start(|_| Reply::with_headers(200, &[("X-Tenant", "tenant-1")], ""));
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .var("application", application.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_endpoint s3.example.test;
             location = /auth {{ internal; proxy_pass http://{{application}}; }}
             location / {{
                 auth_request /auth;
                 auth_request_set $tenant $upstream_http_x_tenant;
                 aws_s3_bucket $tenant;
                 proxy_set_header X-Amz-Meta-Tenant $tenant;
                 aws_sign;
                 proxy_pass http://{{origin}};
             }}"
        ))
        .start();
    http::get(nginx.port(), "/key").expect_status(200);
    let request = origin.only_request();
    expect_signed(&request);
    assert_eq!(
        request.header("Host").as_deref(),
        Some("tenant-1.s3.example.test")
    );
    let authorization = request.header("Authorization").unwrap();
    assert!(
        authorization.contains(";x-amz-meta-tenant"),
        "{authorization}"
    );
    assert_eq!(application.only_request().header("Authorization"), None);
}

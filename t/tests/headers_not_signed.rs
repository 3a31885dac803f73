//! Mistakes that are told in one line: headers that an upstream wants signed, and a service that a
//! variable leaves empty.

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, signing};
use nginx_tests::http::{self, Request};
use nginx_tests::{Nginx, RawOrigin, Reply};

const BODY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code>\
    <Message>There were headers present in the request which were not signed</Message>\
    <HeadersNotSigned>content-language, x-other</HeadersNotSigned><RequestId>R</RequestId></Error>";

#[test]
fn headers_that_must_be_signed_are_named() {
    for (hide, shown) in [("on", false), ("off", true)] {
        let origin = RawOrigin::start(|_| Reply::new(403, BODY));
        let server = format!(
            "aws_hide_auth_errors {hide}; location / {{ aws_sign on; proxy_pass http://{{origin}}; }}"
        );
        let nginx = signing(origin.address(), &server).start();
        let response = http::get(nginx.port(), "/key").expect_status(403);
        assert_eq!(
            response.text().contains("content-language"),
            shown,
            "{hide}"
        );
        assert!(response.text().contains("AccessDenied"), "{hide}");
        let lines = nginx.own_lines();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(
            lines[0].contains(
                "to be signed: content-language, x-other; list them in \"aws_signed_headers\""
            ),
            "{lines:#?}"
        );
    }
}

/// Other denials are the client's, and no line is about them.
#[test]
fn other_denials_pass() {
    let denial = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let origin = RawOrigin::start(move |_| Reply::new(403, denial));
    let nginx = signing(
        origin.address(),
        "location / { aws_sign on; proxy_pass http://{origin}; }",
    )
    .start();
    let response = http::get(nginx.port(), "/key").expect_status(403);
    assert_eq!(response.text(), denial);
    assert_eq!(nginx.own_lines(), [""; 0]);
}

#[test]
fn an_empty_service_is_one_error_with_and_without_a_body() {
    let origin = RawOrigin::with_body("");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "ignore_invalid_headers off; {SECRET_KEY_DIRECTIVES}
             aws_sign on; aws_sign_methods GET PUT; aws_service $arg_service;
             location / {{ proxy_pass http://{{origin}}; }}
             location /streamed/ {{ proxy_request_buffering off; proxy_pass http://{{origin}}; }}"
        ))
        .start();
    for path in ["/key", "/streamed/key"] {
        for request in [
            Request::get(path),
            Request::new("PUT", path),
            Request::new("PUT", path).body("body"),
            Request::new("PUT", path).chunks(["body"]),
        ] {
            let before = nginx.own_lines().len();
            request.send(nginx.port()).expect_status(502);
            let added = nginx.own_lines().split_off(before);
            assert_eq!(added.len(), 1, "{added:#?}");
            assert!(added[0].contains("\"aws_service\""), "{}", added[0]);
        }
    }
    assert_eq!(origin.connections(), 0);
}

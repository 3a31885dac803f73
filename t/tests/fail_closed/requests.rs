//! Nothing leaves unsigned: whatever goes wrong between nginx's serialized request and its
//! signature, the origin sees no connection, the client a clear status, the operator one line.
//!
//! HTTP/2 to the upstream needs an nginx of 1.29.4 or later: crate `aws-sealing` tests that step,
//! too.

use std::time::Duration;

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::{self, Request};
use nginx_tests::precondition::nginx_is_at_least;
use nginx_tests::{Builder, Nginx, RawOrigin, nginx_version};

fn nginx(origin: &RawOrigin, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} location = /works {{ aws_sign on; proxy_pass http://{{origin}}; }}\n{server}"
        ))
}

/// The request is rejected with `status` and one log line that holds `reason`; nothing reaches the
/// origin; then the same worker serves another request.
#[track_caller]
fn expect_refused(server: &str, request: Request, status: u16, reason: &str) {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(&origin, server).start();
    let workers = nginx.workers();

    request.send(nginx.port()).expect_status(status);
    assert_eq!(origin.connections(), 0, "{:#?}", origin.requests());
    let lines = nginx.own_request_lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains(" [error] "), "{lines:#?}");
    assert!(lines[0].contains(reason), "{lines:#?}");

    http::get(nginx.port(), "/works").expect_status(200);
    expect_signed(&origin.only_request());
    assert_eq!(nginx.workers(), workers);
}

#[test]
fn without_credentials_the_response_is_503() {
    let origin = RawOrigin::with_body("served");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server("aws_sign on; location / { proxy_pass http://{origin}; }")
        .start();

    http::get(nginx.port(), "/").expect_status(503);
    assert_eq!(origin.connections(), 0);
    let lines = nginx.own_request_lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        lines[0].contains(
            "the request cannot be signed: there are no credentials: add \
                       \"aws_access_key\""
        ),
        "{lines:#?}"
    );
}

/// prepare lets it through, since a cached object needs no credentials; seal rejects it.
#[test]
fn without_credentials_a_cache_miss_is_502() {
    let origin = RawOrigin::with_body("served");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http("proxy_cache_path {dir}/cache keys_zone=objects:1m;")
        .server(
            "aws_sign on;
             location / { proxy_cache objects; proxy_cache_valid 1h; proxy_pass http://{origin}; }",
        )
        .start();

    for target in ["/a", "/b", "/a"] {
        http::get(nginx.port(), target).expect_status(502);
    }
    assert_eq!(origin.connections(), 0);
    let lines = nginx.own_request_lines();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let reason = "the request is not sent, since it cannot be signed: there are no credentials";
    assert!(lines.iter().all(|line| line.contains(reason)), "{lines:#?}");
}

/// `$uri` is decoded: a line break in it would end the request line, and what follows would be a
/// header that we then sign.
#[test]
fn a_control_byte_in_the_target_is_rejected() {
    for (encoded, shown) in [
        ("%0d%0aX-Amz-Acl:%20public-read", "0x0d"),
        ("%0aX-Amz-Acl:%20public-read", "0x0a"),
        ("%0d", "0x0d"),
        ("%09", "0x09"),
        ("%01", "0x01"),
        ("%7f", "0x7f"),
    ] {
        expect_refused(
            "location / { aws_sign on; proxy_pass http://{origin}$uri; }",
            Request::get(format!("/key{encoded}")),
            502,
            &format!("control byte {shown} in the request target (a decoded $uri in proxy_pass?)"),
        );
    }
}

/// The same in what `rewrite` and captures make of the URI.
#[test]
fn a_control_byte_in_a_rewritten_target_is_rejected() {
    for server in [
        "location ~ ^/files/([^/]*) { aws_sign on; proxy_pass http://{origin}/$1; }",
        "location /files/ { set $key $uri; aws_sign on; proxy_pass http://{origin}/b?prefix=$key; }",
    ] {
        expect_refused(
            server,
            Request::get("/files/a%0d%0aX-Amz-Acl:%20public-read"),
            502,
            "control byte 0x0d",
        );
    }
}

#[test]
fn a_bare_line_break_in_a_header_is_rejected() {
    for encoded in ["%0a", "%0d", "%0aX-Amz-Acl:%20public-read", "%0d%0aend"] {
        expect_refused(
            "location / {
                aws_sign on; proxy_set_header X-Path $uri; proxy_pass http://{origin};
            }",
            Request::get(format!("/key{encoded}")),
            502,
            "is malformed (a decoded variable in proxy_set_header?)",
        );
    }
}

/// A second request smuggled after an injected empty line.
#[test]
fn an_injected_end_of_the_head_is_rejected() {
    expect_refused(
        "location / { aws_sign on; proxy_set_header X-Path $uri; proxy_pass http://{origin}; }",
        Request::get("/key%0d%0a%0d%0aDELETE%20/other%20HTTP/1.1%0d%0aHost:%20h"),
        502,
        "unannounced bytes follow the request head (a decoded variable in proxy_set_header?)",
    );
}

/// Whole header lines, which no parser could tell from the operator's.
#[test]
fn an_injected_header_is_rejected() {
    for header in [
        "X-Amz-Acl:%20public-read",
        "x%2Damz-tagging:a",
        "X-Other:%20a%0d%0aX-B:%20c",
    ] {
        for server in [
            "location / { aws_sign on; proxy_set_header X-Path $uri; proxy_pass http://{origin}; }",
            "location ~ /key([^/]*) {
                 aws_sign on; proxy_set_header X-Path \"/$1\"; proxy_pass http://{origin};
             }",
            "location ~ /key(?<key>[^/]*) {
                 rewrite ^ /other break;
                 aws_sign on; proxy_set_header X-Path \"/$key\"; proxy_pass http://{origin};
             }",
        ] {
            expect_refused(
                server,
                Request::get(format!("/key%0d%0a{header}")),
                502,
                "is neither configured nor sent by the client (a line break in a variable of \"proxy_set_header\"?)",
            );
        }
    }
}

/// As long as it stays in the target, a line break is part of a key like any other byte.
#[test]
fn a_line_break_in_a_key_is_signed() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / { aws_sign on; proxy_pass http://{origin}; }",
    )
    .start();
    http::get(nginx.port(), "/key%0d%0aX-Amz-Acl:%20b").expect_status(200);
    let request = origin.only_request();
    assert_eq!(request.target(), "/key%0D%0AX-Amz-Acl%3A%20b");
    expect_signed(&request);
}

#[test]
fn http_2_to_the_upstream_is_rejected() {
    let location = "location / {
        aws_sign on; proxy_http_version 2; proxy_pass http://{origin};
    }";
    if nginx_is_at_least((1, 29, 4)) {
        expect_refused(
            location,
            Request::get("/key"),
            502,
            "HTTP/2 to the upstream cannot be signed: use \"proxy_http_version 1.1\"",
        );
    } else {
        let origin = RawOrigin::with_body("served");
        nginx(&origin, location)
            .check()
            .expect_refused("invalid value \"2\"");
    }
}

#[test]
fn two_hosts_are_rejected() {
    // Later versions of nginx send one Host, whatever is set.
    if nginx_version() < (1, 29, 0) {
        expect_refused(
            "location / {
                aws_sign on; proxy_set_header Host a.example; proxy_set_header host b.example;
                proxy_pass http://{origin};
            }",
            Request::get("/key"),
            502,
            "two Host headers would be sent",
        );
    }
    expect_refused(
        "location / { aws_sign on; proxy_set_header X-Path $uri; proxy_pass http://{origin}; }",
        Request::get("/key%0d%0aHost:%20evil.example"),
        502,
        "two Host headers would be sent",
    );
}

#[test]
fn no_host_is_rejected() {
    expect_refused(
        "location / { aws_sign on; proxy_set_header Host \"\"; proxy_pass http://{origin}; }",
        Request::get("/key"),
        502,
        "no Host header is sent: set \"aws_s3_bucket\" or \"proxy_set_header Host\"",
    );
}

#[test]
fn a_target_that_is_no_path_is_rejected() {
    expect_refused(
        "location / { aws_sign on; rewrite ^ key break; proxy_pass http://{origin}; }",
        Request::get("/key"),
        502,
        "the request target does not start with \"/\"",
    );
}

#[test]
fn a_method_that_proxy_method_changes_is_rejected() {
    expect_refused(
        "location / { aws_sign on; proxy_method DELETE; proxy_pass http://{origin}; }",
        Request::get("/key"),
        502,
        "method \"DELETE\" is sent upstream but not listed in \"aws_sign_methods\"",
    );
    // What nginx does not know may be listed nowhere.
    expect_refused(
        "location / { aws_sign on; proxy_method $arg_method; proxy_pass http://{origin}; }",
        Request::get("/key?method=get"),
        502,
        "method \"get\" is sent upstream but not listed",
    );
}

#[test]
fn a_body_announced_by_proxy_set_header_is_rejected() {
    for header in ["Content-Length 5", "Transfer-Encoding chunked"] {
        expect_refused(
            &format!(
                "location / {{
                    aws_sign on; proxy_set_header {header}; proxy_pass http://{{origin}};
                }}"
            ),
            Request::get("/key"),
            502,
            "the request head announces a body that is not sent (\"proxy_set_header \
             Content-Length\"?)",
        );
    }
}

/// For S3 it is a key like any other.
#[test]
fn an_encoded_parent_segment_is_signed_for_s3() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / { aws_sign on; proxy_pass http://{origin}; }",
    )
    .start();
    http::get(nginx.port(), "/api/%2e%2e/admin").expect_status(200);
    let request = origin.only_request();
    assert_eq!(request.target(), "/api/../admin");
    expect_signed(&request);
}

/// An upgrade is none of the signature's business.
#[test]
fn upgrade_headers_are_no_obstacle() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / {
            aws_sign on; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade; proxy_pass http://{origin};
        }",
    )
    .start();
    let request = Request::get("/key").header("Upgrade", "websocket");
    request.send(nginx.port()).expect_status(200);
    let request = origin.only_request();
    assert_eq!(request.header("Upgrade").as_deref(), Some("websocket"));
    expect_signed(&request);
}

/// `aws_sign $variable` turned off is the operator's decision: the request leaves as nginx sends
/// it, the client's Authorization included.
#[test]
fn a_variable_that_says_off_sends_unsigned_on_purpose() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / { aws_sign $arg_sign; proxy_pass http://{origin}; }",
    )
    .start();
    for sign in ["off", "0", ""] {
        let request =
            Request::get(format!("/key?sign={sign}")).header("Authorization", "Basic Og==");
        request.send(nginx.port()).expect_status(200);
    }
    for request in origin.requests() {
        assert_eq!(request.header_all("Authorization"), ["Basic Og=="]);
        assert_eq!(request.header("X-Amz-Date"), None);
    }

    for sign in ["on", "1", "of", "OFF"] {
        let request =
            Request::get(format!("/key?sign={sign}")).header("Authorization", "Basic Og==");
        request.send(nginx.port()).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        expect_signed(&request);
    }
    assert_eq!(nginx.own_request_lines(), [""; 0]);
}

/// The line tells of the request, so that an operator finds who sent it.
#[test]
fn the_line_names_client_and_request() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        &origin,
        "location / { aws_sign on; proxy_method PUT; proxy_pass http://{origin}; }",
    )
    .start();
    http::get(nginx.port(), "/some/key").expect_status(502);
    let line = nginx.wait_for_log("aws_auth:", Duration::from_secs(1));
    for part in ["client: 127.0.0.1", "request: \"GET /some/key HTTP/1.1\""] {
        assert!(line.contains(part), "{line}");
    }
}

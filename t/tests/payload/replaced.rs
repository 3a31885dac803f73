//! Bodies that the configuration replaces or leaves out, and heads that it makes say something else
//! of them.

use nginx_tests::account::SECRET_KEY_DIRECTIVES;
use nginx_tests::http::Request;
use nginx_tests::payload::{bytes, expect_hash};
use nginx_tests::{Nginx, RawOrigin};

const MODES: [&str; 5] = ["auto", "signed", "unsigned", "streaming", "decode"];

/// An nginx with a location `/<mode>/<on or off>/` for each mode and way of buffering, in all of
/// which these directives stand.
fn nginx(origin: &RawOrigin, directives: &str) -> Nginx {
    let mut locations = String::new();
    for mode in MODES {
        for buffering in ["on", "off"] {
            locations.push_str(&format!(
                "location /{mode}/{buffering}/ {{
                     aws_payload {mode};
                     proxy_request_buffering {buffering};
                     {directives}
                     proxy_pass http://{{origin}};
                 }}\n"
            ));
        }
    }
    Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign on; aws_sign_methods GET PUT POST PATCH;
             client_body_buffer_size 1k; proxy_http_version 1.1;
             {locations}"
        ))
        .start()
}

/// Paths of all locations.
fn paths() -> impl Iterator<Item = String> {
    let both = |mode| ["on", "off"].map(|buffering| format!("/{mode}/{buffering}/key"));
    MODES.into_iter().flat_map(both)
}

/// Requests with bodies of each kind, and without.
fn requests(target: &str) -> Vec<Request> {
    let put = || Request::new("PUT", target);
    vec![
        put(),
        put().body(""),
        put().body("small"),
        put().body(bytes(20_000)),
        put().chunks(["in ", "chunks"]),
    ]
}

/// Sends `request`, which the object store is to get with this body and with the body's hash.
#[track_caller]
fn expect_sent(nginx: &Nginx, origin: &RawOrigin, request: Request, body: &str) {
    let before = origin.requests().len();
    request.send(nginx.port()).expect_status(200);
    let requests = origin.requests();
    assert_eq!(requests.len(), before + 1);
    let sent = &requests[before];
    assert_eq!(String::from_utf8_lossy(&sent.body), body);
    assert_eq!(sent.header("Transfer-Encoding"), None);
    expect_hash(sent);
}

#[test]
fn proxy_set_body_is_hashed_in_every_mode() {
    for (directive, expected) in [
        ("text", "text"),
        ("'{\"key\": \"$arg_name\"}'", "{\"key\": \"a%20b\"}"),
        ("$arg_none", ""),
        ("\"two\r\n\r\nparts\"", "two\r\n\r\nparts"),
    ] {
        let origin = RawOrigin::with_body("");
        let nginx = nginx(&origin, &format!("proxy_set_body {directive};"));
        for path in paths() {
            for request in requests(&format!("{path}?name=a%20b")) {
                expect_sent(&nginx, &origin, request, expected);
            }
        }
    }
}

#[test]
fn proxy_set_body_with_the_clients_body_in_it() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(
        &origin,
        "client_body_buffer_size 1m; proxy_set_body \"<$request_body>\";",
    );
    for path in paths() {
        let put = || Request::new("PUT", &path);
        expect_sent(&nginx, &origin, put().body("small"), "<small>");
        expect_sent(
            &nginx,
            &origin,
            put().chunks(["in ", "chunks"]),
            "<in chunks>",
        );
        expect_sent(&nginx, &origin, put(), "<>");
    }
}

/// With Content-Length cleared as nginx's documentation says, and without: nobody is to wait for a
/// body that does not come.
#[test]
fn proxy_pass_request_body_off() {
    for header in ["", "proxy_set_header Content-Length \"\";"] {
        let origin = RawOrigin::with_body("");
        let nginx = nginx(&origin, &format!("proxy_pass_request_body off; {header}"));
        for path in paths() {
            for request in requests(&path) {
                expect_sent(&nginx, &origin, request, "");
            }
        }
        for request in origin.requests() {
            assert_eq!(request.header("Content-Length"), None);
        }
    }
}

/// A subrequest whose method and body are the operator's, whatever the client sends.
#[test]
fn proxy_set_body_in_a_subrequest() {
    for mode in MODES {
        let (origin, application) = (RawOrigin::with_body(""), RawOrigin::with_body(""));
        let nginx = Nginx::builder()
            .var("origin", origin.address())
            .var("application", application.address())
            .server(&format!(
                "{SECRET_KEY_DIRECTIVES} aws_sign_methods GET POST; client_body_buffer_size 1k;
                 location / {{ auth_request /auth; proxy_pass http://{{application}}; }}
                 location = /auth {{
                     internal;
                     aws_sign; aws_payload {mode};
                     proxy_method POST;
                     proxy_set_body '{{\"path\": \"$request_uri\"}}';
                     proxy_pass http://{{origin}};
                 }}"
            ))
            .start();
        for request in requests("/key").into_iter().chain([Request::get("/key")]) {
            expect_sent(&nginx, &origin, request, "{\"path\": \"/key\"}");
        }
        for sent in origin.requests() {
            assert_eq!(sent.method(), "POST");
            assert_eq!(sent.header("Content-Length").as_deref(), Some("16"));
        }
    }
}

#[test]
fn proxy_method_is_signed_with_the_clients_body() {
    for method in ["PUT", "POST", "GET"] {
        let origin = RawOrigin::with_body("");
        let nginx = nginx(&origin, &format!("proxy_method {method};"));
        for mode in ["auto", "signed"] {
            let patch = || Request::new("PATCH", format!("/{mode}/on/key"));
            let large = String::from_utf8(vec![b'l'; 20_000]).expect("ASCII");
            expect_sent(&nginx, &origin, patch().body("small"), "small");
            expect_sent(&nginx, &origin, patch().body(&large), &large);
            expect_sent(
                &nginx,
                &origin,
                patch().chunks(["in ", "chunks"]),
                "in chunks",
            );
            expect_sent(&nginx, &origin, patch(), "");
        }
        for request in origin.requests() {
            assert_eq!(request.method(), method);
        }
    }
}

#[test]
fn proxy_method_must_be_listed() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "proxy_method DELETE;");
    for path in paths() {
        let put = Request::new("PUT", path).body("small");
        put.send(nginx.port()).expect_status(502);
    }
    assert_eq!(origin.connections(), 0);
    let log = nginx.error_log();
    assert!(
        log.contains("method \"DELETE\" is sent upstream but not listed"),
        "{log}"
    );
}

/// The length in the head must be the body's: an object store would take the rest for another request, or
/// wait for more.
#[test]
fn a_head_that_lies_about_its_body_is_rejected() {
    for header in [
        "Content-Length 3",
        "Content-Length 6",
        "Content-Length +5",
        "Content-Length five",
        "Content-Length 0",
        "Content-Length \"5 5\"",
        "Transfer-Encoding chunked",
        "Transfer-Encoding gzip",
    ] {
        let origin = RawOrigin::with_body("");
        let nginx = nginx(&origin, &format!("proxy_set_header {header};"));
        for mode in ["auto", "signed", "unsigned", "decode"] {
            let put = Request::new("PUT", format!("/{mode}/on/key")).body("small");
            let response = put.send(nginx.port());
            assert_eq!(response.status, 502, "{header}, {mode}");
        }
        assert_eq!(origin.connections(), 0, "{header}");
        let log = nginx.error_log();
        assert!(
            log.contains("the length in the request head is not that of the body"),
            "{log}"
        );
        // Without a body, too.
        let put = Request::new("PUT", "/signed/on/key").send(nginx.port());
        let harmless = header == "Content-Length 0";
        assert_eq!(put.status, if harmless { 200 } else { 502 }, "{header}");
    }
}

/// Where the operator has removed the length, it is put back: an object store waits for no body without.
#[test]
fn a_head_that_does_not_announce_its_body_is_completed() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "proxy_set_header Content-Length \"\";");
    for path in ["/auto/on/key", "/signed/on/key", "/signed/off/key"] {
        for body in ["small", ""] {
            let put = Request::new("PUT", path).body(body);
            expect_sent(&nginx, &origin, put, body);
        }
        let put = Request::new("PUT", path).chunks(["in ", "chunks"]);
        expect_sent(&nginx, &origin, put, "in chunks");
    }
}

/// One that says the same in the operator's words is taken.
#[test]
fn the_right_length_may_be_set() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "proxy_set_header Content-Length $content_length;");
    for path in ["/auto/on/key", "/signed/on/key", "/signed/off/key"] {
        expect_sent(
            &nginx,
            &origin,
            Request::new("PUT", path).body("small"),
            "small",
        );
        expect_sent(&nginx, &origin, Request::new("PUT", path), "");
    }
}

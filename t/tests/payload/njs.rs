//! Bodies that a script has read or made (njs, nginx's JavaScript module): what is signed is what is
//! sent.

use nginx_tests::account::SECRET_KEY_DIRECTIVES;
use nginx_tests::http::Request;
use nginx_tests::payload::{Check, bytes, expect_chunks, expect_hash, expect_unsigned, sha256};
use nginx_tests::{Builder, Nginx, RawOrigin, precondition};

const NJS: &str = "ngx_http_js_module.so";

const SCRIPT: &str = r#"
    function redirect_named(r) { r.internalRedirect('@signed'); }

    function redirect(r) { r.internalRedirect('/signed/key'); }

    async function make(r) {
        let reply = await r.subrequest('/signed/key', {method: 'PUT', body: r.args.body});
        r.return(reply.status, reply.responseText);
    }

    async function pass_on(r) {
        let reply = await r.subrequest('/signed/key', {method: r.method, body: r.requestText + '!'});
        r.return(reply.status, reply.responseText);
    }

    async function ask(r) {
        let reply = await r.subrequest('/signed/key');
        r.return(reply.status, reply.responseText);
    }

    export default {redirect_named, redirect, make, pass_on, ask};
"#;

/// Whether this nginx can load njs. Where it is Debian's own, `make deps` has seen to it.
fn has_njs() -> bool {
    let is_debians = std::env::var_os("AWS_AUTH_NGINX").is_none()
        && std::fs::exists("/usr/bin/apt-get").is_ok_and(|there| there);
    let has = is_debians
        || Nginx::builder()
            .without_module()
            .load_module(NJS)
            .check()
            .ok;
    if !has {
        precondition::is_missing(NJS);
    }
    has
}

/// Locations of all functions of the script, `/<name>`, and the signed ones after them.
fn builder(origin: &RawOrigin, signed: &str) -> Builder {
    let mut locations = String::new();
    for function in ["redirect_named", "redirect", "make", "pass_on", "ask"] {
        locations.push_str(&format!(
            "location = /{function} {{ js_content main.{function}; }}\n"
        ));
    }
    Nginx::builder()
        .load_module(NJS)
        .var("origin", origin.address())
        .file("main.js", SCRIPT)
        .http("js_import main from {dir}/main.js;")
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign_methods GET PUT POST; proxy_http_version 1.1;
             client_body_buffer_size 8k; client_max_body_size 0; subrequest_output_buffer_size 64k;
             {locations}
             location @signed {{ aws_sign; {signed} proxy_pass http://{{origin}}; }}
             location /signed/ {{ internal; aws_sign; {signed} proxy_pass http://{{origin}}; }}"
        ))
}

/// Modes, and what becomes there of a body that is there as a whole.
const MODES: [(&str, Check); 4] = [
    ("auto", expect_hash),
    ("signed", expect_hash),
    ("streaming", expect_chunks),
    ("unsigned", expect_unsigned),
];

#[test]
fn redirects_after_the_body_was_read() {
    if !has_njs() {
        return;
    }
    for (mode, check) in MODES {
        let origin = RawOrigin::with_body("stored");
        let nginx = builder(&origin, &format!("aws_payload {mode};")).start();
        for path in ["/redirect_named", "/redirect"] {
            for method in ["PUT", "POST"] {
                for length in [0, 100, 30_000] {
                    let body = bytes(length);
                    let request = || Request::new(method, path);
                    for request in [request().body(&body), request().chunks(body.chunks(9000))] {
                        request.send(nginx.port()).expect_status(200);
                        let stored = origin.requests().pop().expect("it has arrived");
                        assert_eq!(stored.method(), method);
                        if length == 0 {
                            expect_hash(&stored);
                            assert_eq!(stored.body, b"");
                        } else {
                            assert!(check(&stored) == body, "{mode} {path} {length}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_wrong_declared_hash_is_rejected_after_a_redirect() {
    if !has_njs() {
        return;
    }
    let origin = RawOrigin::with_body("stored");
    let nginx = builder(&origin, "aws_payload signed;").start();
    for path in ["/redirect_named", "/redirect"] {
        for length in [100, 30_000] {
            let put = Request::new("PUT", path).header("X-Amz-Content-Sha256", sha256("other"));
            put.body(bytes(length))
                .send(nginx.port())
                .expect_status(400);
        }
    }
    assert_eq!(origin.connections(), 0);
}

/// A script makes a body of its own, whatever the client's method is.
#[test]
fn subrequests_with_a_body_of_their_own() {
    if !has_njs() {
        return;
    }
    for (mode, check) in MODES {
        let origin = RawOrigin::with_body("stored");
        let nginx = builder(&origin, &format!("aws_payload {mode};")).start();
        for request in [
            Request::get("/make?body=made"),
            Request::new("PUT", "/make?body=made").body("the client's own"),
            Request::new("PUT", "/make?body=made").body(bytes(30_000)),
            Request::new("POST", "/make?body=made").chunks(["the client's", "own"]),
            Request::new("PUT", "/pass_on")
                .body("made")
                .header("X-Kept", "1"),
            Request::new("POST", "/pass_on").chunks(["ma", "de"]),
            // What the client declares of its body says nothing of another one.
            Request::new("PUT", "/pass_on")
                .header("X-Amz-Content-Sha256", sha256("made"))
                .body("made"),
            Request::new("PUT", "/make?body=made")
                .header("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
                .header("X-Amz-Decoded-Content-Length", "4")
                .header("Content-Encoding", "aws-chunked")
                .body("4\r\nnone\r\n0\r\n\r\n"),
        ] {
            let answer = request.clone().send(nginx.port()).expect_status(200);
            assert_eq!(answer.text(), "stored");
            let stored = origin.requests().pop().expect("it has arrived");
            assert_ne!(
                stored.header("X-Amz-Decoded-Content-Length").as_deref(),
                Some("none")
            );
            let body = check(&stored);
            let body = String::from_utf8_lossy(&body);
            let framed = stored.header("Content-Encoding").is_some();
            assert_eq!(framed, mode == "streaming", "{stored:?}");
            assert_eq!(body.trim_end_matches('!'), "made", "{mode}: {request:?}");
        }
        assert_eq!(origin.requests().len(), 8);
    }
}

/// One that asks for an object takes nothing of the client's body along.
#[test]
fn subrequests_without_a_body() {
    if !has_njs() {
        return;
    }
    for (mode, _) in MODES {
        let origin = RawOrigin::with_body("stored");
        let nginx = builder(&origin, &format!("aws_payload {mode};")).start();
        for request in [
            Request::get("/ask"),
            Request::new("PUT", "/ask").body("the client's own"),
            Request::new("PUT", "/ask").body(bytes(30_000)),
            Request::new("POST", "/ask").chunks(["the client's", "own"]),
        ] {
            let answer = request.send(nginx.port()).expect_status(200);
            assert_eq!(answer.text(), "stored");
            let asked = origin.requests().pop().expect("it has arrived");
            assert_eq!(asked.method(), "GET");
            assert_eq!(asked.body, b"");
            assert_eq!(asked.header("Content-Length"), None);
            expect_hash(&asked);
        }
    }
}

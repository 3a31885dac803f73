//! Another module's filter changes bodies, before ours sees them or after: what is hashed, or signed
//! chunk by chunk, is what is sent.
//!
//! The other module is built here, against the nginx sources that ours is built against
//! (`NGINX_SOURCE_DIR`, default `build/nginx`, configured in `NGINX_BUILD_DIR`, default `objs` there).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nginx_tests::account::SECRET_KEY_DIRECTIVES;
use nginx_tests::http::Request;
use nginx_tests::payload::{
    Check, STREAMING, bytes, expect_chunks, expect_hash, expect_unsigned, sha256,
};
use nginx_tests::{Builder, DeadPort, Nginx, RawOrigin, RawRequest, Scratch, http2};

/// Where the other filter is in the chain.
const PLACES: [&str; 2] = ["before", "behind"];

fn sources() -> PathBuf {
    match std::env::var_os("NGINX_SOURCE_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/nginx"),
    }
}

fn configured(sources: &Path) -> PathBuf {
    match std::env::var_os("NGINX_BUILD_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => sources.join("objs"),
    }
}

/// The options of the compiler for nginx's headers, which depend on its version: what its own Makefile says, relative to the
/// sources.
fn includes(sources: &Path) -> Vec<String> {
    let makefile = configured(sources).join("Makefile");
    let text = fs::read_to_string(&makefile)
        .unwrap_or_else(|e| panic!("{}: {e}: run make build", makefile.display()));
    let start = text.find("\nALL_INCS =").expect("ALL_INCS") + 1;
    let mut options = Vec::new();
    for line in text[start..].trim_start_matches("ALL_INCS =").lines() {
        let (words, goes_on) = match line.strip_suffix('\\') {
            Some(words) => (words, true),
            None => (line, false),
        };
        options.extend(words.split_whitespace().map(str::to_owned));
        if !goes_on {
            break;
        }
    }
    assert!(options.len() > 4, "{options:?}");
    options
}

/// Builds the other module.
#[track_caller]
fn build(scratch: &Scratch, place: &str) -> String {
    let (sources, library) = (sources(), scratch.path().join("flip_body.so"));
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"])
        .arg(&library)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payload/changing_filter.c"))
        .args(includes(&sources))
        .current_dir(&sources);
    if place == "behind" {
        cc.arg("-DBEHIND");
    }
    let output = cc
        .output()
        .unwrap_or_else(|e| panic!("cannot run cc: {e}: install a C compiler"));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    library.display().to_string()
}

/// What the other filter makes of a body.
fn flipped(body: &[u8]) -> Vec<u8> {
    body.iter().map(|byte| byte ^ 1).collect()
}

struct Stand {
    origin: RawOrigin,
    nginx: Nginx,
    _module: Scratch,
}

impl Stand {
    #[track_caller]
    fn new(place: &str, server: &str) -> Self {
        let module = Scratch::new("filter");
        let origin = RawOrigin::with_body("stored");
        let builder = Self::builder(&build(&module, place), server);
        Self {
            nginx: builder.var("origin", origin.address()).start(),
            origin,
            _module: module,
        }
    }

    fn builder(module: &str, server: &str) -> Builder {
        Nginx::builder()
            .load_module(module)
            .server(&format!(
                "{SECRET_KEY_DIRECTIVES} aws_sign_methods PUT; proxy_http_version 1.1;
                 client_body_buffer_size 1k; client_max_body_size 0; flip_body on;
                 {server}"
            ))
            .http2()
    }

    /// Sends bodies of every kind to `path`, and checks what the object store gets of them.
    #[track_caller]
    fn expect(&self, path: &str, check: Check, unannounced: bool) {
        // In memory, in a file, in a file that takes several turns to look at.
        for body in [bytes(100), bytes(30_000), bytes(1_200_000)] {
            let put = || Request::new("PUT", path);
            put().body(&body).send(self.nginx.port()).expect_status(200);
            self.expect_last(check, &body);
            if !unannounced {
                continue;
            }
            let chunked = put().chunks(body.chunks(20_000));
            chunked.send(self.nginx.port()).expect_status(200);
            self.expect_last(check, &body);
        }
        let body = bytes(30_000);
        http2::upload("PUT", self.nginx.h2_port(), path, &[], &body).expect_status(200);
        self.expect_last(check, &body);
    }

    #[track_caller]
    fn expect_last(&self, check: Check, body: &[u8]) {
        let stored = self.origin.requests().pop().expect("it has arrived");
        assert!(check(&stored) == flipped(body), "{} bytes", body.len());
    }
}

/// A body that has come with its head is there as a whole, and hashed.
#[track_caller]
fn hashed_or_chunks(request: &RawRequest) -> Vec<u8> {
    match request.header("x-amz-content-sha256").as_deref() {
        Some(STREAMING) => expect_chunks(request),
        _ => expect_hash(request),
    }
}

#[test]
fn buffered_bodies() {
    for place in PLACES {
        let stand = Stand::new(
            place,
            "aws_sign on; aws_payload signed;
             location /signed { proxy_pass http://{origin}; }
             location /auto { aws_payload auto; proxy_pass http://{origin}; }
             location /decode { aws_payload decode; proxy_pass http://{origin}; }
             location /file { client_body_in_file_only clean; proxy_pass http://{origin}; }
             location /unbuffered { proxy_request_buffering off; proxy_pass http://{origin}; }
             location /streaming { aws_payload streaming; proxy_pass http://{origin}; }
             location /unsigned { aws_payload unsigned; proxy_pass http://{origin}; }",
        );
        for path in ["/signed", "/auto", "/decode", "/file", "/unbuffered"] {
            stand.expect(path, expect_hash, true);
        }
        stand.expect("/streaming", expect_chunks, true);
        stand.expect("/unsigned", expect_unsigned, true);
    }
}

#[test]
fn bodies_that_are_sent_as_they_come_in() {
    for place in PLACES {
        let stand = Stand::new(
            place,
            "aws_sign on; proxy_request_buffering off;
             location /auto { proxy_pass http://{origin}; }
             location /streaming { aws_payload streaming; proxy_pass http://{origin}; }
             location /unsigned { aws_payload unsigned; proxy_pass http://{origin}; }",
        );
        stand.expect("/auto", hashed_or_chunks, false);
        stand.expect("/streaming", expect_chunks, false);
        stand.expect("/unsigned", expect_unsigned, false);
    }
}

#[test]
fn bodies_that_were_read_before() {
    let dead = DeadPort::new();
    for place in PLACES {
        let stand = Stand::new(
            place,
            &format!(
                "location / {{ error_page 502 = @signed; proxy_pass http://127.0.0.1:{}; }}
                 location @signed {{ aws_sign; aws_payload signed; proxy_pass http://{{origin}}; }}
                 location = /signed-before {{
                     aws_sign; aws_payload signed;
                     error_page 502 = @signed; proxy_pass http://127.0.0.1:{0};
                 }}",
                dead.port()
            ),
        );
        stand.expect("/plain-before", expect_hash, true);
        stand.expect("/signed-before", expect_hash, true);
    }
}

/// A declared hash is that of the body as the client sent it: what is sent on is another one, and
/// must not go out under the client's hash.
#[test]
fn a_declared_hash() {
    for place in PLACES {
        let stand = Stand::new(
            place,
            "location / { aws_sign; aws_payload signed; proxy_pass http://{origin}; }",
        );
        for body in [bytes(100), bytes(30_000)] {
            for hash in [sha256(&body), sha256(flipped(&body))] {
                let before = stand.origin.requests().len();
                let put = Request::new("PUT", "/key").header("X-Amz-Content-Sha256", hash);
                let answer = put.body(&body).send(stand.nginx.port());
                match &stand.origin.requests()[before..] {
                    [] => assert_eq!(answer.status, 400),
                    [_] => stand.expect_last(expect_hash, &body),
                    more => panic!("{more:?}"),
                }
            }
        }
    }
}

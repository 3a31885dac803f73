//! Several signed requests of one body: each waits for what is to be known of it, and each is sent.

use nginx_tests::account::SECRET_KEY_DIRECTIVES;
use nginx_tests::http::Request;
use nginx_tests::payload::{Check, bytes, expect_chunks, expect_hash, expect_unsigned};
use nginx_tests::{Nginx, RawOrigin, framed};

/// The body takes several turns of the event loop to look at.
const LENGTH: usize = 2_500_000;

/// An nginx with these locations, and a stores' origin. When it has served `check`, it leaves no
/// connection behind.
fn serve(server: &str, check: impl FnOnce(&Nginx, &RawOrigin)) {
    let origin = RawOrigin::with_body("stored");
    let mut nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign_methods PUT; client_body_buffer_size 16k;
             client_max_body_size 0; proxy_http_version 1.1; aws_sign on;
             {server}"
        ))
        .start();
    check(&nginx, &origin);

    // A worker that leaves says which of its connections nobody has closed: a line of level alert, which
    // fails the test.
    let old = nginx.workers();
    nginx.reload();
    nginx_tests::wait_until("the old worker has left", || {
        nginx
            .leaving_workers()
            .iter()
            .all(|worker| !old.contains(worker))
    });
}

fn mirrors(modes: &[&str]) -> String {
    let location = |(number, mode): (usize, &&str)| {
        format!(
            "location = /{number} {{
                 internal; aws_payload {mode}; proxy_pass http://{{origin}}/copy{number};
             }}\n"
        )
    };
    modes.iter().enumerate().map(location).collect()
}

fn directives(count: usize) -> String {
    (0..count)
        .map(|number| format!("mirror /{number}; "))
        .collect()
}

/// Each copy, and the first request where it is signed, has the whole body.
#[track_caller]
fn expect_copies(origin: &RawOrigin, checks: &[(&str, Check)], body: &[u8]) {
    let stored = origin.wait_for_requests(checks.len());
    assert_eq!(stored.len(), checks.len());
    for (target, check) in checks {
        let stored = stored.iter().find(|stored| stored.target() == *target);
        let stored = stored.unwrap_or_else(|| panic!("nothing has arrived at {target}"));
        assert!(check(stored) == body, "{target}");
    }
}

fn puts(body: &[u8]) -> [Request; 2] {
    let put = || Request::new("PUT", "/key");
    [put().body(body), put().chunks(body.chunks(70_000))]
}

#[test]
fn two_mirrors() {
    let body = bytes(LENGTH);
    for put in puts(&body) {
        serve(
            &format!(
                "location / {{ {} aws_sign off; root {{dir}}; error_page 405 =200 /done; }}
                 location = /done {{ aws_sign off; return 200; }}
                 {}",
                directives(2),
                mirrors(&["auto", "auto"]),
            ),
            |nginx, origin| {
                put.send(nginx.port()).expect_status(200);
                let checks: [(_, Check); 2] = [("/copy0", expect_hash), ("/copy1", expect_hash)];
                expect_copies(origin, &checks, &body);
            },
        );
    }
}

/// With the first request four of them, each in a mode of its own.
#[test]
fn three_mirrors_of_a_signed_request() {
    let body = bytes(LENGTH);
    for buffering in ["on", "off"] {
        for put in puts(&body) {
            serve(
                &format!(
                    "location / {{
                         {} proxy_request_buffering {buffering}; aws_payload signed;
                         proxy_pass http://{{origin}};
                     }}
                     {}",
                    directives(3),
                    mirrors(&["unsigned", "signed", "streaming"]),
                ),
                |nginx, origin| {
                    put.send(nginx.port()).expect_status(200);
                    let checks: [(_, Check); 4] = [
                        ("/copy0", expect_unsigned),
                        ("/copy1", expect_hash),
                        ("/copy2", expect_chunks),
                        ("/key", expect_hash),
                    ];
                    expect_copies(origin, &checks, &body);
                },
            );
        }
    }
}

/// The first location asks for nothing of the body, so that the mirrors have all the work, one with a
/// hash to compare.
#[test]
fn mirrors_with_a_declared_hash() {
    let body = bytes(LENGTH);
    let server = format!(
        "location / {{ {} aws_sign off; proxy_pass http://{{origin}}; }}
         {}",
        directives(3),
        mirrors(&["unsigned", "signed", "signed"]),
    );
    serve(&server, |nginx, origin| {
        let hash = nginx_tests::payload::sha256(&body);
        for put in puts(&body) {
            let put = put.header("X-Amz-Content-Sha256", &hash);
            put.send(nginx.port()).expect_status(200);
        }
        let stored = origin.wait_for_requests(8);
        assert!(stored.iter().all(|stored| stored.body == body));
        for stored in stored.iter().filter(|stored| stored.target() == "/copy1") {
            expect_hash(stored);
        }
    });
}

/// Framed bodies are checked once for all, and stay framed for each.
#[test]
fn mirrors_of_framed_bodies() {
    let body = bytes(LENGTH);
    for framing in framed::FRAMINGS {
        serve(
            &format!(
                "location / {{ {} aws_sign off; proxy_pass http://{{origin}}; }} {}",
                directives(2),
                mirrors(&["auto", "auto"]),
            ),
            |nginx, origin| {
                let upload = framed::Framed::new(framing, &body).put("/key");
                upload.request().send(nginx.port()).expect_status(200);
                let stored = origin.wait_for_requests(3);
                for number in 0..2 {
                    let target = format!("/copy{number}");
                    let stored = stored.iter().find(|stored| stored.target() == target);
                    assert!(stored.is_some(), "nothing has arrived at {target}");
                }
            },
        );
    }
}

//! The hash that a client declares of its body: mode `signed` checks it before anything is sent, mode
//! `auto` passes it on for the object store to check.

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed, object_store, signing};
use nginx_tests::http::Request;
use nginx_tests::payload::{UNSIGNED, bytes, expect_hash, expect_unsigned, sha256};
use nginx_tests::{Nginx, RawOrigin, http2};

/// Names of locations, and how nginx takes a body there.
const WAYS: [(&str, &str); 4] = [
    ("memory", "client_body_buffer_size 1m;"),
    ("file", "client_body_buffer_size 1k;"),
    ("file-on", "client_body_in_file_only on;"),
    ("unbuffered", "proxy_request_buffering off;"),
];

fn nginx(origin: &RawOrigin, mode: &str) -> Nginx {
    let locations = WAYS.map(|(name, directives)| {
        format!("location /{name}/ {{ {directives} proxy_pass http://{{origin}}; }}\n")
    });
    Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign on; aws_sign_methods GET PUT; aws_payload {mode};
             proxy_http_version 1.1;
             {}",
            locations.concat()
        ))
        .http2()
        .start()
}

fn put(name: &str, hash: &str) -> Request {
    Request::new("PUT", format!("/{name}/key")).header("X-Amz-Content-Sha256", hash)
}

#[test]
fn a_wrong_hash_is_rejected_by_signed() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "signed");
    let body = bytes(20_000);
    let wrong = sha256("another body");
    for (name, _) in WAYS {
        let put = || put(name, &wrong);
        for request in [
            put().body(&body),
            put().chunks(body.chunks(7000)),
            put().body("x"),
            // A body that was lost on its way.
            put().body(""),
            put().chunks([""]),
            put(),
        ] {
            let answer = request.clone().send(nginx.port());
            assert_eq!(answer.status, 400, "{name}: {request:?}");
        }
        let (path, declared) = (format!("/{name}/key"), [("X-Amz-Content-Sha256", &*wrong)]);
        for upload in [http2::upload, http2::upload_unannounced] {
            upload("PUT", nginx.h2_port(), &path, &declared, &body).expect_status(400);
            upload("PUT", nginx.h2_port(), &path, &declared, b"").expect_status(400);
        }
    }
    assert_eq!(origin.connections(), 0);
    let log = nginx.error_log();
    let reason = "the request body is rejected: its SHA-256 hash differs from the client's \
                  X-Amz-Content-SHA256";
    let lines = log.lines().filter(|line| line.contains(reason));
    assert_eq!(lines.count(), 10 * WAYS.len(), "{log}");
}

#[test]
fn the_right_hash_is_taken_by_signed() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "signed");
    for (name, _) in WAYS {
        for body in [bytes(20_000), bytes(1), Vec::new()] {
            let right = sha256(&body);
            for hash in [&right, &right.to_uppercase()] {
                let put = || put(name, hash);
                for request in [put().body(&body), put().chunks(body.chunks(7000))] {
                    request.send(nginx.port()).expect_status(200);
                    let sent = origin.requests().pop().expect("it has arrived");
                    assert!(sent.body == body, "{name}");
                    expect_hash(&sent);
                }
            }
        }
        put(name, &sha256("")).send(nginx.port()).expect_status(200);
        // Any other declaration is none that could be checked.
        put(name, UNSIGNED)
            .body("x")
            .send(nginx.port())
            .expect_status(200);
        expect_hash(&origin.requests().pop().expect("it has arrived"));
    }
}

#[test]
fn auto_passes_it_on_without_looking() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(&origin, "auto");
    let wrong = sha256("another body");
    for (name, _) in WAYS {
        for request in [
            put(name, &wrong).body(bytes(20_000)),
            put(name, &wrong).body("x"),
            put(name, &wrong).body(""),
            put(name, &wrong),
        ] {
            request.send(nginx.port()).expect_status(200);
            let sent = origin.requests().pop().expect("it has arrived");
            expect_signed(&sent);
            assert_eq!(sent.header("X-Amz-Content-Sha256"), Some(wrong.clone()));
        }
        put(name, UNSIGNED)
            .body("x")
            .send(nginx.port())
            .expect_status(200);
        expect_unsigned(&origin.requests().pop().expect("it has arrived"));
    }
}

/// What is passed on does stop an object store.
#[test]
fn a_store_rejects_a_wrong_hash() {
    let origin = object_store();
    origin.put("bucket", "the bucket is there", "");
    let nginx = signing(
        origin.address(),
        "aws_sign on; aws_sign_methods PUT; aws_payload auto;
         location / { proxy_pass http://{origin}; }
         location /unbuffered/ { proxy_request_buffering off; proxy_pass http://{origin}; }",
    )
    .start();
    for path in ["/key", "/unbuffered/key"] {
        for body in ["other", ""] {
            let key = format!("{path}-{}", body.len());
            let put = |hash: String| {
                let put = Request::new("PUT", &key).header("X-Amz-Content-Sha256", hash);
                put.body(body).send(nginx.port())
            };
            let refused = put(sha256("body"));
            assert!(refused.status / 100 == 4, "{key}: {refused:?}");
            assert_eq!(origin.get("bucket", &key[1..]), None);
            put(sha256(body)).expect_status(200);
            assert!(origin.get("bucket", &key[1..]).is_some());
        }
    }
}

#[test]
fn what_is_no_hash_is_rejected() {
    let origin = RawOrigin::with_body("");
    for mode in ["auto", "signed", "unsigned", "streaming", "decode"] {
        let nginx = nginx(&origin, mode);
        for (name, _) in WAYS {
            for value in ["", "nonsense", &"g".repeat(64), &"a".repeat(63)] {
                put(name, value)
                    .body("x")
                    .send(nginx.port())
                    .expect_status(400);
            }
            let twice = put(name, &sha256("x")).header("X-Amz-Content-Sha256", UNSIGNED);
            twice.body("x").send(nginx.port()).expect_status(400);
        }
    }
    assert_eq!(origin.connections(), 0);
}

//! Bodies that nginx rejects, cannot keep, or never gets as a whole: the responses are nginx's own,
//! and no part of the bodies becomes an object.

use std::net::Shutdown;

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, object_store, signing};
use nginx_tests::http::{Connection, Request};
use nginx_tests::payload::{bytes, expect_hash};
use nginx_tests::{Builder, HeldOrigin, Nginx, RawOrigin, http2};

const MODES: [&str; 5] = ["auto", "signed", "unsigned", "streaming", "decode"];

/// A location `/<mode>/<on or off>/` for each mode and way of buffering.
fn builder(origin: impl ToString, server: &str) -> Builder {
    let mut locations = String::new();
    for mode in MODES {
        for buffering in ["on", "off"] {
            locations.push_str(&format!(
                "location /{mode}/{buffering}/ {{
                     aws_payload {mode};
                     proxy_request_buffering {buffering};
                     proxy_pass http://{{origin}};
                 }}\n"
            ));
        }
    }
    Nginx::builder().var("origin", origin).server(&format!(
        "{SECRET_KEY_DIRECTIVES} aws_sign on; aws_sign_methods GET PUT;
         client_body_buffer_size 1k; proxy_http_version 1.1;
         {server}
         {locations}"
    ))
}

fn paths() -> impl Iterator<Item = String> {
    let both = |mode| ["on", "off"].map(|buffering| format!("/{mode}/{buffering}/key"));
    MODES.into_iter().flat_map(both)
}

/// The body is rejected with this status, whichever way it comes in.
#[track_caller]
fn expect_refused(nginx: &Nginx, path: &str, body: &[u8], announced: u16, unannounced: u16) {
    let put = || Request::new("PUT", path);
    let before = nginx.access_log().lines().count();
    put().body(body).send(nginx.port()).expect_status(announced);
    let chunked = put().chunks(body.chunks(3000)).send(nginx.port());
    assert_eq!(chunked.status, unannounced, "{path}");
    // curl may miss the response. The log has it.
    let _ = http2::try_upload("PUT", nginx.h2_port(), path, &[], body);
    let _ = http2::try_upload_unannounced("PUT", nginx.h2_port(), path, &[], body);

    let lines = nginx.wait_for_access_log(before + 4);
    for (line, status) in
        lines[before..]
            .iter()
            .zip([announced, unannounced, announced, unannounced])
    {
        assert!(line.contains(&format!("|{status}|-|")), "{line}");
    }
}

#[test]
fn client_max_body_size() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(origin.address(), "client_max_body_size 10k;")
        .http2()
        .start();
    for path in paths() {
        // Found out while the body comes, unless its length must be known before.
        let needs_length = path.contains("/off/") && !path.contains("/signed/");
        let unannounced = if needs_length { 411 } else { 413 };
        expect_refused(&nginx, &path, &bytes(20_000), 413, unannounced);
    }
    assert_eq!(origin.connections(), 0);

    let put = Request::new("PUT", "/signed/off/key").body(bytes(10_240));
    put.send(nginx.port()).expect_status(200);
    expect_hash(&origin.only_request());
}

/// The folder for temporary files is no folder any more.
#[test]
fn a_body_that_cannot_be_kept() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(origin.address(), "")
        .allow_log("client_body_temp")
        .http2()
        .start();
    std::fs::remove_dir_all(nginx.dir().join("client_body_temp")).expect("nginx has made it");
    nginx.write("client_body_temp", "a file");

    // What is sent as it comes in needs no file.
    for path in paths().filter(|path| path.contains("/on/") || path.contains("/signed/")) {
        expect_refused(&nginx, &path, &bytes(100_000), 500, 500);
    }
    assert_eq!(origin.connections(), 0);

    let put = Request::new("PUT", "/signed/on/key").body("in memory");
    put.send(nginx.port()).expect_status(200);
    expect_hash(&origin.only_request());
}

/// Nothing is connected before the body is there as a whole.
#[test]
fn a_client_that_leaves_in_the_middle_of_a_buffered_body() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(origin.address(), "").start();
    let mut sent = 0;
    for path in paths().filter(|path| path.contains("/on/") || path.contains("/signed/")) {
        for length in [100, 100_000] {
            let wire = Request::new("PUT", &path).body(bytes(length)).to_bytes();
            let mut connection = Connection::open(nginx.port());
            connection
                .write(&wire[..wire.len() - length / 2])
                .expect("nginx reads");
            drop(connection);
            sent += 1;
        }
        let wire = Request::new("PUT", &path)
            .chunks([bytes(50_000)])
            .to_bytes();
        let mut connection = Connection::open(nginx.port());
        // All but the last chunk.
        connection
            .write(&wire[..wire.len() - 5])
            .expect("nginx reads");
        drop(connection);
        sent += 1;
    }
    let lines = nginx.wait_for_access_log(sent);
    for line in lines {
        assert!(line.contains("|400|-|"), "{line}");
    }
    assert_eq!(origin.connections(), 0);
}

/// The object store sees the connection end before the length is reached, which no store takes for the
/// end of an object; nginx goes on.
#[test]
fn a_client_that_leaves_in_the_middle_of_a_streamed_body() {
    for mode in ["auto", "unsigned", "streaming", "decode"] {
        let origin = HeldOrigin::start();
        let nginx = builder(origin.address(), "").start();
        let put = || Request::new("PUT", format!("/{mode}/off/key")).body(bytes(300_000));
        let wire = put().to_bytes();

        let mut client = Connection::open(nginx.port());
        client.write(&wire[..200_000]).expect("nginx reads");
        let mut store = origin.accept();
        let head = store.read_head();
        let length: usize = head
            .header("Content-Length")
            .and_then(|length| length.parse().ok())
            .expect("a length");
        assert!(length >= 300_000);
        store.read(65_536);
        client
            .socket()
            .shutdown(Shutdown::Both)
            .expect("it is open");
        let rest = store.read_to_end();
        assert!(
            65_536 + rest.len() < 200_000 + 1000,
            "{mode}: {}",
            rest.len()
        );

        nginx.wait_for_access_log(1);
        let mut client = Connection::open(nginx.port());
        client.write(&wire).expect("nginx reads");
        let mut store = origin.accept();
        store.read_head();
        store.read(length);
        store.answer(&nginx_tests::Reply::new(200, ""));
        client.read(false).expect("a response").expect_status(200);
        let log = nginx.error_log();
        assert!(!log.contains("temporarily disabled"), "{log}");
    }
}

/// A real object store stores nothing of it.
#[test]
fn nothing_is_stored_of_half_a_body() {
    let origin = object_store();
    origin.put("bucket", "the bucket is there", "");
    let nginx = signing(
        origin.address(),
        "aws_sign on; aws_sign_methods PUT;
         location /unsigned/ {
             aws_payload unsigned; proxy_request_buffering off; proxy_pass http://{origin};
         }
         location /streaming/ {
             aws_payload streaming; proxy_request_buffering off; proxy_pass http://{origin};
         }
         location / { aws_payload signed; proxy_pass http://{origin}; }",
    )
    .start();
    let keys = ["unsigned/key", "streaming/key", "signed"];
    for key in keys {
        let put = Request::new("PUT", format!("/{key}")).body(bytes(400_000));
        let wire = put.to_bytes();
        let mut client = Connection::open(nginx.port());
        client.write(&wire[..300_000]).expect("nginx reads");
    }
    nginx.wait_for_access_log(3);
    for key in keys {
        let put = Request::new("PUT", format!("/{key}-2")).body(bytes(400_000));
        put.send(nginx.port()).expect_status(200);
        assert_eq!(origin.get("bucket", key), None);
    }
}

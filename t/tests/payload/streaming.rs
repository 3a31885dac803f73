//! Bodies that are sent while they come in (`proxy_request_buffering off`): unsigned, or in chunks
//! that are signed one by one.

use nginx_tests::account::{ACCESS_KEY, SECRET_KEY, SECRET_KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::{Connection, Request};
use nginx_tests::payload::{
    Check, STREAMING, UNSIGNED, bytes, expect_chunks, expect_hash, expect_unsigned,
};
use nginx_tests::{
    Builder, HeldConnection, HeldOrigin, Nginx, RawOrigin, RawRequest, Reply, http2, signing,
    wait_until,
};

/// A location for each mode that sends bodies as they come in, `/<mode>/`.
fn builder(origin: impl ToString, server: &str) -> Builder {
    let locations = ["auto", "unsigned", "streaming", "decode"].map(|mode| {
        format!("location /{mode}/ {{ aws_payload {mode}; proxy_pass http://{{origin}}; }}\n")
    });
    Nginx::builder().var("origin", origin).server(&format!(
        "{SECRET_KEY_DIRECTIVES} aws_sign on; aws_sign_methods GET PUT POST;
         proxy_request_buffering off; client_max_body_size 0;
         {server}
         {}",
        locations.concat()
    ))
}

/// Modes, and what becomes there of a body that comes in while it is sent over plain http.
const MODES: [(&str, Check); 4] = [
    ("auto", expect_chunks),
    ("unsigned", expect_unsigned),
    ("streaming", expect_chunks),
    ("decode", expect_unsigned),
];

/// The rest of a request whose head has been read.
fn read_rest(store: &mut HeldConnection, head: nginx_tests::Head, mut body: Vec<u8>) -> RawRequest {
    let length: usize = head
        .header("Content-Length")
        .and_then(|length| length.parse().ok())
        .expect("a length");
    body.extend(store.read(length - body.len()));
    RawRequest {
        head,
        body,
        connection: 0,
    }
}

/// The object store has some of the body before its client has sent the rest.
#[test]
fn bodies_leave_before_they_are_whole() {
    for version in ["1.0", "1.1"] {
        for (mode, check) in MODES {
            let store = HeldOrigin::start();
            let nginx = builder(store.address(), &format!("proxy_http_version {version};")).start();
            let body = bytes(300_000);
            let wire = Request::new("PUT", format!("/{mode}/key"))
                .body(&body)
                .to_bytes();
            let (first, rest) = wire.split_at(wire.len() - 150_000);

            let mut client = Connection::open(nginx.port());
            client.write(first).expect("nginx reads");
            let mut connection = store.accept();
            let head = connection.read_head();
            // More than a chunk's frame, less than two: the second is not complete yet.
            let some = connection.read(100_000);

            client.write(rest).expect("nginx reads");
            let request = read_rest(&mut connection, head, some);
            assert!(check(&request) == body, "{mode}");
            assert_eq!(request.header("Transfer-Encoding"), None);
            assert!(request.line().ends_with(&format!("HTTP/{version}")));
            connection.answer(&Reply::new(200, "stored"));
            let answer = client.read(false).expect("a response");
            assert_eq!(answer.text(), "stored");
        }
    }
}

/// Around the 64 KiB of a chunk, and around what nginx reads at once.
#[test]
fn bodies_of_every_size() {
    for (mode, check) in MODES {
        let origin = RawOrigin::with_body("");
        let nginx = builder(origin.address(), "proxy_http_version 1.1;")
            .http2()
            .start();
        let mut count = 0;
        for length in [2, 1000, 16_384, 65_535, 65_536, 65_537, 131_072, 400_000] {
            let body = bytes(length);
            let path = format!("/{mode}/{length}");
            let wire = Request::new("PUT", &path).body(&body).to_bytes();
            // Its last byte comes later: it is not there as a whole when its head is signed.
            let mut client = Connection::open(nginx.port());
            let (first, last) = wire.split_at(wire.len() - 1);
            client.write(first).expect("nginx reads");
            let before = count;
            wait_until("nginx has begun", || origin.connections() > before);
            client.write(last).expect("nginx reads");
            client.read(false).expect("a response").expect_status(200);
            count += 1;
            let requests = origin.requests();
            assert_eq!(requests.len(), count);
            assert!(check(&requests[count - 1]) == body, "{path}");

            http2::upload("PUT", nginx.h2_port(), &path, &[], &body).expect_status(200);
            count += 1;
            let request = &origin.requests()[count - 1];
            // It may have been there as a whole.
            let body_of = match request.header("x-amz-content-sha256").as_deref() {
                Some(STREAMING) => expect_chunks(request),
                Some(UNSIGNED) => expect_unsigned(request),
                _ => {
                    assert!(matches!(mode, "auto" | "decode"), "{mode}");
                    expect_hash(request)
                }
            };
            assert!(body_of == body, "{path} over HTTP/2");
        }
    }
}

/// What has come with its head needs no chunks, unless they are asked for.
#[test]
fn bodies_that_come_with_their_heads() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(origin.address(), "").start();
    for (mode, expected) in [
        ("auto", None),
        ("decode", None),
        ("unsigned", Some(UNSIGNED)),
        ("streaming", Some(STREAMING)),
    ] {
        let put = Request::new("PUT", format!("/{mode}/key")).body("small");
        put.send(nginx.port()).expect_status(200);
        let request = origin.requests().pop().expect("it has arrived");
        match expected {
            None => drop(expect_hash(&request)),
            Some(payload) => {
                expect_signed(&request);
                let declared = request.header("x-amz-content-sha256");
                assert_eq!(declared.as_deref(), Some(payload), "{mode}");
            }
        }
    }
}

#[test]
fn empty_bodies() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(origin.address(), "").http2().start();
    for (mode, _) in MODES {
        let path = format!("/{mode}/key");
        let put = || Request::new("PUT", &path);
        put().send(nginx.port()).expect_status(200);
        put().body("").send(nginx.port()).expect_status(200);
        http2::upload("PUT", nginx.h2_port(), &path, &[], b"").expect_status(200);
    }
    let requests = origin.requests();
    assert_eq!(requests.len(), 12);
    for request in requests {
        expect_hash(&request);
        assert_eq!(request.body, b"");
        assert_eq!(request.header("Content-Encoding"), None);
        assert_eq!(request.header("X-Amz-Decoded-Content-Length"), None);
    }
}

/// S3 takes no body whose length it does not know.
#[test]
fn a_body_of_unknown_length_is_rejected() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(origin.address(), "proxy_http_version 1.1;")
        .http2()
        .start();
    for (mode, _) in MODES {
        let path = format!("/{mode}/key");
        for body in [bytes(5), bytes(200_000)] {
            let put = Request::new("PUT", &path).chunks(body.chunks(50_000));
            put.send(nginx.port()).expect_status(411);
            let answer = http2::try_upload_unannounced("PUT", nginx.h2_port(), &path, &[], &body);
            assert!(answer.map_or(411, |answer| answer.status) == 411, "{mode}");
        }
    }
    let lines = nginx.wait_for_access_log(16);
    assert!(
        lines.iter().all(|line| line.contains("|411|-|")),
        "{lines:?}"
    );
    let log = nginx.error_log();
    assert!(log.contains("the client sent no Content-Length"), "{log}");
    assert_eq!(origin.connections(), 0);
}

/// With HTTP/1.0 to the object store, nginx itself waits for the end of such a body, and its length is known
/// then.
#[test]
fn a_body_of_unknown_length_is_buffered_for_http10() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(origin.address(), "proxy_http_version 1.0;").start();
    for (mode, check) in MODES {
        for body in [bytes(5), bytes(200_000)] {
            let put = Request::new("PUT", format!("/{mode}/key"));
            let put = put.chunks(body.chunks(50_000));
            put.send(nginx.port()).expect_status(200);
            let request = origin.requests().pop().expect("it has arrived");
            if matches!(mode, "auto" | "decode") {
                expect_hash(&request);
                assert!(request.body == body);
            } else {
                assert!(check(&request) == body);
            }
        }
    }
}

/// What follows a rejected body is not taken for a request.
#[test]
fn nothing_is_smuggled_behind_a_rejected_body() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(origin.address(), "proxy_http_version 1.1;").start();
    for (mode, _) in MODES {
        let put = Request::new("PUT", format!("/{mode}/key"));
        let put = put.chunks([format!("GET /{mode}/smuggled HTTP/1.1\r\nHost: x\r\n\r\n")]);
        let mut client = Connection::open(nginx.port());
        client.send(&put).expect_status(411);
        assert!(client.read(false).is_err(), "{mode}: a second answer");
    }
    assert_eq!(origin.connections(), 0);
}

#[test]
fn connections_to_the_store_are_kept() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(
        "kept",
        "proxy_http_version 1.1; proxy_set_header Connection \"\";",
    )
    .var("store", origin.address())
    .http("upstream kept { server {store}; keepalive 1; }")
    .start();
    let mut client = Connection::open(nginx.port());
    let body = bytes(200_000);
    let mut count = 0;
    for (mode, _) in MODES {
        for _ in 0..2 {
            let wire = Request::new("PUT", format!("/{mode}/key"))
                .body(&body)
                .to_bytes();
            let (first, last) = wire.split_at(wire.len() - 1);
            client.write(first).expect("nginx reads");
            client.write(last).expect("nginx reads");
            client.read(false).expect("a response").expect_status(200);
            count += 1;
        }
        client
            .send(&Request::get(format!("/{mode}/key")))
            .expect_status(200);
        count += 1;
    }
    let requests = origin.requests();
    assert_eq!(requests.len(), count);
    for request in &requests {
        assert_eq!(request.connection, requests[0].connection);
        expect_signed(request);
    }
}

/// Encodings of the object stay, beside that of the framing.
#[test]
fn the_objects_own_encoding_is_kept() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(origin.address(), "").start();
    for mode in ["auto", "streaming"] {
        let put = Request::new("PUT", format!("/{mode}/key")).header("Content-Encoding", "gzip");
        let wire = put.body(bytes(100_000)).to_bytes();
        let mut client = Connection::open(nginx.port());
        client.write(&wire).expect("nginx reads");
        client.read(false).expect("a response").expect_status(200);
        let request = origin.requests().pop().expect("it has arrived");
        expect_signed(&request);
        assert_eq!(request.header_all("Content-Encoding"), ["aws-chunked,gzip"]);
        let signer = nginx_tests::Signer::new(ACCESS_KEY, SECRET_KEY);
        let body = signing::verify_chunks(&request.head, &request.body, &signer);
        assert!(body.expect("good chunks") == bytes(100_000));
    }
}

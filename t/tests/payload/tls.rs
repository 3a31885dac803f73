//! Bodies on their way to an object store over TLS: `auto` leaves them unsigned where it cannot hash them,
//! since TLS protects them; signed chunks go through TLS as they do without.
//!
//! A second server of the same nginx stands for the object store's TLS, and passes on what it gets, as it
//! comes in.

use nginx_tests::account::SECRET_KEY_DIRECTIVES;
use nginx_tests::http::{Connection, Request};
use nginx_tests::payload::{Check, bytes, expect_chunks, expect_hash, expect_unsigned};
use nginx_tests::{HeldOrigin, Nginx, RawOrigin, RawRequest, Reply, Swift, http2};

/// Modes, and what becomes there of a body that comes in while it is sent over TLS.
const MODES: [(&str, Check); 4] = [
    ("auto", expect_unsigned),
    ("unsigned", expect_unsigned),
    ("streaming", expect_chunks),
    ("decode", expect_unsigned),
];

/// Signs in `/<mode>/`, while bodies come in; `{tls}` is the port of the object store's TLS.
fn nginx(store: impl ToString, credentials: &str) -> Nginx {
    let locations = ["auto", "signed", "unsigned", "streaming", "decode"].map(|mode| {
        format!(
            "location /{mode}/ {{ aws_payload {mode}; proxy_pass https://127.0.0.1:{{tls}}/; }}\n"
        )
    });
    Nginx::builder()
        .extra_port("tls")
        .var("store", store)
        .certificate()
        .http(
            "client_max_body_size 0; proxy_request_buffering off;
             server {
                 proxy_http_version 1.1;
                 listen 127.0.0.1:{tls} ssl;
                 ssl_certificate {dir}/tls/server.pem;
                 ssl_certificate_key {dir}/tls/server.key;
                 proxy_set_header Host $http_host;
                 proxy_set_header Connection \"\";
                 location / { proxy_pass http://{store}; }
             }",
        )
        .server(&format!(
            "{credentials}
             aws_sign on; aws_sign_methods GET PUT; proxy_http_version 1.1;
             proxy_ssl_verify on; proxy_ssl_trusted_certificate {{dir}}/tls/authority.pem;
             proxy_ssl_name localhost;
             {}",
            locations.concat()
        ))
        .http2()
        .start()
}

#[test]
fn bodies_of_every_size() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(origin.address(), SECRET_KEY_DIRECTIVES);
    let mut count = 0;
    for (mode, check) in MODES {
        for length in [65_537, 300_000] {
            let body = bytes(length);
            let path = format!("/{mode}/key");
            let put = Request::new("PUT", &path).body(&body);
            put.send(nginx.port()).expect_status(200);
            http2::upload("PUT", nginx.h2_port(), &path, &[], &body).expect_status(200);
            count += 2;
            for request in &origin.requests()[count - 2..] {
                assert!(check(request) == body, "{mode}");
            }
        }
    }
    let put = Request::new("PUT", "/signed/key").body(bytes(300_000));
    put.send(nginx.port()).expect_status(200);
    expect_hash(&origin.requests()[count]);
}

#[test]
fn bodies_leave_before_they_are_whole() {
    for (mode, check) in MODES {
        let store = HeldOrigin::start();
        let nginx = nginx(store.address(), SECRET_KEY_DIRECTIVES);
        let body = bytes(300_000);
        let wire = Request::new("PUT", format!("/{mode}/key"))
            .body(&body)
            .to_bytes();
        let (first, rest) = wire.split_at(wire.len() - 150_000);

        let mut client = Connection::open(nginx.port());
        client.write(first).expect("nginx reads");
        let mut connection = store.accept();
        let head = connection.read_head();
        let mut sent = connection.read(66_000);
        client.write(rest).expect("nginx reads");
        let length = head.header("Content-Length").expect("a length");
        let length: usize = length.parse().expect("a number");
        sent.extend(connection.read(length - 66_000));
        connection.answer(&Reply::new(200, ""));
        client.read(false).expect("a response").expect_status(200);
        let request = RawRequest {
            head,
            body: sent,
            connection: 0,
        };
        assert!(check(&request) == body, "{mode}");
    }
}

/// Swift checks each chunk's signature, and what it has is the body.
#[test]
fn swift_stores_what_comes_over_tls() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    let nginx = nginx(
        format!("127.0.0.1:{}", swift.port()),
        &format!(
            "aws_access_key {}; aws_secret_key {}; aws_region us-east-1;
             aws_s3_bucket bucket; aws_endpoint 127.0.0.1:{}; aws_addressing_style path;",
            Swift::ACCESS_KEY,
            Swift::SECRET_KEY,
            swift.port()
        ),
    );
    for mode in ["auto", "signed", "unsigned", "streaming", "decode"] {
        for length in [0, 1, 65_537, 300_000] {
            let body = bytes(length);
            let put = Request::new("PUT", format!("/{mode}/{mode}-{length}")).body(&body);
            put.send(nginx.port()).expect_status(200);
            let get = Request::get(format!("/bucket/{mode}-{length}"));
            let stored = swift.send(get).expect_status(200);
            assert!(stored.body == body, "{mode} {length}");
            assert_eq!(stored.header("Content-Encoding"), None);
        }
    }
}

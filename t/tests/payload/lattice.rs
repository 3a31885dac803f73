//! VPC Lattice, which accepts no signed payloads: each request says `UNSIGNED-PAYLOAD`, with a body or
//! without.

use nginx_tests::account::{ACCESS_KEY, SECRET_KEY, SECRET_KEY_DIRECTIVES};
use nginx_tests::http::{Connection, Request};
use nginx_tests::payload::{UNSIGNED, bytes, sha256};
use nginx_tests::server_conf::{self, KEYS, expect_refused};
use nginx_tests::{HeldOrigin, Nginx, RawOrigin, RawRequest, Reply, Signer, signing};

const SERVICE: &str = "vpc-lattice-svcs";

fn nginx(origin: impl ToString, server: &str) -> Nginx {
    Nginx::builder()
        .var("origin", origin)
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_service {SERVICE}; aws_sign on;
             aws_sign_methods GET POST PUT DELETE; client_body_buffer_size 1k;
             proxy_http_version 1.1;
             {server}"
        ))
        .start()
}

#[track_caller]
fn expect_unsigned(request: &RawRequest, body: &[u8]) {
    assert!(request.body == body, "{} bytes", request.body.len());
    let hash = request.header("X-Amz-Content-Sha256");
    assert_eq!(hash.as_deref(), Some(UNSIGNED));
    let signed = signing::signed_headers(&request.head);
    assert!(signed.iter().any(|name| name == "x-amz-content-sha256"));
    let signer = Signer::new(ACCESS_KEY, SECRET_KEY).service(SERVICE);
    signing::expect_signed(&request.head, &signer);
}

#[test]
fn no_body_is_signed_whatever_the_client_says_of_it() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(
        origin.address(),
        "location / { proxy_pass http://{origin}; }
         location /said/ { aws_payload unsigned; proxy_pass http://{origin}; }
         location /unbuffered/ { proxy_request_buffering off; proxy_pass http://{origin}; }
         location /set/ { proxy_set_body set; proxy_pass http://{origin}; }
         location /dropped/ { proxy_pass_request_body off; proxy_set_header Content-Length \"\";
                              proxy_pass http://{origin}; }",
    );
    let last = || origin.requests().pop().expect("it has arrived");
    for path in ["/", "/said/", "/unbuffered/"] {
        Request::get(path).send(nginx.port()).expect_status(200);
        expect_unsigned(&last(), b"");
        for body in [bytes(0), bytes(100), bytes(100_000)] {
            for declared in [None, Some(sha256(&body)), Some(sha256("other"))] {
                let mut post = Request::new("POST", path).body(&body);
                if let Some(declared) = declared {
                    post = post.header("X-Amz-Content-Sha256", declared);
                }
                post.send(nginx.port()).expect_status(200);
                expect_unsigned(&last(), &body);
            }
        }
    }
    let post = |path| {
        Request::new("POST", path)
            .body("client's")
            .send(nginx.port())
    };
    post("/set/").expect_status(200);
    expect_unsigned(&last(), b"set");
    post("/dropped/").expect_status(200);
    expect_unsigned(&last(), b"");
}

/// Nothing of it has to be known before it is sent.
#[test]
fn a_body_streams_while_it_comes_in() {
    let origin = HeldOrigin::start();
    let nginx = nginx(
        origin.address(),
        "location / { proxy_request_buffering off; proxy_pass http://{origin}; }",
    );
    let mut client = Connection::open(nginx.port());
    let wire = Request::new("PUT", "/path").body("first, last").to_bytes();
    let (first, last) = wire.split_at(wire.len() - "last".len());
    client.write(first).expect("nginx reads");

    let mut connection = origin.accept();
    let head = connection.read_head();
    assert_eq!(
        head.header("X-Amz-Content-Sha256").as_deref(),
        Some(UNSIGNED)
    );
    assert_eq!(connection.read(7), b"first, ");
    client.write(last).expect("nginx reads");
    assert_eq!(connection.read(4), b"last");
    connection.answer(&Reply::new(200, ""));
    client.read(false).expect("a response").expect_status(200);
}

#[test]
fn other_modes_are_rejected() {
    for mode in ["signed", "streaming", "decode"] {
        expect_refused(
            &format!(
                "{KEYS}aws_service {SERVICE};
                 location / {{
                     aws_payload {mode}; #!
                     aws_sign;
                     proxy_pass http://127.0.0.1:1;
                 }}"
            ),
            &format!(
                "\"aws_payload {mode}\" cannot be used with service \"{SERVICE}\", which accepts \
                 unsigned payloads only: remove it"
            ),
        );
    }
}

#[test]
fn writes_over_plain_http_are_warned_of() {
    let warnings = |methods: &str, scheme: &str| {
        let server = format!(
            "{KEYS}aws_service {SERVICE};
             location / {{
                 aws_sign; aws_sign_methods {methods}; proxy_pass {scheme}://127.0.0.1:1;
             }}"
        );
        let result = server_conf::builder(&server).check().expect_ok();
        let line = "\"aws_service vpc-lattice-svcs\" in location \"/\" signs no bodies";
        let warnings = result.warnings();
        warnings
            .iter()
            .filter(|warning| warning.contains(line))
            .count()
    };
    assert_eq!(warnings("GET POST", "http"), 1);
    assert_eq!(warnings("GET POST", "https"), 0);
    assert_eq!(warnings("GET HEAD", "http"), 0);
}

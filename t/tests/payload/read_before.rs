//! Bodies that were read before the signed location saw them: by another module, or for a location
//! that handed the request on. What is signed is what is sent.

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::{Connection, Request};
use nginx_tests::payload::{
    Check, STREAMING, bytes, expect_chunks, expect_hash, expect_unsigned, sha256,
};
use nginx_tests::{Nginx, RawOrigin, RawRequest, Reply};

/// Modes, and what becomes there of a body that is there as a whole.
const MODES: [(&str, Check); 5] = [
    ("auto", expect_hash),
    ("signed", expect_hash),
    ("unsigned", expect_unsigned),
    ("streaming", expect_chunks),
    ("decode", expect_hash),
];

/// In memory, in a file, in a file that takes several turns to look at; chunked.
fn requests(target: &str) -> Vec<(Request, Vec<u8>)> {
    let put = || Request::new("PUT", target);
    let (small, large, huge) = (bytes(100), bytes(30_000), bytes(1_200_000));
    vec![
        (put().body(&small), small.clone()),
        (put().body(&large), large.clone()),
        (put().body(&huge), huge.clone()),
        (put().chunks(large.chunks(7000)), large.clone()),
    ]
}

type Stand = crate::stand::Stand<RawOrigin>;

impl Stand {
    fn new(server: &str, application: RawOrigin) -> Self {
        let builder = Nginx::builder().server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign_methods PUT POST; proxy_http_version 1.1;
             client_body_buffer_size 1k; client_max_body_size 0;
             {server}"
        ));
        let address = application.address();
        Self::start(builder, application, address)
    }

    /// The `count`th request at the object store, once it is there.
    fn stored(&self, count: usize) -> RawRequest {
        self.origin.wait_for_requests(count)[count - 1].clone()
    }
}

/// `server` with `{mode}` in it, in each mode: what reaches the object store is the body, rightly signed.
#[track_caller]
fn expect_bodies_in_every_mode(server: &str, application: impl Fn() -> RawOrigin) {
    for (mode, check) in MODES {
        let stand = Stand::new(&server.replace("{mode}", mode), application());
        let mut count = 0;
        for (request, body) in requests("/key") {
            request.send(stand.nginx.port()).expect_status(200);
            count += 1;
            let stored = stand.stored(count);
            assert!(check(&stored) == body, "{mode}: {count}");
            assert_eq!(stored.method(), "PUT");
        }
        assert_eq!(stand.origin.requests().len(), count, "{mode}");
    }
}

fn unused() -> RawOrigin {
    RawOrigin::start(|request| panic!("nobody asks it: {request:?}"))
}

#[test]
fn mirrored_into_a_signed_location() {
    expect_bodies_in_every_mode(
        "location / { mirror /mirror; mirror_request_body on; proxy_pass http://{application}; }
         location = /mirror {
             internal; aws_sign; aws_payload {mode}; proxy_pass http://{origin}/key;
         }",
        || RawOrigin::with_body("served"),
    );
}

/// Other than the mirrored request, the first one is not kept waiting by anybody: it is sent whole.
#[test]
fn mirrored_from_a_signed_location() {
    for buffering in ["on", "off"] {
        expect_bodies_in_every_mode(
            &format!(
                "location / {{
                     mirror /mirror;
                     proxy_request_buffering {buffering};
                     aws_sign; aws_payload {{mode}}; proxy_pass http://{{origin}};
                 }}
                 location = /mirror {{ internal; proxy_pass http://{{application}}; }}"
            ),
            || RawOrigin::with_body("served"),
        );
    }
}

/// Both are signed, in modes of their own, for the same body.
#[test]
fn mirrored_from_a_signed_location_into_another() {
    let stand = Stand::new(
        "aws_sign on;
         location / {
             mirror /mirror; aws_payload streaming; proxy_request_buffering off;
             proxy_pass http://{origin};
         }
         location = /mirror {
             internal; aws_payload signed; proxy_pass http://{application}/copy;
         }",
        RawOrigin::with_body("served"),
    );
    for (count, (request, body)) in (1..).zip(requests("/key")) {
        request.send(stand.nginx.port()).expect_status(200);
        assert!(expect_chunks(&stand.stored(count)) == body);
        let copies = stand.application.wait_for_requests(count);
        let copy = &copies[count - 1];
        assert!(copy.body == body);
        expect_hash(copy);
    }
}

/// A mirrored request without the body: there is nothing that the client's hash could be of.
#[test]
fn mirrored_without_the_body() {
    for mode in ["auto", "signed"] {
        let stand = Stand::new(
            &format!(
                "location / {{
                     mirror /mirror; mirror_request_body off; proxy_pass http://{{application}};
                 }}
                 location = /mirror {{
                     internal; aws_sign; aws_payload {mode};
                     proxy_pass_request_body off; proxy_pass http://{{origin}}/key;
                 }}"
            ),
            RawOrigin::with_body("served"),
        );
        for (count, (request, body)) in (1..).zip(requests("/")) {
            let request = request.header("X-Amz-Content-Sha256", sha256(&body));
            request.send(stand.nginx.port()).expect_status(200);
            let stored = stand.stored(count);
            assert_eq!(stored.body, b"");
            expect_hash(&stored);
        }
    }
}

#[test]
fn after_a_failure_in_another_location() {
    expect_bodies_in_every_mode(
        "location / { error_page 502 = @signed; proxy_pass http://{dead}; }
         location @signed { aws_sign; aws_payload {mode}; proxy_pass http://{origin}; }",
        unused,
    );
}

#[test]
fn after_a_response_of_another_location() {
    expect_bodies_in_every_mode(
        "location / {
             error_page 404 = @signed; proxy_intercept_errors on;
             proxy_pass http://{application};
         }
         location @signed { aws_sign; aws_payload {mode}; proxy_pass http://{origin}; }",
        || RawOrigin::start(|_| Reply::new(404, "")),
    );
}

/// An application that decides where the upload goes: into a named location it goes with its method
/// and body.
#[test]
fn after_an_x_accel_redirect() {
    expect_bodies_in_every_mode(
        "location / { proxy_pass http://{application}; }
         location @signed { aws_sign; aws_payload {mode}; proxy_pass http://{origin}; }",
        || RawOrigin::start(|_| Reply::with_headers(200, &[("X-Accel-Redirect", "@signed")], "")),
    );
}

/// The same mode twice: the second location finds what the first one has found.
#[test]
fn after_another_signed_location() {
    expect_bodies_in_every_mode(
        "aws_sign on; aws_payload {mode};
         location / { error_page 502 = @signed; proxy_pass http://{dead}; }
         location @signed { proxy_pass http://{origin}; }",
        unused,
    );
    // And another mode than the first.
    expect_bodies_in_every_mode(
        "aws_sign on;
         location / { error_page 502 = @signed; aws_payload streaming; proxy_pass http://{dead}; }
         location @signed { aws_payload {mode}; proxy_pass http://{origin}; }",
        unused,
    );
}

#[test]
fn behind_auth_request() {
    for buffering in ["on", "off"] {
        let stand = Stand::new(
            &format!(
                "location / {{
                     auth_request /auth;
                     proxy_request_buffering {buffering};
                     aws_sign; aws_payload signed; proxy_pass http://{{origin}};
                 }}
                 location = /auth {{
                     internal;
                     proxy_pass_request_body off; proxy_set_header Content-Length \"\";
                     proxy_pass http://{{application}};
                 }}"
            ),
            RawOrigin::with_body("welcome"),
        );
        for (count, (request, body)) in (1..).zip(requests("/key")) {
            request.send(stand.nginx.port()).expect_status(200);
            let stored = stand.stored(count);
            assert!(stored.body == body);
            expect_hash(&stored);
        }
        assert_eq!(stand.application.requests().len(), 4);
    }
}

/// A wrong hash is found there, too, whatever the first location has made of the body.
#[test]
fn a_declared_hash_is_checked() {
    for first in [
        "",
        "aws_sign; aws_payload auto;",
        "aws_sign; aws_payload unsigned;",
        "aws_sign; aws_payload streaming;",
        "aws_sign; aws_payload streaming; client_body_buffer_size 4m;",
    ] {
        let stand = Stand::new(
            &format!(
                "location / {{ error_page 502 = @signed; {first} proxy_pass http://{{dead}}; }}
                 location @signed {{ aws_sign; aws_payload signed; proxy_pass http://{{origin}}; }}"
            ),
            unused(),
        );
        let wrong = sha256("another body");
        for (request, _) in requests("/key") {
            let request = request.header("X-Amz-Content-Sha256", &wrong);
            let response = request.send(stand.nginx.port());
            assert_eq!(response.status, 400, "{first}");
        }
        assert_eq!(stand.origin.connections(), 0);
        for (count, (request, body)) in (1..).zip(requests("/key")) {
            let request = request.header("X-Amz-Content-Sha256", sha256(&body));
            request.send(stand.nginx.port()).expect_status(200);
            let stored = stand.stored(count);
            assert!(expect_hash(&stored) == body, "{first}");
        }
    }
}

/// A body of which a part is still to come when the first location fails: nginx does not read on for
/// the second one, and what there is must not be taken for the whole.
#[test]
fn half_a_body_is_not_taken_for_a_whole_one() {
    for length_header in ["", "proxy_set_header Content-Length \"\";"] {
        for (mode, _) in MODES {
            let stand = Stand::new(
                &format!(
                    "location / {{
                         error_page 502 = @signed; proxy_request_buffering off;
                         proxy_pass http://{{dead}};
                     }}
                     location @signed {{
                         aws_sign; aws_payload {mode}; {length_header} proxy_pass http://{{origin}};
                     }}"
                ),
                unused(),
            );
            for request in [
                Request::new("PUT", "/key").body(bytes(2_500_000)),
                Request::new("PUT", "/key").chunks([bytes(2_500_000)]),
            ] {
                // The beginning of it.
                let wire = request.to_bytes();
                let mut client = Connection::open(stand.nginx.port());
                client.write(&wire[..20_000]).expect("nginx reads");
                let response = client.read(false).expect("a response");
                assert_eq!(response.status, 502, "{mode}");
            }
            assert_eq!(stand.origin.connections(), 0, "{mode}");
            let log = stand.nginx.error_log();
            assert!(log.contains("has begun to forward it"), "{log}");

            // What had come as a whole by then is sent.
            let put = Request::new("PUT", "/key").body("small");
            put.send(stand.nginx.port()).expect_status(200);
            let stored = stand.stored(1);
            assert!(stored.body.windows(5).any(|part| part == b"small"));
        }
    }
}

/// What a mode declares is said once.
#[test]
fn nothing_of_the_client_is_declared_twice() {
    let stand = Stand::new(
        "location / { error_page 502 = @signed; proxy_pass http://{dead}; }
         location @signed { aws_sign; aws_payload streaming; proxy_pass http://{origin}; }",
        unused(),
    );
    let put = Request::new("PUT", "/key").header("X-Amz-Content-Sha256", sha256("x"));
    put.body("x").send(stand.nginx.port()).expect_status(200);
    let stored = stand.origin.only_request();
    expect_signed(&stored);
    assert_eq!(stored.header_all("X-Amz-Content-Sha256"), [STREAMING]);
    assert_eq!(expect_chunks(&stored), b"x");
}

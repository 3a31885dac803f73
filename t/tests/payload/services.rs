//! Bodies for services other than S3: always hashed, under paths that are encoded once more in the
//! signature than they are sent. Checked as such a service does, with `aws-sigv4`.

use nginx_tests::account::{ACCESS_KEY, SECRET_KEY, SECRET_KEY_DIRECTIVES};
use nginx_tests::http::{Connection, Request};
use nginx_tests::payload::{UNSIGNED, bytes, sha256};
use nginx_tests::{Builder, Nginx, RawOrigin, RawRequest, Signer, http2, signing};

const SERVICES: [&str; 5] = ["execute-api", "lambda", "es", "aoss", "dynamodb"];

fn builder(origin: &RawOrigin, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign on; aws_sign_methods GET POST PUT PATCH DELETE;
             client_body_buffer_size 1k; proxy_http_version 1.1;
             {server}"
        ))
}

/// The service would take this request: the signature holds, for the body as it has arrived.
#[track_caller]
fn expect_taken(request: &RawRequest, service: &str, body: &[u8]) {
    assert!(request.body == body, "{} bytes", request.body.len());
    let signer = Signer::new(ACCESS_KEY, SECRET_KEY).service(service);
    signing::expect_signed(&request.head, &signer);
    let hash = request.header("X-Amz-Content-Sha256");
    assert_eq!(hash, Some(sha256(body)));
}

#[track_caller]
fn expect_signed_header(request: &RawRequest, name: &str) {
    let signed = signing::signed_headers(&request.head);
    assert!(signed.iter().any(|signed| signed == name), "{signed:?}");
}

#[test]
fn json_is_posted_to_paths_of_every_kind() {
    for service in SERVICES {
        let origin = RawOrigin::with_body("{}");
        let nginx = builder(
            &origin,
            &format!("aws_service {service}; location / {{ proxy_pass http://{{origin}}; }}"),
        )
        .start();
        for (target, sent) in [
            ("/", "/"),
            ("/prod/prices", "/prod/prices"),
            ("/prod/a%20b/%C3%BC?b=2&a=1", "/prod/a%20b/%C3%BC?b=2&a=1"),
            ("/index/_doc/a%2Bb%3A1", "/index/_doc/a%2Bb%3A1"),
            (
                "/functions/arn%3Aaws%3Alambda%3Aeu-west-1/invocations",
                "/functions/arn%3Aaws%3Alambda%3Aeu-west-1/invocations",
            ),
        ] {
            let json = "{\"query\": {\"match_all\": {}}}";
            let post = Request::new("POST", target)
                .header("Content-Type", "application/json; charset=utf-8")
                .body(json);
            let answer = post.send(nginx.port()).expect_status(200);
            assert_eq!(answer.text(), "{}");
            let request = origin.requests().pop().expect("it has arrived");
            assert_eq!(request.target(), sent, "{service}");
            expect_taken(&request, service, json.as_bytes());
            expect_signed_header(&request, "content-type");
        }
    }
}

/// nginx may be told not to buffer: the hash needs the whole body all the same.
#[test]
fn bodies_are_hashed_whatever_the_location_says() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(
        &origin,
        "aws_service execute-api;
         location /auto/ { proxy_pass http://{origin}; }
         location /signed/ { aws_payload signed; proxy_pass http://{origin}; }
         location /unbuffered/ { proxy_request_buffering off; proxy_pass http://{origin}; }
         location /set/ { proxy_set_body '{\"client\": 1}'; proxy_pass http://{origin}; }",
    )
    .http2()
    .start();
    let mut count = 0;
    let mut expect_last = |service, body: &[u8]| {
        count += 1;
        let requests = origin.requests();
        assert_eq!(requests.len(), count);
        expect_taken(&requests[count - 1], service, body);
    };
    for path in ["/auto/", "/signed/", "/unbuffered/"] {
        for body in [bytes(0), bytes(100), bytes(100_000)] {
            let post = || Request::new("POST", path);
            post().body(&body).send(nginx.port()).expect_status(200);
            expect_last("execute-api", &body);
            let chunked = post().chunks(body.chunks(30_000));
            chunked.send(nginx.port()).expect_status(200);
            expect_last("execute-api", &body);
            http2::upload_unannounced("POST", nginx.h2_port(), path, &[], &body).expect_status(200);
            expect_last("execute-api", &body);

            // In parts, the last of which comes later.
            let wire = post().body(&body).to_bytes();
            let (first, last) = wire.split_at(wire.len() - body.len() / 2);
            let mut client = Connection::open(nginx.port());
            client.write(first).expect("nginx reads");
            client.write(last).expect("nginx reads");
            client.read(false).expect("a response").expect_status(200);
            expect_last("execute-api", &body);
        }
    }
    let post = Request::new("POST", "/set/").body("another");
    post.send(nginx.port()).expect_status(200);
    expect_last("execute-api", b"{\"client\": 1}");
}

#[test]
fn methods_with_and_without_bodies() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(
        &origin,
        "aws_service es; location / { proxy_pass http://{origin}; }",
    )
    .start();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        for body in ["", "{}"] {
            let mut request = Request::new(method, "/index/_search?size=1");
            if !body.is_empty() {
                request = request.body(body);
            }
            request.send(nginx.port()).expect_status(200);
            let request = origin.requests().pop().expect("it has arrived");
            assert_eq!(request.method(), method);
            expect_taken(&request, "es", body.as_bytes());
        }
    }
}

/// What S3's clients declare means nothing to other services.
#[test]
fn declarations_of_s3_are_not_followed() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(
        &origin,
        "aws_service execute-api;
         location / { proxy_pass http://{origin}; }
         location /unbuffered/ { proxy_request_buffering off; proxy_pass http://{origin}; }",
    )
    .start();
    let framed = "4\r\nbody\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
    for path in ["/", "/unbuffered/"] {
        for (declared, body) in [
            (UNSIGNED, "body"),
            (&*sha256("other"), "body"),
            ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", framed),
        ] {
            let post = Request::new("POST", path).header("X-Amz-Content-Sha256", declared);
            post.body(body).send(nginx.port()).expect_status(200);
            let request = origin.requests().pop().expect("it has arrived");
            expect_taken(&request, "execute-api", body.as_bytes());
        }
    }
}

/// Where only a request tells the service, `aws_payload` is for those that are S3's.
#[test]
fn a_service_that_the_request_names() {
    for mode in ["unsigned", "streaming", "decode", "auto"] {
        let origin = RawOrigin::with_body("");
        let nginx = builder(
            &origin,
            &format!(
                "aws_service $arg_service; aws_payload {mode}; proxy_request_buffering off;
                 location / {{ proxy_pass http://{{origin}}; }}"
            ),
        )
        .start();
        let body = bytes(100_000);
        let post = |service| {
            let post = Request::new("POST", format!("/path?service={service}")).body(&body);
            post.send(nginx.port()).expect_status(200);
            origin.requests().pop().expect("it has arrived")
        };
        expect_taken(&post("execute-api"), "execute-api", &body);
        let request = post("s3");
        signing::expect_signed(&request.head, &Signer::new(ACCESS_KEY, SECRET_KEY));
        let hash = request.header("X-Amz-Content-Sha256");
        assert_ne!(hash, Some(sha256(&body)), "{mode}");
    }
}

/// Headers that a service asks for pass where they are listed, and are signed.
#[test]
fn headers_of_a_service() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(
        &origin,
        "aws_service lambda;
         location / { proxy_pass http://{origin}; }
         location /listed/ {
             aws_pass_headers X-Amz-Invocation-Type;
             proxy_pass http://{origin};
         }",
    )
    .start();
    let post = |path| {
        let post = Request::new("POST", path).header("X-Amz-Invocation-Type", "Event");
        post.body("{}").send(nginx.port()).status
    };
    assert_eq!(post("/"), 403);
    assert_eq!(origin.connections(), 0);
    assert_eq!(post("/listed/"), 200);
    let request = origin.only_request();
    expect_taken(&request, "lambda", b"{}");
    expect_signed_header(&request, "x-amz-invocation-type");
}

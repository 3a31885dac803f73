//! A variable in `proxy_pass` that names upstreams which sign: each signs its own way, and what can be
//! told before nginx evaluates it is told as before.

use std::time::Duration;

use nginx_tests::account::{expect_signed, signing_upstream};
use nginx_tests::framed::{Framed, Framing};
use nginx_tests::http::{self, Request};
use nginx_tests::signing::{self, expect_unsigned, verify};
use nginx_tests::{
    Behaviour, Builder, MetadataServer, Nginx, RawOrigin, RawRequest, Reply, Signer,
};
use nginx_tests::{auth_error, payload, wait_until};

/// A location whose requests go to the upstream that their header X-Upstream names: `stores` signs, `plain` does
/// not.
fn by_header(origin: &RawOrigin, more: &str, location: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .http(&format!(
            "{} upstream plain {{ server {{origin}}; }}",
            signing_upstream("stores", more)
        ))
        .server(&format!(
            "client_max_body_size 0;
             location / {{ {location} proxy_pass http://$http_x_upstream$request_uri; }}"
        ))
}

fn to(upstream: &str, method: &str, target: &str) -> Request {
    Request::new(method, target).header("X-Upstream", upstream)
}

#[test]
fn only_what_goes_to_the_upstream_is_signed() {
    let origin = RawOrigin::with_body("");
    let nginx = by_header(&origin, "", "").start();
    let address = origin.address().to_string();
    for (upstream, signed) in [
        ("stores", true),
        ("plain", false),
        ("STORES", true),
        (&*address, false),
        ("stores", true),
    ] {
        to(upstream, "GET", "/key")
            .send(nginx.port())
            .expect_status(200);
        let request = origin.requests().pop().expect("a request");
        if signed {
            expect_signed(&request);
        } else {
            expect_unsigned(&request);
        }
    }
    // A name with a port is no upstream's.
    to("stores:80", "GET", "/key")
        .send(nginx.port())
        .expect_status(502);
    assert_eq!(origin.requests().len(), 5);
}

#[test]
fn each_upstream_signs_with_its_own_credentials() {
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Slow(Duration::from_millis(300)));
    let (origin, third) = (RawOrigin::with_body("hello"), metadata.store());
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .var("third", third.address())
        .var("metadata", metadata.address())
        .http(
            "aws_credentials_provider instance imds endpoint=http://{metadata};
             aws_region us-east-1;
             map $arg_tenant $backend { one one; two two; three three; }
             upstream one {
                 server {origin}; aws_sign; aws_access_key AKIDONE; aws_secret_key one;
             }
             upstream two {
                 server {origin}; aws_sign; aws_access_key AKIDTWO; aws_secret_key two;
                 aws_region eu-west-1; aws_session_token token;
             }
             upstream three { server {third}; aws_sign; aws_credentials instance; }",
        )
        .server("location / { proxy_pass http://$backend; }")
        .start();
    // The first one comes before there are credentials: it waits.
    for tenant in ["three", "one", "two", "three", "one"] {
        let response = http::get(nginx.port(), format!("/b/k?tenant={tenant}")).expect_status(200);
        assert_eq!(response.text(), "hello");
    }
    assert_eq!(metadata.refused(), [""; 0]);
    assert_eq!(third.requests().len(), 2);
    let requests = origin.requests();
    let signers = [
        Signer::new("AKIDONE", "one"),
        Signer::new("AKIDTWO", "two").region("eu-west-1"),
    ];
    for (request, signer) in requests.iter().zip([0, 1, 0]) {
        signing::expect_signed(request, &signers[signer]);
        assert!(verify(request, &signers[1 - signer]).is_err());
    }
    assert_eq!(requests[0].header("X-Amz-Security-Token"), None);
    let token = requests[1].header("X-Amz-Security-Token");
    assert_eq!(token.as_deref(), Some("token"));
}

// Statuses that a client can use, as where the upstream is constant.
#[test]
fn what_is_rejected_is_rejected_as_ever() {
    let origin = RawOrigin::with_body("");
    let nginx = by_header(&origin, "aws_sign_methods GET HEAD PUT;", "").start();
    let refused = to("stores", "DELETE", "/key")
        .send(nginx.port())
        .expect_status(405);
    assert_eq!(refused.header("Allow"), Some("GET, HEAD, PUT"));
    to("stores", "PUT", "/key")
        .header("X-Amz-Acl", "public-read")
        .send(nginx.port())
        .expect_status(403);
    assert_eq!(origin.connections(), 0);

    to("plain", "DELETE", "/key")
        .send(nginx.port())
        .expect_status(200);
    to("plain", "PUT", "/key")
        .header("X-Amz-Acl", "public-read")
        .send(nginx.port())
        .expect_status(200);
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn without_credentials_the_response_is_503() {
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Hang);
    let origin = RawOrigin::with_body("");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .var("metadata", metadata.address())
        .http(
            "aws_credentials_provider instance imds endpoint=http://{metadata};
             upstream stores {
                 server {origin};
                 aws_sign; aws_region us-east-1; aws_credentials instance;
                 aws_credentials_timeout 300ms;
             }",
        )
        .server("set $name stores; location / { proxy_pass http://$name; }")
        .start();
    let response = http::get(nginx.port(), "/key").expect_status(503);
    assert_eq!(response.header("Retry-After"), Some("1"));
    assert_eq!(origin.connections(), 0);
}

#[test]
fn bodies_are_signed_as_they_are_sent() {
    let body = payload::bytes(300_000);
    for buffering in ["on", "off"] {
        for (mode, sent) in [
            ("signed", payload::expect_hash as fn(&RawRequest) -> Vec<u8>),
            ("unsigned", payload::expect_unsigned),
            ("streaming", payload::expect_chunks),
        ] {
            let origin = RawOrigin::with_body("");
            let nginx = by_header(
                &origin,
                &format!("aws_sign_methods PUT; aws_payload {mode};"),
                &format!("proxy_http_version 1.1; proxy_request_buffering {buffering};"),
            )
            .start();
            to("stores", "PUT", "/key")
                .body(body.clone())
                .send(nginx.port())
                .expect_status(200);
            let request = origin.requests().pop().expect("a request");
            expect_signed(&request);
            assert!(sent(&request) == body, "{mode}, buffering {buffering}");

            to("plain", "PUT", "/key")
                .body(body.clone())
                .send(nginx.port())
                .expect_status(200);
            let request = origin.requests().pop().expect("a request");
            expect_unsigned(&request);
            assert_eq!(request.body, body);
        }
    }
}

// The chunks of an SDK are verified and signed again, or removed, while nginx receives them.
#[test]
fn the_chunks_of_clients() {
    let framed = || Framed::new(Framing::SignedTrailer, payload::bytes(100_000));
    for buffering in ["on", "off"] {
        let origin = RawOrigin::with_body("");
        let location = format!("proxy_http_version 1.1; proxy_request_buffering {buffering};");
        let nginx = by_header(&origin, "aws_sign_methods PUT;", &location).start();
        let upload = framed().header("X-Upstream", "stores").put("/key");
        upload.request().send(nginx.port()).expect_status(200);
        upload.expect_kept(&origin.only_request());

        let origin = RawOrigin::with_body("");
        let nginx = by_header(
            &origin,
            "aws_sign_methods PUT; aws_payload decode;",
            &location,
        )
        .start();
        let upload = framed().header("X-Upstream", "stores").put("/key");
        upload.request().send(nginx.port()).expect_status(200);
        let request = origin.only_request();
        expect_signed(&request);
        assert_eq!(request.body, payload::bytes(100_000));
    }
}

#[test]
fn what_a_store_says_of_the_signature_is_hidden() {
    let error = auth_error::mismatch();
    let origin = RawOrigin::start({
        let error = error.clone();
        move |_| Reply::with_headers(403, &[("Content-Type", "application/xml")], error.clone())
    });
    let nginx = by_header(&origin, "", "").start();
    let response = to("stores", "GET", "/key").send(nginx.port());
    auth_error::expect_hidden(&response, 403, "SignatureDoesNotMatch");
    let response = to("plain", "GET", "/key")
        .send(nginx.port())
        .expect_status(403);
    assert_eq!(response.body, error.as_bytes());

    let nginx = by_header(&origin, "aws_hide_auth_errors off;", "").start();
    let response = to("stores", "GET", "/key")
        .send(nginx.port())
        .expect_status(403);
    assert_eq!(response.body, error.as_bytes());
    nginx.wait_for_log(
        "the upstream rejected the signed request",
        Duration::from_secs(5),
    );
}

// What a cache holds of it, too, if nothing can be signed and a stale object is the response: then
// nginx no longer says where the request was going.
#[test]
fn it_is_hidden_in_a_stale_object() {
    let origin = RawOrigin::start(|_| Reply::new(403, auth_error::mismatch()));
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(
            "proxy_cache_path {dir}/cache keys_zone=cache:1m;
             upstream shown { server {origin}; aws_hide_auth_errors off; }
             upstream stores {
                 server {origin};
                 aws_sign; aws_region us-east-1; aws_access_key AKID; aws_secret_key $arg_secret;
             }",
        )
        .server(
            "set $name stores;
             location / {
                 proxy_cache cache; proxy_cache_valid 403 1s; proxy_cache_key $uri;
                 proxy_cache_use_stale error;
                 proxy_pass http://$name;
             }",
        )
        .start();
    let response = http::get(nginx.port(), "/key?secret=good");
    auth_error::expect_hidden(&response, 403, "SignatureDoesNotMatch");
    wait_until("the object is stale", || {
        let response = http::get(nginx.port(), "/key");
        auth_error::expect_hidden(&response, 403, "SignatureDoesNotMatch");
        nginx.error_log().contains("cannot be signed")
    });
    assert_eq!(origin.requests().len(), 1);
}

// A map that was asked for early, and what its regular expressions captured, would stay as they were
// then. The handler that looks ahead comes before `try_files`.
#[test]
fn nothing_is_changed_by_looking_ahead() {
    let origin = RawOrigin::with_body("");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(&format!(
            "map $uri $backend {{ ~^/(early)/ plain; ~^/(late)/ stores; }}
             {} upstream plain {{ server {{origin}}; }}",
            signing_upstream("stores", "")
        ))
        .server(
            "root {dir};
             location ~ ^/early/(.*)$ {
                 try_files /late/$1 /nothing;
                 proxy_pass http://$backend;
             }",
        )
        .file("late/key", "")
        .start();
    http::get(nginx.port(), "/early/key").expect_status(200);
    // Another upstream was foreseen; where the request is sent is what counts.
    expect_signed(&origin.only_request());
}

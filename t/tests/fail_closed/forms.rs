//! A request that cannot be signed is not sent in any form of proxy_pass, and the rejection is held
//! against nobody: not the peer, not the next request, not the cache.

use std::collections::HashSet;

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::{self, Connection, Request};
use nginx_tests::{Builder, NameServer, Nginx, RawOrigin, Reply, wait_until};

/// A bucket that one header of the client makes invalid: the simplest failure of seal.
const BAD: (&str, &str) = ("X-Bucket", "not/a/bucket");

fn nginx(http: &str, server: &str) -> Builder {
    Nginx::builder().http(http).server(&format!(
        "{SECRET_KEY_DIRECTIVES} aws_s3_bucket $http_x_bucket; aws_endpoint s3.example; aws_sign on;\n{server}"
    ))
}

fn good(target: &str) -> Request {
    Request::get(target).header("X-Bucket", "bucket")
}

fn bad(target: &str) -> Request {
    Request::get(target).header(BAD.0, BAD.1)
}

#[test]
fn with_a_resolver_not_even_the_name_is_asked_for() {
    let (origin, names) = (RawOrigin::with_body("served"), NameServer::start());
    let nginx = nginx(
        "",
        "resolver {names} ipv6=off;
         location / { set $host_name store.example; proxy_pass http://$host_name:{port_of_origin}; }",
    )
    .var("names", names.address())
    .var("port_of_origin", origin.port())
    .start();

    bad("/key").send(nginx.port()).expect_status(502);
    assert_eq!((origin.connections(), names.answers()), (0, 0));
    assert_eq!(nginx.own_lines().len(), 1);

    good("/key").send(nginx.port()).expect_status(200);
    assert_eq!(names.answers(), 1);
    expect_signed(&origin.only_request());
}

#[test]
fn with_an_address_in_a_variable() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        "",
        "location / { set $store {origin}; proxy_pass http://$store$request_uri; }",
    )
    .var("origin", origin.address())
    .start();
    bad("/key").send(nginx.port()).expect_status(502);
    assert_eq!(origin.connections(), 0);
    good("/key").send(nginx.port()).expect_status(200);
    expect_signed(&origin.only_request());
}

/// A connection kept from an earlier request is not used either.
#[test]
fn with_a_kept_connection() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        "upstream store { server {origin}; keepalive 4; }",
        "proxy_http_version 1.1; proxy_set_header Connection \"\";
         location / { proxy_pass http://store; }",
    )
    .var("origin", origin.address())
    .start();

    for n in 1..=3 {
        good("/key").send(nginx.port()).expect_status(200);
        bad("/key").send(nginx.port()).expect_status(502);
        assert_eq!(origin.requests().len(), n);
    }
    assert_eq!(origin.connections(), 1, "the connection is still kept");
    for request in origin.requests() {
        expect_signed(&request);
    }
}

/// nginx tries no other peer, and none is taken for failed: each goes on getting its share.
#[test]
fn no_peer_is_tried_or_taken_for_failed() {
    let (one, other) = (RawOrigin::with_body("one"), RawOrigin::with_body("other"));
    let nginx = nginx(
        "upstream store {
             server {one} max_fails=1 fail_timeout=1h;
             server {other} max_fails=1 fail_timeout=1h;
         }",
        "location / {
             proxy_next_upstream error timeout http_500 http_502 http_503; proxy_pass http://store;
         }",
    )
    .var("one", one.address())
    .var("other", other.address())
    .start();

    for _ in 0..5 {
        bad("/key").send(nginx.port()).expect_status(502);
    }
    assert_eq!((one.connections(), other.connections()), (0, 0));
    assert_eq!(nginx.own_lines().len(), 5, "one line each, and no retry");

    let served: HashSet<String> = (0..4)
        .map(|_| good("/key").send(nginx.port()).expect_status(200).text())
        .collect();
    assert_eq!(served.len(), 2, "{served:?}");
    assert_eq!((one.requests().len(), other.requests().len()), (2, 2));
}

/// Subrequests of the slice module start after the phases in which prepare checks.
#[test]
fn a_slice_that_cannot_be_signed_is_not_fetched() {
    let origin = RawOrigin::start(|request| {
        let range = request.header("Range").unwrap_or_default();
        let first: usize = range
            .trim_start_matches("bytes=")
            .split('-')
            .next()
            .and_then(|first| first.parse().ok())
            .unwrap_or_default();
        let range = format!("bytes {first}-{}/300", first + 99);
        Reply::with_headers(
            206,
            &[("Content-Range", &range), ("ETag", "\"e\"")],
            [b'x'; 100],
        )
    });
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http("map $slice_range $store { volatile; ~^bytes=100- not/a/bucket; default bucket; }")
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign on; aws_endpoint s3.example;
             location / {{
                 slice 100; proxy_set_header Range $slice_range; aws_s3_bucket $store;
                 proxy_pass http://{{origin}};
             }}
             location /good/ {{
                 slice 100; proxy_set_header Range $slice_range; aws_s3_bucket bucket;
                 proxy_pass http://{{origin}};
             }}"
        ))
        .start();

    // The response has begun by then: all that nginx can do is to break it off.
    let mut connection = Connection::open(nginx.port());
    assert!(connection.try_send(&Request::get("/key")).is_err());
    assert_eq!(nginx.own_lines().len(), 1);
    assert_eq!(origin.connections(), 1);
    expect_signed(&origin.only_request());

    let response = http::get(nginx.port(), "/good/key").expect_status(200);
    assert_eq!(response.body, [b'x'; 300]);
    for request in origin.requests() {
        expect_signed(&request);
    }
}

/// What is in the cache is served while it is fresh, and where `proxy_cache_use_stale error` allows
/// it when it is stale; what does not is rejected.
#[test]
fn a_stale_object_is_served_where_the_cache_may() {
    let origin =
        RawOrigin::start(|_| Reply::with_headers(200, &[("X-Accel-Expires", "1")], "cached"));
    let nginx = nginx(
        "proxy_cache_path {dir}/cache keys_zone=objects:1m;",
        "proxy_cache objects; proxy_cache_key $uri; add_header X-Cache $upstream_cache_status;
         location / { proxy_pass http://{origin}; }
         location /stale/ { proxy_cache_use_stale error; proxy_pass http://{origin}; }",
    )
    .var("origin", origin.address())
    .start();
    let ask = |target: &str| {
        let response = bad(target).send(nginx.port());
        let state = response.header("X-Cache").unwrap_or_default().to_owned();
        (response.status, state)
    };

    for target in ["/key", "/stale/key"] {
        good(target).send(nginx.port()).expect_status(200);
        assert_eq!(ask(target), (200, "HIT".to_owned()), "{target}");
    }
    assert_eq!(ask("/stale/other"), (502, String::new()));

    wait_until("the object is stale", || ask("/stale/key").1 == "STALE");
    wait_until("the object is gone", || ask("/key").0 == 502);
    assert_eq!(origin.requests().len(), 2);
    assert_eq!(origin.connections(), 2);
}

/// In `if`, in a named location and after an internal redirect, too.
#[test]
fn wherever_the_request_ends_up() {
    let origin = RawOrigin::with_body("served");
    let nginx = nginx(
        "",
        "location /if/ { if ($arg_a) { proxy_pass http://{origin}; } }
         location /named/ { try_files /none @store; }
         location @store { proxy_pass http://{origin}; }
         location /redirect/ { error_page 418 = /store/; return 418; }
         location /store/ { proxy_pass http://{origin}; }
         location /rewrite/ { rewrite ^/rewrite/(.*) /store/$1 last; }
         location ~ ^/regex/(.*)$ { proxy_pass http://{origin}/$1; }
         location /part/ { proxy_pass http://{origin}/bucket/; }",
    )
    .var("origin", origin.address())
    .start();

    let targets = [
        "/if/key?a=1",
        "/named/key",
        "/redirect/key",
        "/rewrite/key",
        "/regex/key",
        "/part/key",
    ];
    for (done, target) in targets.iter().enumerate() {
        bad(target).send(nginx.port()).expect_status(502);
        assert_eq!(nginx.own_lines().len(), done + 1, "{target}");
    }
    assert_eq!(origin.connections(), 0);

    for target in targets {
        good(target).send(nginx.port()).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        expect_signed(&request);
    }
    assert_eq!(origin.requests().len(), targets.len());
}

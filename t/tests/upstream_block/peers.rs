//! Upstreams that sign, with whatever chooses their peers: the guard stands before all of it, and what
//! is sent again is signed like the first.

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::{self, Request};
use nginx_tests::precondition::nginx_is_at_least;
use nginx_tests::{Builder, DeadPort, Nginx, RawOrigin, Reply};

/// A location whose upstream signs, with these servers and whatever chooses among them. Another one
/// is guarded.
fn nginx(upstream: &str, target: &str) -> Builder {
    Nginx::builder()
        .http(&format!(
            "upstream stores {{
                 {upstream}
                 {SECRET_KEY_DIRECTIVES} aws_s3_bucket bucket; aws_endpoint s3.example.test;
                 aws_sign_methods GET PUT; aws_sign;
             }}"
        ))
        .server(&format!(
            "set $name stores;
             location / {{
                 proxy_http_version 1.1; proxy_set_header Connection \"\";
                 proxy_next_upstream error http_503 non_idempotent;
                 proxy_pass http://{target};
             }}
             location /fastcgi {{ fastcgi_pass $name; }}"
        ))
}

#[test]
fn whatever_chooses_the_peer() {
    for target in ["stores", "$name"] {
        for balancer in [
            "",
            "zone stores 128k;",
            "least_conn;",
            "ip_hash;",
            "hash $uri;",
            "hash $uri consistent;",
            "random two;",
            "keepalive 2;",
            "zone stores 128k; least_conn; keepalive 2;",
            "random; zone stores 128k; keepalive 1;",
        ] {
            let stores = [RawOrigin::with_body("0"), RawOrigin::with_body("1")];
            // What chooses stands before the servers, except keepalive, which stands last.
            let (first, last) = match balancer.find("keepalive") {
                Some(at) => balancer.split_at(at),
                None => (balancer, ""),
            };
            let nginx = nginx(
                &format!("{first} server {{zero}}; server {{one}}; {last}"),
                target,
            )
            .var("zero", stores[0].address())
            .var("one", stores[1].address())
            .start();
            for nth in 0..6 {
                http::get(nginx.port(), format!("/key-{nth}")).expect_status(200);
            }
            let requests: Vec<_> = stores.iter().flat_map(RawOrigin::requests).collect();
            assert_eq!(requests.len(), 6, "{balancer}");
            requests.iter().for_each(|request| expect_signed(request));
            http::get(nginx.port(), "/fastcgi").expect_status(502);
            let requests: usize = stores.iter().map(|store| store.requests().len()).sum();
            assert_eq!(requests, 6, "{balancer}");
        }
    }
}

#[test]
fn what_is_sent_again_is_signed_like_the_first() {
    for target in ["stores", "$name"] {
        let dead = DeadPort::new();
        let busy = RawOrigin::start(|_| Reply::new(503, "busy"));
        let good = RawOrigin::with_body("hello");
        let nginx = nginx(
            "server {dead} max_fails=0; server {busy} max_fails=0; server {good} backup;",
            target,
        )
        .var("dead", format!("127.0.0.1:{}", dead.port()))
        .var("busy", busy.address())
        .var("good", good.address())
        .start();
        for request in [
            Request::get("/two%20words?b=1&a=2"),
            Request::new("PUT", "/two%20words?b=1&a=2").body("b".repeat(50_000)),
        ] {
            let response = request.send(nginx.port()).expect_status(200);
            assert_eq!(response.text(), "hello");
        }
        assert_eq!((busy.requests().len(), good.requests().len()), (2, 2));
        for request in busy.requests().iter().chain(&good.requests()) {
            expect_signed(request);
            assert_eq!(request.target(), "/two%20words?a=2&b=1");
        }
    }
}

// Since 1.27.3 nginx can resolve the names of an upstream's servers while it runs.
#[test]
fn servers_that_a_resolver_finds() {
    if !nginx_is_at_least((1, 27, 3)) {
        return;
    }
    let names = nginx_tests::NameServer::start();
    let origin = RawOrigin::with_body("hello");
    let nginx = nginx(
        "zone stores 128k; resolver {names} ipv6=off; server store.example.test:{port_of_store} resolve;",
        "$name",
    )
    .var("names", names.address())
    .var("port_of_store", origin.port())
    .start();
    nginx_tests::wait_until("the name is resolved", || {
        http::get(nginx.port(), "/key").status == 200
    });
    expect_signed(&origin.only_request());
}

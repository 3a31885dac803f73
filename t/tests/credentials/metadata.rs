//! Credentials that are fetched: from the metadata service to the signature at the object store.

use std::time::{Duration, Instant};

use nginx_tests::{Behaviour, Builder, MetadataServer, Nginx, RawOrigin};
use nginx_tests::{alone, http, http2, wait_until, waiting};
use rustix::process::{Pid, Signal};

const PROVIDER: &str = "aws_credentials_provider instance imds endpoint=http://{metadata};";
const WITH_CACHE: &str = "proxy_cache_path {dir}/cache keys_zone=c:1m;
    aws_credentials_provider instance imds endpoint=http://{metadata};";

/// An nginx with a provider `instance`; `{origin}` in `server` is the object store.
fn with_imds(metadata: &MetadataServer, store: &RawOrigin, server: &str) -> Builder {
    Nginx::builder()
        .var("metadata", metadata.address())
        .var("origin", store.address())
        .http(PROVIDER)
        .server(&format!(
            "aws_region us-east-1; aws_credentials instance; {server}"
        ))
}

const SIGNED: &str = "location / { aws_sign on; proxy_pass http://{origin}; }";

#[test]
fn a_request_is_signed_with_the_instances_role() {
    let metadata = MetadataServer::start();
    let store = metadata.store();
    let nginx = with_imds(&metadata, &store, SIGNED).start();
    let response = http::get(nginx.port(), "/bucket/key").expect_status(200);
    assert_eq!(response.text(), "hello");
    assert_eq!(metadata.fetches(), 1);
}

#[test]
fn a_single_process_does_it_too() {
    let metadata = MetadataServer::start();
    let store = metadata.store();
    let nginx = with_imds(&metadata, &store, SIGNED).master_off().start();
    http::get(nginx.port(), "/bucket/key").expect_status(200);
    assert_eq!(metadata.fetches(), 1);
}

// The cache's manager starts as worker 0, too.
#[test]
fn helpers_of_the_cache_do_not_fetch() {
    let metadata = MetadataServer::start();
    metadata.set_lifetime(Duration::from_secs(2));
    let store = metadata.store();
    let nginx = with_imds(&metadata, &store, SIGNED)
        .http(WITH_CACHE)
        .start();
    http::get(nginx.port(), "/bucket/key").expect_status(200);
    let signal = |signal| {
        let worker = Pid::from_raw(nginx.workers()[0]).expect("a process");
        rustix::process::kill_process(worker, signal).expect("our own process");
    };
    signal(Signal::STOP);
    let before = metadata.fetches();
    // Long after the time to renew them.
    metadata.wait_for_expiry();
    assert_eq!(metadata.fetches(), before);
    signal(Signal::CONT);
    metadata.wait_for_fetches(before + 1);
}

#[test]
fn requests_wait_for_the_first_credentials_in_every_worker() {
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Slow(Duration::from_millis(600)));
    let store = metadata.store();
    let nginx = with_imds(&metadata, &store, SIGNED).workers(4).start();
    assert_eq!(
        waiting::statuses(12, nginx.port(), "/bucket/key"),
        [200; 12]
    );
    assert_eq!(metadata.fetches(), 1);
}

#[test]
fn requests_of_http2_wait_too() {
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Slow(Duration::from_millis(300)));
    let store = metadata.store();
    let nginx = with_imds(&metadata, &store, SIGNED).http2().start();
    let response = http2::get(nginx.h2_port(), "/bucket/key", &[]);
    assert_eq!((response.status, &*response.text()), (200, "hello"));
}

#[test]
fn requests_do_not_wait_longer_than_they_may() {
    let _alone = alone();
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Hang);
    let store = metadata.store();
    let server = format!("aws_credentials_timeout 300ms; {SIGNED}");
    let nginx = with_imds(&metadata, &store, &server).start();
    waiting::expect_in_vain(nginx.port(), "/bucket/key");
    nginx.wait_for_log(
        "the request cannot be signed: provider \"instance\" has no credentials yet",
        Duration::from_secs(1),
    );
    assert_eq!(store.connections(), 0);
}

#[test]
fn a_waiting_request_may_be_given_up_by_its_client() {
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Slow(Duration::from_millis(1500)));
    let store = metadata.store();
    let nginx = with_imds(&metadata, &store, SIGNED).start();
    for _ in 0..5 {
        waiting::give_up(nginx.port(), "/bucket/left");
    }
    let seen = nginx.wait_for_access_log(5);
    assert_eq!(metadata.issued().len(), 0, "they were not noticed at once");
    assert!(
        seen.iter().all(|line| line.contains("/bucket/left")),
        "{seen:?}"
    );
    http::get(nginx.port(), "/bucket/key").expect_status(200);
    assert_eq!(store.requests().len(), 1);
}

// Several of them on a page, each suspended on its own.
#[test]
fn subrequests_wait_too() {
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Slow(Duration::from_millis(400)));
    let store = metadata.store();
    let server = format!("{} {SIGNED}", waiting::PAGE);
    let nginx = with_imds(&metadata, &store, &server)
        .file("www/page", "-")
        .start();
    let response = http::get(nginx.port(), "/page").expect_status(200);
    assert_eq!(response.text(), "hello-hello");
}

#[test]
fn a_cached_object_needs_no_credentials() {
    let _alone = alone();
    let metadata = MetadataServer::start();
    let store = metadata.store();
    let server = "location / { aws_sign on; proxy_pass http://{origin}; proxy_cache c;
                  proxy_cache_valid 200 1h; }";
    let mut nginx = with_imds(&metadata, &store, server)
        .http(WITH_CACHE)
        .start();
    // The first request of a cache does not wait either.
    wait_until("there are credentials", || {
        http::get(nginx.port(), "/bucket/key").status == 200
    });

    let dead = MetadataServer::start();
    dead.behave(Behaviour::Hang);
    nginx.edit(|builder| builder.var("metadata", dead.address()));
    nginx.reload();
    let start = Instant::now();
    http::get(nginx.port(), "/bucket/key").expect_status(200);
    http::get(nginx.port(), "/bucket/other").expect_status(502);
    assert!(start.elapsed() < Duration::from_secs(2));
}

// What is rejected while there are no credentials is no response of the object store.
#[test]
fn a_refusal_is_not_cached() {
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Slow(Duration::from_millis(300)));
    let store = metadata.store();
    let server = "location / { aws_sign on; proxy_pass http://{origin}; proxy_cache c;
                  proxy_cache_valid any 1h; }";
    let nginx = with_imds(&metadata, &store, server)
        .http(WITH_CACHE)
        .start();
    http::get(nginx.port(), "/bucket/key").expect_status(502);
    nginx.wait_for_log("credentials \"instance\": imds", Duration::from_secs(2));
    http::get(nginx.port(), "/bucket/key").expect_status(200);
}

#[test]
fn a_variable_chooses_the_provider() {
    let (one, other) = (MetadataServer::start(), MetadataServer::start());
    let (store_of_one, store_of_other) = (one.store(), other.store());
    let nginx = Nginx::builder()
        .var("one", one.address())
        .var("other", other.address())
        .var("store_of_one", store_of_one.address())
        .var("store_of_other", store_of_other.address())
        .http(
            "aws_credentials_provider one imds endpoint=http://{one};
             aws_credentials_provider other imds endpoint=http://{other};
             map $arg_tenant $store { one {store_of_one}; other {store_of_other}; }",
        )
        .server(
            "aws_region us-east-1; aws_credentials $arg_tenant;
             location / { aws_sign on; proxy_pass http://$store; }",
        )
        .start();
    http::get(nginx.port(), "/b/k?tenant=one").expect_status(200);
    http::get(nginx.port(), "/b/k?tenant=other").expect_status(200);
    http::get(nginx.port(), "/b/k?tenant=third").expect_status(503);
    nginx.wait_for_log(
        "the variable in \"aws_credentials\" names \"third\", and there is no",
        Duration::from_secs(1),
    );
    let requests = store_of_one.requests().len() + store_of_other.requests().len();
    assert_eq!(requests, 2);
}

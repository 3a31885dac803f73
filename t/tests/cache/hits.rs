//! proxy_cache in a signed location: what is sent is signed, what is cached costs nothing, and
//! credentials that do not work keep nobody from the cache.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed, object_store, object_store_with};
use nginx_tests::http::{self, Request, Response, TIMEOUT};
use nginx_tests::{Builder, Nginx, RawOrigin, Reply, wait_until};

/// A cache that stores responses of status 200 for an hour, unless the origin specifies otherwise.
const CACHE: &str = "proxy_cache_path {dir}/cache keys_zone=cache:1m;
    add_header X-Cache $upstream_cache_status always;";

/// One signed location behind the cache.
fn caching(origin: impl ToString, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin)
        .http(CACHE)
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES}
             aws_s3_bucket bucket; aws_endpoint s3.example.test;
             proxy_cache cache; proxy_cache_valid 200 1h;
             {server}"
        ))
}

#[track_caller]
fn expect_cache(response: &Response, status: u16, cache: &str) {
    assert_eq!(
        (response.status, response.header("X-Cache")),
        (status, Some(cache)),
        "{}",
        response.text()
    );
}

/// Sends requests until the cache responds like this: an entry becomes stale only with time.
#[track_caller]
fn wait_for_cache(cache: &str, ask: impl Fn() -> Response) -> Response {
    let mut last = None;
    wait_until(&format!("the cache answers {cache}"), || {
        let response = ask();
        let found = response.header("X-Cache") == Some(cache);
        last = Some(response);
        found
    });
    last.expect("a response")
}

// A#15: nginx turns HEAD into GET for its cache, after every phase in which it could be predicted.
#[test]
fn a_head_request_fills_the_cache_by_a_signed_get() {
    let origin = object_store_with(&[("key", "hello")]);
    let nginx = caching(
        origin.address(),
        "location / { aws_sign; proxy_pass http://{origin}; }",
    )
    .start();
    let response = http::head(nginx.port(), "/key");
    expect_cache(&response, 200, "MISS");
    assert_eq!(response.header("Content-Length"), Some("5"));
    assert_eq!(origin.only_request().line(), "GET /key HTTP/1.0");

    let response = http::get(nginx.port(), "/key");
    expect_cache(&response, 200, "HIT");
    assert_eq!(response.text(), "hello");
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn a_head_request_that_is_not_converted_is_signed_as_head() {
    let origin = object_store_with(&[("key", "hello")]);
    let nginx = caching(
        origin.address(),
        "proxy_cache_convert_head off;
         proxy_cache_key $request_method$uri;
         location / { aws_sign; proxy_pass http://{origin}; }",
    )
    .start();
    expect_cache(&http::head(nginx.port(), "/key"), 200, "MISS");
    expect_cache(&http::get(nginx.port(), "/key"), 200, "MISS");
    expect_cache(&http::head(nginx.port(), "/key"), 200, "HIT");
    let lines: Vec<_> = origin.requests().iter().map(|r| r.line()).collect();
    assert_eq!(lines, ["HEAD /key HTTP/1.0", "GET /key HTTP/1.0"]);
}

#[test]
fn a_hit_is_not_signed_and_reaches_nobody() {
    let origin = object_store_with(&[("key", "hello")]);
    let nginx = caching(
        origin.address(),
        "location / { aws_sign; proxy_pass http://{origin}; }",
    )
    .debug()
    .start();
    expect_cache(&http::get(nginx.port(), "/key"), 200, "MISS");
    for _ in 0..5 {
        expect_cache(&http::get(nginx.port(), "/key"), 200, "HIT");
        expect_cache(&http::head(nginx.port(), "/key"), 200, "HIT");
    }
    assert_eq!(origin.connections(), 1);
    let signed = "canonical request: host:bucket.s3.example.test";
    assert_eq!(nginx.debug_log().matches(signed).count(), 1);
}

// While one request fetches the object, the others wait for it.
#[test]
fn a_cache_lock_lets_one_signed_request_through() {
    let (all_wait, waiting) = mpsc::channel();
    let waiting = Mutex::new(waiting);
    let origin = RawOrigin::start(move |_| {
        let waiting = waiting.lock().expect("one request");
        waiting.recv_timeout(TIMEOUT).expect("the others wait");
        Reply::new(200, "hello")
    });
    let nginx = caching(
        origin.address(),
        "location / { proxy_cache_lock on; aws_sign; proxy_pass http://{origin}; }",
    )
    .debug()
    .start();
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let port = nginx.port();
            std::thread::spawn(move || http::get(port, "/key"))
        })
        .collect();
    wait_until("each has asked for the lock", || {
        nginx.debug_log().matches("http file cache lock u:").count() >= 4
    });
    all_wait.send(()).expect("the origin waits");
    for client in clients {
        let response = client.join().expect("a response");
        assert_eq!((response.status, &*response.text()), (200, "hello"));
    }
    expect_signed(&origin.only_request());
}

#[test]
fn a_refusal_of_the_store_is_not_taken_for_the_object() {
    let origin = object_store_with(&[("key", "hello")]);
    let nginx = caching(
        origin.address(),
        "location / { aws_sign $arg_sign; proxy_cache_key $uri; proxy_pass http://{origin}; }",
    )
    .start();
    expect_cache(&http::get(nginx.port(), "/key"), 403, "MISS");
    expect_cache(&http::get(nginx.port(), "/key?sign=1"), 200, "MISS");
}

// N#188: each slice is a subrequest with a Range of its own, cloned after the phases.
#[test]
fn slices_are_signed_each_with_its_own_range() {
    let origin = object_store();
    let content: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    origin.put("bucket", "key", content.clone());
    let nginx = caching(
        origin.address(),
        "location / {
             slice 4k;
             proxy_cache_key $uri$slice_range;
             proxy_cache_valid 206 1h;
             proxy_set_header Range $slice_range;
             proxy_http_version 1.1;
             aws_sign;
             proxy_pass http://{origin};
         }",
    )
    .start();

    let response = http::get(nginx.port(), "/key").expect_status(200);
    assert_eq!(response.body, content);
    let ranges: Vec<_> = origin
        .requests()
        .iter()
        .map(|request| request.header("Range").expect("a range"))
        .collect();
    assert_eq!(
        ranges,
        ["bytes=0-4095", "bytes=4096-8191", "bytes=8192-12287"]
    );
    assert!(origin.requests().iter().all(|r| r.status == Some(206)));

    // From the cache, and with a client's Range across two slices.
    let response = Request::get("/key")
        .header("Range", "bytes=4000-4199")
        .send(nginx.port())
        .expect_status(206);
    assert_eq!(response.body, content[4000..4200]);
    assert_eq!(origin.requests().len(), 3);
}

#[test]
fn a_stale_object_is_revalidated_by_a_signed_request() {
    let origin = object_store_with(&[("key", "hello")]);
    let nginx = caching(
        origin.address(),
        "proxy_cache_revalidate on;
         location / { proxy_cache_valid 200 1s; aws_sign; proxy_pass http://{origin}; }",
    )
    .start();
    let get = || http::get(nginx.port(), "/key");
    expect_cache(&get(), 200, "MISS");
    let response = wait_for_cache("REVALIDATED", get);
    assert_eq!((response.status, &*response.text()), (200, "hello"));

    let request = origin.requests().pop().expect("a request");
    assert_eq!(request.status, Some(304));
    assert!(request.header("If-None-Match").is_some());
}

#[test]
fn a_background_update_is_signed() {
    let count = Arc::new(AtomicUsize::new(0));
    let origin = RawOrigin::start(move |_| {
        let nth = count.fetch_add(1, Ordering::SeqCst);
        let lifetime = if nth == 0 {
            "max-age=1"
        } else {
            "max-age=3600"
        };
        Reply::with_headers(200, &[("Cache-Control", lifetime)], nth.to_string())
    });
    let nginx = caching(
        origin.address(),
        "proxy_cache_use_stale updating;
         proxy_cache_background_update on;
         location / { aws_sign; proxy_pass http://{origin}; }",
    )
    .start();
    let get = || http::get(nginx.port(), "/key");
    expect_cache(&get(), 200, "MISS");
    let response = wait_for_cache("STALE", get);
    assert_eq!(response.text(), "0");
    wait_until("the update has come", || get().text() == "1");

    let requests = origin.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        expect_signed(&request);
    }
}

/// Once a client says `X-Break`, the secret key's variable has no value any more.
const BREAKABLE: &str = "map $http_x_break $secret {
        default wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
        1 \"\";
    }";

#[test]
fn credentials_that_do_not_work_leave_the_cache_usable() {
    let origin =
        RawOrigin::start(|_| Reply::with_headers(200, &[("Cache-Control", "max-age=1")], "hello"));
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(&format!("{CACHE} {BREAKABLE}"))
        .server(
            "aws_access_key AKIDEXAMPLE; aws_secret_key $secret; aws_region us-east-1;
             aws_sign on;
             proxy_cache cache;
             proxy_cache_key $uri;
             location / { proxy_cache_use_stale error; proxy_pass http://{origin}; }
             location /strict/ { proxy_pass http://{origin}; }",
        )
        .start();
    let broken = |target: &str| {
        Request::get(target)
            .header("X-Break", "1")
            .send(nginx.port())
    };

    for target in ["/key", "/strict/key"] {
        expect_cache(&http::get(nginx.port(), target), 200, "MISS");
        expect_cache(&broken(target), 200, "HIT");
    }
    let sent = origin.connections();
    // What is fresh is a HIT still; then it expires.
    let response = wait_for_cache("STALE", || broken("/key"));
    assert_eq!((response.status, &*response.text()), (200, "hello"));
    let response = wait_for_cache("EXPIRED", || broken("/strict/key"));
    assert_eq!(response.status, 502);
    expect_cache(&broken("/other"), 502, "MISS");
    assert_eq!(origin.connections(), sent);

    let line = nginx.wait_for_log("aws_auth: the request is not sent", TIMEOUT);
    assert!(line.contains("aws_secret_key"), "{line}");
    // And back again.
    expect_cache(&http::get(nginx.port(), "/other"), 200, "MISS");
    expect_signed(&origin.requests().pop().expect("a request"));
}

// The cache outlives a reload to a configuration without credentials.
#[test]
fn credentials_that_are_gone_after_a_reload_leave_the_cache_usable() {
    let origin =
        RawOrigin::start(|_| Reply::with_headers(200, &[("Cache-Control", "max-age=1")], "hello"));
    let server = "aws_sign on;
        proxy_cache_key $uri;
        location / { proxy_cache cache; proxy_cache_use_stale error; proxy_pass http://{origin}; }
        location /uncached { proxy_pass http://{origin}; }";
    let mut nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(CACHE)
        .server(&format!("{SECRET_KEY_DIRECTIVES}{server}"))
        .start();
    expect_cache(&http::get(nginx.port(), "/key"), 200, "MISS");

    nginx.edit(|builder| builder.server(server));
    nginx.reload();
    let get = || http::get(nginx.port(), "/key");
    let response = wait_for_cache("STALE", get);
    assert_eq!((response.status, &*response.text()), (200, "hello"));
    expect_cache(&http::get(nginx.port(), "/other"), 502, "MISS");
    http::get(nginx.port(), "/uncached").expect_status(503);
    assert_eq!(origin.requests().len(), 1);
    assert_eq!(origin.connections(), 1);
}

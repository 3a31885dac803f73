//! What a client's header changes in a response is that client's alone: no cache stores it, and
//! none responds to the request.

use nginx_tests::account::SECRET_KEY_DIRECTIVES;
use nginx_tests::http::{Request, Response};
use nginx_tests::{Behaviour, Builder, MetadataServer, Nginx, RawOrigin, RawRequest, Reply};

const KEY: &str = "X-Amz-Server-Side-Encryption-Customer-Key";

/// An object that is encrypted with a client's key: without the key 400, with it the content.
fn encrypted() -> RawOrigin {
    RawOrigin::start(|request: &RawRequest| {
        let partial = request.header("Range").is_some();
        match request.header(KEY).as_deref() {
            Some("good") if partial => {
                Reply::with_headers(206, &[("Content-Range", "bytes 0-2/6")], "sec")
            }
            Some("good") => Reply::new(200, "secret"),
            Some(_) => Reply::new(403, "wrong key"),
            None => Reply::new(400, "no key"),
        }
    })
}

/// A location that caches everything.
fn caching(origin: &RawOrigin, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .http(
            "proxy_cache_path {dir}/cache keys_zone=cache:1m;
             add_header X-Cache $upstream_cache_status always;",
        )
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign on;
             proxy_cache cache; proxy_cache_valid any 1h; proxy_cache_key $uri;
             {server}"
        ))
}

fn plain(origin: &RawOrigin) -> Nginx {
    caching(origin, "location / { proxy_pass http://{origin}; }").start()
}

fn with_key(key: &str) -> Request {
    Request::get("/key")
        .header("X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256")
        .header(KEY, key)
        .header("X-Amz-Server-Side-Encryption-Customer-Key-MD5", "md5")
}

#[track_caller]
fn expect(response: Response, status: u16, text: &str, cache: &str) -> Response {
    let found = (response.status, response.header("X-Cache"));
    assert_eq!(found, (status, Some(cache)), "{}", response.text());
    assert_eq!(response.text(), text);
    response
}

#[test]
fn an_object_that_a_clients_key_has_decrypted_is_for_no_other_client() {
    let origin = encrypted();
    let nginx = plain(&origin);
    let port = nginx.port();
    for _ in 0..2 {
        expect(with_key("good").send(port), 200, "secret", "BYPASS");
    }
    // Neither is an error that the key has caused.
    expect(with_key("bad").send(port), 403, "wrong key", "BYPASS");
    expect(Request::get("/key").send(port), 400, "no key", "MISS");
    expect(Request::get("/key").send(port), 400, "no key", "HIT");
    // What the cache has is not for those with a key.
    expect(with_key("good").send(port), 200, "secret", "BYPASS");
    expect(Request::get("/key").send(port), 400, "no key", "HIT");
    assert_eq!(origin.requests().len(), 5);
}

/// nginx has made a GET of it, and chosen the headers of one that it caches, before it asks whether
/// it should.
#[test]
fn such_a_request_is_sent_as_without_a_cache() {
    let origin = encrypted();
    let nginx = plain(&origin);
    let head = Request::new("HEAD", "/key").header(KEY, "good");
    let response = head.send(nginx.port()).expect_status(200);
    assert_eq!(response.header("Content-Length"), Some("6"));
    let range = with_key("good")
        .header("Range", "bytes=0-2")
        .header("If-Match", "\"etag\"");
    expect(range.send(nginx.port()), 206, "sec", "BYPASS");

    let requests = origin.requests();
    assert_eq!(requests[0].method(), "HEAD");
    assert_eq!(requests[1].header("Range").as_deref(), Some("bytes=0-2"));
    assert_eq!(requests[1].header("If-Match").as_deref(), Some("\"etag\""));
}

#[test]
fn intercepted_errors_are_not_cached_either() {
    let origin = encrypted();
    let nginx = caching(
        &origin,
        "location / {
             proxy_intercept_errors on; error_page 400 403 =404 /page; proxy_pass http://{origin};
         }
         location = /page { aws_sign off; return 404 intercepted; }",
    )
    .start();
    for key in ["bad", "bad", "good"] {
        with_key(key).send(nginx.port());
    }
    assert_eq!(origin.requests().len(), 3);
    Request::get("/key").send(nginx.port()).expect_status(404);
    assert_eq!(
        origin.requests().len(),
        4,
        "the 403 of the others was not cached"
    );
}

#[test]
fn slices_and_locks() {
    let origin = RawOrigin::start(|request: &RawRequest| {
        let Some(range) = request.header("Range") else {
            return Reply::new(200, "secret");
        };
        let start: usize = range["bytes=".len()..]
            .split('-')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let text = match request.header(KEY) {
            Some(_) => "secret",
            None => "opaque",
        };
        let content_range = format!("bytes {start}-{}/6", start + 2);
        Reply::with_headers(
            206,
            &[("Content-Range", content_range.as_str())],
            &text[start..start + 3],
        )
    });
    let nginx = caching(
        &origin,
        "location / {
             slice 3; proxy_set_header Range $slice_range; proxy_cache_key $uri$slice_range;
             proxy_cache_lock on; proxy_http_version 1.1; proxy_pass http://{origin};
         }",
    )
    .start();
    let port = nginx.port();
    expect(with_key("good").send(port), 200, "secret", "BYPASS");
    expect(Request::get("/key").send(port), 200, "opaque", "MISS");
    expect(with_key("good").send(port), 200, "secret", "BYPASS");
    expect(Request::get("/key").send(port), 200, "opaque", "HIT");
    assert_eq!(origin.requests().len(), 6);
}

/// The lists of `proxy_cache_bypass` and `proxy_no_cache` are shared by the blocks that inherit them.
#[test]
fn the_users_own_conditions_hold() {
    let origin = encrypted();
    let nginx = caching(
        &origin,
        "proxy_cache_bypass $arg_fresh; proxy_no_cache $arg_private;
         location / { proxy_pass http://{origin}; }
         location /unsigned/ { aws_sign off; proxy_pass http://{origin}/; }
         location /nested/ {
             proxy_pass http://{origin}/;
             location /nested/own/ { proxy_no_cache 0; proxy_pass http://{origin}/; }
         }",
    )
    .start();
    let port = nginx.port();
    let get = |target: &str| Request::get(target).send(port);

    expect(get("/key?private=1"), 400, "no key", "MISS");
    expect(get("/key"), 400, "no key", "MISS");
    expect(get("/key?private=1"), 400, "no key", "HIT");
    // What a user's condition bypasses is kept, as before, except where it was for one client.
    let both = Request::get("/key?fresh=1").header(KEY, "good");
    expect(both.send(port), 200, "secret", "BYPASS");
    expect(get("/key"), 400, "no key", "HIT");
    expect(get("/key?fresh=1"), 400, "no key", "BYPASS");

    for target in ["/nested/key", "/nested/own/key"] {
        let request = Request::get(target).header(KEY, "good");
        expect(request.send(port), 200, "secret", "BYPASS");
        expect(get(target), 400, "no key", "MISS");
    }
    // Where nothing is signed, the module changes nothing.
    let request = Request::get("/unsigned/key").header(KEY, "good");
    expect(request.send(port), 200, "secret", "MISS");
    expect(get("/unsigned/key"), 200, "secret", "HIT");
}

#[test]
fn every_forwarded_header_that_changes_the_response_counts() {
    let origin = RawOrigin::start(|request: &RawRequest| {
        let owner = request.header("X-Amz-Expected-Bucket-Owner").is_some();
        let attributes = request.header("X-Amz-Object-Attributes");
        match (owner, attributes) {
            (true, _) => Reply::new(403, "another owner"),
            (_, Some(attributes)) => Reply::new(200, attributes),
            _ => Reply::new(200, "plain"),
        }
    });
    let nginx = caching(
        &origin,
        "location / {
             aws_pass_headers x-amz-expected-bucket-owner x-amz-object-attributes
                 x-amz-request-payer x-amz-meta-*;
             proxy_pass http://{origin};
         }
         location /dropped/ { aws_pass_headers off; proxy_pass http://{origin}/; }
         location /none/ { proxy_pass_request_headers off; proxy_pass http://{origin}/; }",
    )
    .start();
    let port = nginx.port();
    let owner = |target: &str| {
        let request = Request::get(target).header("X-Amz-Expected-Bucket-Owner", "1");
        request.send(port)
    };
    expect(owner("/key"), 403, "another owner", "BYPASS");
    let size = Request::get("/key").header("X-Amz-Object-Attributes", "ObjectSize");
    expect(size.send(port), 200, "ObjectSize", "BYPASS");
    expect(Request::get("/key").send(port), 200, "plain", "MISS");
    let payer = Request::get("/key")
        .header("X-Amz-Request-Payer", "requester")
        .header("X-Amz-Meta-A", "b");
    expect(payer.send(port), 200, "plain", "HIT");

    // A header that is not forwarded changes nothing.
    for target in ["/dropped/key", "/none/key"] {
        expect(owner(target), 200, "plain", "MISS");
        expect(owner(target), 200, "plain", "HIT");
    }
}

/// SDKs send it with every GetObject: a cache would be of no use to them.
#[test]
fn the_checksum_mode_is_dropped_from_what_may_be_cached() {
    let origin = RawOrigin::with_body("hello");
    let nginx = caching(
        &origin,
        "location / { proxy_pass http://{origin}; }
         location /plain/ { proxy_cache off; proxy_pass http://{origin}/; }
         location /set/ {
             proxy_set_header X-Amz-Checksum-Mode ENABLED; proxy_pass http://{origin}/;
         }",
    )
    .start();
    let port = nginx.port();
    let ask = |target: &str| {
        let request = Request::get(target).header("X-Amz-Checksum-Mode", "ENABLED");
        request.send(port)
    };
    expect(ask("/key"), 200, "hello", "MISS");
    expect(ask("/key"), 200, "hello", "HIT");
    ask("/plain/key").expect_status(200);
    expect(ask("/set/key"), 200, "hello", "MISS");

    let modes: Vec<_> = origin
        .requests()
        .iter()
        .map(|request| request.header("X-Amz-Checksum-Mode").is_some())
        .collect();
    assert_eq!(modes, [false, true, true]);
}

#[test]
fn overrides_of_response_headers_need_a_key_that_holds_them() {
    let origin = RawOrigin::start(|request: &RawRequest| {
        let html = request.target().contains("text%2Fhtml");
        Reply::new(200, if html { "as html" } else { "plain" })
    });
    let nginx = caching(
        &origin,
        "aws_response_overrides on;
         location / { proxy_pass http://{origin}; }
         location /args/ { proxy_cache_key $uri$is_args$args; proxy_pass http://{origin}/; }",
    )
    .start();
    let get = |target: &str| Request::get(target).send(nginx.port());
    expect(
        get("/key?response-content-type=text/html"),
        200,
        "as html",
        "BYPASS",
    );
    expect(get("/key"), 200, "plain", "MISS");
    expect(
        get("/key?%72esponse-content-type=text/html"),
        200,
        "as html",
        "BYPASS",
    );
    expect(get("/key"), 200, "plain", "HIT");
    for cache in ["MISS", "HIT"] {
        let target = "/args/key?response-content-type=text/html";
        expect(get(target), 200, "as html", cache);
        expect(get("/args/key"), 200, "plain", cache);
    }
}

#[test]
fn no_copy_of_such_a_response_is_stored() {
    let origin = encrypted();
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign on;
             location / {{
                 proxy_store {{dir}}/store$uri.copy; proxy_pass http://{{origin}};
             }}
             location /other/ {{
                 aws_pass_headers x-amz-server-side-encryption-customer-*;
                 proxy_store {{dir}}/store$uri.copy; proxy_pass http://{{origin}}/;
                 proxy_set_header X-Amz-Server-Side-Encryption-Customer-Key good;
             }}"
        ))
        .start();
    with_key("good").send(nginx.port()).expect_status(200);
    // The operator's own key is the same for all clients.
    Request::get("/other/key")
        .send(nginx.port())
        .expect_status(200);
    let store = nginx.dir().join("store");
    assert!(!store.join("key.copy").exists());
    nginx_tests::wait_until("the other one is stored", || {
        store.join("other/key.copy").exists()
    });
}

/// No cache can respond to it: it waits for credentials and is told to come again, as without a
/// cache.
#[test]
fn such_a_request_waits_for_credentials() {
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Hang);
    let origin = encrypted();
    let nginx = Nginx::builder()
        .var("metadata", metadata.address())
        .var("origin", origin.address())
        .http(
            "proxy_cache_path {dir}/cache keys_zone=cache:1m;
             aws_credentials_provider instance imds endpoint=http://{metadata};",
        )
        .server(
            "aws_region us-east-1; aws_credentials instance; aws_credentials_timeout 300ms;
             location / { aws_sign on; proxy_cache cache; proxy_pass http://{origin}; }",
        )
        .start();
    let response = with_key("good").send(nginx.port()).expect_status(503);
    assert!(response.header("Retry-After").is_some());
    Request::get("/key").send(nginx.port()).expect_status(502);
    assert_eq!(origin.connections(), 0);
}

//! Every form of proxy_pass: what is signed is what nginx really sends.
//!
//! The object store verifies each signature, and each object holds its own name: a response of 200 with
//! that name says that the right object was asked for, and signed.

use nginx_tests::account::{object_store_of, signing};
use nginx_tests::http;
use nginx_tests::{NameServer, Nginx, Origin};

/// Objects of bucket `bucket`.
const KEYS: [&str; 5] = [
    "plain.txt",
    "two words",
    "a+b (c)",
    "dir/caf\u{e9}",
    "100%25",
];

/// A request target for each of [`KEYS`], in an encoding that is not the canonical one.
const TARGETS: [&str; 5] = [
    "plain.txt",
    "two%20words",
    "a+b%20(c)",
    "dir/caf%c3%a9",
    "100%2525",
];

/// Asks for each object below `prefix`, by GET and by HEAD.
#[track_caller]
fn expect_served(nginx: &Nginx, prefix: &str) {
    for (target, key) in TARGETS.iter().zip(KEYS) {
        let target = format!("{prefix}{target}");
        let response = http::get(nginx.port(), &target);
        assert_eq!((response.status, &*response.text()), (200, key), "{target}");
        let response = http::head(nginx.port(), &target).expect_status(200);
        let length = key.len().to_string();
        assert_eq!(
            response.header("Content-Length"),
            Some(&*length),
            "{target}"
        );
    }
}

fn last_line(origin: &Origin) -> String {
    origin.requests().pop().expect("a request").line()
}

#[test]
fn a_bare_host() {
    let origin = object_store_of(&KEYS);
    let nginx = signing(
        origin.address(),
        "location / { aws_sign; proxy_pass http://{origin}; }",
    )
    .start();
    expect_served(&nginx, "/");
}

#[test]
fn a_query_is_sent_and_signed_in_canonical_form() {
    let origin = object_store_of(&KEYS);
    let nginx = signing(
        origin.address(),
        "location / { aws_sign; proxy_pass http://{origin}; }",
    )
    .start();
    // Unsorted, with an encoded name, an empty value and a raw slash.
    let response = http::get(
        nginx.port(),
        "/?prefix=dir/&list%2dtype=2&max-keys=10&delimiter",
    )
    .expect_status(200);
    assert!(
        response.text().contains("<Key>dir/caf\u{e9}</Key>"),
        "{}",
        response.text()
    );
    assert!(
        !response.text().contains("plain.txt"),
        "{}",
        response.text()
    );
    assert_eq!(
        last_line(&origin),
        "GET /?delimiter=&list-type=2&max-keys=10&prefix=dir%2F HTTP/1.0"
    );
}

// A#2 A#73: the path that is signed is the one that is sent.
#[test]
fn a_uri_part_that_strips_the_prefix() {
    let origin = object_store_of(&KEYS);
    let nginx = signing(
        origin.address(),
        "aws_sign on;
         location /files/ { proxy_pass http://{origin}/; }
         location /sub/ { proxy_pass http://{origin}/dir/; }",
    )
    .start();
    expect_served(&nginx, "/files/");
    let response = http::get(nginx.port(), "/sub/caf%C3%A9?partNumber=1").expect_status(200);
    assert_eq!(response.text(), "dir/caf\u{e9}");
    assert_eq!(
        last_line(&origin),
        "GET /dir/caf%C3%A9?partNumber=1 HTTP/1.0"
    );
}

#[test]
fn a_named_upstream_with_keepalive() {
    let origin = object_store_of(&KEYS);
    let nginx = signing(
        origin.address(),
        r#"location / {
             aws_sign;
             proxy_http_version 1.1;
             proxy_set_header Connection "";
             proxy_pass http://stores;
         }
         location /stripped/ { aws_sign; proxy_pass http://stores/; }"#,
    )
    .http("upstream stores { server {origin}; keepalive 4; }")
    .start();
    expect_served(&nginx, "/");
    assert_eq!(origin.connections(), 1);
    assert_eq!(origin.requests()[0].line(), "GET /plain.txt HTTP/1.1");
    expect_served(&nginx, "/stripped/");
}

#[test]
fn variables_that_a_resolver_resolves() {
    let origin = object_store_of(&KEYS);
    let names = NameServer::start();
    let nginx = signing(
        origin.address(),
        "resolver {names} ipv6=off;
         set $store store.example.test;
         location / { aws_sign; proxy_pass http://$store:{origin_port}; }
         location /uri/ { aws_sign; proxy_pass http://$store:{origin_port}/two%20words; }
         location /raw { aws_sign; rewrite ^/raw / break; proxy_pass http://$store:{origin_port}; }",
    )
    .var("names", names.address())
    .var("origin_port", origin.port())
    .start();
    expect_served(&nginx, "/");
    assert!(names.answers() > 0);

    let response = http::get(nginx.port(), "/uri/").expect_status(200);
    assert_eq!(response.text(), "two words");
    http::get(nginx.port(), "/raw?list-type=2").expect_status(200);
    assert_eq!(last_line(&origin), "GET /?list-type=2 HTTP/1.0");
}

#[test]
fn variables_that_hold_an_address_or_name_an_upstream() {
    let origin = object_store_of(&KEYS);
    let nginx = signing(
        origin.address(),
        "aws_sign on;
         set $address {origin};
         set $name stores;
         location / { proxy_pass http://$address; }
         location /name/ { rewrite ^/name(/.*)$ $1 break; proxy_pass http://$name; }
         location /scheme/ {
             set $url http://{origin};
             rewrite ^/scheme(/.*)$ $1 break;
             proxy_pass $url;
         }",
    )
    .http("upstream stores { server {origin}; }")
    .start();
    for prefix in ["/", "/name/", "/scheme/"] {
        expect_served(&nginx, prefix);
    }
}

#[test]
fn request_uri_in_a_variable_is_sent_as_the_client_wrote_it() {
    let origin = object_store_of(&KEYS);
    let nginx = signing(
        origin.address(),
        "location / { aws_sign; proxy_pass http://{origin}$request_uri; }",
    )
    .start();
    expect_served(&nginx, "/");
}

// `$uri` is decoded: nginx puts it into the request line as it is, and does not add the arguments.
#[test]
fn uri_in_a_variable_is_signed_as_it_is_sent() {
    let origin = object_store_of(&KEYS);
    let nginx = signing(
        origin.address(),
        "aws_sign on;
         location / { proxy_pass http://{origin}$uri; }
         location /args/ {
             rewrite ^/args(/.*)$ $1 break;
             proxy_pass http://{origin}$uri$is_args$args;
         }",
    )
    .start();
    for (target, key) in TARGETS.iter().zip(KEYS).take(4) {
        let response = http::get(nginx.port(), format!("/{target}?b=1")).expect_status(200);
        assert_eq!(response.text(), key);
        let response = http::get(nginx.port(), format!("/args/{target}?b=1")).expect_status(200);
        assert_eq!(response.text(), key);
    }
    http::get(nginx.port(), "/two%20words?b=1").expect_status(200);
    assert_eq!(last_line(&origin), "GET /two%20words HTTP/1.0");
    http::get(nginx.port(), "/args/two%20words?b=1&a=2").expect_status(200);
    assert_eq!(last_line(&origin), "GET /two%20words?a=2&b=1 HTTP/1.0");
}

// X#11097 K#8: arguments together with a rewrite.
#[test]
fn a_rewrite_with_and_without_arguments() {
    let origin = object_store_of(&KEYS);
    let nginx = signing(
        origin.address(),
        "aws_sign on;
         proxy_pass_request_headers off;
         location /keep/ { rewrite ^/keep(/.*)$ $1 break; proxy_pass http://{origin}; }
         location /add/ { rewrite ^/add(/.*)$ $1?partNumber=1 break; proxy_pass http://{origin}; }
         location /only/ { rewrite ^/only(/.*)$ $1?partNumber=1? break; proxy_pass http://{origin}; }
         location /drop/ { rewrite ^/drop(/.*)$ $1? break; proxy_pass http://{origin}; }",
    )
    .start();
    for (prefix, query) in [
        ("/keep/", "b=2&x-id=GetObject"),
        ("/add/", "b=2&partNumber=1&x-id=GetObject"),
        ("/only/", "partNumber=1"),
        ("/drop/", ""),
    ] {
        expect_served(&nginx, prefix);
        let target = format!("{prefix}two%20words?x-id=GetObject&b=2");
        let response = http::get(nginx.port(), &target).expect_status(200);
        assert_eq!(response.text(), "two words", "{target}");
        let mark = if query.is_empty() { "" } else { "?" };
        assert_eq!(
            last_line(&origin),
            format!("GET /two%20words{mark}{query} HTTP/1.0")
        );
    }
}

// Captures are decoded: nginx puts their spaces into the request line as they are.
#[test]
fn a_regex_location_whose_captures_hold_blanks() {
    let origin = object_store_of(&KEYS);
    let nginx = signing(
        origin.address(),
        "aws_sign on;
         location ~ ^/numbered/(.*)$ { proxy_pass http://{origin}/$1; }
         location ~ ^/named/(?<key>.*)$ { proxy_pass http://{origin}/$key$is_args$args; }",
    )
    .start();
    for prefix in ["/numbered/", "/named/"] {
        // A capture that holds a percent sign says something else: see the next test.
        for (target, key) in TARGETS.iter().zip(KEYS).take(4) {
            let response = http::get(nginx.port(), format!("{prefix}{target}")).expect_status(200);
            assert_eq!(response.text(), key);
        }
    }
    http::get(nginx.port(), "/named/two%20words?b=1&a=%2f").expect_status(200);
    assert_eq!(last_line(&origin), "GET /two%20words?a=%2F&b=1 HTTP/1.0");
}

// What a decoded capture says is what is sent: `100%25` is then `100%`, with or without us.
#[test]
fn a_capture_is_sent_as_nginx_means_it() {
    let origin = object_store_of(&KEYS);
    origin.put("bucket", "100%", "other");
    let nginx = signing(
        origin.address(),
        "location ~ ^/(.*)$ { aws_sign; proxy_pass http://{origin}/$1; }",
    )
    .start();
    let response = http::get(nginx.port(), "/100%2525").expect_status(200);
    assert_eq!(response.text(), "other");
    assert_eq!(last_line(&origin), "GET /100%25 HTTP/1.0");
}

// A second server hands on what comes through the socket, untouched.
#[test]
fn a_unix_socket() {
    let origin = object_store_of(&KEYS);
    let nginx = signing(
        origin.address(),
        "aws_sign on;
         location / { proxy_pass http://unix:{dir}/store.sock; }
         location /files/ { proxy_pass http://unix:{dir}/store.sock:/; }",
    )
    .http(
        "server {
             listen unix:{dir}/store.sock;
             location / { proxy_set_header Host $http_host; proxy_pass http://{origin}; }
         }",
    )
    .start();
    expect_served(&nginx, "/");
    expect_served(&nginx, "/files/");
}

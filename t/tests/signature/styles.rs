//! `aws_signature_in` and `aws_signature_version`: what stands where, in each style and through the
//! forms in which nginx sends a request.

use std::time::Duration;

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, signing};
use nginx_tests::http::{self, Request};
use nginx_tests::{DeadPort, Nginx, RawOrigin, Reply, Style, parameter};

const TOKEN: &str = "FwoGZXIv//token+with==";

/// A location `/<style>/` for each style.
fn each_style(location: &str) -> String {
    let mut locations = String::new();
    for style in Style::ALL {
        let directives = style.directives();
        locations.push_str(&format!(
            "location /{style:?}/ {{ {directives} {location} proxy_pass http://{{origin}}/; }}\n"
        ));
    }
    locations
}

#[track_caller]
fn last(origin: &RawOrigin) -> nginx_tests::RawRequest {
    origin.requests().pop().expect("a request")
}

#[test]
fn each_style_signs() {
    let origin = RawOrigin::with_body("served");
    let server = each_style("aws_signed_headers Range;");
    let nginx = signing(
        origin.address(),
        &format!("aws_sign on; aws_sign_operations all; {server}"),
    )
    .start();
    for style in Style::ALL {
        for target in [
            "/key",
            "/key?versionId=3%2F4&acl",
            "/a+b%20c//d?prefix=a/b&&x",
        ] {
            for method in ["GET", "HEAD"] {
                Request::new(method, format!("/{style:?}{target}"))
                    .header("Range", "bytes=0-1")
                    .header("X-Amz-Meta-A", "  b   c ")
                    .header("Date", "Thu, 01 Jan 1970 00:00:00 GMT")
                    .send(nginx.port())
                    .expect_status(200);
                let request = last(&origin);
                style.expect_signed(&request);
                assert_eq!(
                    request.header("Host").as_deref(),
                    Some("bucket.s3.example.test")
                );
            }
        }
        // What a style does not need is not sent.
        let request = last(&origin);
        let version_4 = style == Style::Headers;
        assert_eq!(request.header("x-amz-content-sha256").is_some(), version_4);
        assert_eq!(request.header("x-amz-date").is_some(), !style.is_query());
    }
}

/// What belongs to a signature is ours alone, in whatever style the client and we sign.
#[test]
fn a_clients_signature_is_not_sent() {
    let origin = RawOrigin::with_body("served");
    let nginx = signing(
        origin.address(),
        &format!("aws_sign on; {}", each_style("")),
    )
    .start();
    let queries = [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=c&X-Amz-Date=d&X-Amz-Expires=1\
         &X-Amz-SignedHeaders=host&X-Amz-Signature=s&X-Amz-Security-Token=t",
        "x-amz-signature=s&X%2DAmz%2DDate=d&%58-amz-expires=7",
        "AWSAccessKeyId=a&Signature=s&Expires=9&x-amz-security-token=t",
        "awsaccesskeyid=a&%53ignature=s&EXPIRES=9",
    ];
    for style in Style::ALL {
        for query in queries {
            Request::get(format!("/{style:?}/key?{query}&x=1"))
                .header("Authorization", "AWS client:signature")
                .header("X-Amz-Date", "Thu, 01 Jan 1970 00:00:00 GMT")
                .header("X-Amz-Security-Token", "client")
                .header("X-Amz-Content-Sha256", "client")
                .send(nginx.port())
                .expect_status(200);
            let request = last(&origin);
            style.expect_signed(&request);
            assert_eq!(parameter(&request, "x").as_deref(), Some("1"));
            assert_eq!(parameter(&request, "x-amz-security-token"), None);
            assert_eq!(request.header("x-amz-security-token"), None);
        }
    }
}

#[test]
fn the_token_stands_beside_the_signature() {
    let origin = RawOrigin::with_body("served");
    let server = format!("aws_session_token {TOKEN}; aws_sign on; {}", each_style(""));
    // Directives of one group stand in one block.
    let nginx = signing(origin.address(), &server).start();
    for style in Style::ALL {
        http::get(nginx.port(), format!("/{style:?}/key")).expect_status(200);
        let request = last(&origin);
        style.expect_signed(&request);
        let (header, sent) = (
            request.header("x-amz-security-token"),
            parameter(&request, "x-amz-security-token"),
        );
        let token = Some(TOKEN.to_owned());
        let expected = if style.is_query() {
            (None, token)
        } else {
            (token, None)
        };
        assert_eq!((header, sent), expected, "{style:?}");
    }
}

#[test]
fn the_query_says_how_long_it_is_good() {
    let origin = RawOrigin::with_body("served");
    let nginx = signing(
        origin.address(),
        "aws_sign on; aws_signature_in query expires=1d;
         location / { proxy_pass http://{origin}; }
         location /short/ { aws_signature_in query expires=1s; proxy_pass http://{origin}; }
         location /long/ { aws_signature_in query expires=7d; proxy_pass http://{origin}; }
         location /default/ { aws_signature_in query; proxy_pass http://{origin}; }
         location /headers/ { aws_signature_in headers; proxy_pass http://{origin}; }
         location /v2/ { aws_signature_version 2; proxy_pass http://{origin}; }",
    )
    .start();
    for (path, seconds) in [
        ("/", Some("86400")),
        ("/short/", Some("1")),
        ("/long/", Some("604800")),
        ("/default/", Some("900")),
        ("/headers/", None),
    ] {
        http::get(nginx.port(), path).expect_status(200);
        let expires = parameter(&last(&origin), "X-Amz-Expires");
        assert_eq!(expires.as_deref(), seconds, "{path}");
    }
    let now = || std::time::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
    let before = now();
    http::get(nginx.port(), "/v2/").expect_status(200);
    let expires = parameter(&last(&origin), "Expires").expect("Version 2 in the query");
    let expires: u64 = expires.parse().expect("a number");
    // nginx keeps the time of its last event.
    assert!(
        (before - 1..=now()).contains(&(expires - 86_400)),
        "{expires}"
    );
}

/// `if`, variables, captures, a URI part, a named location, `error_page`.
#[test]
fn through_each_form_of_proxy_pass() {
    let origin = RawOrigin::start(|request| match request.target().starts_with("/missing") {
        true => Reply::new(404, "missing"),
        false => Reply::new(200, "served"),
    });
    for style in Style::ALL {
        let nginx = signing(
            origin.address(),
            &format!(
                "aws_sign on; {} proxy_intercept_errors on;
                 location / {{ proxy_pass http://{{origin}}; if ($arg_if) {{ set $x 1; }} }}
                 location /uri/ {{ proxy_pass http://{{origin}}/prefix/; }}
                 location /variable/ {{ proxy_pass http://{{origin}}$request_uri; }}
                 location ~ ^/capture/(.*)$ {{ proxy_pass http://{{origin}}/$1$is_args$args; }}
                 location /rewrite/ {{ rewrite ^/rewrite/(.*)$ /$1?y=2 break; proxy_pass http://{{origin}}; }}
                 location /missing {{ error_page 404 = @other; proxy_pass http://{{origin}}; }}
                 location @other {{ proxy_pass http://{{origin}}; proxy_set_header X-Other 1; }}",
                style.directives()
            ),
        )
        .start();
        for (target, path) in [
            ("/key?x=1", "/key"),
            ("/key?if=1&x=1", "/key"),
            ("/uri/k%20y?x=1", "/prefix/k%20y"),
            ("/variable/k?x=1", "/variable/k"),
            ("/capture/a%20b?x=1", "/a%20b"),
            ("/rewrite/k?x=1", "/k"),
        ] {
            http::get(nginx.port(), target).expect_status(200);
            let request = last(&origin);
            style.expect_signed(&request);
            let sent = request.target();
            assert_eq!(sent.split('?').next(), Some(path), "{target}");
            assert_eq!(parameter(&request, "x").as_deref(), Some("1"), "{sent}");
        }
        let before = origin.requests().len();
        http::get(nginx.port(), "/missing").expect_status(404);
        let requests = origin.requests();
        assert_eq!(requests.len(), before + 2);
        for request in &requests[before..] {
            style.expect_signed(request);
        }
    }
}

/// A head is sent again as it was; a slice, and what a cache asks for, is signed by itself.
#[test]
fn retries_slices_and_caches() {
    let content: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let origin = RawOrigin::start(move |request| {
        let range = request.header("Range").expect("a slice");
        let (from, to) = range
            .trim_start_matches("bytes=")
            .split_once('-')
            .expect("a range");
        let from: usize = from.parse().expect("a number");
        let to = to
            .parse::<usize>()
            .expect("a number")
            .min(content.len() - 1);
        Reply::with_headers(
            206,
            &[
                (
                    "Content-Range",
                    &format!("bytes {from}-{to}/{}", content.len()),
                ),
                ("ETag", "\"one\""),
            ],
            &content[from..=to],
        )
    });
    for style in Style::ALL {
        let dead = DeadPort::new();
        let nginx = Nginx::builder()
            .var("origin", origin.address())
            .var("dead", format!("127.0.0.1:{}", dead.port()))
            .http(
                "proxy_cache_path {dir}/cache keys_zone=cache:1m;
                 upstream store { server {dead} max_fails=0; server {origin} backup; }",
            )
            .server(&format!(
                "{SECRET_KEY_DIRECTIVES} {} aws_s3_bucket bucket; aws_endpoint s3.example.test;
                 location / {{
                     aws_sign on; aws_signed_headers Range; slice 4k;
                     proxy_set_header Range $slice_range; proxy_http_version 1.1;
                     proxy_bind 127.0.0.1;
                     proxy_cache cache; proxy_cache_key $uri$slice_range; proxy_cache_valid 200 206 1h;
                     proxy_pass http://store;
                 }}",
                style.directives()
            ))
            .start();
        let before = origin.requests().len();
        let response = http::get(nginx.port(), "/key").expect_status(200);
        assert_eq!(response.body.len(), 10_000);
        let requests = origin.requests();
        assert_eq!(requests.len(), before + 3, "{style:?}");
        for request in &requests[before..] {
            style.expect_signed(request);
        }
        http::get(nginx.port(), "/key").expect_status(200);
        http::head(nginx.port(), "/key").expect_status(200);
        assert_eq!(origin.requests().len(), before + 3, "it is cached");
        http::head(nginx.port(), "/other").expect_status(200);
        let request = last(&origin);
        style.expect_signed(&request);
        assert_eq!(request.method(), "GET");
    }
}

/// Other services have their own canonical form, and a parameter `Expires` of their own.
#[test]
fn the_query_of_other_services() {
    let origin = RawOrigin::with_body("served");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_service execute-api; aws_signature_in query; aws_sign on;
             aws_sign_methods GET PUT; location / {{ proxy_pass http://{{origin}}; }}"
        ))
        .start();
    http::get(nginx.port(), "/b%20c?z=1&Expires=3&a=%2f").expect_status(200);
    let request = last(&origin);
    let target = request.target();
    assert!(
        target.starts_with("/b%20c?z=1&Expires=3&a=%2f&X-Amz-Algorithm="),
        "{target}"
    );
    expect_signed_for(&request, "execute-api", None);
    Request::new("PUT", "/key")
        .body("body")
        .send(nginx.port())
        .expect_status(200);
    let request = last(&origin);
    assert_eq!(request.header("x-amz-content-sha256"), None);
    expect_signed_for(&request, "execute-api", Some("body"));
}

/// The signature that the official crate makes of it.
#[track_caller]
fn expect_signed_for(request: &nginx_tests::RawRequest, service: &str, body: Option<&str>) {
    use nginx_tests::account::{ACCESS_KEY, SECRET_KEY};
    let target = request.target();
    let (own, _) = target.split_once("X-Amz-Algorithm").expect("a signature");
    let date = parameter(request, "X-Amz-Date").expect("a date");
    let signer = nginx_tests::Signer::new(ACCESS_KEY, SECRET_KEY)
        .service(service)
        .at_amz_date(&date);
    let mut unsigned = Request::new(&request.method(), &own[..own.len() - 1])
        .header("Host", request.header("Host").expect("a host"));
    for name in parameter(request, "X-Amz-SignedHeaders")
        .expect("names")
        .split(';')
    {
        if name != "host" {
            unsigned = unsigned.header(name, request.header(name).expect("it is sent"));
        }
    }
    let hash = nginx_tests::payload::sha256(body.unwrap_or_default());
    let expected = signer
        .payload_hash(&hash)
        .presign(&unsigned, Duration::from_secs(900), None);
    assert_eq!(parameter(request, "X-Amz-Signature"), Some(expected));
}

//! `aws_sign` in an `upstream{}`: what is sent there is signed, whichever location sends it.

use nginx_tests::account::{expect_signed, object_store_of, signing_upstream};
use nginx_tests::http::{self, Connection, Request};
use nginx_tests::{Builder, Nginx, RawOrigin, Reply, wait_until};

/// A server whose locations name `stores`, an upstream that signs.
fn nginx(origin: impl ToString, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin)
        .http(&signing_upstream("stores", ""))
        .server(server)
}

/// Targets, and the keys that they name, in encodings that are not the canonical ones.
const TARGETS: [(&str, &str); 4] = [
    ("plain.txt", "plain.txt"),
    ("two%20words", "two words"),
    ("a+b%20(c)", "a+b (c)"),
    ("dir/caf%c3%a9", "dir/caf\u{e9}"),
];

#[track_caller]
fn expect_served(nginx: &Nginx, prefix: &str) {
    for (target, key) in TARGETS {
        let target = format!("{prefix}{target}");
        let response = http::get(nginx.port(), &target);
        assert_eq!((response.status, &*response.text()), (200, key), "{target}");
        http::head(nginx.port(), &target).expect_status(200);
    }
}

#[test]
fn each_form_of_proxy_pass() {
    let origin = object_store_of(&TARGETS.map(|(_, key)| key));
    let nginx = nginx(
        origin.address(),
        r#"location / { proxy_pass http://stores; }
           location /uri/ { proxy_pass http://stores/; }
           location /upper/ { proxy_pass http://STORES/; }
           location /rewrite/ { rewrite ^/rewrite(/.*)$ $1 break; proxy_pass http://stores; }
           location ~ ^/capture/(.*)$ { proxy_pass http://stores/$1; }
           location /variable/ {
               set $name stores;
               rewrite ^/variable(/.*)$ $1 break;
               proxy_pass http://$name;
           }
           location /url/ {
               set $url http://Stores;
               rewrite ^/url(/.*)$ $1 break;
               proxy_pass $url;
           }
           location /try/ { try_files /nothing @named; }
           location @named { rewrite ^/try(/.*)$ $1 break; proxy_pass http://stores; }
           location /error/ { error_page 404 = @failed; return 404; }
           location @failed { rewrite ^/error(/.*)$ $1 break; proxy_pass http://stores; }
           location /if/ {
               rewrite ^/if(/.*)$ $1 break;
               if ($request_method ~ GET|HEAD) { set $nothing 1; }
               proxy_pass http://stores;
           }
           location /limited/ { limit_except PUT { allow all; } proxy_pass http://stores/; }
           location /nested/ {
               location ~ ^/nested/(?<key>.*)$ { proxy_pass http://stores/$key; }
           }"#,
    )
    .start();
    for prefix in [
        "/",
        "/uri/",
        "/upper/",
        "/rewrite/",
        "/capture/",
        "/variable/",
        "/url/",
        "/try/",
        "/error/",
        "/if/",
        "/limited/",
        "/nested/",
    ] {
        expect_served(&nginx, prefix);
    }
}

// It need not stand before the locations that name it, nor in the same file.
#[test]
fn an_upstream_that_is_read_last() {
    let origin = object_store_of(&TARGETS.map(|(_, key)| key));
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .conf(
            "{preamble}
             events {}
             http {
                 {paths}
                 server {
                     listen 127.0.0.1:{port};
                     location / { proxy_pass http://stores; }
                     location /variable/ {
                         set $name stores;
                         rewrite ^/variable(/.*)$ $1 break;
                         proxy_pass http://$name;
                     }
                 }
                 include upstreams/*.conf;
             }",
        )
        .file("upstreams/stores.conf", signing_upstream("stores", ""))
        .start();
    expect_served(&nginx, "/");
    expect_served(&nginx, "/variable/");
}

/// What `aws_region` and the like say in http{} holds in an upstream, too.
#[test]
fn what_http_says_holds_in_an_upstream() {
    let origin = object_store_of(&TARGETS.map(|(_, key)| key));
    let http = "aws_access_key AKIDEXAMPLE;
                aws_secret_key wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
                aws_region us-east-1; aws_endpoint s3.example.test; aws_sign off;
                upstream stores { server {origin}; aws_sign; aws_s3_bucket bucket; }";
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(http)
        .server("location / { proxy_pass http://stores; }")
        .start();
    expect_served(&nginx, "/");
}

#[test]
fn subrequests_are_signed() {
    let origin = RawOrigin::with_body("ok");
    let application = RawOrigin::with_body("application");
    let nginx = nginx(
        origin.address(),
        "location /auth { auth_request /signed/auth; proxy_pass http://{application}; }
         location /mirror { mirror /signed/mirror; proxy_pass http://{application}; }
         location /after { addition_types *; add_after_body /signed/after; proxy_pass http://{application}; }
         location /signed/ { proxy_pass http://stores; }",
    )
    .var("application", application.address())
    .start();
    for (nth, target) in ["/auth", "/mirror", "/after"].into_iter().enumerate() {
        http::get(nginx.port(), target).expect_status(200);
        let request = origin.wait_for_requests(nth + 1).pop().expect("a request");
        assert_eq!(request.target(), format!("/signed{target}"));
        expect_signed(&request);
    }
}

#[test]
fn slices_and_a_cache() {
    let origin = RawOrigin::start(|request| {
        let range = request.header("Range").unwrap_or_default();
        let nth: usize = range
            .trim_start_matches("bytes=")
            .split('-')
            .next()
            .and_then(|start| start.parse().ok())
            .expect("a range");
        let range = format!("bytes {nth}-{}/12", nth + 3);
        Reply::with_headers(206, &[("Content-Range", &range)], "abcd")
    });
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(&format!(
            "proxy_cache_path {{dir}}/cache keys_zone=cache:1m;\n{}",
            signing_upstream("stores", "")
        ))
        .server(
            "location / {
                 slice 4;
                 set $name stores;
                 proxy_cache cache;
                 proxy_cache_valid 206 1h;
                 proxy_cache_key $uri$slice_range;
                 proxy_set_header Range $slice_range;
                 if ($arg_variable) { proxy_pass http://$name; }
                 proxy_pass http://stores;
             }",
        )
        .start();
    for target in ["/key", "/other?variable=1"] {
        for _ in 0..2 {
            let response = http::get(nginx.port(), target).expect_status(200);
            assert_eq!(response.text(), "abcdabcdabcd");
        }
    }
    let requests = origin.requests();
    assert_eq!(requests.len(), 6, "a cached slice is not asked for");
    requests.iter().for_each(|request| expect_signed(request));
}

// The response is stale, so that it is asked for once more in the background.
#[test]
fn a_background_update() {
    let origin = RawOrigin::start(|_| {
        Reply::with_headers(
            200,
            &[("Cache-Control", "max-age=0, stale-while-revalidate=60")],
            "a",
        )
    });
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(&format!(
            "proxy_cache_path {{dir}}/cache keys_zone=cache:1m;\n{}",
            signing_upstream("stores", "")
        ))
        .server(
            "set $name stores;
             location / {
                 proxy_cache cache; proxy_cache_valid 200 1s; proxy_cache_background_update on;
                 proxy_cache_use_stale updating; proxy_ignore_headers Cache-Control;
                 proxy_pass http://$name;
             }",
        )
        .start();
    http::get(nginx.port(), "/key").expect_status(200);
    wait_until("the object is updated", || {
        http::get(nginx.port(), "/key").expect_status(200);
        origin.requests().len() > 1
    });
    for request in origin.requests() {
        expect_signed(&request);
    }
}

#[test]
fn redirects_inside_nginx() {
    let origin = RawOrigin::start(|request| match request.target().as_str() {
        "/missing" => Reply::new(404, ""),
        _ => Reply::new(200, "found"),
    });
    let application = RawOrigin::start(|_| {
        Reply::with_headers(200, &[("X-Accel-Redirect", "/internal/key")], "")
    });
    let nginx = nginx(
        origin.address(),
        "proxy_intercept_errors on;
         set $name stores;
         location /missing { error_page 404 = /fallback; proxy_pass http://stores; }
         location /fallback { proxy_pass http://$name; }
         location /application { proxy_pass http://{application}; }
         location /internal/ { internal; proxy_pass http://$name; }",
    )
    .var("application", application.address())
    .start();
    for target in ["/missing", "/application"] {
        let response = http::get(nginx.port(), target).expect_status(200);
        assert_eq!(response.text(), "found", "{target}");
    }
    let requests = origin.requests();
    assert_eq!(requests.len(), 3);
    requests.iter().for_each(|request| expect_signed(request));
}

#[test]
fn a_reload_that_adds_signs_and_one_that_takes_away_does_not() {
    let origin = RawOrigin::with_body("");
    let without = "upstream stores { server {origin}; }";
    let mut nginx = Nginx::builder()
        .var("origin", origin.address())
        .http("include stores.conf;")
        .file("stores.conf", without)
        .server("location / { proxy_pass http://stores; }")
        .start();
    let mut client = Connection::open(nginx.port());
    client.send(&Request::get("/1")).expect_status(200);

    let with = signing_upstream("stores", "").replace("{origin}", &origin.address().to_string());
    nginx.write("stores.conf", &with);
    nginx.reload();
    http::get(nginx.port(), "/2").expect_status(200);
    nginx.write(
        "stores.conf",
        without.replace("{origin}", &origin.address().to_string()),
    );
    nginx.reload();
    http::get(nginx.port(), "/3").expect_status(200);

    let requests = origin.requests();
    let signed: Vec<_> = requests
        .iter()
        .map(|request| request.header("Authorization").is_some())
        .collect();
    assert_eq!(signed, [false, true, false]);
    expect_signed(&requests[1]);
}

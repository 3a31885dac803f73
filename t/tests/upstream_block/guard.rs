//! No way is forgotten: what comes to an upstream that signs in another way than by `proxy_pass` does not
//! leave, unless the location says so; and no shape of a location is a way around.

use nginx_tests::account::{expect_signed, signing_upstream};
use nginx_tests::http::{self, Request};
use nginx_tests::{Builder, Nginx, RawOrigin};

fn nginx(origin: &RawOrigin, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .http(&signing_upstream(
            "stores",
            "aws_sign_methods GET HEAD PUT POST DELETE;",
        ))
        .server(server)
}

#[test]
fn other_modules_are_stopped() {
    for pass in [
        "fastcgi_pass $name;",
        "uwsgi_pass $name;",
        "scgi_pass $name;",
    ] {
        let origin = RawOrigin::with_body("");
        let nginx = nginx(
            &origin,
            &format!(
                "set $name stores;
                 location / {{ {pass} }}
                 location /signed {{ proxy_pass http://$name; }}"
            ),
        )
        .start();
        http::get(nginx.port(), "/key").expect_status(502);
        assert_eq!(origin.connections(), 0, "{pass}");
        let lines = nginx.own_request_lines();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(
            lines[0].contains("upstream \"stores\" has \"aws_sign\" in "),
            "{lines:#?}"
        );
        assert!(lines[0].contains("/nginx.conf:"), "{lines:#?}");

        let log = nginx.error_log();
        let named = "no live upstreams while connecting to upstream";
        let line = log.lines().find(|line| line.contains(named));
        assert!(line.is_some_and(|line| line.contains("://stores")), "{log}");

        http::get(nginx.port(), "/signed").expect_status(200);
        expect_signed(&origin.only_request());
    }
}

// Nor does a cache store nginx's response to it.
#[test]
fn what_is_stopped_leaves_nothing_in_a_cache() {
    let origin = RawOrigin::with_body("");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(&format!(
            "fastcgi_cache_path {{dir}}/cache keys_zone=cache:1m;\n{}",
            signing_upstream("stores", "")
        ))
        .server(
            "set $name stores;
             location / {
                 fastcgi_cache cache; fastcgi_cache_valid any 1h; fastcgi_cache_key $uri;
                 fastcgi_pass $name;
             }",
        )
        .start();
    for count in 1..3 {
        http::get(nginx.port(), "/key").expect_status(502);
        assert_eq!(nginx.own_request_lines().len(), count);
    }
}

// The operator's word: `aws_sign off` in the location.
#[test]
fn a_location_may_say_that_it_does_not_sign() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(
        &origin,
        // The origin speaks HTTP only.
        "set $name stores;
         fastcgi_read_timeout 200ms; scgi_read_timeout 200ms; memcached_read_timeout 200ms;
         location /static { aws_sign off; fastcgi_pass stores; }
         location /variable { aws_sign off; scgi_pass $name; }
         location /memcached { aws_sign off; set $memcached_key $uri; memcached_pass stores; }
         location /proxied { aws_sign off; proxy_pass http://$name; }",
    )
    .start();
    http::get(nginx.port(), "/proxied").expect_status(200);
    assert_eq!(origin.only_request().header("Authorization"), None);
    for target in ["/static", "/variable", "/memcached"] {
        let before = origin.connections();
        http::get(nginx.port(), target);
        assert_eq!(origin.connections(), before + 1, "{target}");
    }
    assert_eq!(nginx.own_request_lines(), [""; 0]);
}

// A cached copy is the response if nothing may be sent.
#[test]
fn a_stale_object_answers_for_what_is_stopped() {
    let origin = RawOrigin::with_body("hello");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(&format!(
            "proxy_cache_path {{dir}}/cache keys_zone=cache:1m;
             map $arg_secret $secret {{ good wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY; }}
             {}",
            signing_upstream("stores", "").replace(
                "aws_secret_key wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                "aws_secret_key $secret"
            )
        ))
        .server(
            "set $name stores;
             location / {
                 proxy_cache cache; proxy_cache_valid 200 1s; proxy_cache_key $uri;
                 proxy_cache_use_stale error;
                 proxy_pass http://$name;
             }",
        )
        .start();
    http::get(nginx.port(), "/key?secret=good").expect_status(200);
    expect_signed(&origin.only_request());
    nginx_tests::wait_until("the object is stale", || {
        http::get(nginx.port(), "/key?secret=bad").expect_status(200);
        !nginx.own_request_lines().is_empty()
    });
    http::get(nginx.port(), "/other?secret=bad").expect_status(502);
    assert_eq!(origin.requests().len(), 1);
}

/// Locations of every shape, each with a request that it takes, all of them to one upstream.
const SHAPES: &str = r#"
    set $name stores; set $upper STORES; set $url http://stores/deep; set $empty "";
    client_max_body_size 0; proxy_http_version 1.1; proxy_set_header Connection "";
    location /bare { proxy_pass http://stores; }
    location /uri/ { proxy_pass http://stores/other/; }
    location = /exact { proxy_pass http://stores/exact?a=b; }
    location ^~ /prefix/ { proxy_pass http://stores; }
    location ~ ^/regex/(.*)$ { proxy_pass http://stores/$1$is_args$args; }
    location ~* ^/named/(?<key>.*)$ { proxy_pass http://$name/$key; }
    location /rewrite/ { rewrite ^/rewrite(/.*)$ $1?c=d break; proxy_pass http://stores; }
    location /variable { proxy_pass http://$name; }
    location /upper { proxy_pass http://$upper; }
    location /whole { proxy_pass $url; }
    location /partly { proxy_pass http://st${empty}ores; }
    location /request-uri { proxy_pass http://stores$request_uri; }
    location /named-location { error_page 418 = @named; return 418; }
    location @named { proxy_pass http://$name; }
    location /try { try_files /nothing @tried; }
    location @tried { proxy_pass http://stores; }
    location /if { if ($request_method) { set $x 1; } proxy_pass http://$name; }
    location /inside-if { if ($request_method) { proxy_pass http://stores; } }
    location /inside-if-variable { if ($request_method) { proxy_pass http://$name; } }
    location /inherited-if { proxy_pass http://$name; if ($request_method) { add_header X-If 1; } }
    location /limited { limit_except POST { allow all; } proxy_pass http://$name; }
    location /limited-own { limit_except POST { proxy_pass http://stores; } proxy_pass http://$name; }
    location /unbuffered { proxy_request_buffering off; proxy_pass http://stores; }
    location /unbuffered-variable { proxy_request_buffering off; proxy_pass http://$name; }
    location /set-body { proxy_set_body $uri; proxy_pass http://$name; }
    location /no-body { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://$name; }
    location /no-headers { proxy_pass_request_headers off; proxy_pass http://$name; }
    location /method { proxy_method PUT; proxy_pass http://$name; }
    location /bind { proxy_bind 127.0.0.1; proxy_pass http://$name; }
    location /mirrored { mirror /bare/mirror; proxy_pass http://$name; }
    location /authenticated { auth_request /variable/auth; proxy_pass http://stores; }
    location /sliced { slice 1m; proxy_set_header Range $slice_range; proxy_pass http://$name; }
    location /cached { proxy_cache cache; proxy_pass http://$name; }
    location /satisfied { satisfy any; allow all; proxy_pass http://$name; }
    location /stored { proxy_store {dir}/stored; proxy_pass http://$name; }
    location /outer { location /outer/inner { proxy_pass http://$name; } }
    location /post-action { post_action /after; proxy_pass http://stores; }
    location /after { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://$name; }
"#;

const PATHS: [&str; 35] = [
    "/bare/k",
    "/uri/k",
    "/exact",
    "/prefix/k",
    "/regex/a%20b",
    "/named/a%20b",
    "/rewrite/k",
    "/variable/k",
    "/upper",
    "/whole",
    "/partly",
    "/request-uri?b=1&a=2",
    "/named-location",
    "/try",
    "/if",
    "/inside-if",
    "/inside-if-variable",
    "/inherited-if",
    "/limited",
    "/limited-own",
    "/unbuffered",
    "/unbuffered-variable",
    "/set-body",
    "/no-body",
    "/no-headers",
    "/method",
    "/bind",
    "/mirrored",
    "/authenticated",
    "/sliced",
    "/cached",
    "/satisfied",
    "/stored",
    "/outer/inner",
    "/post-action",
];

/// Each location, asked in every way that matters to nginx; what is rejected is rejected, but whatever
/// reaches the object store is signed.
#[test]
fn no_location_is_forgotten() {
    let origin = RawOrigin::with_body("hello");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(&format!(
            "proxy_cache_path {{dir}}/cache keys_zone=cache:1m;\n{}",
            signing_upstream(
                "stores",
                "keepalive 4; aws_sign_methods GET HEAD PUT POST DELETE OPTIONS;"
            )
        ))
        .server(SHAPES)
        .start();
    for path in PATHS {
        http::get(nginx.port(), path).expect_status(200);
        let body = "b".repeat(40_000);
        for request in [
            Request::new("HEAD", path),
            Request::new("PUT", path).body(body.clone()),
            Request::new("POST", path).body("a"),
            Request::new("POST", path).chunks([body.clone(), "c".to_owned()]),
            Request::new("DELETE", path),
            Request::new("OPTIONS", path),
            Request::get(path).header("Authorization", "Basic YTpi"),
            Request::get(path).header("Expect", "100-continue"),
        ] {
            let status = request.send(nginx.port()).status;
            assert!(
                matches!(status, 200 | 201 | 204 | 404 | 405 | 411),
                "{path}: {status}"
            );
        }
    }
    let requests = origin.requests();
    assert!(requests.len() > 200, "{}", requests.len());
    requests.iter().for_each(|request| expect_signed(request));
}

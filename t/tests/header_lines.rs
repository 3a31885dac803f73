//! Who wrote which header line: what the configuration sets, and what the client has sent, is signed.
//! A line that a variable has brought in is rejected, whatever the variable.

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::{self, Request};
use nginx_tests::{Builder, Nginx, RawOrigin, RawRequest, Reply, http2};

fn builder(origin: &RawOrigin, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign on; aws_sign_methods GET HEAD PUT; {server}"
        ))
}

/// What a client injects, in a URI.
const ACL: &str = "%0d%0aX-Amz-Acl:%20public-read";

/// nginx responds with 502 and logs why, and nothing reaches the upstream.
#[track_caller]
fn expect_rejected(builder: Builder, origin: &RawOrigin, request: Request) -> Nginx {
    let nginx = builder.start();
    request.send(nginx.port()).expect_status(502);
    assert_eq!(origin.connections(), 0, "{:#?}", origin.requests());
    let lines = nginx.own_request_lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("the request is not sent"), "{}", lines[0]);
    nginx
}

/// What reaches the upstream, signed.
#[track_caller]
fn sent(builder: Builder, origin: &RawOrigin, request: Request) -> RawRequest {
    let nginx = builder.start();
    request.send(nginx.port()).expect_status(200);
    let request = origin.only_request();
    expect_signed(&request);
    request
}

#[test]
fn a_line_that_a_capture_brings_in_is_rejected() {
    for (location, set) in [
        (
            "~ ^/i/(?<b>[^/]+)/(?<k>.*)$",
            "proxy_set_header X-T \"$b:$k\";",
        ),
        ("~ ^/i/([^/]+)/(.*)$", "proxy_set_header X-T \"$1$2\";"),
        ("/", "proxy_set_header X-T \"$uri$args\";"),
        ("/", "proxy_set_header X-T \"a${uri}b\";"),
        ("/", "set $copy $uri; proxy_set_header X-T \"$copy\";"),
        (
            "/",
            "proxy_set_header X-T $uri; proxy_set_header X-Real-IP $remote_addr;",
        ),
        ("/", "proxy_set_header X-T $mapped;"),
        // As if this header had a value.
        (
            "/",
            "proxy_set_header X-T $uri; proxy_set_header X-Amz-Acl $arg_acl;",
        ),
        (
            "/",
            "proxy_set_header X-Amz-Acl $arg_acl; proxy_set_header X-T $uri;",
        ),
        (
            "/",
            "proxy_set_header X-T $uri; proxy_set_header X-Amz-Acl \"\";",
        ),
        (
            "/",
            "proxy_set_header Host $uri; proxy_set_header X-Amz-Acl $arg_acl;",
        ),
        (
            "/",
            "proxy_set_header X-T $uri; proxy_pass_request_headers off;",
        ),
    ] {
        for method in ["GET", "PUT"] {
            let origin = RawOrigin::with_body("");
            let server = format!("location {location} {{ {set} proxy_pass http://{{origin}}/; }}")
                .replace(
                    "{origin}/;",
                    if location.starts_with('~') {
                        "{origin};"
                    } else {
                        "{origin}/;"
                    },
                );
            let builder =
                builder(&origin, &server).http("map $uri $mapped { ~(?s)^/i/(?<m>.*)$ $m; }");
            let target = format!("/i/{ACL}/secret/key");
            expect_rejected(builder, &origin, Request::new(method, target));
        }
    }
}

/// The client sends the same line itself, or one that looks like the next ones of nginx's.
#[test]
fn what_the_client_repeats_hides_nothing() {
    for header in [
        ("X-Amz-Acl", "public-read"),
        ("Connection", "close"),
        ("X-T", "/i/"),
    ] {
        let origin = RawOrigin::with_body("");
        let builder = builder(
            &origin,
            "location / { proxy_set_header X-T $uri; proxy_pass http://{origin}; }",
        );
        let request = Request::get(format!("/i/{ACL}")).header(header.0, header.1);
        expect_rejected(builder, &origin, request);
    }
}

#[test]
fn a_line_from_a_cookie_an_argument_or_a_name_is_rejected() {
    // base64 of "user\r\nX-Amz-Acl: public-read:x"
    let basic = "Basic dXNlcg0KWC1BbXotQWNsOiBwdWJsaWMtcmVhZDp4";
    for (set, request) in [
        (
            "proxy_set_header X-T \"$remote_user:x\";",
            Request::get("/").header("Authorization", basic),
        ),
        (
            "proxy_set_header X-T \"$remote_user\"; proxy_set_header X-Amz-Acl $arg_a;",
            Request::get("/").header("Authorization", basic),
        ),
        (
            "client_body_in_single_buffer on; proxy_set_header X-T $request_body;",
            Request::new("PUT", "/").body("a\r\nX-Amz-Acl: public-read"),
        ),
    ] {
        let origin = RawOrigin::with_body("");
        let server = format!("location / {{ {set} proxy_pass http://{{origin}}; }}");
        expect_rejected(builder(&origin, &server), &origin, request);
    }
}

/// The rest of the head would be sent as a signed body.
#[test]
fn a_head_that_is_cut_off_is_rejected() {
    for set in [
        "proxy_set_header X-T $uri;",
        "proxy_set_header X-T $uri; proxy_set_header Connection \"\";",
        "proxy_set_header X-T $uri; proxy_set_body body;",
        "proxy_set_header X-T $uri; proxy_set_header Connection \"\"; proxy_set_body $request_uri;",
        "proxy_set_header Connection \"\"; proxy_set_header X-T $uri; proxy_set_body \"\";",
    ] {
        for length in [0, 2, 20, 34, 49, 51, 60] {
            let origin = RawOrigin::with_body("");
            let server = format!("location / {{ {set} proxy_pass http://{{origin}}; }}");
            let target = format!("/a%0d%0aContent-Length:%20{length}%0d%0a%0d%0a");
            expect_rejected(
                builder(&origin, &server),
                &origin,
                Request::new("PUT", target),
            );
        }
    }
}

const NJS: &str = "ngx_http_js_module.so";

/// A script that decodes what a client sends.
#[test]
fn a_line_that_a_script_brings_in_is_rejected() {
    let is_debians = std::env::var_os("AWS_AUTH_NGINX").is_none();
    if !is_debians {
        return;
    }
    for set in [
        "proxy_set_header X-T $decoded;",
        "proxy_set_header X-T $decoded; proxy_set_header X-Amz-Acl $arg_acl;",
    ] {
        let origin = RawOrigin::with_body("");
        let server = format!("location / {{ {set} proxy_pass http://{{origin}}; }}");
        let builder = builder(&origin, &server)
            .load_module(NJS)
            .file(
                "decode.js",
                "export default { decode: (r) => decodeURIComponent(r.args.v) };",
            )
            .http("js_import decode from {dir}/decode.js; js_set $decoded decode.decode;");
        expect_rejected(builder, &origin, Request::get(format!("/?v=a{ACL}")));
    }
}

/// Everything that a configuration may say of headers, and a client may send.
#[test]
fn what_is_meant_is_sent() {
    for (set, expected) in [
        ("", &[][..]),
        ("proxy_set_header Connection \"\";", &[]),
        (
            "proxy_set_header X-A 1; proxy_set_header X-A 2;",
            &[("X-A", "1"), ("X-A", "2")],
        ),
        (
            "proxy_set_header X-A \"\"; proxy_set_header X-B $arg_b;",
            &[("X-B", "b")],
        ),
        (
            "proxy_set_header X-A $arg_none; proxy_set_header X-B b;",
            &[("X-B", "b")],
        ),
        (
            "proxy_set_header X-A \"$uri\"; proxy_set_header X-B $arg_none; proxy_set_header X-C $args;",
            &[("X-A", "/key"), ("X-C", "b=b")],
        ),
        (
            "proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr;
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
            &[("X-Real-IP", "127.0.0.1")],
        ),
        ("proxy_set_header X-A \"  a  b  \";", &[("X-A", "  a  b  ")]),
        (
            "proxy_set_header x-a a; proxy_set_header Host store.example;",
            &[("X-A", "a")],
        ),
        (
            "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
            &[],
        ),
        (
            "proxy_set_header X-A $request_id; proxy_set_header X-B \"$msec$uri\";",
            &[],
        ),
        (
            "if ($arg_b) { set $x 1; } proxy_set_header X-A \"$x\";",
            &[("X-A", "1")],
        ),
        (
            "proxy_http_version 1.1; proxy_pass_request_headers off;",
            &[],
        ),
    ] {
        let origin = RawOrigin::with_body("");
        let server = format!("location / {{ {set} proxy_pass http://{{origin}}; }}");
        let request = Request::get("/key?b=b")
            .header("X-Empty", "")
            .header("X-Tabs", "\ta\t b \t")
            .header("x-lower", "1")
            .header("X-Lower", "2")
            .header("TE", "trailers")
            .header("Keep-Alive", "1")
            .header("Upgrade", "websocket")
            .header("Proxy-Connection", "keep-alive")
            .header("Cookie", "a=1; b=2");
        let request = sent(builder(&origin, &server), &origin, request);
        for (name, value) in expected {
            let values = request.header_all(name);
            assert!(
                values.iter().any(|sent| sent.trim() == value.trim()),
                "{set} {values:?}"
            );
        }
        let forwards = !set.contains("headers off");
        let lower: &[&str] = if forwards { &["1", "2"] } else { &[] };
        assert_eq!(request.header_all("x-lower"), lower);
        assert_eq!(request.header("Proxy-Connection"), None);
    }
}

/// In locations that cache nginx writes and drops other headers.
#[test]
fn what_a_cache_asks_for_is_sent() {
    let origin = RawOrigin::start(|_| {
        let headers = [
            ("ETag", "\"tag\""),
            ("Last-Modified", "Thu, 01 Jan 2015 00:00:00 GMT"),
            ("Cache-Control", "max-age=0"),
        ];
        Reply::with_headers(200, &headers, "hello")
    });
    let nginx = builder(
        &origin,
        "location / {
             proxy_cache objects; proxy_cache_valid 1s; proxy_cache_revalidate on;
             proxy_set_header X-T $uri; proxy_set_header X-Amz-Meta-A $arg_a;
             proxy_pass http://{origin};
         }",
    )
    .http("proxy_cache_path {dir}/cache keys_zone=objects:1m;")
    .start();
    let get = |target: &str| {
        Request::get(target)
            .header("Range", "bytes=0-1")
            .header("If-None-Match", "\"other\"")
            .header("If-Match", "\"other\"")
            .send(nginx.port())
            .status
    };
    assert!(matches!(get("/key"), 200 | 206 | 412));
    assert!(matches!(get("/key?a=1"), 200 | 206 | 412));
    for request in origin.requests() {
        expect_signed(&request);
        assert_eq!(request.header("Range"), None);
        assert_ne!(
            request.header("If-None-Match").as_deref(),
            Some("\"other\"")
        );
    }
    let before = origin.requests().len();
    assert_eq!(get("/key%0d%0aIf-None-Match:%20*"), 502);
    assert_eq!(get(&format!("/key{ACL}")), 502);
    assert_eq!(origin.requests().len(), before);
}

#[test]
fn what_an_http_2_client_sends_is_told_apart() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(
        &origin,
        "location / { proxy_set_header X-T $uri; proxy_set_header Host $host; proxy_pass http://{origin}; }",
    )
    .http2()
    .start();
    let headers = [
        ("X-Other", "1"),
        ("X-Amz-Acl", "a"),
        ("Cookie", "a=1"),
        ("X-T", "2"),
    ];
    http2::get(nginx.h2_port(), "/key", &headers).expect_status(200);
    let request = origin.only_request();
    expect_signed(&request);
    assert_eq!(request.header_all("X-T"), ["/key"]);
    assert_eq!(request.header_all("x-other"), ["1"]);
    assert_eq!(request.header("x-amz-acl"), None);
    http2::get(nginx.h2_port(), &format!("/key{ACL}"), &headers).expect_status(502);
    assert_eq!(origin.requests().len(), 1);
}

/// Subrequests, and blocks that inherit what the location sets.
#[test]
fn subrequests_and_conditions_are_told_apart() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(
        &origin,
        "location /mirrored { mirror /copy; proxy_set_header X-A 1; proxy_pass http://{origin}; }
         location = /copy { proxy_set_header X-B $uri; proxy_set_header X-C $arg_c; proxy_pass http://{origin}; }
         location /sliced { slice 2; proxy_set_header X-T $uri; proxy_set_header Range $slice_range;
                            proxy_pass http://{origin}; }
         location /if { proxy_set_header X-T $uri; if ($arg_x) { set $y 1; } proxy_pass http://{origin}; }",
    )
    .start();
    for target in ["/mirrored?c=1", "/sliced", "/if?x=1", "/if"] {
        let request = Request::get(target)
            .header("X-Other", "1")
            .header("X-A", "2");
        request.send(nginx.port()).expect_status(200);
    }
    for request in origin.wait_for_requests(5) {
        expect_signed(&request);
        assert_eq!(request.header_all("X-Other"), ["1"]);
    }
    for target in [
        format!("/sliced{ACL}"),
        format!("/if{ACL}?x=1"),
        format!("/if{ACL}"),
    ] {
        http::get(nginx.port(), &target).expect_status(502);
    }
}

/// A long URI full of line breaks takes no time to speak of, and is rejected at once.
#[test]
fn many_line_breaks_are_rejected() {
    let origin = RawOrigin::with_body("");
    let builder = builder(
        &origin,
        "large_client_header_buffers 4 256k;
         location / { proxy_set_header X-T $uri; proxy_pass http://{origin}; }",
    );
    let target = format!("/{}", "%0d%0aA:".repeat(20_000));
    expect_rejected(builder, &origin, Request::get(target));
}

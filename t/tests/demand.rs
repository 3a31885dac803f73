//! What users of comparable systems have hit with GET and HEAD: each failure once, by the place
//! where it was reported.
//!
//! `A#55` is issue or pull request 55 of anomalizer/ngx_aws_auth; likewise K
//! kaltura/nginx-aws-auth-module, N nginx/nginx-s3-gateway, P awslabs/aws-sigv4-proxy, E
//! envoyproxy/envoy, X apache/apisix, B sidbai's nginx module, S apache/trafficserver.
//!
//! Those that have a test of a whole feature stand there:
//!
//! | failure | where it is tested |
//! | --- | --- |
//! | location prefix stripped by `proxy_pass http://host/` (A#2 A#73) | `forms` |
//! | arguments and `rewrite` (X#11097 K#8) | `forms` |
//! | Host mismatch (E#32851 A#85), many buckets (N#432), keys of each request (A#49) | `destination` |
//! | HEAD with `proxy_cache` (A#15), Range and slice (N#188) | `cache` |
//! | slashes merged (P#67 N#88 N#576) | `keys` |
//! | the client's Authorization beside ours (E#15963), `x-amz-*` passed on (P#45), session tokens (A#26) | `deputy` |
//! | `satisfy any` opened by the signer (A#42), `auth_basic` in front | `access` |
//! | unsigned when credentials fail (E#47519) | `fail_closed` |
//! | rejected every midnight (A#69 A#70) | `stale_key` |
//! | crash on reload (S#9331 S#12090) | `lifecycle` |

use std::process::{Command, Stdio};

use nginx_tests::account::{expect_signed, object_store, signing};
use nginx_tests::http::{self, Request};
use nginx_tests::{NameServer, RawOrigin, Scratch};

const ONE_LOCATION: &str = "location / { aws_sign; proxy_pass http://{origin}; }";

/// Who has reported it, what the client asks for, the object it means, and what is sent.
const PATHS: [(&str, &str, &str, &str); 22] = [
    // A space in place of a plus sign, and the other way round.
    ("A#87 E#40523", "/a+b", "a+b", "/a%2Bb"),
    ("A#87 E#40523", "/a%2Bb", "a+b", "/a%2Bb"),
    ("A#87 E#40523", "/a%2bb", "a+b", "/a%2Bb"),
    ("A#87 E#40523", "/a%20b", "a b", "/a%20b"),
    // The decoded path signed.
    (
        "A#35 K#10",
        "/dir%20x/a%20b%20c",
        "dir x/a b c",
        "/dir%20x/a%20b%20c",
    ),
    // An encoder that leaves some bytes as they are.
    (
        "N#53 N#28",
        "/(a)'b'!c*",
        "(a)'b'!c*",
        "/%28a%29%27b%27%21c%2A",
    ),
    (
        "N#53 N#28",
        "/%28a%29%27b%27%21c%2A",
        "(a)'b'!c*",
        "/%28a%29%27b%27%21c%2A",
    ),
    (
        "N#53 N#28",
        "/%E6%97%A5%f0%9f%98%80",
        "\u{65e5}\u{1f600}",
        "/%E6%97%A5%F0%9F%98%80",
    ),
    (
        "N#53 N#28",
        "/\u{65e5}\u{1f600}",
        "\u{65e5}\u{1f600}",
        "/%E6%97%A5%F0%9F%98%80",
    ),
    ("N#53 N#28", "/~a", "~a", "/~a"),
    ("N#53 N#28", "/%7Ea", "~a", "/~a"),
    // One encoding signed, another sent.
    ("E#42165 K#9", "/@a:b,c", "@a:b,c", "/%40a%3Ab%2Cc"),
    ("E#42165 K#9", "/%40a%3Ab%2Cc", "@a:b,c", "/%40a%3Ab%2Cc"),
    (
        "E#42165 K#9",
        "/a=b&c;d$e",
        "a=b&c;d$e",
        "/a%3Db%26c%3Bd%24e",
    ),
    // Decoded, and not encoded again: to S3, an encoded slash is a slash.
    ("P#246", "/a%2Fb", "a/b", "/a/b"),
    ("P#246", "/a%252Fb", "a%2Fb", "/a%252Fb"),
    // The rule of other services applied to S3.
    ("E#35023 P#76", "/a%2520b", "a%20b", "/a%2520b"),
    ("E#35023 P#76", "/100%25", "100%", "/100%25"),
    // Slashes and dots are parts of the key.
    ("P#67 N#88 N#576", "/a//b", "a//b", "/a//b"),
    ("P#67 N#88 N#576", "//a", "/a", "//a"),
    ("P#67 N#88 N#576", "/a/./b", "a/./b", "/a/./b"),
    ("P#67 N#88 N#576", "/a/c/../b", "a/c/../b", "/a/c/../b"),
];

#[test]
fn paths() {
    let origin = object_store();
    for (_, _, key, _) in PATHS {
        origin.put("bucket", key, key);
    }
    let nginx = signing(origin.address(), ONE_LOCATION).start();
    for (reference, target, key, sent) in PATHS {
        let response = http::get(nginx.port(), target);
        assert_eq!(
            (response.status, &*response.text()),
            (200, key),
            "{reference}: {target}"
        );
        http::head(nginx.port(), target).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        assert_eq!(request.target(), sent, "{reference}: {target}");
    }
}

/// Who has reported it, the client's query, and what is sent.
const QUERIES: [(&str, &str, &str); 16] = [
    // Subresources without a value, and with one.
    ("A#18", "?acl", "?acl="),
    ("A#18", "?acl=", "?acl="),
    ("A#18", "?uploads&prefix=a", "?prefix=a&uploads="),
    ("A#18", "?versionId=3%2FL4kqtJl", "?versionId=3%2FL4kqtJl"),
    // By name, then by value.
    ("E#16918", "?b=2&a=1&c=3", "?a=1&b=2&c=3"),
    ("E#16918", "?a=2&a=1&a", "?a=&a=1&a=2"),
    ("E#16918", "?a-b=2&a=1&a.b=3&A=4", "?A=4&a=1&a-b=2&a.b=3"),
    (
        "E#16918",
        "?prefix=a/b&delimiter=/",
        "?delimiter=%2F&prefix=a%2Fb",
    ),
    // Encoded once, however the client did it.
    ("B#3", "?marker=a%2fb%20c", "?marker=a%2Fb%20c"),
    ("B#3", "?marker=a+b", "?marker=a%20b"),
    ("B#3", "?marker=a%2Bb", "?marker=a%2Bb"),
    ("B#3", "?marker=a%252Fb", "?marker=a%252Fb"),
    ("N#205", "?prefix=(a)*'b'!", "?prefix=%28a%29%2A%27b%27%21"),
    ("N#205", "?prefix=\u{e9}", "?prefix=%C3%A9"),
    ("K#8", "?a=b=c", "?a=b%3Dc"),
    ("K#8", "?&&a=1&", "?a=1"),
];

#[test]
fn queries() {
    let origin = RawOrigin::with_body("hello");
    let nginx = signing(
        origin.address(),
        "aws_sign_operations all;
         location / { aws_sign; proxy_pass http://{origin}; }
         location /rewritten/ { rewrite ^/rewritten(/.*)$ $1 break; aws_sign; proxy_pass http://{origin}; }
         location /stripped/ { aws_sign; proxy_pass http://{origin}/; }",
    )
    .start();
    for (reference, query, sent) in QUERIES {
        for prefix in ["/", "/rewritten/", "/stripped/"] {
            http::get(nginx.port(), format!("{prefix}a%20b{query}")).expect_status(200);
            let request = origin.requests().pop().expect("a request");
            assert_eq!(
                request.target(),
                format!("/a%20b{sent}"),
                "{reference}: {query}"
            );
            expect_signed(&request);
        }
    }
}

// E#18695 A#6 A#4: what is added or taken away is so before the signature.
#[test]
fn headers_that_are_added_or_removed() {
    let origin = RawOrigin::with_body("hello");
    let nginx = signing(
        origin.address(),
        r#"aws_sign on;
         location / {
             proxy_set_header X-Amz-Acl private;
             proxy_set_header X-Amz-Meta-Blanks "  two   blanks ";
             proxy_set_header User-Agent "";
             proxy_set_header X-Other other;
             proxy_pass http://{origin};
         }
         location /none { proxy_pass_request_headers off; proxy_pass http://{origin}; }"#,
    )
    .start();
    let get = |target| {
        Request::get(target)
            .header("User-Agent", "client")
            .header("X-Client", "client")
            .header("X-Amz-Meta-Client", "client")
            .send(nginx.port())
            .expect_status(200);
        origin.requests().pop().expect("a request")
    };

    let request = get("/key");
    expect_signed(&request);
    let authorization = request.header("Authorization").unwrap();
    assert!(
        authorization.contains(
            "host;x-amz-acl;x-amz-content-sha256;x-amz-date;x-amz-meta-blanks;x-amz-meta-client,"
        ),
        "{authorization}"
    );
    assert_eq!(request.header("User-Agent"), None);
    for (name, value) in [
        ("X-Other", "other"),
        ("X-Client", "client"),
        ("X-Amz-Acl", "private"),
    ] {
        assert_eq!(request.header(name).as_deref(), Some(value));
    }

    let request = get("/none");
    expect_signed(&request);
    assert_eq!(request.header("X-Client"), None);
    assert_eq!(request.header("X-Amz-Meta-Client"), None);
}

// N#518 N#551: signing is bound to the server, and no kind of location is forgotten.
#[test]
fn no_location_is_forgotten() {
    let origin = RawOrigin::with_body("hello");
    let nginx = signing(
        origin.address(),
        r"aws_sign on;
         location / { proxy_pass http://{origin}; }
         location = /exact { proxy_pass http://{origin}; }
         location ^~ /prefix/ { proxy_pass http://{origin}; }
         location ~ \.css$ { proxy_pass http://{origin}; }
         location ~* \.(png|jpe?g)$ { proxy_pass http://{origin}; }
         location /outer/ {
             location /outer/inner/ { proxy_pass http://{origin}; }
             location ~ \.js$ { proxy_pass http://{origin}; }
             proxy_pass http://{origin};
         }
         location /named/ { try_files /none @named; }
         location @named { proxy_pass http://{origin}; }",
    )
    .start();
    for target in [
        "/",
        "/exact",
        "/prefix/a",
        "/a.css",
        "/a.PNG",
        "/a.jpeg",
        "/outer/a",
        "/outer/inner/a",
        "/outer/a.js",
        "/named/a",
    ] {
        http::get(nginx.port(), target).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        assert_eq!(request.target(), target);
        expect_signed(&request);
    }
}

// A#71: nothing is logged of a request that is served.
#[test]
fn the_error_log_is_silent() {
    let origin = object_store();
    origin.put("bucket", "key", "hello");
    let nginx = signing(origin.address(), ONE_LOCATION).start();
    for _ in 0..10 {
        http::get(nginx.port(), "/key").expect_status(200);
        http::get(nginx.port(), "/missing").expect_status(404);
    }
    let log = nginx.error_log();
    assert!(!log.contains("aws_auth"), "{log}");
}

// N#38 A#35: when an object store finds that a signature does not match, the debug log has what was signed.
#[test]
fn a_debug_log_tells_what_was_signed() {
    let origin = object_store();
    let nginx = signing(origin.address(), ONE_LOCATION).debug().start();
    http::get(nginx.port(), "/two%20words?b=&a=1").expect_status(404);
    let log = nginx.debug_log();
    let lines: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_once("canonical request: "))
        .map(|(_, line)| line)
        .collect();
    let date = origin.only_request().header("x-amz-date").unwrap();
    assert_eq!(
        lines,
        [
            "GET",
            "/two%20words",
            "a=1&b=",
            "host:bucket.s3.example.test",
            "x-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            &format!("x-amz-date:{date}"),
            "",
            "host;x-amz-content-sha256;x-amz-date",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ]
    );
}

/// A self-signed certificate and its key, made for this test.
fn certificate(folder: &Scratch) -> [String; 2] {
    let paths = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let output = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args([
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=s3.example.test",
            "-out",
        ])
        .arg(&paths[0])
        .arg("-keyout")
        .arg(&paths[1])
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("cannot run openssl, which this test needs: {e}"));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    paths.map(|path| std::fs::read_to_string(path).expect("openssl has written it"))
}

// N#78: the object store's name is in the TLS handshake, and a signed request comes through.
#[test]
fn tls_to_the_store() {
    let folder = Scratch::new("certificate");
    let [certificate, key] = certificate(&folder);
    let origin = object_store();
    origin.put("bucket", "key", "hello");
    let names = NameServer::start();
    let nginx = signing(
        origin.address(),
        "resolver {names} ipv6=off;
         set $store bucket.s3.example.test;
         proxy_ssl_server_name on;
         location / { aws_sign; proxy_pass https://$store:{tls_port}; }
         location /static/ {
             aws_sign;
             proxy_ssl_name bucket.s3.example.test;
             proxy_pass https://127.0.0.1:{tls_port}/;
         }",
    )
    .var("names", names.address())
    .extra_port("tls_port")
    .file("cert.pem", certificate)
    .file("key.pem", key)
    // Ends TLS, and hands on what is signed untouched.
    .http(
        "server {
             listen 127.0.0.1:{tls_port} ssl;
             ssl_certificate {dir}/cert.pem;
             ssl_certificate_key {dir}/key.pem;
             add_header X-Name $ssl_server_name;
             location / { proxy_set_header Host $http_host; proxy_pass http://{origin}; }
         }",
    )
    .start();
    for target in ["/key", "/static/key"] {
        let response = http::get(nginx.port(), target).expect_status(200);
        assert_eq!(response.text(), "hello");
        assert_eq!(response.header("X-Name"), Some("bucket.s3.example.test"));
    }
}

//! What `nginx -t` says of `aws_sign` in an `upstream{}`: mistakes in one line with the position of the
//! guilty directive.

use nginx_tests::account::SECRET_KEY_DIRECTIVES;
use nginx_tests::{Nginx, TestResult};

const FILE: &str = "upstreams.conf";

/// `upstreams` is read as a file of its own, in http{}.
fn check(upstreams: &str, server: &str) -> TestResult {
    Nginx::builder()
        .http(&format!("include {FILE};"))
        .file(FILE, upstreams)
        .server(server)
        .check()
}

/// A line of ours, of level emerg, that holds `message` rejects the line of `upstreams` that ends
/// with `#!`.
#[track_caller]
fn expect_refused(upstreams: &str, server: &str, message: &str) {
    check(upstreams, server)
        .expect_refused("[emerg] aws_auth: ")
        .expect_refused(message)
        .expect_at_mark(FILE, upstreams);
}

const PROXIED: &str = "location /files/ { proxy_pass http://stores; }";

#[test]
fn each_directive_may_stand_there() {
    for directive in [
        "aws_access_key AKID; aws_secret_key secret; aws_session_token token;",
        "aws_credentials instance;",
        "aws_credentials_timeout 1s;",
        "aws_region us-east-1;",
        "aws_service s3;",
        "aws_s3_bucket bucket;",
        "aws_endpoint s3.example.test;",
        "aws_addressing_style path;",
        "aws_sign off;",
        "aws_sign_methods GET PUT;",
        "aws_payload unsigned;",
        "aws_signed_headers X-Own;",
        "aws_pass_headers x-amz-acl;",
        "aws_response_overrides on;",
        "aws_hide_auth_errors off;",
    ] {
        let upstreams = format!(
            "aws_credentials_provider instance imds;
             upstream stores {{ server 127.0.0.1:1; {directive} }}"
        );
        check(&upstreams, PROXIED).expect_ok();
    }
}

#[test]
fn directives_that_are_not_about_a_request_may_not() {
    for directive in [
        "aws_token_required on;",
        "aws_credentials_provider instance imds;",
        "aws_auth_zone zone:1m;",
        "aws_trusted_certificate file;",
    ] {
        let upstreams = format!("upstream stores {{ server 127.0.0.1:1; {directive} }}");
        check(&upstreams, PROXIED).expect_refused("directive is not allowed here");
    }
}

#[test]
fn a_bad_value_is_rejected() {
    for (directive, message) in [
        (
            "aws_region 'eu west'",
            "\"aws_region\" has the invalid value \"eu west\"",
        ),
        ("aws_sign maybe", "write \"on\", \"off\" or a variable"),
        ("aws_sign; aws_sign off", "\"aws_sign\" is duplicate"),
        (
            "aws_secret_key a; aws_credentials b",
            "cannot be combined with",
        ),
    ] {
        let upstreams = format!("upstream stores {{\nserver 127.0.0.1:1;\n{directive}; #!\n}}");
        expect_refused(&upstreams, PROXIED, message);
    }
}

#[test]
fn a_provider_that_is_not_declared() {
    // Also where nobody sends anything there.
    for server in [PROXIED, ""] {
        expect_refused(
            "upstream stores {\nserver 127.0.0.1:1;\naws_credentials instance; #!\n}",
            server,
            "\"aws_credentials\" names \"instance\", which is not declared",
        );
    }
}

#[test]
fn credentials_that_are_not_complete() {
    expect_refused(
        "upstream stores {\nserver 127.0.0.1:1;\naws_sign; #!\n}",
        PROXIED,
        "\"aws_sign\" cannot sign what location \"/files/\" sends here: there are no credentials",
    );
    expect_refused(
        "upstream stores {\nserver 127.0.0.1:1;\naws_sign;\naws_access_key A; aws_secret_key s; #!\n}",
        PROXIED,
        "\"aws_region\" is missing",
    );
    // They may stand in server{}, and a location may sign with its own.
    let bare = "upstream stores { server 127.0.0.1:1; aws_sign; }";
    check(bare, &format!("{SECRET_KEY_DIRECTIVES} {PROXIED}")).expect_ok();
    check(
        bare,
        &format!("location / {{ {SECRET_KEY_DIRECTIVES} proxy_pass http://stores; }}"),
    )
    .expect_ok();
    check(
        bare,
        "location / { aws_sign off; proxy_pass http://stores; }",
    )
    .expect_ok();
    check(bare, "").expect_ok();
}

#[test]
fn another_module_that_sends_there() {
    let signing = format!(
        "upstream stores {{ server 127.0.0.1:1; {} \naws_sign; #!\n}}",
        SECRET_KEY_DIRECTIVES.replace('\n', " ")
    );
    for pass in [
        "fastcgi_pass stores;",
        "uwsgi_pass stores;",
        "scgi_pass stores;",
        "grpc_pass grpc://stores;",
        "memcached_pass stores;",
    ] {
        let location = format!("location /other/ {{ set $memcached_key a; {pass} }}");
        let directive = pass.split(' ').next().expect("a directive");
        expect_refused(
            &signing,
            &location,
            &format!(
                "\"aws_sign\" signs what \"proxy_pass\" sends to upstream \"stores\", and location \
                 \"/other/\" has \"{directive}\": use \"proxy_pass\" there, or \"aws_sign off\""
            ),
        );
        let off = format!("location /other/ {{ aws_sign off; set $memcached_key a; {pass} }}");
        check(&signing, &off).expect_ok();
        let unsigned = signing.replace("aws_sign;", "");
        check(&unsigned, &location).expect_ok();
    }
}

#[test]
fn what_is_warned_of_in_a_location_is_warned_of_here() {
    let upstream = |more: &str| {
        format!(
            "upstream stores {{ server 127.0.0.1:1; {SECRET_KEY_DIRECTIVES} aws_sign; {more} }}"
        )
    };
    let cached = "location / { proxy_cache cache; proxy_pass http://stores; }";
    for (more, server, warning) in [
        (
            "aws_payload unsigned;",
            PROXIED,
            "sends bodies over plain http",
        ),
        (
            "aws_s3_bucket $arg_b;",
            cached,
            "\"proxy_cache_key\" must contain that variable",
        ),
        (
            "aws_s3_bucket $arg_b;",
            "set $name stores;
             location / { proxy_cache cache; proxy_pass http://$name; if ($arg_a) { set $b 1; } }",
            "\"proxy_cache_key\" must contain that variable",
        ),
    ] {
        let upstreams = format!(
            "proxy_cache_path {{dir}}/cache keys_zone=cache:1m;\n{}",
            upstream(more)
        );
        let result = check(&upstreams, server).expect_ok();
        let warnings = result.warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(warning), "{warnings:?}");
    }
    // An upstream has a name of its own.
    let named = upstream("aws_s3_bucket bucket; aws_endpoint s3.example.test;");
    assert_eq!(check(&named, PROXIED).expect_ok().warnings(), [""; 0]);
}

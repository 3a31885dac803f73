//! What is probably a mistake in a location that signs: `nginx -t` warns, once for each place that has
//! to be mended, and accepts the configuration.

use std::fs;

use nginx_tests::{Nginx, TestResult, example, load_directive, server_conf};

const KEYS: &str = "aws_access_key AKID; aws_secret_key hush; aws_region us-east-1;";
const VERIFY: &str = "proxy_ssl_verify on; proxy_ssl_trusted_certificate tls/ca.pem;";

fn check(server: &str) -> TestResult {
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tls/ca.pem");
    server_conf::builder(server)
        .http("upstream store { server 127.0.0.1:9; } map $host $site_host { default a.example; }")
        .file("tls/ca.pem", fs::read(authority).expect("our own"))
        .check()
        .expect_ok()
}

/// There is one warning, which holds `message`.
#[track_caller]
fn expect_warning(server: &str, message: &str) {
    let result = check(server);
    let warnings = result.warnings();
    assert_eq!(warnings.len(), 1, "{server}\n{}", result.stderr);
    assert!(warnings[0].contains(message), "{}", result.stderr);
    assert!(warnings[0].contains("/server.conf:"), "{}", result.stderr);
}

#[track_caller]
fn expect_none(server: &str) {
    let result = check(server);
    assert!(result.warnings().is_empty(), "{server}\n{}", result.stderr);
}

#[test]
fn https_without_verification_is_warned_of() {
    let message = "sends signed requests over https without verifying the certificate, so that an \
                   impostor can read and change them: set \"proxy_ssl_verify on\", \
                   \"proxy_ssl_trusted_certificate\" and \"proxy_ssl_server_name on\" in /";
    for pass in [
        "https://127.0.0.1:9",
        "https://store",
        "HTTPS://$arg_a.example",
    ] {
        let location = |more: &str| {
            format!("{KEYS} aws_s3_bucket b; location / {{ aws_sign; {more} proxy_pass {pass}; }}")
        };
        expect_warning(&location(""), message);
        expect_warning(&location("proxy_ssl_verify off;"), message);
        expect_none(&location(VERIFY));
        expect_none(&format!("{VERIFY} {}", location("")));
        expect_none(&location("").replace("aws_sign;", "aws_sign off;"));
    }
    expect_none(&format!(
        "{KEYS} aws_s3_bucket b; location / {{ aws_sign; proxy_pass http://store; }}"
    ));
}

#[test]
fn a_host_that_clients_choose_is_warned_of() {
    let location = |host: &str, pass: &str| {
        format!("{KEYS} location ~ ^/(?<site>[a-z]+)/ {{ aws_sign; {host} proxy_pass {pass}; }}")
    };
    for (value, variable) in [
        ("$host", "$host"),
        ("$http_host", "$http_host"),
        ("${arg_bucket}.s3.example", "$arg_bucket"),
        ("a$cookie_b", "$cookie_b"),
        ("$ssl_server_name", "$ssl_server_name"),
        ("$site.example", "$site"),
        ("$1.example", "$1"),
    ] {
        let host = format!("proxy_set_header Host {value};");
        let message = format!(
            "chooses the host that is signed, by \"{variable}\" in \"proxy_set_header Host\": \
             use a constant, a \"map\" of the intended hosts, or \"aws_s3_bucket\""
        );
        expect_warning(&location(&host, "http://store"), &message);
        // The bucket and the endpoint make the Host.
        let with_bucket = format!("aws_s3_bucket bucket; {}", location(&host, "http://store"));
        expect_none(&with_bucket);
    }
    let by_target = "by \"$arg_a\" in \"proxy_pass\"";
    expect_warning(&location("", "http://$arg_a.example/"), by_target);
    expect_warning(
        &location("proxy_set_header Host $proxy_host;", "http://$arg_a/"),
        by_target,
    );
    for (host, pass) in [
        ("", "http://store"),
        ("", "http://store/$arg_a"),
        ("proxy_set_header Host s3.example;", "http://store"),
        ("proxy_set_header Host s3.example;", "http://$arg_a"),
        ("proxy_set_header Host $proxy_host;", "http://store"),
        ("proxy_set_header Host $site_host;", "http://store"),
        ("proxy_set_header X-Host $host;", "http://store"),
    ] {
        expect_none(&location(host, pass));
    }
}

#[test]
fn metadata_that_nginx_drops_is_warned_of() {
    let location = |more: &str, around: &str| {
        format!(
            "{KEYS} aws_s3_bucket b; {around} location / {{ aws_sign; {more} proxy_pass http://store; }}"
        )
    };
    let message = "signs writes, and nginx drops metadata with \"_\" or \".\" in its name, such as \
                   \"x-amz-meta-a_b\", without notice: set \"ignore_invalid_headers off\" in the server";
    let writes = "aws_sign_methods GET PUT;";
    expect_warning(&location(writes, ""), message);
    expect_warning(&location(writes, "aws_pass_headers x-amz-meta-*;"), message);
    for (more, around) in [
        ("", ""),
        (writes, "ignore_invalid_headers off;"),
        (writes, "aws_pass_headers off;"),
        (writes, "aws_pass_headers x-amz-acl;"),
        (
            writes,
            "aws_service execute-api; proxy_set_header Host a.example;",
        ),
    ] {
        expect_none(&location(more, around));
    }
}

#[test]
fn inherited_signing_without_effect_is_warned_of() {
    for (directive, target) in [
        ("grpc_pass", "127.0.0.1:1"),
        ("grpc_pass", "$arg_target"),
        ("fastcgi_pass", "127.0.0.1:1"),
        ("uwsgi_pass", "127.0.0.1:1"),
        ("scgi_pass", "$arg_target"),
        ("memcached_pass", "127.0.0.1:1"),
    ] {
        let message = format!(
            "\"aws_sign\" has no effect on \"{directive}\" of location \"/a/\", whose requests are sent \
             unsigned: use \"proxy_pass\" there, or \"aws_sign off\""
        );
        let key = if directive == "memcached_pass" {
            "set $memcached_key $uri;"
        } else {
            ""
        };
        let location = format!("location /a/ {{ {key} {directive} {target}; }}");
        expect_warning(&format!("{KEYS} aws_sign on; {location}"), &message);
        // Without credentials, too, and in a location inside of another.
        expect_warning(
            &format!("aws_sign on; location / {{ {location} proxy_pass http://store; }}"),
            &message,
        );
        expect_none(&format!(
            "{KEYS} aws_sign on; {}",
            location.replace(directive, &format!("aws_sign off; {directive}"))
        ));
        expect_none(&format!("{KEYS} {location}"));
        // A bare one reaches no location.
        expect_none(&format!("{KEYS} aws_sign; {location}"));
    }
}

#[test]
fn what_many_locations_inherit_is_warned_of_once() {
    let locations = |pass: &str| -> String {
        (0..50)
            .map(|nth| format!("location /{nth} {{ {pass} }}\n"))
            .collect()
    };
    for (around, pass) in [
        ("aws_s3_bucket b;", "proxy_pass https://127.0.0.1:9;"),
        ("aws_s3_bucket b;", "proxy_pass https://$arg_a;"),
        ("proxy_set_header Host $host;", "proxy_pass http://store;"),
        (
            "aws_s3_bucket b; aws_sign_methods PUT;",
            "proxy_pass http://store;",
        ),
        ("", "fastcgi_pass 127.0.0.1:9;"),
        (
            "aws_s3_bucket b; aws_payload unsigned;",
            "proxy_pass http://store;",
        ),
        (
            "aws_s3_bucket b; aws_endpoint s3.example;",
            "proxy_pass http://127.1:9;",
        ),
    ] {
        let locations = locations(pass);
        let server = format!("{KEYS} aws_sign on; {around} {locations}");
        let result = check(&server);
        assert_eq!(result.warnings().len(), 1, "{around}: {}", result.stderr);
    }
    // Where each is to be mended.
    let own = locations("aws_sign; proxy_set_header Host $host; proxy_pass http://store;");
    assert_eq!(check(&format!("{KEYS} {own}")).warnings().len(), 50);
}

/// A configuration that is shown must not be warned of.
#[test]
fn no_example_is_warned_of() {
    let mut count = 0;
    for entry in fs::read_dir(example::folder()).expect("the examples") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("a name");
        let text = example::without_names(&example::printed(name));
        let mut builder = Nginx::builder().conf(&text);
        for (file, content) in [
            ("passwords", "user:{PLAIN}password\n"),
            ("aws-secret-key", "secret"),
            ("live-secret-key", "secret"),
            ("archive-secret-key", "secret"),
            ("keys/acme", "secret"),
            ("keys/initech", "secret"),
        ] {
            builder = builder.file(file, content);
        }
        for (variable, value) in [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/"),
            ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/web"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token"),
            ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9"),
            ("AWS_ENDPOINT_URL_ECR", "http://127.0.0.1:9"),
            ("AWS_ENDPOINT_URL_CODEARTIFACT", "http://127.0.0.1:9"),
        ] {
            builder = builder.env(variable, value);
        }
        let result = builder.check().expect_ok();
        let mut warnings = result.warnings();
        // The harness makes files for everybody.
        warnings.retain(|line| !line.contains("any user of this machine"));
        assert!(warnings.is_empty(), "{name}: {}\n{text}", result.stderr);
        count += 1;
    }
    assert!(count > 20, "{count} examples, with {}", load_directive());
}

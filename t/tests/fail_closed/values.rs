//! Values that come from variables, that is perhaps from a client, are checked before anything is
//! signed with them; a bad one is rejected, and never shown where it is a secret.

use std::path::Path;

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::{self, Request};
use nginx_tests::{Nginx, RawOrigin};

/// What each directive with a variable rejects, with the reason that is logged. The value is a
/// decoded segment of the path.
const BAD: [(&str, &str, &str); 31] = [
    ("aws_s3_bucket", "", "a bucket name cannot be empty"),
    ("aws_s3_bucket", "a%2fb", "a bucket name consists of"),
    ("aws_s3_bucket", "a%20b", "a bucket name consists of"),
    (
        "aws_s3_bucket",
        "..",
        "a bucket name cannot have an empty part",
    ),
    ("aws_s3_bucket", "a:80", "a bucket name consists of"),
    ("aws_s3_bucket", "a@b", "a bucket name consists of"),
    ("aws_s3_bucket", "a%3fb", "a bucket name consists of"),
    ("aws_s3_bucket", "a%23b", "a bucket name consists of"),
    (
        "aws_s3_bucket",
        "a%0d%0ax-amz-acl:%20b",
        "a bucket name consists of",
    ),
    ("aws_endpoint", "", "an endpoint is a host"),
    ("aws_endpoint", "a%0d%0ab", "an endpoint is a host"),
    ("aws_endpoint", "https:%2f%2fh", "an endpoint is a host"),
    ("aws_endpoint", "h%2fpath", "an endpoint is a host"),
    ("aws_endpoint", "user@h", "an endpoint is a host"),
    ("aws_endpoint", "h:port", "an endpoint is a host"),
    ("aws_region", "", "a region consists of"),
    (
        "aws_region",
        "eu%2fs3%2faws4_request",
        "a region consists of",
    ),
    ("aws_region", "eu%0a", "a region consists of"),
    ("aws_region", "eu%20west", "a region consists of"),
    ("aws_service", "", "a service consists of"),
    ("aws_service", "s3%2faws4_request", "a service consists of"),
    ("aws_service", "s3%0d", "a service consists of"),
    (
        "aws_access_key",
        "",
        "an access key must not contain blanks",
    ),
    (
        "aws_access_key",
        "AKID%2f20260101",
        "an access key must not contain blanks",
    ),
    (
        "aws_access_key",
        "A,SignedHeaders=host",
        "an access key must not contain blanks",
    ),
    (
        "aws_access_key",
        "A%0d%0aX-Amz-Acl:%20b",
        "an access key must not contain blanks",
    ),
    (
        "aws_secret_key",
        "",
        "empty, or with blanks or control characters",
    ),
    (
        "aws_secret_key",
        "hush%20hush",
        "empty, or with blanks or control characters",
    ),
    (
        "aws_secret_key",
        "hush%0a",
        "empty, or with blanks or control characters",
    ),
    (
        "aws_session_token",
        "",
        "empty, or with blanks or control characters",
    ),
    (
        "aws_session_token",
        "hush%0d%0aX-Amz-Acl:%20b",
        "empty, or with blanks or control characters",
    ),
];

/// A location for each directive, whose value is what stands between the second and third slash.
fn server() -> String {
    let defaults = [
        ("aws_access_key", "AKIDEXAMPLE"),
        ("aws_secret_key", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        ("aws_region", "us-east-1"),
        ("aws_s3_bucket", "bucket"),
    ];
    let mut server = format!(
        "{SECRET_KEY_DIRECTIVES} location = /works {{ aws_sign on; proxy_pass http://{{origin}}; }}\n"
    );
    let mut names: Vec<&str> = BAD.iter().map(|(name, ..)| *name).collect();
    names.dedup();
    for name in names {
        let mut block = String::new();
        for (other, value) in defaults.iter().filter(|(other, _)| *other != name) {
            block.push_str(&format!("{other} {value}; "));
        }
        server.push_str(&format!(
            "location ~ ^/{name}/(?<value>[^|]*)\\|key$ {{
                 aws_sign on; {block} {name} $value; set $path /key; proxy_pass http://{{origin}}$path;
             }}\n"
        ));
    }
    server
}

fn open_files(worker: i32) -> usize {
    let folder = Path::new("/proc").join(worker.to_string()).join("fd");
    std::fs::read_dir(folder).expect("the worker lives").count()
}

/// One nginx for all of them: after each rejection the same worker goes on, and no connection or
/// file of it is left open.
#[test]
fn a_bad_value_of_a_variable_is_rejected() {
    let origin = RawOrigin::with_body("served");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(&server())
        .start();
    let worker = nginx.workers()[0];
    let files = open_files(worker);

    for (seen, (name, value, reason)) in BAD.iter().enumerate() {
        let target = format!("/{name}/{value}%7ckey");
        http::get(nginx.port(), &target).expect_status(502);

        let lines = nginx.own_lines();
        assert_eq!(lines.len(), seen + 1, "{name} {value}\n{lines:#?}");
        let expected = format!("the variable in \"{name}\" has an invalid value: {reason}");
        assert!(lines[seen].contains(&expected), "{value}: {}", lines[seen]);
        let own = lines[seen].split(", client:").next().unwrap_or_default();
        assert!(!own.contains("hush"), "{own}");
    }
    assert_eq!(origin.connections(), 0);

    http::get(nginx.port(), "/works").expect_status(200);
    expect_signed(&origin.only_request());
    assert_eq!(nginx.workers(), [worker]);
    nginx_tests::wait_until("the worker has closed what it opened", || {
        open_files(worker) <= files
    });
}

/// The same locations sign with good values: it is the value that was rejected.
#[test]
fn a_good_value_of_a_variable_is_signed() {
    let origin = RawOrigin::with_body("served");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(&server())
        .start();
    let secret = "wJalrXUtnFEMI%2fK7MDENG+bPxRfiCYEXAMPLEKEY";
    for (name, value) in [
        ("aws_s3_bucket", "my.bucket-1"),
        ("aws_endpoint", "s3.example:9000"),
        ("aws_region", "us-east-1"),
        ("aws_service", "s3"),
        ("aws_access_key", "AKIDEXAMPLE"),
        ("aws_secret_key", secret),
        ("aws_session_token", "token+/="),
    ] {
        let value = value.replace('/', "%2f");
        http::get(nginx.port(), format!("/{name}/{value}%7ckey")).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        expect_signed(&request);
        match name {
            "aws_s3_bucket" => assert_eq!(
                request.header("Host").as_deref(),
                Some("my.bucket-1.s3.us-east-1.amazonaws.com")
            ),
            "aws_endpoint" => assert_eq!(
                request.header("Host").as_deref(),
                Some("bucket.s3.example:9000")
            ),
            "aws_session_token" => assert_eq!(
                request.header("X-Amz-Security-Token").as_deref(),
                Some("token+/=")
            ),
            _ => {}
        }
    }
}

/// A variable that nginx knows of but that has no value is no reason to send without signature.
#[test]
fn a_variable_without_value_is_rejected() {
    let origin = RawOrigin::with_body("served");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(
            "aws_access_key AKID; aws_region us-east-1; aws_sign_operations all;
             location / { aws_secret_key $http_x_secret; aws_access_key AKID; aws_sign on;
                          proxy_pass http://{origin}; }",
        )
        .start();
    http::get(nginx.port(), "/").expect_status(502);
    assert_eq!(origin.connections(), 0);
    Request::get("/")
        .header("X-Secret", "hush")
        .send(nginx.port())
        .expect_status(200);
    assert!(origin.only_request().header("Authorization").is_some());
}

//! Which S3 operations are signed (`aws_sign_operations`): those that the operator allows, whatever
//! a client writes into path, query and headers.

use nginx_tests::account::{KEY_DIRECTIVES, expect_signed};
use nginx_tests::http::Request;
use nginx_tests::{Builder, Nginx, RawOrigin, server_conf};

const WRITES: &str = "aws_sign_methods GET HEAD PUT POST DELETE PATCH OPTIONS;";

/// A location that signs, with the bucket in the path.
fn builder(origin: &RawOrigin, location: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "ignore_invalid_headers off; {KEY_DIRECTIVES} location / {{
                 aws_sign on; {location} proxy_pass http://{{origin}};
             }}"
        ))
}

/// `method target`, perhaps with a body.
fn request(text: &str) -> Request {
    let (method, target) = text.split_once(' ').expect("method and target");
    let request = Request::new(method, target);
    match method {
        "PUT" | "POST" | "PATCH" => request.body("body"),
        _ => request,
    }
}

/// Fails unless each response has `status`, nothing reaches the origin, and the log names the
/// operation. Each in an nginx of its own would be slow: each names another one.
#[track_caller]
fn expect_denied(origin: &RawOrigin, nginx: &Nginx, status: u16, cases: &[(&str, &str)]) {
    for (text, name) in cases {
        let before = nginx.own_lines().len();
        request(text).send(nginx.port()).expect_status(status);
        let added = nginx.own_lines().split_off(before);
        let [line] = &added[..] else {
            panic!("{text}: {added:#?}");
        };
        assert!(line.contains(name), "{text}: {line}");
        assert!(line.contains("\"aws_sign_operations\""), "{text}: {line}");
    }
    assert_eq!(origin.connections(), 0);
}

/// Fails unless each request is signed and sent as it is.
#[track_caller]
fn expect_allowed(origin: &RawOrigin, nginx: &Nginx, cases: &[&str]) {
    for text in cases {
        request(text).send(nginx.port()).expect_status(200);
        let sent = origin.requests().pop().expect("a request");
        expect_signed(&sent);
        assert_eq!(sent.method(), text.split_once(' ').unwrap().0, "{text}");
    }
    assert_eq!(origin.requests().len(), cases.len());
    assert_eq!(nginx.own_lines(), [""; 0]);
}

#[test]
fn reads_and_lists_are_the_default() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(&origin, "").start();
    expect_allowed(
        &origin,
        &nginx,
        &[
            "GET /bucket/key",
            "HEAD /bucket/key",
            "GET /bucket/key?versionId=1&x-id=GetObject",
            "GET /bucket/key?1700000000",
            "GET /bucket/key?tagging",
            "GET /bucket",
            "HEAD /bucket",
            "GET /bucket/?list-type=2&prefix=a/",
            "GET /bucket?versions",
            "GET /bucket?location",
        ],
    );
}

#[test]
fn settings_are_not_read_by_default() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(&origin, "").start();
    expect_denied(
        &origin,
        &nginx,
        403,
        &[
            ("GET /bucket/key?acl", "operation GetObjectAcl"),
            ("GET /bucket?acl", "GetBucketAcl"),
            ("GET /bucket/?policy", "operation GetBucketPolicy"),
            ("GET /bucket?lifecycle=", "GetBucketLifecycleConfiguration"),
            ("GET /bucket?%63ors", "GetBucketCors"),
            ("GET /bucket?LOGGING", "GetBucketLogging"),
            ("GET /bucket?list-type=2&website", "GetBucketWebsite"),
            ("GET /bucket?uploads", "ListMultipartUploads"),
            ("GET /bucket/key?uploadId=1", "operation ListParts"),
            ("GET /bucket?session", "CreateSession"),
            ("GET /bucket?bucketInfo", "parameter \"bucketInfo\""),
        ],
    );
    // What the path shows is judged when it is sent.
    expect_denied(&origin, &nginx, 502, &[("GET /", "operation ListBuckets")]);
}

#[test]
fn objects_are_written_by_default_where_methods_write() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(&origin, WRITES).start();
    expect_allowed(
        &origin,
        &nginx,
        &[
            "PUT /bucket/key",
            "PUT /bucket/key?x-id=PutObject",
            "PUT /bucket/key?tagging",
            "DELETE /bucket/key?versionId=1",
            "POST /bucket/key?uploads",
            "PUT /bucket/key?partNumber=1&uploadId=1",
            "POST /bucket/key?uploadId=1",
            "DELETE /bucket/key?uploadId=1",
            "GET /bucket?uploads",
            "POST /bucket?delete",
            "POST /bucket/key?select&select-type=2",
            "POST /bucket/key?restore",
            "OPTIONS /bucket/key",
        ],
    );
}

#[test]
fn settings_are_not_written_by_default() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(&origin, WRITES).start();
    expect_denied(
        &origin,
        &nginx,
        403,
        &[
            ("PUT /bucket/key?acl", "operation PutObjectAcl"),
            ("PUT /bucket/?acl", "PutBucketAcl"),
            ("PUT /bucket/?%70olicy", "operation PutBucketPolicy"),
            ("PUT /bucket/?LifeCycle", "PutBucketLifecycleConfiguration"),
            ("PUT /bucket/key?retention", "operation PutObjectRetention"),
            ("PUT /bucket/key?legal-hold", "operation PutObjectLegalHold"),
            ("DELETE /bucket/?policy", "operation DeleteBucketPolicy"),
            ("PUT /bucket/key?newthing", "parameter \"newthing\""),
        ],
    );
    expect_denied(
        &origin,
        &nginx,
        502,
        &[("POST /bucket/", "operation PostObject")],
    );
    let nginx = builder(&origin, WRITES).start();
    expect_denied(
        &origin,
        &nginx,
        403,
        &[("PATCH /bucket/key?acl", "is not a known S3 operation")],
    );
}

/// Whether `/name` is a bucket is told by what is sent.
#[test]
fn a_path_of_one_segment_is_a_bucket_unless_something_says_otherwise() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(&origin, WRITES).start();
    let advice = "set \"aws_s3_bucket\", \"aws_endpoint\" or \"aws_addressing_style virtual\"";
    expect_denied(
        &origin,
        &nginx,
        502,
        &[
            ("PUT /name", "operation CreateBucket"),
            ("DELETE /name/", "operation DeleteBucket"),
        ],
    );
    assert!(nginx.own_lines().iter().all(|line| line.contains(advice)));

    for (location, signed) in [
        ("aws_s3_bucket name;", true),
        ("aws_addressing_style virtual;", true),
        (
            "proxy_set_header Host name.s3.eu-west-1.amazonaws.com;",
            true,
        ),
        (
            "aws_endpoint store.example; proxy_set_header Host name.store.example;",
            true,
        ),
        ("proxy_set_header Host name.store.example;", false),
        (
            "aws_endpoint store.example; proxy_set_header Host store.example;",
            false,
        ),
        ("proxy_set_header Host s3.eu-west-1.amazonaws.com;", false),
        (
            "aws_addressing_style path; proxy_set_header Host name.s3.amazonaws.com;",
            false,
        ),
    ] {
        let nginx = builder(&origin, &format!("{WRITES} {location}")).start();
        let status = if signed { 200 } else { 502 };
        let response = request("PUT /key").send(nginx.port());
        assert_eq!(response.status, status, "{location}");
        let said = nginx.own_lines().concat();
        let is_told = location.contains("addressing_style");
        assert_eq!(
            said.contains(advice),
            !signed && !is_told,
            "{location}: {said}"
        );
    }
}

#[test]
fn classes_and_single_operations_can_be_named() {
    let origin = RawOrigin::with_body("");
    for (operations, allowed, denied) in [
        ("read ListBuckets", "GET /", "GET /bucket"),
        ("acl", "PUT /bucket/key?acl", "PUT /bucket/key"),
        ("PutObject", "PUT /bucket/key", "DELETE /bucket/key"),
        ("admin", "PUT /bucket", "PUT /bucket/key"),
        ("admin", "PATCH /bucket/key?acl", "PATCH /bucket/key"),
        (
            "list multipart",
            "DELETE /bucket/key?uploadId=1",
            "DELETE /bucket/key?uploadId=",
        ),
        (
            "PutObjectTagging",
            "PUT /bucket/key?tagging",
            "PUT /bucket/key?TAGGING",
        ),
        ("all", "PUT /bucket?policy", ""),
        ("all", "PATCH /?anything", ""),
    ] {
        let location = format!("{WRITES} aws_sign_operations {operations};");
        let nginx = builder(&origin, &location).start();
        request(allowed).send(nginx.port()).expect_status(200);
        if !denied.is_empty() {
            let connections = origin.connections();
            let status = request(denied).send(nginx.port()).status;
            assert!(
                matches!(status, 403 | 502),
                "{operations}: {denied}: {status}"
            );
            assert_eq!(origin.connections(), connections, "{operations}: {denied}");
        }
    }
}

#[test]
fn the_directive_is_inherited_and_replaced() {
    let origin = RawOrigin::with_body("");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http("aws_sign_operations read;")
        .server(&format!(
            "{KEY_DIRECTIVES} aws_sign on;
             location / {{ proxy_pass http://{{origin}}; }}
             location /lists/ {{ aws_sign_operations list; proxy_pass http://{{origin}}/; }}
             location /if/ {{
                 if ($arg_version) {{ aws_sign_operations acl; }}
                 proxy_pass http://{{origin}};
             }}"
        ))
        .start();
    for (target, status) in [
        ("/bucket/key", 200),
        ("/bucket/", 502),
        ("/lists/bucket/", 200),
        ("/lists/bucket/key", 502),
        ("/if/key", 200),
        ("/if/key?acl", 403),
        ("/if/key?acl&version=1", 200),
        ("/if/key?version=1", 403),
    ] {
        let response = request(&format!("GET {target}")).send(nginx.port());
        assert_eq!(response.status, status, "{target}");
    }
}

/// A 403 for a query that is never sent would break what works.
#[test]
fn a_query_that_is_not_sent_is_not_judged() {
    let origin = RawOrigin::with_body("");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{KEY_DIRECTIVES} aws_sign on; set $o {{origin}};
             location ~ ^/path/(.*)$ {{ proxy_pass http://{{origin}}/bucket/$1; }}
             location ~ ^/args/(.*)$ {{ proxy_pass http://{{origin}}/bucket/$1$is_args$args; }}
             location /host/ {{ proxy_pass http://$o; }}
             location /own/ {{ proxy_pass http://{{origin}}/bucket?prefix=; }}
             location /method/ {{ proxy_method GET; aws_sign_methods GET POST; proxy_pass http://{{origin}}; }}
             location /dropped/ {{ set $args \"\"; proxy_pass http://{{origin}}; }}
             location /added/ {{ proxy_pass http://{{origin}}/bucket/key?acl=; }}"
        ))
        .start();
    for (text, status) in [
        ("GET /path/key?acl", 200),
        ("GET /args/key?acl", 403),
        ("GET /args/key?v=1", 200),
        ("GET /host/key?acl", 403),
        ("GET /host/key?v=1", 200),
        ("GET /dropped/key?acl", 200),
        ("POST /method/key", 200),
        ("GET /method/key?acl", 502),
        ("GET /added/", 502),
    ] {
        let response = request(text).send(nginx.port());
        assert_eq!(response.status, status, "{text}");
    }
}

/// Slices and HEAD with a cache become a GET, of the same query.
#[test]
fn what_nginx_makes_of_a_request_is_judged() {
    let origin = RawOrigin::with_body("");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http("proxy_cache_path {dir}/cache keys_zone=c:1m;")
        .server(&format!(
            "{KEY_DIRECTIVES} aws_sign on; proxy_cache c;
             location /get/ {{ aws_sign_operations GetObject; proxy_pass http://{{origin}}; }}
             location /head/ {{ aws_sign_operations HeadObject; proxy_pass http://{{origin}}; }}
             location /changed/ {{ rewrite ^ /bucket/key?acl break; proxy_pass http://{{origin}}; }}"
        ))
        .start();
    for (text, status) in [
        ("HEAD /get/key", 200),
        ("HEAD /head/key", 502),
        ("GET /changed/", 403),
    ] {
        let response = request(text).send(nginx.port());
        assert_eq!(response.status, status, "{text}");
    }
}

#[test]
fn other_services_have_no_operations() {
    let origin = RawOrigin::with_body("");
    let location = format!("{WRITES} aws_service execute-api;");
    let nginx = builder(&origin, &location).start();
    for text in [
        "POST /",
        "PUT /name",
        "GET /a?policy",
        "PATCH /a/b",
        "DELETE /?acl",
    ] {
        request(text).send(nginx.port()).expect_status(200);
    }
    assert_eq!(nginx.own_lines(), [""; 0]);
}

/// MinIO's and Ceph's interfaces for administrators accept S3's signatures.
#[test]
fn the_administration_of_a_store_is_not_an_object() {
    let origin = RawOrigin::with_body("");
    for (location, text) in [
        ("", "GET /minio/admin/v3/info"),
        ("aws_s3_bucket bucket;", "GET //minio/./admin/v3/info"),
        ("", "GET /admin/user?uid=a"),
    ] {
        let nginx = builder(&origin, location).start();
        expect_denied(&origin, &nginx, 502, &[(text, "administration interface")]);
    }
    let nginx = builder(&origin, "aws_s3_bucket bucket;").start();
    request("GET /admin/user?uid=a")
        .send(nginx.port())
        .expect_status(200);
}

/// A client that repeats what it must not do does not fill the disk.
#[test]
fn a_client_cannot_fill_the_log() {
    let origin = RawOrigin::with_body("");
    let nginx = builder(&origin, "").start();
    for _ in 0..100 {
        for (text, status) in [("GET /bucket/key?acl", 403), ("GET /", 502)] {
            request(text).send(nginx.port()).expect_status(status);
        }
    }
    let lines = nginx.own_lines();
    for name in ["GetObjectAcl", "ListBuckets"] {
        let is_error = |line: &&String| line.contains("[error]") && line.contains(name);
        let count = lines.iter().filter(is_error).count();
        // One in each second that it took.
        assert!((1..50).contains(&count), "{name}: {count}");
    }
}

#[test]
fn unknown_names_are_rejected_with_the_nearest() {
    for (argument, message) in [
        (
            "getobject",
            "\"aws_sign_operations\" has the invalid value \"getobject\": not a class or an operation of S3: did you mean \"GetObject\"?",
        ),
        ("read PutObjectACL", "did you mean \"PutObjectAcl\"?"),
        ("writes", "did you mean \"write\"?"),
        ("s3:GetObject", "did you mean \"GetObject\"?"),
        ("off", "has the invalid value \"off\""),
        (
            "read; aws_sign_operations list",
            "\"aws_sign_operations\" is duplicate",
        ),
    ] {
        let server = format!("location / {{\n aws_sign_operations {argument}; #!\n}}");
        server_conf::expect_refused(&server, message);
    }
}

/// Only its own policy authorizes an HTML form.
#[test]
fn a_form_gets_advice() {
    let origin = RawOrigin::start(|_| nginx_tests::Reply::new(501, "NotImplemented"));
    let form = |target: &str| {
        Request::new("POST", target)
            .header("Content-Type", "multipart/form-data; boundary=b")
            .body("--b--\r\n")
    };
    for (location, target, status) in [
        ("", "/", 403),
        ("", "/bucket/", 403),
        ("aws_s3_bucket bucket;", "/", 403),
        ("aws_s3_bucket bucket;", "/key", 403),
        ("aws_sign_operations all;", "/bucket/", 501),
    ] {
        let nginx = builder(&origin, &format!("{WRITES} {location}")).start();
        form(target).send(nginx.port()).expect_status(status);
        let lines = nginx.own_lines();
        assert_eq!(lines.len(), 1, "{location} {target}: {lines:#?}");
        let advice = "have browsers upload with PUT or a presigned URL";
        assert!(lines[0].contains(advice), "{}", lines[0]);
    }
}

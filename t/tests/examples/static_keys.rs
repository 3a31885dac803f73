//! The configurations in nginx-conf/ work as they are printed there; only ports, hosts and folders
//! are replaced.

use std::fs;

use nginx_tests::account::{SECRET_KEY, signing_key_directives};
use nginx_tests::http::Request;
use nginx_tests::{
    Builder, Nginx, Origin, OriginConfig, PresignedUrl, RawOrigin, RawRequest, Reply, Signer,
    parameter,
};
use nginx_tests::{example, http, signing};

/// The access key in the examples.
const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";

/// The object stores in the examples, and their replacements here.
const STORES: [(&str, &str); 8] = [
    (
        "https://my-bucket.s3.eu-west-1.amazonaws.com",
        "http://{origin}",
    ),
    ("http://my-bucket.s3.amazonaws.com", "http://{origin}"),
    ("https://s3.eu-west-1.amazonaws.com", "http://{origin}"),
    (
        "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
        "http://{origin}",
    ),
    ("server minio.example.net:9000;", "server {origin};"),
    (
        "server my-bucket.s3.eu-west-1.amazonaws.com:443;",
        "server {origin};",
    ),
    ("https://archive/", "http://archive/"),
    ("https://store.example.net", "http://{origin}"),
];

/// The text of an example, to be run here.
fn text(name: &str) -> String {
    let printed = example::printed(name);
    let its_own = |(store, _): &(&str, &str)| printed.contains(store);
    let stores: Vec<_> = STORES.into_iter().filter(its_own).collect();
    example::adapted(&printed, &stores)
}

fn run(text: &str, origin: &RawOrigin) -> Builder {
    Nginx::builder()
        .conf(text)
        .var("origin", origin.address())
        .file("aws-secret-key", format!("{SECRET_KEY}\n"))
}

/// An example in front of `origin`.
fn example(name: &str, origin: &RawOrigin) -> Builder {
    run(&text(name), origin)
}

#[track_caller]
fn expect_signed(request: &RawRequest, region: &str) {
    signing::expect_signed(request, &Signer::new(ACCESS_KEY, SECRET_KEY).region(region));
}

#[test]
fn each_example_is_tested() {
    let mut names: Vec<_> = fs::read_dir(example::folder())
        .expect("the examples")
        .map(|entry| entry.expect("an entry").file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "api-gateway.conf",
            "assume-role.conf",
            "c-module.conf",
            "cached.conf",
            "codeartifact.conf",
            "compatible-store.conf",
            "ec2.conf",
            "ecr.conf",
            "ecs.conf",
            "eks-irsa.conf",
            "eks-pod-identity.conf",
            "key-file.conf",
            "many-buckets.conf",
            "older-store.conf",
            "presigned-links.conf",
            "private-bucket.conf",
            "s3-gateway.conf",
            "sdk-clients.conf",
            "signing-keys.conf",
            "sso.conf",
            "unified-streaming.conf",
            "uploads.conf",
            "upstreams.conf",
            "with-password.conf",
        ]
    );
}

/// What the README shows first is the first thing that newcomers try.
#[test]
fn the_readme_shows_a_tested_example() {
    let readme = fs::read_to_string(example::folder().join("../README.md")).expect("the README");
    let shown = readme
        .split("```nginx\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("a configuration");
    assert!(
        example::printed("private-bucket.conf").ends_with(shown),
        "{shown}"
    );
}

#[test]
fn private_bucket() {
    let origin = RawOrigin::with_body("hello");
    let nginx = example("private-bucket.conf", &origin).start();
    http::get(nginx.port(), "/a%20key").expect_status(200);
    let request = origin.only_request();
    assert_eq!(
        request.header("Host").as_deref(),
        Some("my-bucket.s3.eu-west-1.amazonaws.com")
    );
    expect_signed(&request, "eu-west-1");
}

#[test]
fn c_module() {
    let origin = RawOrigin::with_body("hello");
    // The printed key is that of another day.
    let stale = example("c-module.conf", &origin).start();
    http::get(stale.port(), "/key").expect_status(200);
    let log = stale.error_log();
    assert!(log.contains("aws_auth: the key"), "{log}");

    let mut conf = text("c-module.conf");
    let keys = conf.find("aws_access_key").expect("the keys");
    let bucket = conf.find("aws_s3_bucket").expect("the bucket");
    let todays = signing_key_directives(ACCESS_KEY, SECRET_KEY, "us-east-1");
    conf.replace_range(keys..bucket, &todays);
    let nginx = run(&conf, &origin).start();
    http::get(nginx.port(), "/key").expect_status(200);
    let request = origin.wait_for_requests(2).pop().expect("a request");
    assert_eq!(
        request.header("Host").as_deref(),
        Some("my-bucket.s3.amazonaws.com")
    );
    expect_signed(&request, "us-east-1");
}

#[test]
fn compatible_store() {
    let origin = RawOrigin::with_body("hello");
    let nginx = example("compatible-store.conf", &origin).start();
    http::get(nginx.port(), "/dir/key").expect_status(200);
    http::get(nginx.port(), "/dir/key").expect_status(200);
    let requests = origin.requests();
    for request in &requests {
        assert_eq!(request.target(), "/my-bucket/dir/key");
        assert_eq!(
            request.header("Host").as_deref(),
            Some("minio.example.net:9000")
        );
        expect_signed(request, "us-east-1");
    }
    assert_eq!(requests.len(), 2);
    assert_eq!(origin.connections(), 1, "the connection is kept");
}

#[test]
fn upstreams() {
    let origin = RawOrigin::with_body("hello");
    let nginx = example("upstreams.conf", &origin)
        .file("live-secret-key", "live-secret\n")
        .start();
    let archive = Signer::new(ACCESS_KEY, SECRET_KEY).region("eu-west-1");
    let live = Signer::new("live-origin", "live-secret").region("us-east-1");
    for (host, target, sent, signer) in [
        ("any", "/archive/a%20key", "/a%20key", &archive),
        ("any", "/channel/news/1.ts", "/channels/news/1.ts", &live),
        ("any", "/key", "/channels/key", &live),
        ("archive.example.org", "/key", "/key", &archive),
    ] {
        let request = Request::get(target).header("Host", host);
        request.send(nginx.port()).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        assert_eq!(request.target(), sent);
        signing::expect_signed(&request, signer);
    }
    http::get(nginx.port(), "/public/key").expect_status(200);
    let request = origin.requests().pop().expect("a request");
    assert_eq!(request.header("Authorization"), None);
}

#[test]
fn older_store() {
    let origin = RawOrigin::with_body("hello");
    let nginx = example("older-store.conf", &origin).start();
    for (target, starts) in [("/dir/key", "/dir/key"), ("/query/dir/key", "/dir/key?")] {
        http::get(nginx.port(), target).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        assert!(request.target().starts_with(starts), "{}", request.target());
        let host = request.header("Host");
        assert_eq!(host.as_deref(), Some("my-bucket.store.example.net"));
        let in_header = request.header("Authorization");
        let in_query = parameter(&request, "AWSAccessKeyId");
        match in_query {
            Some(key) => assert_eq!((&*key, in_header), (ACCESS_KEY, None)),
            None => {
                let start = format!("AWS {ACCESS_KEY}:");
                assert!(in_header.is_some_and(|value| value.starts_with(&start)));
            }
        }
        assert_eq!(
            parameter(&request, "Signature").is_some(),
            target != "/dir/key"
        );
    }
}

#[test]
fn cached() {
    let origin = RawOrigin::start(|request| {
        assert_eq!(request.header("Range").as_deref(), Some("bytes=0-1048575"));
        Reply::with_headers(206, &[("Content-Range", "bytes 0-4/5")], "hello")
    });
    let nginx = example("cached.conf", &origin).start();
    http::get(nginx.port(), "/key").expect_status(200);
    let hit = http::get(nginx.port(), "/key").expect_status(200);
    assert_eq!(hit.text(), "hello");
    http::head(nginx.port(), "/key").expect_status(200);
    expect_signed(&origin.only_request(), "eu-west-1");
}

#[test]
fn many_buckets() {
    let origin = RawOrigin::with_body("hello");
    let nginx = example("many-buckets.conf", &origin)
        .file("keys/acme", format!("{SECRET_KEY}\n"))
        .file("keys/initech", "initech-secret\n")
        .start();

    http::get(nginx.port(), "/acme/a%20key").expect_status(200);
    http::get(nginx.port(), "/initech/key").expect_status(200);
    http::get(nginx.port(), "/evil/key").expect_status(502);

    let requests = origin.requests();
    assert_eq!(requests.len(), 2, "a tenant that is not in the map");
    for (request, bucket, key, secret) in [
        (&requests[0], "acme-objects", "AKIAACMEEXAMPLE", SECRET_KEY),
        (
            &requests[1],
            "initech-objects",
            "AKIAINITECHEXAMPLE",
            "initech-secret",
        ),
    ] {
        let host = format!("{bucket}.s3.eu-west-1.amazonaws.com");
        assert_eq!(request.header("Host"), Some(host));
        signing::expect_signed(request, &Signer::new(key, secret).region("eu-west-1"));
    }
    assert_eq!(requests[0].target(), "/a%20key");
}

#[test]
fn with_password() {
    let origin = RawOrigin::with_body("hello");
    let nginx = example("with-password.conf", &origin)
        .file("passwords", "user:{PLAIN}password\n")
        .start();
    http::get(nginx.port(), "/key").expect_status(401);
    assert_eq!(origin.connections(), 0);
    Request::new("GET", "/key")
        .header("Authorization", "Basic dXNlcjpwYXNzd29yZA==")
        .send(nginx.port())
        .expect_status(200);
    expect_signed(&origin.only_request(), "eu-west-1");
}

#[test]
fn presigned_links() {
    let domain = "s3.eu-west-1.amazonaws.com";
    let store = Origin::start(OriginConfig {
        domain: Some(domain.to_owned()),
        ..OriginConfig::new(ACCESS_KEY, SECRET_KEY)
    });
    let store = store.expect("the store starts");
    store.put("my-bucket", "a key", "hello");
    // URLs lead to the object store itself.
    let nginx = example::builder("presigned-links.conf", &[])
        .file("aws-secret-key", format!("{SECRET_KEY}\n"))
        .file("passwords", "user:{PLAIN}password\n")
        .start();
    let ask = |method, target| {
        Request::new(method, target)
            .header("Authorization", "Basic dXNlcjpwYXNzd29yZA==")
            .send(nginx.port())
    };

    let refused = http::get(nginx.port(), "/a%20key").expect_status(401);
    assert_eq!(refused.header("Location"), None);
    let response = ask("GET", "/a%20key");
    assert_eq!(response.header("Cache-Control"), Some("no-store"));
    let url = PresignedUrl::of(&response);
    assert_eq!(url.host(), format!("my-bucket.{domain}"));
    assert_eq!(url.get(store.port()).expect_status(200).text(), "hello");

    let upload = PresignedUrl::of(&ask("PUT", "/new"));
    let upload = upload.request("PUT").body("content");
    upload.send(store.port()).expect_status(200);
    assert_eq!(
        store.get("my-bucket", "new").as_deref(),
        Some(&b"content"[..])
    );
    ask("DELETE", "/new").expect_status(503);
}

#[test]
fn uploads() {
    let origin = RawOrigin::with_body("");
    let nginx = example("uploads.conf", &origin)
        .file("passwords", "user:{PLAIN}password\n")
        .start();
    let put = |target: &str| {
        Request::new("PUT", target)
            .header("Content-Type", "text/plain")
            .header("X-Amz-Acl", "public-read")
            .header("X-Amz-Meta-Colour", "blue")
            .body("hello")
    };
    put("/key").send(nginx.port()).expect_status(401);
    assert_eq!(origin.connections(), 0);

    let password = "Basic dXNlcjpwYXNzd29yZA==";
    for target in ["/key", "/large/key"] {
        let request = put(target).header("Authorization", password);
        request.send(nginx.port()).expect_status(200);
    }
    let requests = origin.requests();
    for request in &requests {
        expect_signed(request, "eu-west-1");
        assert_eq!(request.header("X-Amz-Acl"), None);
        assert_eq!(request.header("X-Amz-Meta-Colour").as_deref(), Some("blue"));
    }
    assert_eq!(requests[0].body, b"hello");
    assert!(requests[1].body.starts_with(b"5;chunk-signature="));

    put("/key")
        .header("Authorization", password)
        .header("X-Amz-Tagging", "a=b")
        .send(nginx.port())
        .expect_status(403);
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn sdk_clients() {
    let origin = RawOrigin::with_body("");
    let nginx = example("sdk-clients.conf", &origin).start();
    Request::new("PUT", "/my-bucket/key")
        .header("Authorization", "AWS4-HMAC-SHA256 Credential=ANY/...")
        .header("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        .header("X-Amz-Decoded-Content-Length", "5")
        .header("X-Amz-Trailer", "x-amz-checksum-crc32")
        .header("Content-Encoding", "aws-chunked")
        .body("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n")
        .send(nginx.port())
        .expect_status(200);
    Request::new("PUT", "/my-bucket/copy")
        .header("X-Amz-Copy-Source", "my-bucket/key")
        .send(nginx.port())
        .expect_status(200);
    let requests = origin.requests();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        expect_signed(request, "us-east-1");
        let host = request.header("Host");
        assert_eq!(host.as_deref(), Some("minio.example.net:9000"));
    }
    assert!(requests[0].body.starts_with(b"5\r\nhello\r\n"));
    let copied = requests[1].header("X-Amz-Copy-Source");
    assert_eq!(copied.as_deref(), Some("my-bucket/key"));
}

#[test]
fn api_gateway() {
    let origin = RawOrigin::with_body("{}");
    let nginx = example("api-gateway.conf", &origin).start();
    http::get(nginx.port(), "/prices/today?b=2&a=1").expect_status(200);
    let request = origin.only_request();
    assert_eq!(request.target(), "/prod/prices/today?b=2&a=1");
    signing::expect_signed(
        &request,
        &Signer::new(ACCESS_KEY, SECRET_KEY)
            .region("eu-west-1")
            .service("execute-api"),
    );
}

//! OpenStack Swift behind nginx: an object store that checks region, clock, payload hash and unsigned
//! headers takes what we sign, and its rejections are passed on. `keys` has the odd keys.

use nginx_tests::http::{self, Request};
use nginx_tests::{Nginx, Swift};

/// An nginx in front of an object store, in path style; `server` is added.
fn nginx(swift: &Swift, server: &str) -> Nginx {
    Nginx::builder()
        .var("store", format!("127.0.0.1:{}", swift.port()))
        .server(&format!(
            "aws_access_key {}; aws_secret_key {}; aws_sign on;
             {server}",
            Swift::ACCESS_KEY,
            Swift::SECRET_KEY
        ))
        .start()
}

#[test]
fn swift_takes_what_is_signed() {
    let swift = Swift::start();
    swift.create_bucket("bucket");
    swift.put("bucket", "key", "0123456789");
    swift
        .send(
            Request::new("PUT", "/bucket/described")
                .header("X-Amz-Meta-Colour", "blue")
                .body("x"),
        )
        .expect_status(200);
    let nginx = nginx(
        &swift,
        "aws_region us-east-1; aws_s3_bucket bucket; aws_endpoint {store};
         aws_addressing_style path;
         aws_signed_headers Range If-None-Match; aws_sign_methods GET HEAD DELETE;
         location / { proxy_pass http://{store}; }
         location /files/ { proxy_pass http://{store}/; }
         location /wrong-secret/ {
             aws_access_key test:tester; aws_secret_key wrong; proxy_pass http://{store}/;
         }
         location /wrong-region/ { aws_region eu-west-1; proxy_pass http://{store}/; }
         location /wrong-user/ {
             aws_access_key test:nobody; aws_secret_key testing; proxy_pass http://{store}/;
         }",
    );
    let port = nginx.port();

    // Objects, whole and in part.
    let response = http::get(port, "/key").expect_status(200);
    assert_eq!(response.text(), "0123456789");
    let etag = response.header("ETag").expect("an ETag").to_owned();
    assert_eq!(
        http::get(port, "/files/key").expect_status(200).text(),
        "0123456789"
    );
    let response = http::head(port, "/key").expect_status(200);
    assert_eq!(response.header("Content-Length"), Some("10"));
    assert!(response.body.is_empty());
    let range = Request::get("/key").header("Range", "bytes=2-4").send(port);
    assert_eq!(range.expect_status(206).text(), "234");
    Request::get("/key")
        .header("If-None-Match", &etag)
        .send(port)
        .expect_status(304);
    http::get(port, "/none").expect_status(404);

    // Metadata.
    let response = http::head(port, "/described").expect_status(200);
    assert_eq!(response.header("X-Amz-Meta-Colour"), Some("blue"));
    // What the client says of itself reaches the object store signed, or not at all.
    let request = Request::get("/key")
        .header("X-Amz-Meta-Seen", "1")
        .header("X-Amz-Acl", "private");
    request.send(port).expect_status(200);

    // Lists, whose parameters are not in order, encoded, without value.
    for query in [
        "list-type=2&prefix=k",
        "prefix=k&list-type=2",
        "prefix=k&delimiter=%2f&list-type=2&start-after=",
    ] {
        let list = http::get(port, format!("/?{query}"))
            .expect_status(200)
            .text();
        assert!(
            list.contains("<Key>key</Key>") && !list.contains("described"),
            "{query}\n{list}"
        );
    }
    assert!(
        http::get(port, "/?location")
            .expect_status(200)
            .text()
            .contains("LocationConstraint")
    );

    // Another method, of the operator's choice.
    Request::new("DELETE", "/described")
        .send(port)
        .expect_status(204);
    http::get(port, "/described").expect_status(404);

    // What the object store rejects, the client is told: with another secret, region or user.
    for target in ["/wrong-secret/key", "/wrong-user/key"] {
        let response = http::get(port, target).expect_status(403);
        assert!(!response.text().contains("0123456789"));
    }
    let refused = http::get(port, "/wrong-region/key").expect_status(400);
    assert!(
        refused.text().contains("AuthorizationHeaderMalformed"),
        "{}",
        refused.text()
    );
    let log = nginx.error_log();
    assert_eq!(log.matches("aws_auth: the upstream rejected").count(), 3);
    let own = nginx.own_lines();
    let errors = own.iter().filter(|line| line.contains("[error]"));
    assert_eq!(errors.count(), 3, "{log}");
}

/// The bucket in the host.
#[test]
fn swift_takes_virtual_hosts() {
    let swift = Swift::start_in("eu-central-1", Some("s3.example.test"));
    swift.create_bucket("bucket");
    swift.put("bucket", "a key", "served");
    let nginx = nginx(
        &swift,
        "aws_region eu-central-1; aws_s3_bucket bucket; aws_endpoint s3.example.test;
         location / { proxy_pass http://{store}; }
         location /other/ { aws_s3_bucket other; proxy_pass http://{store}/; }",
    );
    let response = http::get(nginx.port(), "/a%20key").expect_status(200);
    assert_eq!(response.text(), "served");
    http::get(nginx.port(), "/other/a%20key").expect_status(404);
}

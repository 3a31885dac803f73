//! The examples in nginx-conf/ that stand for another system work as they are printed there; only ports,
//! hosts and folders are replaced. docs/migration/ shows what becomes of each setting.

use nginx_tests::account::SECRET_KEY;
use nginx_tests::http::{self, Request};
use nginx_tests::{
    MetadataServer, Origin, OriginConfig, RawOrigin, Reply, Signer, Swift, example, signing,
};

/// The first credentials of a [`MetadataServer`].
const ISSUED: (&str, &str) = ("ASIAISSUED000001", "issued/SECRET+000001");

/// What nginx-s3-gateway does, with its usual settings.
#[test]
fn s3_gateway() {
    let metadata = MetadataServer::start();
    let store = RawOrigin::start(|request| {
        let signer = Signer::new(ISSUED.0, ISSUED.1).region("eu-west-1");
        if let Err(fault) = signing::verify(&request.head, &signer) {
            return Reply::new(500, fault);
        }
        let host = request.header("Host");
        assert_eq!(
            host.as_deref(),
            Some("my-bucket.s3.eu-west-1.amazonaws.com")
        );
        assert_eq!(request.header("Cookie"), None);
        match request.target().as_str() {
            "/site/docs/index.html" | "/site/a%20page.html" => Reply::with_headers(
                206,
                &[
                    ("Content-Range", "bytes 0-4/5"),
                    ("ETag", "\"1\""),
                    ("x-amz-request-id", "1"),
                ],
                "hello",
            ),
            _ => Reply::new(404, "<Error><Code>NoSuchKey</Code></Error>"),
        }
    });
    let nginx = example::builder(
        "s3-gateway.conf",
        &[(
            "https://my-bucket.s3.eu-west-1.amazonaws.com",
            "http://{origin}",
        )],
    )
    .var("origin", store.address())
    .env(
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        &format!("http://{}", metadata.address()),
    )
    .start();
    metadata.wait_for_fetches(1);
    nginx_tests::wait_until("there are credentials", || {
        http::get(nginx.port(), "/docs/").status == 200
    });

    let page = http::get(nginx.port(), "/docs/").expect_status(200);
    assert_eq!(page.text(), "hello");
    assert_eq!(page.header("x-amz-request-id"), None);
    Request::get("/a%20page.html?X-Amz-Date=1&versionId=2")
        .header("Cookie", "client's own")
        .send(nginx.port())
        .expect_status(200);
    let part = Request::get("/a%20page.html").header("Range", "bytes=1-2");
    assert_eq!(part.send(nginx.port()).expect_status(206).text(), "el");

    let missing = http::get(nginx.port(), "/missing").expect_status(404);
    assert!(!missing.text().contains("NoSuchKey"), "{}", missing.text());
    Request::new("PUT", "/new")
        .body("x")
        .send(nginx.port())
        .expect_status(404);
    http::get(nginx.port(), "/health").expect_status(200);

    // What has been fetched is served from the cache, also to HEAD.
    let fetched = store.requests().len();
    http::head(nginx.port(), "/docs/").expect_status(200);
    http::get(nginx.port(), "/docs/").expect_status(200);
    assert_eq!(store.requests().len(), fetched);
}

/// Three object stores that verify: version 4 in headers, in the query, and version 2 in the query.
#[test]
fn unified_streaming() {
    let store = |region: &str| {
        let store = Origin::start(OriginConfig {
            domain: Some(format!("s3.{region}.amazonaws.com")),
            ..OriginConfig::new("AKIAIOSFODNN7EXAMPLE", SECRET_KEY)
        });
        store.expect("the store starts")
    };
    let (videos, trailers, archive) = (store("eu-west-1"), store("eu-central-1"), Swift::start());
    videos.put("my-bucket", "a/key", "video");
    trailers.put("my-trailers", "a/key", "trailer");
    archive.create_bucket("my-archive");
    archive.put("my-archive", "a/key", "archive");

    let nginx = example::builder(
        "unified-streaming.conf",
        &[
            ("my-bucket.s3.eu-west-1.amazonaws.com:443", "{videos}"),
            (
                "my-trailers.s3.eu-central-1.amazonaws.com:443",
                "{trailers}",
            ),
            ("server archive.example.net:8080", "server {archive}"),
            ("archive-reader", Swift::ACCESS_KEY),
            ("https://videos/", "http://videos/"),
            ("https://trailers/", "http://trailers/"),
        ],
    )
    .var("videos", videos.address())
    .var("trailers", trailers.address())
    .var("archive", format!("127.0.0.1:{}", archive.port()))
    .file("aws-secret-key", format!("{SECRET_KEY}\n"))
    .file("archive-secret-key", Swift::SECRET_KEY)
    .start();
    for (target, body) in [
        ("/videos/a/key", "video"),
        ("/trailers/a/key", "trailer"),
        ("/archive/a/key", "archive"),
    ] {
        let answer = http::get(nginx.port(), target).expect_status(200);
        assert_eq!(answer.text(), body);
        http::get(nginx.port(), format!("{target}-none")).expect_status(404);
    }

    let video = videos.requests().remove(0);
    assert!(video.header("Authorization").is_some(), "{}", video.line());
    let trailer = trailers.requests().remove(0);
    assert_eq!(trailer.header("Authorization"), None);
    assert!(
        trailer.target().contains("X-Amz-Signature="),
        "{}",
        trailer.line()
    );
}

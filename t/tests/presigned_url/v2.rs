//! `aws_presigned_url` where signatures are of version 2.

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, object_store};
use nginx_tests::{Nginx, PresignedUrl, Swift};

/// The bucket in the path, and in the host, where it is a part of what is signed.
#[test]
fn links_lead_to_the_object() {
    let store = object_store();
    let swift = Swift::start();
    swift.create_bucket("bucket");
    store.put("bucket", "a key", "hello");
    swift.put("bucket", "a key", "hello");
    let nginx = Nginx::builder()
        .var("store", format!("127.0.0.1:{}", store.port()))
        .var("swift", format!("127.0.0.1:{}", swift.port()))
        .http(
            "aws_presigned_url $in_path http://{store}/bucket path=$key expires=10m;
             aws_presigned_url $in_host http://bucket.s3.example.test path=$key;
             aws_presigned_url $swift http://{swift}/bucket?response-content-type=text%2Fplain&a=b path=$key;
             map $uri $key { ~^/[a-z]+(?<rest>/.*)$ $rest; }",
        )
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_signature_version 2; aws_s3_bucket bucket;
             location /path/ {{ return 307 $in_path; }}
             location /host/ {{ return 307 $in_host; }}
             location /swift/ {{ aws_access_key {}; aws_secret_key {}; return 307 $swift; }}",
            Swift::ACCESS_KEY,
            Swift::SECRET_KEY,
        ))
        .start();

    for (target, port) in [
        ("/path/a%20key", store.port()),
        ("/host/a%20key", store.port()),
        ("/swift/a%20key", swift.port()),
    ] {
        let url = PresignedUrl::at(nginx.port(), target);
        assert!(url.parameter("AWSAccessKeyId").is_some(), "{url:?}");
        assert_eq!(url.parameter("X-Amz-Signature"), None);
        assert_eq!(url.get(port).expect_status(200).text(), "hello", "{target}");
        let later = url.parameter("Expires").expect("an expiry").to_owned();
        url.altered(&later, &format!("{later}0"))
            .get(port)
            .expect_status(403);
        url.altered("a%20key", "another")
            .get(port)
            .expect_status(403);
    }
}

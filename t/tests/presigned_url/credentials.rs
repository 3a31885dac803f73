//! Whose credentials sign the URLs of `aws_presigned_url`, and for how long.

use std::time::Duration;

use nginx_tests::{MetadataServer, Nginx, PresignedUrl, http};

/// Like any directive of credentials: the nearest block's.
#[test]
fn each_location_signs_with_its_own_keys() {
    let nginx = Nginx::builder()
        .http("aws_presigned_url $link https://b.example.net path=$uri;")
        .server(
            "aws_access_key AKIDSERVER; aws_secret_key secret; aws_region eu-west-1;
             location / { return 307 $link; }
             location /own/ {
                 aws_access_key AKIDOWN; aws_secret_key secret; aws_session_token IQoJ;
                 location /own/inner/ { aws_region eu-central-1; return 307 $link; }
                 return 307 $link;
             }
             location /service/ { aws_service execute-api; return 307 $link; }
             if ($arg_server) { return 307 $link; }",
        )
        .start();
    let credential = |target| {
        let url = PresignedUrl::at(nginx.port(), target);
        let text = url.parameter("X-Amz-Credential").expect("a credential");
        let parts: Vec<_> = text.split("%2F").collect();
        format!("{} {} {}", parts[0], parts[2], parts[3])
    };
    assert_eq!(credential("/k"), "AKIDSERVER eu-west-1 s3");
    assert_eq!(credential("/k?server=1"), "AKIDSERVER eu-west-1 s3");
    assert_eq!(credential("/own/k"), "AKIDOWN eu-west-1 s3");
    assert_eq!(credential("/own/inner/k"), "AKIDOWN eu-central-1 s3");
    assert_eq!(credential("/service/k"), "AKIDSERVER eu-west-1 execute-api");
    let token = |target| {
        let url = PresignedUrl::at(nginx.port(), target);
        url.parameter("X-Amz-Security-Token").map(str::to_owned)
    };
    assert_eq!(token("/own/k").as_deref(), Some("IQoJ"));
    assert_eq!(token("/k"), None);
}

#[test]
fn links_follow_credentials_that_rotate() {
    let metadata = MetadataServer::start();
    metadata.set_lifetime(Duration::from_secs(4));
    let nginx = Nginx::builder()
        .var("metadata", metadata.address())
        .http(
            "aws_credentials_provider instance imds endpoint=http://{metadata};
             aws_presigned_url $link https://b.example.net path=$uri;",
        )
        .server(
            "aws_region us-east-1; aws_credentials instance;
             location / { return 307 $link; }",
        )
        .start();
    metadata.wait_for_fetches(1);
    nginx_tests::wait_until("there is a url", || {
        http::get(nginx.port(), "/k")
            .header("Location")
            .is_some_and(|url| !url.is_empty())
    });
    let first = PresignedUrl::at(nginx.port(), "/k");
    // Not a second longer than the credentials.
    let expires: u32 = first.parameter("X-Amz-Expires").unwrap().parse().unwrap();
    assert!((1..=4).contains(&expires), "{expires}");
    assert!(first.parameter("X-Amz-Security-Token").is_some());

    metadata.wait_for_fetches(2);
    nginx_tests::wait_until("the next credentials sign", || {
        PresignedUrl::at(nginx.port(), "/k").parameter("X-Amz-Credential")
            != first.parameter("X-Amz-Credential")
    });
}

#[test]
fn without_credentials_the_variable_is_empty() {
    let metadata = nginx_tests::DeadPort::new();
    let nginx = Nginx::builder()
        .var("metadata", format!("127.0.0.1:{}", metadata.port()))
        .http(
            "aws_credentials_provider instance imds endpoint=http://{metadata};
             aws_presigned_url $link https://b.example.net path=$uri;",
        )
        .server(
            r#"location / { if ($link = "") { return 503; } return 307 $link; }
               location /provided/ {
                   aws_region us-east-1; aws_credentials instance;
                   if ($link = "") { return 503; } return 307 $link;
               }"#,
        )
        .start();
    for (target, reason) in [
        ("/k", "there are no credentials: add \"aws_access_key\""),
        (
            "/provided/k",
            "provider \"instance\" has no credentials yet",
        ),
    ] {
        http::get(nginx.port(), target).expect_status(503);
        let line = format!("the presigned URL in \"$link\" is empty: {reason}");
        let log = nginx.error_log();
        assert!(log.contains(&line), "{log}");
    }
}

/// The bucket is evaluated before the provider's keys are borrowed: it can hold a presigned URL of the
/// same provider.
#[test]
fn a_bucket_may_come_from_a_presigned_url_of_the_same_provider() {
    let origin = nginx_tests::RawOrigin::with_body("served");
    let nginx = nginx_tests::Nginx::builder()
        .var("origin", origin.address())
        .file(
            "credentials",
            "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n",
        )
        .http(
            "aws_credentials_provider keys file path={dir}/credentials;
             aws_presigned_url $signed_url https://host.example path=/key;
             map $signed_url $bucket { volatile; '' fallback; default bucket; }",
        )
        .server(
            "aws_credentials keys; aws_region us-east-1; aws_endpoint s3.example;
             location / { aws_sign on; aws_s3_bucket $bucket; proxy_pass http://{origin}; }",
        )
        .start();
    nginx_tests::http::get(nginx.port(), "/key").expect_status(200);
    let request = origin.only_request();
    assert_eq!(request.header("Host").as_deref(), Some("bucket.s3.example"));
}

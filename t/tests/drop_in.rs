//! What is documented for the C module 2.1.1 works as it stands there, with values and hosts
//! replaced.

use nginx_tests::account::{
    ACCESS_KEY, ENDPOINT, SECRET_KEY, expect_signed, object_store, signing_key_directives,
};
use nginx_tests::http::{self, Request};
use nginx_tests::{Builder, Nginx, Origin, OriginConfig, RawOrigin, Swift};

/// The configuration of the C module's README: keys, bucket and hosts are placeholders.
const DOCUMENTED: &str = r#"
    {keys}
    aws_s3_bucket bucket;

    location / {
      aws_sign;
      proxy_pass http://{origin};
    }

    location /myfiles {
      rewrite /myfiles/(.*) /$1 break;
      proxy_pass http://{origin}/$1;

      {keys}
    }

    location /s3_beijing {
      rewrite /s3_beijing/(.*) /$1 break;
      proxy_pass http://{beijing}/$1;

      aws_sign;
      aws_endpoint "s3.cn-north-1.amazonaws.com.cn";
      {beijing_keys}
    }
"#;

/// An object store of one region that serves buckets below `domain`.
fn regional_store(region: &str, domain: &str) -> Origin {
    let config = OriginConfig {
        region: Some(region.to_owned()),
        domain: Some(domain.to_owned()),
        ..OriginConfig::new(ACCESS_KEY, SECRET_KEY)
    };
    Origin::start(config).expect("the origin starts")
}

fn documented(origin: u16, beijing: u16, access_key: &str, secret_key: &str) -> Builder {
    let keys = |region| signing_key_directives(access_key, secret_key, region);
    Nginx::builder()
        .var("origin", format!("127.0.0.1:{origin}"))
        .var("beijing", format!("127.0.0.1:{beijing}"))
        .var("keys", keys("us-east-1"))
        .var("beijing_keys", keys("cn-north-1"))
        .server(DOCUMENTED)
}

/// One location signs with this module's own default keys; the rest of the server is up to the test.
fn with_keys(origin: impl ToString, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin)
        .var(
            "keys",
            signing_key_directives(ACCESS_KEY, SECRET_KEY, "us-east-1"),
        )
        .server(server)
}

#[test]
fn the_documented_configuration_serves_private_objects() {
    let origin = regional_store("us-east-1", "s3.amazonaws.com");
    let beijing = regional_store("cn-north-1", "s3.cn-north-1.amazonaws.com.cn");
    for (store, content) in [(&origin, "hello"), (&beijing, "ni hao")] {
        store.put("bucket", "dir/two words", content);
    }
    let nginx = documented(origin.port(), beijing.port(), ACCESS_KEY, SECRET_KEY).start();

    let target = "/dir/two%20words";
    let response = http::get(nginx.port(), target).expect_status(200);
    assert_eq!(response.text(), "hello");
    let response = http::head(nginx.port(), target).expect_status(200);
    assert_eq!(response.header("Content-Length"), Some("5"));
    for request in origin.requests() {
        assert_eq!(request.header("Host").unwrap(), "bucket.s3.amazonaws.com");
    }

    let response = http::get(nginx.port(), "/s3_beijing/dir/two%20words").expect_status(200);
    assert_eq!(response.text(), "ni hao");
    let request = beijing.only_request();
    assert_eq!(request.line(), "GET /dir/two%20words HTTP/1.0");
    assert_eq!(
        request.header("Host").unwrap(),
        "bucket.s3.cn-north-1.amazonaws.com.cn"
    );
}

#[test]
fn the_documented_location_without_aws_sign_stays_unsigned() {
    let origin = regional_store("us-east-1", "s3.amazonaws.com");
    origin.put("bucket", "key", "hello");
    let nginx = documented(origin.port(), origin.port(), ACCESS_KEY, SECRET_KEY).start();

    http::get(nginx.port(), "/myfiles/key").expect_status(403);
    let request = origin.only_request();
    assert_eq!(request.line(), "GET /key HTTP/1.0");
    assert_eq!(
        request.header("Host").unwrap(),
        origin.address().to_string()
    );
    for name in ["Authorization", "x-amz-date", "x-amz-content-sha256"] {
        assert_eq!(request.header(name), None, "{name}");
    }
}

#[test]
fn the_documented_configuration_satisfies_swift() {
    let swift = Swift::start_in("us-east-1", Some("s3.amazonaws.com"));
    swift.create_bucket("bucket");
    swift.put("bucket", "a+b (c).txt", "hello");
    let (access_key, secret_key) = (Swift::ACCESS_KEY, Swift::SECRET_KEY);
    let nginx = documented(swift.port(), swift.port(), access_key, secret_key).start();

    for target in ["/a+b%20(c).txt", "/a%2Bb%20%28c%29.txt"] {
        let response = http::get(nginx.port(), target).expect_status(200);
        assert_eq!(response.text(), "hello");
        http::head(nginx.port(), target).expect_status(200);
    }
    // Its own region, and no other.
    let response = http::get(nginx.port(), "/s3_beijing/a%2Bb%20%28c%29.txt");
    assert!((400..500).contains(&response.status), "{}", response.status);
}

#[test]
fn the_headers_are_those_of_the_c_module() {
    let origin = RawOrigin::with_body("hello");
    let nginx = with_keys(
        origin.address(),
        "{keys} aws_s3_bucket bucket; location / { aws_sign; proxy_pass http://{origin}; }",
    )
    .start();
    let request = Request::get("/key").header("User-Agent", "client");
    request.send(nginx.port()).expect_status(200);

    let request = origin.only_request();
    expect_signed(&request);
    assert_eq!(request.line(), "GET /key HTTP/1.0");
    let mut names: Vec<String> = request
        .headers()
        .into_iter()
        .map(|(name, _)| name)
        // nginx's own, which it leaves out since 1.29.7.
        .filter(|name| name != "Connection")
        .collect();
    names.sort_by_key(|name| name.to_ascii_lowercase());
    assert_eq!(
        names,
        [
            "Authorization",
            "Host",
            "User-Agent",
            "x-amz-content-sha256",
            "x-amz-date"
        ]
    );

    assert_eq!(request.header("Host").unwrap(), "bucket.s3.amazonaws.com");
    assert_eq!(
        request.header("x-amz-content-sha256").unwrap(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let date = request.header("x-amz-date").unwrap();
    let authorization = request.header("Authorization").unwrap();
    let start = format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{}/us-east-1/s3/aws4_request, \
         SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=",
        &date[..8]
    );
    let signature = authorization.strip_prefix(&start).unwrap_or_else(|| {
        panic!("{authorization} does not start with {start}");
    });
    assert_eq!(signature.len(), 64);
}

#[test]
fn repeated_directives_are_taken_and_the_last_endpoint_counts() {
    let origin = object_store();
    origin.put("bucket", "key", "hello");
    let nginx = with_keys(
        origin.address(),
        "{keys} aws_s3_bucket bucket;
         location / {
             aws_sign; aws_sign;
             aws_endpoint elsewhere.test;
             aws_endpoint s3.example.test;
             proxy_pass http://{origin};
             aws_sign;
         }",
    )
    .start();
    http::get(nginx.port(), "/key").expect_status(200);
    assert_eq!(
        origin.only_request().header("Host").unwrap(),
        format!("bucket.{ENDPOINT}")
    );
}

#[test]
fn bare_aws_sign_is_not_inherited() {
    let origin = RawOrigin::with_body("hello");
    let nginx = with_keys(
        origin.address(),
        "{keys} aws_s3_bucket bucket; aws_sign;
         location / { proxy_pass http://{origin}; }
         location /outer/ {
             aws_sign;
             proxy_pass http://{origin};
             location /outer/inner/ { proxy_pass http://{origin}; }
             location /outer/signed/ { aws_sign; proxy_pass http://{origin}; }
         }",
    )
    .start();

    for (target, is_signed) in [
        ("/key", false),
        ("/outer/key", true),
        ("/outer/inner/key", false),
        ("/outer/signed/key", true),
    ] {
        http::get(nginx.port(), target).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        assert_eq!(
            request.header("Authorization").is_some(),
            is_signed,
            "{target}"
        );
        if is_signed {
            expect_signed(&request);
        }
    }
}

#[test]
fn bare_aws_sign_covers_if_and_limit_except() {
    let origin = RawOrigin::with_body("hello");
    let nginx = with_keys(
        origin.address(),
        "{keys} aws_s3_bucket bucket;
         location / {
             aws_sign;
             proxy_pass http://{origin};
             if ($arg_if) { set $seen 1; }
             if ($arg_own) { proxy_pass http://{origin}; }
             limit_except HEAD { allow 127.0.0.1; deny all; }
         }
         location /if/ {
             proxy_pass http://{origin};
             if ($arg_sign) { aws_sign; proxy_pass http://{origin}; }
         }",
    )
    .start();

    // GET is in limit_except's block, HEAD is not.
    for method in ["GET", "HEAD"] {
        for target in ["/key", "/key?if=1", "/key?own=1", "/if/key?sign=1"] {
            Request::new(method, target)
                .send(nginx.port())
                .expect_status(200);
            let request = origin.requests().pop().expect("a request");
            expect_signed(&request);
        }
    }
    http::get(nginx.port(), "/if/key").expect_status(200);
    let request = origin.requests().pop().expect("a request");
    assert_eq!(request.header("Authorization"), None);
}

#[test]
fn without_a_bucket_the_host_of_proxy_pass_is_signed() {
    let origin = object_store();
    origin.put("bucket", "key", "hello");
    let nginx = with_keys(
        origin.address(),
        "{keys} location / { aws_sign; proxy_pass http://{origin}/bucket/; }",
    )
    .start();
    http::get(nginx.port(), "/key").expect_status(200);
    assert_eq!(
        origin.only_request().header("Host").unwrap(),
        origin.address().to_string()
    );
}

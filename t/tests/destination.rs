//! Where a request goes and for whom it is signed: bucket, endpoint, region and keys, constant and
//! from variables; Host; whether it is signed at all; and the address it leaves from.

use nginx_tests::account::{
    ACCESS_KEY, ENDPOINT, KEY_DIRECTIVES, SECRET_KEY, expect_signed, object_store,
};
use nginx_tests::http::{self, Request};
use nginx_tests::{Builder, Nginx, Origin, OriginConfig, RawOrigin, Signer, signing};

/// An object store whose bucket `bucket` holds `two words`.
fn store_with_object() -> Origin {
    let origin = object_store();
    origin.put("bucket", "two words", "hello");
    origin
}

fn with_keys(origin: impl ToString, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin)
        .server(&format!("{KEY_DIRECTIVES}{server}"))
}

fn host_of(request: Option<impl std::ops::Deref<Target = nginx_tests::Head>>) -> String {
    request
        .and_then(|request| request.header("Host"))
        .expect("a request with Host")
}

#[test]
fn path_style_puts_the_bucket_before_the_path() {
    let origin = store_with_object();
    let nginx = with_keys(
        origin.address(),
        "aws_sign on; aws_s3_bucket bucket; aws_endpoint s3.example.test;
         aws_addressing_style path;
         location / { proxy_pass http://{origin}; }
         location /files/ { proxy_pass http://{origin}/; }",
    )
    .start();
    for target in ["/two%20words", "/files/two%20words"] {
        let response = http::get(nginx.port(), target).expect_status(200);
        assert_eq!(response.text(), "hello");
        let request = origin.requests().pop().expect("a request");
        assert_eq!(request.line(), "GET /bucket/two%20words HTTP/1.0");
        assert_eq!(request.header("Host").as_deref(), Some(ENDPOINT));
    }
    // The bucket itself.
    let response = http::get(nginx.port(), "/?list-type=2").expect_status(200);
    assert!(response.text().contains("two words"), "{}", response.text());
    assert_eq!(
        origin.requests().pop().expect("a request").line(),
        "GET /bucket/?list-type=2 HTTP/1.0"
    );
}

// E#32851 A#85: the Host that is signed is the one that is sent.
#[test]
fn without_a_bucket_the_host_that_nginx_sends_is_signed() {
    let origin = store_with_object();
    let nginx = with_keys(
        origin.address(),
        "aws_sign on;
         location / { proxy_set_header Host bucket.s3.example.test; proxy_pass http://{origin}; }
         location /path/ { proxy_pass http://{origin}/bucket/; }
         location /client/ {
             proxy_set_header Host $http_host;
             proxy_pass http://{origin}/bucket/;
         }",
    )
    .start();
    let address = origin.address().to_string();
    for (target, host) in [
        ("/two%20words", "bucket.s3.example.test"),
        ("/path/two%20words", &*address),
        ("/client/two%20words", "localhost"),
    ] {
        let response = http::get(nginx.port(), target).expect_status(200);
        assert_eq!(response.text(), "hello");
        assert_eq!(host_of(origin.requests().pop()), host, "{target}");
    }
}

#[test]
fn with_a_bucket_its_host_replaces_the_one_that_nginx_sends() {
    let origin = store_with_object();
    let nginx = with_keys(
        origin.address(),
        "aws_s3_bucket bucket; aws_endpoint s3.example.test;
         location / {
             aws_sign;
             proxy_set_header Host elsewhere.test;
             proxy_pass http://{origin};
         }",
    )
    .start();
    http::get(nginx.port(), "/two%20words").expect_status(200);
    let request = origin.only_request();
    assert_eq!(request.header_all("Host"), ["bucket.s3.example.test"]);
}

#[test]
fn the_endpoint_keeps_its_port() {
    let origin = store_with_object();
    let nginx = with_keys(
        origin.address(),
        "aws_s3_bucket bucket; aws_endpoint s3.example.test:9000;
         location / { aws_sign; proxy_pass http://{origin}; }",
    )
    .start();
    http::get(nginx.port(), "/two%20words").expect_status(200);
    assert_eq!(
        host_of(origin.requests().pop()),
        "bucket.s3.example.test:9000"
    );
}

// N#432: one location for many buckets, and A#49: keys of each request.
#[test]
fn bucket_endpoint_region_and_keys_come_from_variables() {
    let tenants = [
        ("one", "us-east-1", ACCESS_KEY, SECRET_KEY),
        ("two", "eu-west-1", "AKIDOTHER", "other/Secret+Key"),
        // As the first except its keys.
        ("three", "us-east-1", "AKIDTHIRD", "third/Secret+Key"),
    ];
    let stores: Vec<Origin> = tenants
        .iter()
        .map(|(tenant, region, access_key, secret_key)| {
            let store = Origin::start(OriginConfig {
                region: Some((*region).to_owned()),
                domain: Some(format!("s3.{region}.example.test")),
                ..OriginConfig::new(access_key, secret_key)
            })
            .expect("the origin starts");
            store.put(&format!("bucket-{tenant}"), "key", *tenant);
            store
        })
        .collect();

    let map = |variable: &str, value: fn(&(&str, &str, &str, &str)) -> String| {
        let lines: String = tenants
            .iter()
            .map(|tenant| format!("{} \"{}\";\n", tenant.0, value(tenant)))
            .collect();
        format!("map $tenant {variable} {{ {lines} }}\n")
    };
    let nginx = Nginx::builder()
        .var("one", stores[0].address())
        .var("two", stores[1].address())
        .var("three", stores[2].address())
        .http(
            &[
                "map $http_x_tenant $tenant { default $http_x_tenant; }\n".to_owned(),
                "map $tenant $address { one {one}; two {two}; three {three}; }\n".to_owned(),
                map("$region", |tenant| tenant.1.to_owned()),
                map("$access_key", |tenant| tenant.2.to_owned()),
                map("$secret_key", |tenant| tenant.3.to_owned()),
            ]
            .concat(),
        )
        .server(
            "aws_access_key $access_key; aws_secret_key $secret_key; aws_region $region;
             aws_s3_bucket bucket-$tenant; aws_endpoint s3.$region.example.test;
             location / { aws_sign; proxy_pass http://$address; }",
        )
        .start();

    // In turn, so that a key kept for one would be noticed with the other.
    for _ in 0..3 {
        for ((tenant, region, access_key, _), store) in tenants.iter().zip(&stores) {
            let response = Request::get("/key")
                .header("X-Tenant", tenant)
                .send(nginx.port())
                .expect_status(200);
            assert_eq!(response.text(), *tenant);
            let request = store.requests().pop().expect("a request");
            let authorization = request.header("Authorization").unwrap();
            assert!(
                authorization.contains(&format!("Credential={access_key}/"))
                    && authorization.contains(&format!("/{region}/s3/aws4_request")),
                "{authorization}"
            );
            assert_eq!(
                host_of(Some(request)),
                format!("bucket-{tenant}.s3.{region}.example.test")
            );
        }
    }
}

#[test]
fn the_default_endpoint_follows_a_variable_region() {
    let origin = RawOrigin::with_body("hello");
    let nginx = with_keys(
        origin.address(),
        "location / {
             aws_access_key AKIDEXAMPLE;
             aws_secret_key wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
             aws_region $arg_region;
             aws_s3_bucket bucket;
             aws_sign;
             proxy_pass http://{origin};
         }",
    )
    .start();
    for (region, host) in [
        ("eu-west-1", "bucket.s3.eu-west-1.amazonaws.com"),
        ("cn-north-1", "bucket.s3.cn-north-1.amazonaws.com.cn"),
    ] {
        http::get(nginx.port(), format!("/key?region={region}")).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        assert_eq!(request.header("Host").as_deref(), Some(host));
        let signer = Signer::new(ACCESS_KEY, SECRET_KEY).region(region);
        signing::expect_signed(&request, &signer);
    }
}

#[test]
fn a_variable_says_whether_to_sign() {
    let origin = RawOrigin::with_body("hello");
    let nginx = with_keys(
        origin.address(),
        "location / { aws_sign $arg_sign; proxy_pass http://{origin}; }",
    )
    .start();
    for (value, is_signed) in [
        ("1", true),
        ("on", true),
        ("yes", true),
        ("off", false),
        ("0", false),
        ("", false),
    ] {
        http::get(nginx.port(), format!("/key?sign={value}")).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        assert_eq!(
            request.header("Authorization").is_some(),
            is_signed,
            "{value:?}"
        );
        if is_signed {
            expect_signed(&request);
        }
    }
}

/// An nginx whose second server responds with the address a request came from, and with `signed`
/// where it has an Authorization header.
fn reflecting(server: &str) -> Nginx {
    with_keys("127.0.0.1:{back}", server)
        .extra_port("back")
        .http(
            "map $http_authorization $signed { ~^AWS4 signed; default unsigned; }
             server { listen 127.0.0.1:{back}; return 200 \"$remote_addr $signed\"; }",
        )
        .start()
}

#[test]
fn proxy_bind_keeps_its_effect_where_requests_are_signed() {
    let nginx = reflecting(
        "aws_sign on; aws_sign_operations all;
         location / { proxy_pass http://{origin}; }
         location /constant { proxy_bind 127.0.0.2; proxy_pass http://{origin}; }
         location /variable { proxy_bind $arg_from; proxy_pass http://{origin}; }
         location /off { proxy_bind off; proxy_pass http://{origin}; }",
    );
    for (target, answer) in [
        ("/", "127.0.0.1 signed"),
        ("/constant", "127.0.0.2 signed"),
        ("/variable?from=127.0.0.3", "127.0.0.3 signed"),
        // An empty value binds to nothing, with and without us.
        ("/variable", "127.0.0.1 signed"),
        ("/off", "127.0.0.1 signed"),
    ] {
        let response = http::get(nginx.port(), target).expect_status(200);
        assert_eq!(response.text(), answer, "{target}");
    }
}

#[test]
fn proxy_bind_keeps_its_effect_where_nothing_is_signed() {
    let nginx = reflecting(
        "proxy_bind 127.0.0.2;
         location / { proxy_pass http://{origin}; }
         location /off { aws_sign off; proxy_pass http://{origin}; }
         location /variable { aws_sign $arg_sign; proxy_pass http://{origin}; }
         location /inherited { aws_sign; proxy_pass http://{origin}; }",
    );
    for (target, answer) in [
        ("/", "127.0.0.2 unsigned"),
        ("/off", "127.0.0.2 unsigned"),
        ("/variable", "127.0.0.2 unsigned"),
        ("/variable?sign=1", "127.0.0.2 signed"),
        ("/inherited", "127.0.0.2 signed"),
    ] {
        let response = http::get(nginx.port(), target).expect_status(200);
        assert_eq!(response.text(), answer, "{target}");
    }
}

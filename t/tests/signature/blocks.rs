//! Which block's `aws_signature_in` and `aws_signature_version` count, and whose region.

use nginx_tests::account::{SECRET_KEY_DIRECTIVES, signing};
use nginx_tests::http;
use nginx_tests::server_conf::expect_refused;
use nginx_tests::{Nginx, RawOrigin, Style};

#[test]
fn the_nearest_block_counts() {
    let origin = RawOrigin::with_body("served");
    let nginx = signing(
        origin.address(),
        "aws_sign on; aws_signature_version 2; aws_signature_in query;
         location / { proxy_pass http://{origin}; }
         location /headers/ { aws_signature_in headers; proxy_pass http://{origin}; }
         location /v4/ { aws_signature_version 4; proxy_pass http://{origin}; }
         location /both/ {
             aws_signature_version 4; aws_signature_in headers; proxy_pass http://{origin};
         }
         location /if/ {
             proxy_pass http://{origin};
             if ($arg_v4) { aws_signature_version 4; proxy_pass http://{origin}; }
         }",
    )
    .start();
    for (target, style) in [
        ("/", Style::QueryV2),
        ("/headers/", Style::HeadersV2),
        ("/v4/", Style::Query),
        ("/both/", Style::Headers),
        ("/if/", Style::QueryV2),
        ("/if/?v4=1", Style::Query),
    ] {
        http::get(nginx.port(), target).expect_status(200);
        style.expect_signed(&origin.requests().pop().expect("a request"));
    }
}

/// The style of an `upstream{}` is that of all that is sent to it, also where a variable names it.
#[test]
fn in_upstreams() {
    let origin = RawOrigin::with_body("served");
    let mut upstreams = String::new();
    for style in Style::ALL {
        upstreams.push_str(&format!(
            "upstream {style:?} {{
                 server {{origin}}; {SECRET_KEY_DIRECTIVES} aws_sign on; {}
                 aws_s3_bucket bucket; aws_endpoint s3.example.test;
             }}\n",
            style.directives()
        ));
    }
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(&upstreams)
        .server(
            "location /static/ { proxy_pass http://QueryV2; }
             location /own/ { aws_signature_version 4; proxy_pass http://QueryV2; }
             location / { proxy_pass http://$arg_to; }",
        )
        .start();
    let expect = |target: &str, style: Style| {
        http::get(nginx.port(), target).expect_status(200);
        style.expect_signed(&origin.requests().pop().expect("a request"));
    };
    for style in Style::ALL {
        expect(&format!("/key?to={style:?}"), style);
    }
    expect("/static/key", Style::QueryV2);
    expect("/own/key", Style::Query);
}

/// Version 2 knows no regions: where none is named, the endpoint is the one from before there were
/// any, and what a Host below it begins with is the bucket.
#[test]
fn version_2_needs_no_region() {
    let origin = RawOrigin::with_body("served");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(
            "aws_access_key AKIDEXAMPLE; aws_secret_key wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
             aws_signature_version 2; aws_sign on;
             location /legacy/ { aws_s3_bucket bucket; proxy_pass http://{origin}; }
             location /regional/ {
                 aws_s3_bucket bucket; aws_region eu-west-1; proxy_pass http://{origin};
             }
             location /host/ {
                 aws_endpoint s3.example.test; proxy_set_header Host Bucket.s3.example.test:8080;
                 proxy_pass http://{origin};
             }
             location /path/ {
                 aws_endpoint s3.example.test; proxy_set_header Host s3.example.test;
                 proxy_pass http://{origin};
             }",
        )
        .start();
    for (target, host) in [
        ("/legacy/key", "bucket.s3.amazonaws.com"),
        ("/regional/key", "bucket.s3.eu-west-1.amazonaws.com"),
        ("/host/key", "Bucket.s3.example.test:8080"),
        ("/path/key", "s3.example.test"),
    ] {
        http::get(nginx.port(), target).expect_status(200);
        let request = origin.requests().pop().expect("a request");
        assert_eq!(request.header("Host").as_deref(), Some(host));
        let bucket = if target == "/path/key" {
            None
        } else {
            Some("bucket")
        };
        Style::HeadersV2.expect_signed_in(&request, bucket);
    }
    let with_region = format!(
        "{SECRET_KEY_DIRECTIVES} aws_signature_version 4; location / {{ aws_sign; proxy_pass http://127.0.0.1:1; }}"
    );
    Nginx::builder().server(&with_region).check().expect_ok();
    expect_refused(
        "aws_access_key AKID;\naws_secret_key hush; #!\naws_signature_version 4; aws_signature_in query;
         location / { aws_sign; proxy_pass http://127.0.0.1:1; }",
        "\"aws_region\" is missing",
    );
}

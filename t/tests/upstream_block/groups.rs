//! Which settings hold for what is sent to an `upstream{}`: the location's own, then the upstream's, then
//! those of server{} and http{}. Credentials go as a group.

use nginx_tests::account::{KEY_DIRECTIVES, SECRET_KEY_DIRECTIVES};
use nginx_tests::http::{self, Request};
use nginx_tests::signing::{self, expect_signed_by, expect_unsigned};
use nginx_tests::{Builder, Nginx, RawOrigin, RawRequest};

fn nginx(origin: &RawOrigin, http: &str, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .http(http)
        .server(server)
}

fn host(request: &RawRequest) -> String {
    request.header("Host").unwrap_or_default()
}

/// An upstream that signs with keys of its own, and one that has settings only.
const UPSTREAMS: &str = "aws_region us-east-1;
    aws_access_key AKIDHTTP; aws_secret_key http;
    upstream stores {
        server {origin};
        aws_sign on; aws_access_key AKIDUPSTREAM; aws_secret_key upstream;
        aws_s3_bucket upstream-bucket; aws_endpoint s3.example.test;
    }
    upstream settings {
        server {origin};
        aws_s3_bucket settings-bucket; aws_endpoint s3.example.test;
    }
    upstream unsigned { server {origin}; aws_sign off; }";

/// Both by a constant and by a variable name.
#[test]
fn the_location_wins_then_the_upstream_then_server_and_http() {
    for (set, name) in [("", "stores"), ("set $name stores;", "$name")] {
        let origin = RawOrigin::with_body("");
        let nginx = nginx(
            &origin,
            UPSTREAMS,
            &format!(
                "{set} aws_access_key AKIDSERVER; aws_secret_key server; aws_s3_bucket server-bucket;
                 aws_sign off;
                 location / {{ proxy_pass http://{name}; }}
                 location /keys/ {{
                     aws_access_key AKIDLOCATION; aws_secret_key location;
                     proxy_pass http://{name};
                     location /keys/nested/ {{ proxy_pass http://{name}; }}
                 }}
                 location /bucket/ {{ aws_s3_bucket location-bucket; proxy_pass http://{name}; }}
                 location /no-bucket/ {{ aws_s3_bucket \"\"; proxy_pass http://{name}; }}
                 location /bare/ {{ aws_sign; proxy_pass http://{name}; }}
                 location /off/ {{
                     aws_sign off; proxy_pass http://{name};
                     location /off/nested/ {{ proxy_pass http://{name}; }}
                     location /off/on/ {{ aws_sign on; proxy_pass http://{name}; }}
                 }}
                 location /switch/ {{ aws_sign $arg_sign; proxy_pass http://{name}; }}
                 location /if/ {{
                     proxy_pass http://{name};
                     if ($arg_off) {{ aws_sign off; }}
                     if ($arg_keys) {{ aws_access_key AKIDIF; aws_secret_key if; }}
                 }}
                 location /methods/ {{ aws_sign_methods PUT; proxy_pass http://{name}; }}"
            ),
        )
        .start();
        for (target, bucket, access_key, secret_key) in [
            ("/key", "upstream-bucket", "AKIDUPSTREAM", "upstream"),
            ("/keys/key", "upstream-bucket", "AKIDLOCATION", "location"),
            (
                "/keys/nested/key",
                "upstream-bucket",
                "AKIDLOCATION",
                "location",
            ),
            ("/bucket/key", "location-bucket", "AKIDUPSTREAM", "upstream"),
            ("/bare/key", "upstream-bucket", "AKIDUPSTREAM", "upstream"),
            ("/off/on/key", "upstream-bucket", "AKIDUPSTREAM", "upstream"),
            (
                "/switch/key?sign=1",
                "upstream-bucket",
                "AKIDUPSTREAM",
                "upstream",
            ),
            ("/if/key", "upstream-bucket", "AKIDUPSTREAM", "upstream"),
            ("/if/key?keys=1", "upstream-bucket", "AKIDIF", "if"),
        ] {
            let request = origin.asked_for(nginx.port(), target);
            assert_eq!(
                host(&request),
                format!("{bucket}.s3.example.test"),
                "{target}"
            );
            expect_signed_by(&request, access_key, secret_key);
        }
        let request = origin.asked_for(nginx.port(), "/no-bucket/key");
        assert_eq!(host(&request), "stores");
        expect_signed_by(&request, "AKIDUPSTREAM", "upstream");
        for target in [
            "/off/key",
            "/off/nested/key",
            "/switch/key",
            "/if/key?off=1",
        ] {
            expect_unsigned(&origin.asked_for(nginx.port(), target));
        }
        http::get(nginx.port(), "/methods/key").expect_status(405);
    }
}

#[test]
fn an_upstream_has_settings_for_those_who_sign() {
    for (set, name) in [("", "settings"), ("set $name settings;", "$name")] {
        let origin = RawOrigin::with_body("");
        let nginx = nginx(
            &origin,
            UPSTREAMS,
            &format!(
                "{set} location / {{ proxy_pass http://{name}; }}
                 location /signed/ {{ aws_sign; proxy_pass http://{name}; }}"
            ),
        )
        .start();
        expect_unsigned(&origin.asked_for(nginx.port(), "/key"));
        let request = origin.asked_for(nginx.port(), "/signed/key");
        assert_eq!(host(&request), "settings-bucket.s3.example.test");
        expect_signed_by(&request, "AKIDHTTP", "http");
    }
}

#[test]
fn an_upstream_can_be_left_out() {
    for (set, name) in [("", "unsigned"), ("set $name unsigned;", "$name")] {
        let origin = RawOrigin::with_body("");
        let nginx = nginx(
            &origin,
            UPSTREAMS,
            &format!(
                "{set} aws_sign on;
                 location / {{ proxy_pass http://{name}; }}
                 location /other/ {{ proxy_pass http://{{origin}}; }}
                 location /signed/ {{ aws_sign on; proxy_pass http://{name}; }}"
            ),
        )
        .start();
        expect_unsigned(&origin.asked_for(nginx.port(), "/key"));
        expect_signed_by(
            &origin.asked_for(nginx.port(), "/other/key"),
            "AKIDHTTP",
            "http",
        );
        expect_signed_by(
            &origin.asked_for(nginx.port(), "/signed/key"),
            "AKIDHTTP",
            "http",
        );
    }
}

#[test]
fn a_variable_in_an_upstream_switches() {
    let origin = RawOrigin::with_body("");
    let http = format!(
        "upstream stores {{ server {{origin}}; {SECRET_KEY_DIRECTIVES} aws_sign $arg_sign; }}"
    );
    let nginx = nginx(&origin, &http, "location / { proxy_pass http://stores; }").start();
    expect_unsigned(&origin.asked_for(nginx.port(), "/key"));
    nginx_tests::account::expect_signed(&origin.asked_for(nginx.port(), "/key?sign=1"));
}

#[test]
fn everything_of_a_plan_can_stand_in_an_upstream() {
    let origin = RawOrigin::with_body("");
    let http = format!(
        "upstream stores {{
             server {{origin}};
             {KEY_DIRECTIVES}
             aws_sign on;
             aws_s3_bucket bucket; aws_endpoint s3.example.test; aws_addressing_style path;
             aws_sign_methods GET PUT; aws_payload unsigned; aws_signed_headers X-Own;
             aws_pass_headers x-amz-acl; aws_response_overrides on; aws_hide_auth_errors off;
             aws_credentials_timeout 1s;
         }}"
    );
    let nginx = nginx(&origin, &http, "location / { proxy_pass http://stores; }").start();
    Request::new("PUT", "/key?response-expires=1")
        .header("X-Own", "1")
        .header("X-Amz-Acl", "private")
        .body("hello")
        .send(nginx.port())
        .expect_status(200);
    let request = origin.only_request();
    nginx_tests::account::expect_signed(&request);
    assert_eq!(request.target(), "/bucket/key?response-expires=1");
    assert_eq!(host(&request), "s3.example.test");
    assert_eq!(request.header("X-Amz-Acl").as_deref(), Some("private"));
    let hash = request.header("X-Amz-Content-Sha256");
    assert_eq!(hash.as_deref(), Some("UNSIGNED-PAYLOAD"));
    assert!(signing::signed_headers(&request).contains(&"x-own".to_owned()));
    Request::new("HEAD", "/key")
        .send(nginx.port())
        .expect_status(405);
}

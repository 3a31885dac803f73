//! What a block inherits: credentials as a group from the nearest block that names any, so that no
//! secret signs for another's access key; each other directive by itself; bare `aws_sign` not.

use nginx_tests::account::{self, signing_key_directives};
use nginx_tests::http::{self, Request};
use nginx_tests::signing::{self, expect_signed_by, expect_unsigned};
use nginx_tests::{Builder, Nginx, RawOrigin, Signer};

fn nginx(origin: &RawOrigin, http: &str, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .http(http)
        .server(server)
}

#[test]
fn the_nearest_block_wins() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(
        &origin,
        "aws_region us-east-1; aws_access_key AKIDHTTP; aws_secret_key http; aws_sign on;
         server {
             listen 127.0.0.1:{inherits}; location / { proxy_pass http://{origin}; }
         }",
        "aws_access_key AKIDSERVER; aws_secret_key server;
         location / { proxy_pass http://{origin}; }
         location /own/ {
             aws_access_key AKIDLOCATION; aws_secret_key location; proxy_pass http://{origin};
             location /own/nested/ { proxy_pass http://{origin}; }
         }
         location /if/ {
             proxy_pass http://{origin};
             if ($arg_other) {
                 aws_access_key AKIDIF; aws_secret_key if; proxy_pass http://{origin};
             }
         }",
    )
    .extra_port("inherits")
    .start();

    expect_signed_by(
        &origin.asked_for(nginx.port(), "/key"),
        "AKIDSERVER",
        "server",
    );
    expect_signed_by(
        &origin.asked_for(nginx.port(), "/own/key"),
        "AKIDLOCATION",
        "location",
    );
    expect_signed_by(
        &origin.asked_for(nginx.port(), "/own/nested/key"),
        "AKIDLOCATION",
        "location",
    );
    expect_signed_by(
        &origin.asked_for(nginx.port(), "/if/key"),
        "AKIDSERVER",
        "server",
    );
    expect_signed_by(
        &origin.asked_for(nginx.port(), "/if/key?other=1"),
        "AKIDIF",
        "if",
    );

    http::get(nginx.port_of("inherits"), "/key").expect_status(200);
    let request = origin.requests().pop().expect("a request");
    expect_signed_by(&request, "AKIDHTTP", "http");
}

/// A block that names one part of a group does not take the rest from outside.
#[test]
fn a_secret_never_signs_for_another_blocks_access_key() {
    let group = "aws_region us-east-1; aws_access_key AKIDOUTER; aws_secret_key hush;
                 aws_session_token hush;";
    for (part, message) in [
        (
            "aws_secret_key inner;",
            "\"aws_access_key\" is missing in the block of the key",
        ),
        (
            "aws_access_key AKIDINNER;",
            "the key is missing: add \"aws_secret_key_file\"",
        ),
        ("aws_session_token inner;", "there are no credentials"),
        (
            "aws_signing_key AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA;",
            "\"aws_signing_key\" requires \"aws_key_scope\" in the same block",
        ),
    ] {
        let location = format!("location / {{ {part} aws_sign; proxy_pass http://127.0.0.1:1; }}");
        let result = Nginx::builder()
            .server(&format!("{group} {location}"))
            .check();
        let result = result.expect_refused(&format!("\"aws_sign\" cannot sign here: {message}"));
        assert!(!result.stderr.contains("hush"), "{}", result.stderr);

        // Where signing is inherited, the request is rejected.
        let origin = RawOrigin::with_body("");
        let server =
            format!("{group} aws_sign on; location / {{ {part} proxy_pass http://{{origin}}; }}");
        let nginx = nginx(&origin, "", &server).start();
        http::get(nginx.port(), "/key").expect_status(503);
        assert_eq!(origin.connections(), 0);
        assert!(nginx.error_log().contains(&format!(
            "aws_auth: the request cannot be signed: {message}"
        )));
    }
}

#[test]
fn a_session_token_belongs_to_its_group() {
    let origin = RawOrigin::with_body("");
    let nginx = nginx(
        &origin,
        "",
        "aws_region us-east-1; aws_sign on;
         aws_access_key AKIDOUTER; aws_secret_key outer; aws_session_token token;
         location / { proxy_pass http://{origin}; }
         location /own/ {
             aws_access_key AKIDINNER; aws_secret_key inner; proxy_pass http://{origin};
         }",
    )
    .start();
    let request = origin.asked_for(nginx.port(), "/key");
    expect_signed_by(&request, "AKIDOUTER", "outer");
    assert_eq!(
        request.header("X-Amz-Security-Token").as_deref(),
        Some("token")
    );
    let request = origin.asked_for(nginx.port(), "/own/key");
    expect_signed_by(&request, "AKIDINNER", "inner");
    assert_eq!(request.header("X-Amz-Security-Token"), None);
}

/// As with the C module.
#[test]
fn a_signing_key_may_stand_under_an_inherited_access_key() {
    let derived = |secret: &str| {
        let all = signing_key_directives("AKIDOUTER", secret, "us-east-1");
        all.lines().skip(1).collect::<String>()
    };
    let (key, other) = (derived("outer"), derived("inner"));
    let origin = RawOrigin::with_body("");
    let nginx = nginx(
        &origin,
        "",
        &format!(
            "aws_access_key AKIDOUTER; aws_session_token token; {key}
             location / {{ aws_sign; proxy_pass http://{{origin}}; }}
             location /other/ {{ {other} aws_sign; proxy_pass http://{{origin}}; }}
             location /user/ {{ aws_access_key AKIDINNER; aws_sign; proxy_pass http://{{origin}}; }}
             location /named/ {{
                 aws_access_key AKIDINNER; {other} aws_sign; proxy_pass http://{{origin}};
             }}"
        ),
    )
    .start();
    expect_signed_by(
        &origin.asked_for(nginx.port(), "/key"),
        "AKIDOUTER",
        "outer",
    );
    let request = origin.asked_for(nginx.port(), "/other/key");
    expect_signed_by(&request, "AKIDOUTER", "inner");
    assert_eq!(
        request.header("X-Amz-Security-Token").as_deref(),
        Some("token")
    );
    let request = origin.asked_for(nginx.port(), "/user/key");
    expect_signed_by(&request, "AKIDINNER", "outer");
    assert_eq!(request.header("X-Amz-Security-Token"), None);
    let request = origin.asked_for(nginx.port(), "/named/key");
    expect_signed_by(&request, "AKIDINNER", "inner");
    assert_eq!(request.header("X-Amz-Security-Token"), None);
}

#[test]
fn on_is_inherited_bare_is_not_and_off_ends_it() {
    let origin = RawOrigin::with_body("");
    let keys = account::SECRET_KEY_DIRECTIVES;
    let blocks = "location / { proxy_pass http://{origin}; }
        location /if/ {
            proxy_pass http://{origin}; if ($arg_a) { proxy_pass http://{origin}; }
        }
        location /outer/ { location /outer/inner/ { proxy_pass http://{origin}; } }
        location /named/ { try_files /none @named; }
        location @named { proxy_pass http://{origin}; }
        location /limited/ { limit_except GET { deny all; } proxy_pass http://{origin}; }
        location /off/ { aws_sign off; proxy_pass http://{origin};
                         location /off/inner/ { proxy_pass http://{origin}; }
                         location /off/on/ { aws_sign on; proxy_pass http://{origin}; } }
        location /bare/ { aws_sign; proxy_pass http://{origin};
                          if ($arg_a) { proxy_pass http://{origin}; }
                          location /bare/inner/ { proxy_pass http://{origin}; } }";
    let everywhere = [
        "/key",
        "/if/key",
        "/if/key?a=1",
        "/outer/inner/key",
        "/named/key",
        "/limited/key",
    ];

    for (sign, signed) in [("aws_sign on;", true), ("aws_sign;", false), ("", false)] {
        let nginx = nginx(&origin, "", &format!("{keys}{sign}{blocks}")).start();
        for target in everywhere {
            let request = origin.asked_for(nginx.port(), target);
            match signed {
                true => account::expect_signed(&request),
                false => expect_unsigned(&request),
            }
        }
        for target in ["/off/key", "/off/inner/key", "/bare/inner/key"] {
            expect_unsigned(&origin.asked_for(nginx.port(), target));
        }
        for target in ["/off/on/key", "/bare/key", "/bare/key?a=1"] {
            account::expect_signed(&origin.asked_for(nginx.port(), target));
        }
    }
}

/// What Host a location's requests are signed for.
#[test]
fn bucket_and_endpoint() {
    let origin = RawOrigin::with_body("");
    let derived = signing_key_directives("AKIDEXAMPLE", account::SECRET_KEY, "eu-west-1");
    let keys = account::SECRET_KEY_DIRECTIVES;
    let own = "aws_sign on; proxy_pass http://{origin};";
    let nginx = nginx(
        &origin,
        "",
        &format!(
            "{keys} aws_s3_bucket outer;
             location /default/ {{ {own} }}
             location /region/ {{ aws_region eu-west-1; {own} }}
             location /china/ {{ aws_region cn-north-1; {own} }}
             location /gov/ {{ aws_region us-gov-west-1; {own} }}
             location /variable/ {{ aws_region $arg_region; {own} }}
             location /bucket/ {{ aws_s3_bucket inner; {own} }}
             location /none/ {{ aws_s3_bucket ''; proxy_set_header Host set.example; {own} }}
             location /derived/ {{ {derived} {own} }}
             location /host/ {{ proxy_set_header Host set.example; {own} }}
             location /endpoint/ {{ aws_endpoint store.example:9000; {own}
                 location /endpoint/inner/ {{ {own} }}
                 location /endpoint/path/ {{ aws_addressing_style path; {own} }}
                 location /endpoint/derived/ {{ {derived} {own} }}
             }}
             location /service/ {{ aws_service execute-api; aws_endpoint store.example; {own} }}"
        ),
    )
    .start();
    let at_origin = origin.address().to_string();
    for (target, host) in [
        ("/default/", "outer.s3.us-east-1.amazonaws.com"),
        ("/region/", "outer.s3.eu-west-1.amazonaws.com"),
        ("/china/", "outer.s3.cn-north-1.amazonaws.com.cn"),
        ("/gov/", "outer.s3.us-gov-west-1.amazonaws.com"),
        (
            "/variable/?region=cn-northwest-1",
            "outer.s3.cn-northwest-1.amazonaws.com.cn",
        ),
        (
            "/variable/?region=ap-south-1",
            "outer.s3.ap-south-1.amazonaws.com",
        ),
        ("/bucket/", "inner.s3.us-east-1.amazonaws.com"),
        ("/none/", "set.example"),
        ("/derived/", "outer.s3.amazonaws.com"),
        ("/host/", "outer.s3.us-east-1.amazonaws.com"),
        ("/endpoint/", "outer.store.example:9000"),
        ("/endpoint/inner/", "outer.store.example:9000"),
        ("/endpoint/path/", "store.example:9000"),
        ("/endpoint/derived/", "outer.store.example:9000"),
        // The bucket is S3's business alone.
        ("/service/", at_origin.as_str()),
    ] {
        let request = origin.asked_for(nginx.port(), target);
        assert_eq!(request.header_all("Host"), [host], "{target}");
    }
    let request = origin.asked_for(nginx.port(), "/endpoint/path/key");
    assert_eq!(request.target(), "/outer/endpoint/path/key");
    account::expect_signed(&request);
}

/// Each directive of policy by itself.
#[test]
fn policy_is_inherited() {
    let origin = RawOrigin::with_body("");
    let keys = account::SECRET_KEY_DIRECTIVES;
    let nginx = nginx(
        &origin,
        "",
        &format!(
            "{keys} aws_sign on; aws_sign_methods DELETE; aws_pass_headers x-amz-acl;
             aws_signed_headers x-trace; aws_response_overrides on; aws_region eu-west-1;
             location / {{ proxy_pass http://{{origin}}; }}
             location /own/ {{
                 aws_sign_methods GET; aws_pass_headers off; aws_signed_headers range;
                 aws_response_overrides off; aws_region us-east-1; proxy_pass http://{{origin}};
             }}"
        )
        .replace("aws_region us-east-1;\n", ""),
    )
    .start();
    let request = |method: &str, target: &str| {
        let request = Request::new(method, target).header("X-Amz-Acl", "private");
        request.header("X-Trace", "1").header("Range", "bytes=0-1")
    };
    let send = |request: Request| {
        request.send(nginx.port()).expect_status(200);
        origin.requests().pop().expect("a request")
    };

    let inherited = send(request("DELETE", "/key?response-expires=0"));
    let signer = Signer::new(account::ACCESS_KEY, account::SECRET_KEY);
    signing::expect_signed(&inherited, &signer.clone().region("eu-west-1"));
    assert_eq!(inherited.target(), "/key?response-expires=0");
    assert_eq!(inherited.header("X-Amz-Acl").as_deref(), Some("private"));
    assert!(signing::signed_headers(&inherited).contains(&"x-trace".to_owned()));
    request("GET", "/key").send(nginx.port()).expect_status(405);

    let own = send(request("GET", "/own/key?response-expires=0"));
    signing::expect_signed(&own, &signer);
    assert_eq!(own.target(), "/own/key");
    assert_eq!(own.header("X-Amz-Acl"), None);
    let signed = signing::signed_headers(&own);
    assert!(signed.contains(&"range".to_owned()) && !signed.contains(&"x-trace".to_owned()));
    request("DELETE", "/own/key")
        .send(nginx.port())
        .expect_status(405);
}

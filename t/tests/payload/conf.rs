//! `aws_payload` in a configuration: what is rejected, with file and line, and which block's word
//! counts.

use nginx_tests::account::SECRET_KEY_DIRECTIVES;
use nginx_tests::http::Request;
use nginx_tests::payload::{STREAMING, UNSIGNED, sha256};
use nginx_tests::server_conf::{KEYS, expect_refused};
use nginx_tests::{Nginx, RawOrigin};

#[test]
fn a_bad_value_is_rejected() {
    let message = "write \"auto\", \"signed\", \"unsigned\", \"streaming\" or \"decode\"";
    for value in ["on", "''", "Signed", "none", "$mode", "'signed '"] {
        expect_refused(&format!("{KEYS}aws_payload {value}; #!"), message);
    }
    expect_refused(
        &format!("{KEYS}aws_payload plain; #!"),
        "aws_auth: \"aws_payload\" has the invalid value \"plain\": write \"auto\"",
    );
    for arguments in ["", " signed unsigned"] {
        expect_refused(
            &format!("{KEYS}aws_payload{arguments}; #!"),
            "invalid number of arguments in \"aws_payload\" directive",
        );
    }
}

#[test]
fn a_second_one_in_a_block_is_rejected() {
    for second in ["signed", "unsigned"] {
        expect_refused(
            &format!("{KEYS}aws_payload signed;\naws_payload {second}; #!"),
            "\"aws_payload\" is duplicate: keep one in this block",
        );
    }
}

#[test]
fn only_s3_takes_bodies_without_their_hash() {
    for service in ["execute-api", "lambda", "es"] {
        for mode in ["unsigned", "streaming", "decode"] {
            let message = format!(
                "\"aws_payload {mode}\" is for S3 only, but requests are signed for service \
                 \"{service}\": remove it, other services always receive the payload hash"
            );
            for server in [
                format!(
                    "{KEYS}aws_service {service};
                     location / {{
                         aws_sign;
                         aws_payload {mode}; #!
                         proxy_pass http://127.0.0.1:1;
                     }}"
                ),
                // The line that says it, wherever signing is asked for.
                format!(
                    "{KEYS}aws_payload {mode}; #!
                     location / {{
                         aws_service {service};
                         aws_sign;
                         proxy_pass http://127.0.0.1:1;
                     }}"
                ),
            ] {
                expect_refused(&server, &message);
            }
        }
        for mode in ["auto", "signed"] {
            let server = format!(
                "{KEYS}aws_service {service}; aws_payload {mode};
                 location / {{ aws_sign; proxy_pass http://127.0.0.1:1; }}"
            );
            Nginx::builder().server(&server).check().expect_ok();
        }
    }
    // Nothing is signed there, and S3 takes all of them.
    for server in [
        "aws_service es; aws_payload decode; location / { proxy_pass http://127.0.0.1:1; }",
        "aws_payload decode; location / { aws_sign; proxy_pass http://127.0.0.1:1; }",
        "aws_service s3; aws_payload streaming;
         location / { aws_sign; proxy_pass http://127.0.0.1:1; }",
        "aws_service $arg_service; aws_payload streaming;
         location / { aws_sign; proxy_pass http://127.0.0.1:1; }",
    ] {
        let server = format!("{KEYS}{server}");
        Nginx::builder().server(&server).check().expect_ok();
    }
}

/// What is declared of the body "x" at this path.
#[track_caller]
fn declared(nginx: &Nginx, origin: &RawOrigin, path: &str) -> String {
    let put = Request::new("PUT", path).body("x");
    put.send(nginx.port()).expect_status(200);
    let request = origin.requests().pop().expect("it has arrived");
    request
        .header("x-amz-content-sha256")
        .expect("it is signed")
}

#[test]
fn the_innermost_block_counts() {
    let origin = RawOrigin::with_body("");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http("aws_payload unsigned;")
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign on; aws_sign_methods PUT;
             location / {{ proxy_pass http://{{origin}}; }}
             location /streaming/ {{
                 aws_payload streaming;
                 location /streaming/inner/ {{ proxy_pass http://{{origin}}; }}
                 location /streaming/signed/ {{
                     aws_payload signed;
                     proxy_pass http://{{origin}};
                 }}
                 proxy_pass http://{{origin}};
             }}
             location /auto/ {{ aws_payload auto; proxy_pass http://{{origin}}; }}"
        ))
        .start();
    let hash = sha256("x");
    for (path, expected) in [
        ("/key", UNSIGNED),
        ("/streaming/", STREAMING),
        ("/streaming/inner/", STREAMING),
        ("/streaming/signed/", &hash),
        ("/auto/", &hash),
    ] {
        assert_eq!(declared(&nginx, &origin, path), expected, "{path}");
    }
}

#[test]
fn conditions_have_a_mode_of_their_own() {
    let origin = RawOrigin::with_body("");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{SECRET_KEY_DIRECTIVES} aws_sign_methods PUT;
             location / {{
                 aws_sign;
                 aws_payload streaming;
                 if ($arg_unsigned) {{ aws_payload unsigned; }}
                 if ($arg_same) {{ set $unused 1; }}
                 proxy_pass http://{{origin}};
             }}"
        ))
        .start();
    for (path, expected) in [
        ("/key", STREAMING),
        ("/key?unsigned=1", UNSIGNED),
        ("/key?same=1", STREAMING),
    ] {
        assert_eq!(declared(&nginx, &origin, path), expected, "{path}");
    }
}

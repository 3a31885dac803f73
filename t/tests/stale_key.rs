//! A pre-derived signing key is valid for the day of its scope. Another day's signs all the same,
//! as with the C module, but the operator is told why the object store rejects it (A#69, A#70).

use nginx_tests::http;
use nginx_tests::{Nginx, RawOrigin, account};

const STALE: &str = "aws_access_key AKIDEXAMPLE;
    aws_key_scope 20150830/us-east-1/s3/aws4_request;
    aws_signing_key L4vRLWAO92X5L3Sqk5QydUSdB0nC9+1wfqLMOKLbRp4=;";

#[test]
fn it_signs_and_warns_once() {
    let origin = RawOrigin::with_body("served");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{STALE} location / {{ aws_sign; proxy_pass http://{{origin}}; }}"
        ))
        .start();

    for n in 0..20 {
        http::get(nginx.port(), format!("/{n}")).expect_status(200);
    }
    for request in origin.requests() {
        let authorization = request.header("Authorization").unwrap_or_default();
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/s3/aws4_request,";
        assert!(authorization.starts_with(scope), "{authorization}");
        let date = request.header("X-Amz-Date").unwrap_or_default();
        assert!(!date.starts_with("20150830"), "the date is today's: {date}");
    }
    assert_eq!(origin.requests().len(), 20);

    let warnings = nginx.own_lines();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    for part in [
        " [warn] ",
        "the key in \"aws_signing_key\" was made for 20150830, but today is 2",
        "(UTC), so AWS rejects it: replace it with the key of today (generate_signing_key), or \
         use \"aws_secret_key_file\"",
    ] {
        assert!(warnings[0].contains(part), "{}", warnings[0]);
    }
    assert!(!warnings[0].contains("L4vRLWAO"), "{}", warnings[0]);
}

/// The key is one, however many locations inherit it; and a debug log has the line too.
#[test]
fn locations_that_inherit_a_key_warn_once_together() {
    let origin = RawOrigin::with_body("served");
    let nginx = Nginx::builder()
        .log_level("debug")
        .var("origin", origin.address())
        .server(&format!(
            "{STALE} aws_sign on;
             location /a/ {{ proxy_pass http://{{origin}}; }}
             location /b/ {{ proxy_pass http://{{origin}}; }}"
        ))
        .start();
    for target in ["/a/key", "/b/key", "/a/key"] {
        http::get(nginx.port(), target).expect_status(200);
    }
    let warnings: Vec<_> = nginx
        .own_lines()
        .into_iter()
        .filter(|line| line.contains(" [warn] "))
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
}

/// Each worker says it once, and another location's key is another matter.
#[test]
fn a_key_of_today_is_not_warned_of() {
    let origin = RawOrigin::with_body("served");
    let today =
        account::signing_key_directives(account::ACCESS_KEY, account::SECRET_KEY, "us-east-1");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .server(&format!(
            "{today} location / {{ aws_sign; proxy_pass http://{{origin}}; }}
             location /stale/ {{ {STALE} aws_sign; proxy_pass http://{{origin}}; }}"
        ))
        .start();
    for _ in 0..3 {
        http::get(nginx.port(), "/key").expect_status(200);
    }
    for request in origin.requests() {
        account::expect_signed(&request);
    }
    assert_eq!(nginx.own_lines(), [""; 0]);

    for _ in 0..3 {
        http::get(nginx.port(), "/stale/key").expect_status(200);
        http::get(nginx.port(), "/key").expect_status(200);
    }
    assert_eq!(nginx.own_lines().len(), 1);
}

/// `nginx -t` does not fail on it: a reload must not, on the day after.
#[test]
fn the_configuration_is_taken() {
    let server = format!("{STALE} location / {{ aws_sign; proxy_pass http://127.0.0.1:1; }}");
    Nginx::builder().server(&server).check().expect_ok();
}

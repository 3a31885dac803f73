//! Errors of object stores about a signature in the query, or of Version 2, are for the operator.

use nginx_tests::account::{KEY_DIRECTIVES, object_store};
use nginx_tests::auth_error::{answering, expect_hidden, xml};
use nginx_tests::http;
use nginx_tests::{Nginx, Reply, Style, Swift};

/// Those beside the one of all other tests.
const STYLES: [Style; 3] = [Style::Query, Style::HeadersV2, Style::QueryV2];

/// A location for each style, in front of the object store on `store`.
fn nginx(store: u16, keys: &str) -> Nginx {
    let mut locations = String::new();
    for style in STYLES {
        locations.push_str(&format!(
            "location /{style:?}/ {{ {} proxy_pass http://127.0.0.1:{store}/; }}\n",
            style.directives()
        ));
    }
    Nginx::builder()
        .server(&format!(
            "{keys} aws_sign on; aws_s3_bucket bucket; aws_endpoint s3.example.test;
             aws_addressing_style path; {locations}"
        ))
        .start()
}

/// The last line that the module has logged holds `advice`.
#[track_caller]
fn expect_told(nginx: &Nginx, advice: &str) {
    let lines = nginx.own_lines();
    let line = lines.last().expect("a line");
    assert!(line.contains(advice), "{line}");
}

#[test]
fn errors_of_each_style() {
    for (status, body, code, advice) in [
        (
            403,
            xml(
                "SignatureDoesNotMatch",
                "<StringToSign>GET\n\n\n9\nx-amz-security-token:TOKEN</StringToSign>\
                 <SignatureProvided>SIGNATURE</SignatureProvided>",
            ),
            "SignatureDoesNotMatch",
            "the secret key does not belong to the access key",
        ),
        (
            403,
            xml(
                "AccessDenied",
                "<Message>Request has expired</Message><Expires>9</Expires>",
            ),
            "AccessDenied",
            "the clocks of this machine and of the upstream differ: synchronize the clock of \
             this machine",
        ),
        (
            403,
            xml(
                "AccessDenied",
                "<Message>Request is not valid yet</Message>",
            ),
            "AccessDenied",
            "the clocks of this machine and of the upstream differ: synchronize the clock of \
             this machine",
        ),
        (
            403,
            xml("RequestTimeTooSkewed", "<Message>AKIDEXAMPLE</Message>"),
            "RequestTimeTooSkewed",
            "the clocks of this machine and of the upstream differ: synchronize the clock of \
             this machine",
        ),
        (
            400,
            xml(
                "InvalidRequest",
                "<Message>The authorization mechanism you have provided is not supported. Please \
                 use AWS4-HMAC-SHA256.</Message>",
            ),
            "InvalidRequest",
            "it does not accept version 2 signatures: use \"aws_signature_version 4\"",
        ),
        (
            400,
            xml(
                "AuthorizationQueryParametersError",
                "<Message>Error parsing the X-Amz-Credential parameter; the region 'us-east-1' is \
                 wrong; expecting 'eu-west-1'</Message><Region>eu-west-1</Region>",
            ),
            "AuthorizationQueryParametersError",
            "it expects \"aws_region eu-west-1\"",
        ),
        (
            400,
            xml(
                "AuthorizationQueryParametersError",
                "<Message>X-Amz-Expires must be non-negative</Message>",
            ),
            "AuthorizationQueryParametersError",
            "it cannot parse the signature",
        ),
    ] {
        let origin = answering(Reply::new(status, body));
        let nginx = nginx(origin.port(), KEY_DIRECTIVES);
        for style in STYLES {
            let response = http::get(nginx.port(), format!("/{style:?}/key"));
            expect_hidden(&response, status, code);
            expect_told(&nginx, advice);
        }
    }
}

/// What a client may need to know reaches it to the letter.
#[test]
fn other_errors_pass() {
    for (status, body) in [
        (403, xml("AccessDenied", "<Message>Access Denied</Message>")),
        (403, xml("AccessDenied", "")),
        (
            400,
            xml(
                "InvalidRequest",
                "<Message>Missing required header</Message>",
            ),
        ),
        (400, xml("InvalidRequest", "")),
    ] {
        let origin = answering(Reply::new(status, &body));
        let nginx = nginx(origin.port(), KEY_DIRECTIVES);
        for style in STYLES {
            let response = http::get(nginx.port(), format!("/{style:?}/key"));
            assert_eq!((response.status, response.text()), (status, body.clone()));
        }
        let log = nginx.error_log();
        assert!(!log.contains("[error]"), "{log}");
    }
}

/// The errors of real verifiers.
#[test]
fn s3s_rejects() {
    let known = object_store();
    known.put("bucket", "key", "hello");
    let nginx = nginx(known.port(), &KEY_DIRECTIVES.replace("wJalr", "wrong"));
    for style in STYLES {
        let response = http::get(nginx.port(), format!("/{style:?}/key"));
        expect_hidden(&response, 403, "SignatureDoesNotMatch");
        expect_told(&nginx, "the secret key does not belong to the access key");
    }
}

#[test]
fn swift_rejects() {
    let swift = Swift::start_in("eu-west-1", None);
    swift.create_bucket("bucket");
    let keys = |secret: &str, region: &str| {
        format!("aws_access_key test:tester; aws_secret_key {secret}; aws_region {region};")
    };
    let wrong = nginx(swift.port(), &keys("wrong", "eu-west-1"));
    for style in STYLES {
        let response = http::get(wrong.port(), format!("/{style:?}/key"));
        expect_hidden(&response, 403, "SignatureDoesNotMatch");
        expect_told(&wrong, "the secret key does not belong to the access key");
    }
    let elsewhere = nginx(swift.port(), &keys("testing", "us-east-1"));
    let response = http::get(elsewhere.port(), "/Query/key");
    expect_hidden(&response, 400, "AuthorizationQueryParametersError");
    expect_told(&elsewhere, "it expects \"aws_region eu-west-1\"");
    // Version 2 knows no regions.
    http::get(elsewhere.port(), "/HeadersV2/key").expect_status(404);
}

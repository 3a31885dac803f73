//! `nginx -t` rejects what cannot work, in one line that names file and line of the guilty
//! directive and says what to write instead, and shows no secret.

use nginx_tests::TestResult;
use nginx_tests::server_conf::{self, KEYS, SECRET};

/// A location that signs.
const SIGNED: &str = "location / { aws_sign; proxy_pass http://127.0.0.1:1; }\n";

fn check(server: &str) -> TestResult {
    let result = server_conf::builder(server)
        .file("secret.key", "hush/secret\n")
        .check();
    assert!(!result.stderr.contains(SECRET), "{}", result.stderr);
    result
}

/// A line of ours, of level emerg, that holds `message` rejects the line of `server` that ends
/// with `#!`.
#[track_caller]
fn expect_refused(server: &str, message: &str) {
    check(server)
        .expect_refused("[emerg] aws_auth: \"")
        .expect_refused(message)
        .expect_at_mark(server_conf::FILE, server);
}

#[test]
fn a_bad_value_is_rejected() {
    for (directive, message) in [
        (
            "aws_access_key 'A B'",
            "\"aws_access_key\" has the invalid value \"A B\": an access key must not contain blanks",
        ),
        ("aws_access_key ''", "an access key must not contain blanks"),
        (
            "aws_access_key 'A\tB'",
            "\"A\\tB\": an access key must not contain blanks, control characters",
        ),
        (
            "aws_access_key A/B",
            "an access key must not contain blanks, control characters, \"/\" or \",\"",
        ),
        (
            "aws_secret_key 'hush hush'",
            "\"aws_secret_key\" has an invalid value: empty, or with blanks or control characters",
        ),
        (
            "aws_secret_key ''",
            "\"aws_secret_key\" has an invalid value: empty",
        ),
        (
            "aws_secret_key 'hush\t'",
            "\"aws_secret_key\" has an invalid value",
        ),
        (
            "aws_session_token ' hush'",
            "\"aws_session_token\" has an invalid value",
        ),
        (
            "aws_session_token ''",
            "\"aws_session_token\" has an invalid value",
        ),
        (
            "aws_region ''",
            "\"aws_region\" has the invalid value \"\": a region consists of",
        ),
        (
            "aws_region 'us east'",
            "a region consists of letters, digits and \"-\", such as eu-west-1",
        ),
        ("aws_region us-east-1/s3", "a region consists of"),
        (
            "aws_service 's 3'",
            "\"aws_service\" has the invalid value \"s 3\": a service consists of",
        ),
        ("aws_service ''", "such as s3 or execute-api"),
        (
            "aws_s3_bucket my/bucket",
            "\"aws_s3_bucket\" has the invalid value \"my/bucket\": a bucket name consists of",
        ),
        (
            "aws_s3_bucket 'my bucket'",
            "a bucket name consists of letters, digits, \".\", \"-\" and \"_\"",
        ),
        (
            "aws_s3_bucket ..",
            "a bucket name cannot have an empty part between dots",
        ),
        (
            "aws_endpoint https://s3.example",
            "\"aws_endpoint\" has the invalid value \"https://s3.example\": an endpoint is a \
             host with an optional port, such as s3.eu-west-1.amazonaws.com",
        ),
        ("aws_endpoint s3.example/path", "an endpoint is a host"),
        ("aws_endpoint ''", "an endpoint is a host"),
        ("aws_endpoint 's3.example '", "an endpoint is a host"),
        (
            "aws_sign yes",
            "\"aws_sign\" has the invalid value \"yes\": write \"on\", \"off\" or a variable",
        ),
        ("aws_sign ON", "write \"on\", \"off\" or a variable"),
        (
            "aws_sign_methods GET get",
            "\"aws_sign_methods\" has the invalid value \"get\": not a method: write names such as GET HEAD PUT, in capitals",
        ),
        ("aws_sign_methods FETCH", "\"FETCH\": not a method"),
        ("aws_sign_methods GET,HEAD", "\"GET,HEAD\": not a method"),
        ("aws_sign_methods ''", "\"\": not a method"),
        (
            "aws_addressing_style vhost",
            "\"aws_addressing_style\" has the invalid value \"vhost\": write \"virtual\" or \"path\"",
        ),
        (
            "aws_response_overrides yes",
            "\"aws_response_overrides\" has the invalid value \"yes\": write \"on\" or \"off\"",
        ),
        (
            "aws_pass_headers X-Other",
            "\"aws_pass_headers\" has the invalid value \"X-Other\": only \"x-amz-\" headers \
             have to be listed",
        ),
        (
            "aws_pass_headers x-amz-acl 'x-amz- meta'",
            "\"x-amz- meta\": not a header name",
        ),
        (
            "aws_pass_headers x-amz-acl:",
            "\"x-amz-acl:\": not a header name",
        ),
        ("aws_pass_headers *", "not a header name"),
        (
            "aws_pass_headers x-amz-*-acl*",
            "\"x-amz-*-acl*\": not a header name",
        ),
        ("aws_pass_headers x-amz-acl off", "\"off\""),
        (
            "aws_pass_headers x-amz-date",
            "this header is always set by the module",
        ),
        (
            "aws_pass_headers X-Amz-Security-Token",
            "this header is always set by the module",
        ),
        (
            "aws_signed_headers Range 'X Trace'",
            "\"aws_signed_headers\" has the invalid value \"X Trace\": not a header name",
        ),
        (
            "aws_signed_headers x-amz-*",
            "\"x-amz-*\": not a header name",
        ),
        ("aws_signed_headers ''", "not a header name"),
        (
            "aws_signed_headers Connection",
            "this header does not reach the upstream unchanged",
        ),
        (
            "aws_signed_headers AUTHORIZATION",
            "this header does not reach the upstream unchanged",
        ),
    ] {
        expect_refused(
            &format!("# a comment\n\n{directive}; #!\nroot /nowhere;\n"),
            message,
        );
    }
}

/// A value over several lines is rejected where its directive ends, as nginx counts.
#[test]
fn line_breaks_in_values_are_rejected() {
    expect_refused(
        "aws_access_key 'A\nB'; #!\n",
        "\"A\\nB\": an access key must not contain blanks",
    );
    expect_refused("aws_s3_bucket 'a\nb'; #!\n", "a bucket name consists of");
    expect_refused(
        "aws_secret_key 'hush\nhush'; #!\n",
        "\"aws_secret_key\" has an invalid value",
    );
    expect_refused("aws_region 'r\r'; #!\n", "\"r\\r\": a region consists of");
}

#[test]
fn a_malformed_scope_is_rejected() {
    for scope in [
        "",
        "x",
        "20260102",
        "20260102/us-east-1/s3",
        "20260102/us-east-1/s3/aws4",
        "20260102/us-east-1/s3/aws4_request/x",
        "/20260102/us-east-1/s3/aws4_request",
        "2026-01-02/us-east-1/s3/aws4_request",
        "260102/us-east-1/s3/aws4_request",
        "20261302/us-east-1/s3/aws4_request",
        "20260132/us-east-1/s3/aws4_request",
        "20260102//s3/aws4_request",
        "20260102/us-east-1//aws4_request",
        "20260102/us east/s3/aws4_request",
        "20260102/us-east-1/s3/aws4_request ",
    ] {
        expect_refused(
            &format!("aws_access_key AKID;\naws_key_scope '{scope}'; #!\n"),
            "yyyymmdd/region/service/aws4_request",
        );
    }
}

/// Base64 of 32 bytes is 43 digits and a padding that may be missing, as nginx's decoder has it.
#[test]
fn a_signing_key_is_base64_of_32_bytes() {
    let digits = "hush".repeat(11);
    for bad in [
        "",
        "hush",
        "hush not base64!",
        &digits[..42],
        &digits[..44],
        &format!("{}!", &digits[..42]),
        // 64 hexadecimal digits are base64 of 48 bytes.
        &"ab".repeat(32),
    ] {
        expect_refused(
            &format!("aws_access_key AKID;\naws_signing_key '{bad}'; #!\n"),
            "\"aws_signing_key\" is not 32 bytes in base64: write the first line that \
             generate_signing_key prints",
        );
    }
    for good in [digits[..43].to_owned(), format!("{}=", &digits[..43])] {
        check(&format!(
            "aws_access_key AKID; aws_signing_key {good};
             aws_key_scope 20150830/us-east-1/service/aws4_request; {SIGNED}"
        ))
        .expect_ok();
    }
}

#[test]
fn two_kinds_of_credentials_in_a_block_are_rejected() {
    let key = "A".repeat(43);
    let derived = [
        format!("aws_signing_key {key};"),
        "aws_key_scope 20260102/us-east-1/s3/aws4_request;".to_owned(),
    ];
    let secrets = ["aws_secret_key hush;", "aws_secret_key_file secret.key;"];
    for derived in &derived {
        for secret in secrets {
            expect_refused(
                &format!("{derived}\n{secret} #!\n"),
                "cannot be combined with \"aws_signing_key\" or its scope in the same block: \
                  keep one kind of credentials",
            );
            expect_refused(
                &format!("{secret}\nlocation /inner {{ }}\n{derived} #!\n"),
                "cannot be combined with a secret key in the same block: keep one kind of \
                 credentials",
            );
        }
    }
    expect_refused(
        "aws_secret_key hush;\naws_secret_key_file secret.key; #!\n",
        "\"aws_secret_key_file\" is duplicate: keep one in this block",
    );
}

#[test]
fn a_second_directive_in_a_block_is_rejected() {
    for directive in [
        "aws_access_key AKID",
        "aws_key_scope 20260102/us-east-1/s3/aws4_request",
        "aws_signing_key AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "aws_secret_key hush",
        "aws_secret_key_file secret.key",
        "aws_session_token hush",
        "aws_s3_bucket bucket",
        "aws_region us-east-1",
        "aws_service s3",
        "aws_sign on",
        "aws_sign_methods GET",
        "aws_addressing_style path",
        "aws_signed_headers Range",
        "aws_pass_headers off",
        "aws_response_overrides on",
    ] {
        let name = directive.split(' ').next().unwrap_or_default();
        expect_refused(
            &format!("{directive};\nroot /nowhere;\n{directive}; #!\n"),
            &format!("\"{name}\" is duplicate: keep one in this block"),
        );
        // In another block it is none.
        check(&format!("{directive}; location / {{ {directive}; }}\n")).expect_ok_or_incomplete();
    }
    expect_refused("aws_sign;\naws_sign off; #!\n", "\"aws_sign\" is duplicate");
    expect_refused("aws_sign off;\naws_sign; #!\n", "\"aws_sign\" is duplicate");
}

trait Incomplete {
    fn expect_ok_or_incomplete(self);
}

impl Incomplete for TestResult {
    /// `aws_sign on` alone lacks credentials, which is another mistake than being there twice.
    #[track_caller]
    fn expect_ok_or_incomplete(self) {
        assert!(
            self.ok || self.stderr.contains("there are no credentials"),
            "{}",
            self.stderr
        );
    }
}

#[test]
fn a_location_without_usable_credentials_is_rejected() {
    let signs = "location / {\n    aws_sign; #!\n    proxy_pass http://127.0.0.1:1;\n}\n";
    for (credentials, message) in [
        (
            "",
            "\"aws_sign\" cannot sign here: there are no credentials: add \"aws_access_key\", \"aws_secret_key_file\" and \"aws_region\"",
        ),
        ("aws_region us-east-1;", "there are no credentials"),
        (
            "aws_access_key AKID;",
            "the key is missing: add \"aws_secret_key_file\", or \"aws_signing_key\" and \"aws_key_scope\"",
        ),
        (
            "aws_secret_key hush; aws_region us-east-1;",
            "\"aws_access_key\" is missing in the block of the key",
        ),
        (
            "aws_access_key AKID; aws_key_scope 20260102/r/s3/aws4_request;",
            "\"aws_key_scope\" requires \"aws_signing_key\" in the same block",
        ),
        (
            "aws_access_key AKID; aws_signing_key AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA;",
            "\"aws_signing_key\" requires \"aws_key_scope\" in the same block",
        ),
    ] {
        for sign in ["aws_sign;", "aws_sign on;", "aws_sign $arg_sign;"] {
            expect_refused(
                &format!("{credentials}\n{}", signs.replace("aws_sign;", sign)),
                message,
            );
        }
    }
}

#[test]
fn a_secret_key_without_region_is_rejected() {
    for secret in ["aws_secret_key hush;", "aws_secret_key_file secret.key;"] {
        expect_refused(
            &format!("aws_access_key AKID;\n{secret} #!\nroot /nowhere;\n{SIGNED}"),
            "\"aws_region\" is missing: a secret key signs for a region, such as eu-west-1",
        );
    }
}

/// Static or with variables, and in whatever order.
#[test]
fn aws_sign_beside_another_pass_is_rejected() {
    for directive in ["grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass"] {
        for target in ["127.0.0.1:1", "$arg_target"] {
            for (before, after) in [("aws_sign; #!", ""), ("", "aws_sign on; #!")] {
                expect_refused(
                    &format!("{KEYS}location / {{\n{before}\n{directive} {target};\n{after}\n}}\n"),
                    &format!(
                        "\"aws_sign\" has no effect on \"{directive}\": use \"proxy_pass\", or remove \"aws_sign\""
                    ),
                );
            }
        }
    }
    expect_refused(
        &format!(
            "{KEYS}location / {{ if ($arg_a) {{\nfastcgi_pass 127.0.0.1:1;\naws_sign; #!\n}} }}\n"
        ),
        "\"aws_sign\" has no effect on \"fastcgi_pass\"",
    );
}

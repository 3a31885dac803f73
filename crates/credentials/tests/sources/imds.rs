//! The instance metadata service.

use crate::common::*;
use aws_credentials::host::HttpError;

const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

fn with_token(endpoint: &str) -> Script {
    Script::new().expect(format!("PUT {endpoint}/latest/api/token"), 200, "TOKEN==")
}

fn complete(endpoint: &str) -> Script {
    with_token(endpoint)
        .expect(format!("GET {endpoint}{ROLES}"), 200, "web\n")
        .expect(format!("GET {endpoint}{ROLES}web"), 200, json_credentials())
}

#[test]
fn token_role_and_credentials_are_asked_for() {
    let host = complete(IMDS);
    let credentials = fetch_once(&host, "imds", &[]).unwrap();
    assert_eq!(parts(&credentials), TEMPORARY);
    assert_eq!(credentials.origin, "imds, role web");
    assert!(credentials.outlives_expiry);

    let sent = host.sent.borrow();
    assert_eq!(
        sent[0].headers["x-aws-ec2-metadata-token-ttl-seconds"],
        "300"
    );
    for request in &sent[1..] {
        assert_eq!(request.headers["x-aws-ec2-metadata-token"], "TOKEN==");
    }
}

#[test]
fn a_given_role_is_not_asked_for() {
    let host = with_token(IMDS).expect(format!("GET {IMDS}{ROLES}a+b"), 200, json_credentials());
    assert_eq!(
        parts(&fetch_once(&host, "imds role=a+b", &[]).unwrap()),
        TEMPORARY
    );
}

#[test]
fn the_endpoint_may_be_another() {
    const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    const MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
    for (line, variables, endpoint) in [
        (
            "imds endpoint=http://127.0.0.1:8080/",
            &[][..],
            "http://127.0.0.1:8080",
        ),
        ("imds endpoint=http://[::1]:80/x", &[], "http://[::1]/x"),
        ("imds", &[(ENDPOINT, "http://10.0.0.1")], "http://10.0.0.1"),
        ("imds", &[(MODE, "IPv6")], "http://[fd00:ec2::254]"),
        ("imds", &[(MODE, "ipv4")], IMDS),
        (
            "imds",
            &[(MODE, "IPv6"), (ENDPOINT, "http://10.0.0.1")],
            "http://10.0.0.1",
        ),
        (
            "imds endpoint=http://10.0.0.2",
            &[(ENDPOINT, "http://10.0.0.1")],
            "http://10.0.0.2",
        ),
    ] {
        let credentials = fetch_once(&complete(endpoint), line, variables).unwrap();
        assert_eq!(parts(&credentials), TEMPORARY, "{line}");
    }
}

#[test]
fn what_cannot_work_is_refused_when_it_is_read() {
    for (line, variables, error) in [
        (
            "imds",
            &[("AWS_EC2_METADATA_DISABLED", "TRUE")][..],
            "AWS_EC2_METADATA_DISABLED is true in the environment",
        ),
        (
            "imds",
            &[("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5")],
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: it must be IPv4 or IPv6",
        ),
        (
            "imds",
            &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "10.0.0.1")],
            "AWS_EC2_METADATA_SERVICE_ENDPOINT: it does not begin with",
        ),
        (
            "imds endpoint=10.0.0.1",
            &[],
            "endpoint=: it does not begin with",
        ),
        ("imds role=a/b", &[], "role=: it must consist of"),
    ] {
        let text = define(line, variables).unwrap_err().to_string();
        assert!(text.starts_with(error), "{text}");
    }
}

#[test]
fn expired_credentials_are_taken() {
    // The service hands them out when it cannot renew them, and AWS goes on accepting them.
    let host = complete(IMDS);
    host.clock.set((NOW + 86_400) * 1000);
    let credentials = fetch_once(&host, "imds", &[]).unwrap();
    assert_eq!(credentials.expires_at, Some(NOW + 3600));
    assert!(credentials.outlives_expiry);
}

#[test]
fn refusals_are_explained() {
    let host = Script::new().expect(format!("PUT {IMDS}/latest/api/token"), 403, "");
    let error = fetch_once(&host, "imds", &[]).unwrap_err().to_string();
    assert!(
        error.ends_with("status 403, is the instance metadata service disabled?"),
        "{error}"
    );

    let host = with_token(IMDS).expect(format!("GET {IMDS}{ROLES}"), 404, "<html>");
    let error = fetch_once(&host, "imds", &[]).unwrap_err().to_string();
    assert!(
        error.ends_with("the instance has no such role; is one attached to it?"),
        "{error}"
    );

    let host =
        Script::new().expect_error(format!("PUT {IMDS}/latest/api/token"), HttpError::Timeout);
    let error = fetch_once(&host, "imds", &[]).unwrap_err().to_string();
    assert!(
        error.contains("the hop limit of the instance must be 2"),
        "{error}"
    );

    let refusal = r#"{"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot\nassume"}"#;
    let host = with_token(IMDS).expect(format!("GET {IMDS}{ROLES}web"), 200, refusal);
    let error = fetch_once(&host, "imds role=web", &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with(": AssumeRoleUnauthorizedAccess: EC2 cannot"),
        "{error}"
    );
}

#[test]
fn a_token_or_role_that_is_none_goes_no_further() {
    for token in ["", " \n", "<html>\n</html>", "a b", "a\r\nx: y", "\u{e9}"] {
        let host = Script::new().expect(format!("PUT {IMDS}/latest/api/token"), 200, token);
        let error = fetch_once(&host, "imds", &[]).unwrap_err().to_string();
        assert!(
            error.ends_with("the token in the response is malformed"),
            "{token:?}: {error}"
        );
    }
    for role in ["", "<html>", "a b", "../..", "a?b", "a%2fb"] {
        let host = with_token(IMDS).expect(format!("GET {IMDS}{ROLES}"), 200, role);
        let error = fetch_once(&host, "imds", &[]).unwrap_err().to_string();
        assert!(
            error.contains("the role's name in the response is malformed"),
            "{role:?}: {error}"
        );
    }
}

//! Roles taken with other credentials.

use aws_credentials::Endpoint;

use crate::common::*;
use crate::official::{KEYS, authorization};

const ROLE: &str = "arn:aws:iam::123456789012:role/web";
const LINE: &str = "assume_role source=env role_arn=arn:aws:iam::123456789012:role/web";
const STS: &str = "POST https://sts.eu-west-1.amazonaws.com/";

fn answering(count: usize) -> Script {
    let host = Script::new();
    for _ in 0..count {
        host.and_expect(STS, Ok((200, sts_credentials("AssumeRole"))));
    }
    host
}

#[test]
fn the_request_is_signed_as_the_official_signer_does() {
    let others = "http://127.0.0.1:8080/a/b";
    let with_endpoint = format!("{LINE} endpoint={others}");
    let regional = "https://sts.eu-west-1.amazonaws.com/";
    for (line, url, variables) in [
        (LINE, regional, &KEYS[..]),
        (LINE, regional, &KEYS[..3]),
        (&with_endpoint, others, &KEYS[..]),
    ] {
        let answer = sts_credentials("AssumeRole");
        let host = Script::new().expect(format!("POST {url}"), 200, answer);
        let credentials = fetch_once(&host, line, variables).unwrap();
        assert_eq!(parts(&credentials), TEMPORARY);
        let sent = &host.sent.borrow()[0];
        let expected = authorization(sent, url, "sts", "eu-west-1");
        assert_eq!(sent.headers["authorization"], expected, "{line}");
        let has_token = sent.headers.contains_key("x-amz-security-token");
        assert_eq!(has_token, variables.len() == 4);
    }
}

#[test]
fn all_parameters_are_sent() {
    let line = format!("{LINE} session_name=me external_id=a:b/c=d duration=900");
    let host = answering(1);
    fetch_once(&host, &line, &KEYS).unwrap();
    assert_eq!(
        host.sent.borrow()[0].body,
        "Action=AssumeRole&Version=2011-06-15\
         &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fweb&RoleSessionName=me\
         &DurationSeconds=900&ExternalId=a%3Ab%2Fc%3Dd"
    );
}

#[test]
fn any_source_may_open_the_role() {
    let roles = "/latest/meta-data/iam/security-credentials/web";
    let host = Script::new()
        .expect(format!("PUT {IMDS}/latest/api/token"), 200, "TOKEN")
        .expect(format!("GET {IMDS}{roles}"), 200, json_credentials())
        .expect(
            "POST https://sts.amazonaws.com/",
            200,
            sts_credentials("AssumeRole"),
        );
    let declared = define("imds role=web", &[]).unwrap();
    let words = ["source=instance", &format!("role_arn={ROLE}")];
    let declared = [("instance", &declared)];
    let definition = parse("assume_role", &words, &environment(&[]), &declared).unwrap();
    let credentials = fetch(&host, &mut definition.fetcher()).unwrap();
    host.finish();
    assert!(
        !credentials.outlives_expiry,
        "that is for the instance's own credentials"
    );
    let sent = host.sent.borrow();
    assert!(
        sent[2].headers["authorization"].contains("Credential=ASIAEXAMPLE/20260102/us-east-1/")
    );
    assert_eq!(
        sent[2].headers["x-amz-security-token"],
        TEMPORARY.2.unwrap()
    );
}

#[test]
fn a_role_may_open_another() {
    let first = define(LINE, &KEYS).unwrap();
    let words = ["source=first", "role_arn=arn:aws:iam::2:role/second"];
    let declared = [("first", &first)];
    let definition = parse("assume_role", &words, &environment(&KEYS), &declared).unwrap();
    let host = answering(2);
    fetch(&host, &mut definition.fetcher()).unwrap();
    host.finish();
    let sent = host.sent.borrow();
    assert!(sent[0].headers["authorization"].contains("Credential=AKIDEXAMPLE/"));
    assert!(sent[1].headers["authorization"].contains("Credential=ASIAEXAMPLE/"));
    assert!(sent[1].body.contains("role%2Fsecond"));
    assert_ne!(definition.digest(), first.digest());
}

#[test]
fn a_check_looks_through_to_the_source() {
    let home = [("HOME", "/home/web"), ("AWS_REGION", "eu-west-1")];
    let text =
        "[default]\nrole_arn = arn:aws:iam::2:role/b\ncredential_source = Ec2InstanceMetadata";
    let host = Script::new().file("/home/web/.aws/config", text);
    for source in ["default", "file"] {
        let line = format!("assume_role source={source} role_arn={ROLE}");
        let check = define(&line, &home).unwrap().check(&host).unwrap();
        assert_eq!(
            check.description,
            "assume_role arn:aws:iam::123456789012:role/web with file, profile \"default\": \
             assume_role arn:aws:iam::2:role/b with imds at http://169.254.169.254"
        );
        let hosts: Vec<String> = check.endpoints.iter().map(Endpoint::to_string).collect();
        let sts = "https://sts.eu-west-1.amazonaws.com";
        assert_eq!(hosts, [sts, sts, IMDS]);
        assert_eq!(check.files.len(), 2);
    }
}

#[test]
fn refusals_are_told_without_what_was_signed() {
    let refused = |code: &str, message: &str| {
        let host = Script::new().expect(STS, 403, sts_error(code, message));
        fetch_once(&host, LINE, &KEYS).unwrap_err().to_string()
    };
    let from = "https://sts.eu-west-1.amazonaws.com AssumeRole: status 403,";
    assert_eq!(
        refused("AccessDenied", "User: a is not authorized"),
        format!("{from} AccessDenied: User: a is not authorized")
    );
    let error = refused(
        "SignatureDoesNotMatch",
        "'POST x-amz-security-token:IQoJb3JpZ2lu/SOURCE=='",
    );
    assert_eq!(error, format!("{from} SignatureDoesNotMatch"));
}

#[test]
fn what_cannot_work_is_refused_when_it_is_read() {
    let role = "role_arn=arn:aws:iam::1:role/a";
    for (line, error) in [
        (
            "assume_role",
            "assume_role requires \"source=\", e.g. source=default",
        ),
        (
            "assume_role source=env",
            "assume_role requires \"role_arn=\"",
        ),
        (
            &format!("assume_role source=web {role}"),
            "source=: no provider \"web\" is declared above",
        ),
        (
            &format!("assume_role source=env {role}"),
            "AWS_ACCESS_KEY_ID is not in the environment",
        ),
        (
            &format!("assume_role source=process {role}"),
            "process requires \"command=\"",
        ),
        (
            &format!("assume_role source=imds {role} duration=899"),
            "duration: it must be a number",
        ),
        (
            &format!("assume_role source=imds {role} duration=1h"),
            "duration: it must be a number",
        ),
        (
            &format!("assume_role source=imds {role} external_id=a"),
            "external_id: it must consist of",
        ),
        (
            &format!("assume_role source=imds {role} token_file=/a"),
            "\"token_file=\" is unknown: assume_role accepts source=, role_arn=, session_name=, \
             external_id=, duration=, region=, endpoint=",
        ),
    ] {
        let text = define(line, &[]).unwrap_err().to_string();
        assert!(text.starts_with(error), "{text}");
    }
    let keys = define("signing_keys path=/a access_key=A", &[]).unwrap();
    let words = ["source=keys", role];
    let result = parse("assume_role", &words, &environment(&[]), &[("keys", &keys)]);
    let text = result.unwrap_err().to_string();
    assert_eq!(
        text,
        "source=: signing keys of one service cannot sign for STS"
    );
}

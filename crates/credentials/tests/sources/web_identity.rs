//! Roles for tokens of OpenID Connect.

use aws_credentials::host::FileError;

use crate::common::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/web";
const ACTION: &str = "AssumeRoleWithWebIdentity";
const VARIABLES: [(&str, &str); 3] = [
    ("AWS_ROLE_ARN", ROLE),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
    ("AWS_REGION", "eu-west-1"),
];
const STS: &str = "POST https://sts.eu-west-1.amazonaws.com/";

#[test]
fn the_token_is_exchanged() {
    let host =
        Script::new()
            .file("/token", "eyJ0.eyJz.c2ln\n")
            .expect(STS, 200, sts_credentials(ACTION));
    let credentials = fetch_once(&host, "web_identity", &VARIABLES).unwrap();
    assert_eq!(parts(&credentials), TEMPORARY);
    assert_eq!(credentials.origin, format!("sts, role {ROLE}"));
    assert!(!credentials.outlives_expiry);

    let sent = &host.sent.borrow()[0];
    assert_eq!(
        sent.body,
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15\
         &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fweb&RoleSessionName=nginx-aws-auth\
         &WebIdentityToken=eyJ0.eyJz.c2ln"
    );
    let content_type = "application/x-www-form-urlencoded; charset=utf-8";
    assert_eq!(sent.headers["content-type"], content_type);
    assert_eq!(
        sent.headers.get("authorization"),
        None,
        "the token is all the proof there is"
    );
}

#[test]
fn words_win_over_variables() {
    let line = "web_identity role_arn=arn:aws:iam::1:role/b token_file=/b session_name=me@b \
                region=us-west-2 endpoint=http://127.0.0.1:1/sts";
    let host = Script::new().file("/b", "token").expect(
        "POST http://127.0.0.1:1/sts",
        200,
        sts_credentials(ACTION),
    );
    fetch_once(&host, line, &VARIABLES).unwrap();
    let body = &host.sent.borrow()[0].body;
    assert!(body.contains("&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fb&RoleSessionName=me%40b&"));
}

#[test]
fn the_token_is_read_each_time() {
    let host = Script::new();
    let mut fetcher = fetcher("web_identity", &VARIABLES);
    for token in ["first", "second"] {
        host.write("/token", token);
        host.and_expect(STS, Ok((200, sts_credentials(ACTION))));
        fetch(&host, &mut fetcher).unwrap();
        let sent = host.sent.borrow();
        assert!(
            sent.last()
                .unwrap()
                .body
                .ends_with(&format!("&WebIdentityToken={token}"))
        );
    }
    assert!(!fetcher.files_changed(&host));
    host.remove("/token");
    assert!(fetcher.files_changed(&host));
}

#[test]
fn without_a_token_nothing_is_sent() {
    let fetched = |host: &Script| fetch_once(host, "web_identity", &VARIABLES).unwrap_err();
    assert_eq!(
        fetched(&Script::new()).to_string(),
        "/token: there is no such file"
    );
    for content in ["", "\n", "a b", "a\nb", "\u{e9}"] {
        let text = fetched(&Script::new().file("/token", content)).to_string();
        assert_eq!(text, "/token: it must contain only a token, on one line");
    }
    let host = Script::new();
    host.files
        .borrow_mut()
        .insert("/token".into(), Err(FileError::NotRegular));
    assert_eq!(
        fetched(&host).to_string(),
        "/token: it is not a regular file"
    );
}

#[test]
fn what_cannot_work_is_refused_when_it_is_read() {
    let token = "token_file=/token";
    for (line, error) in [
        (
            "web_identity",
            "web_identity requires \"role_arn=\", e.g. role_arn=arn:aws:iam",
        ),
        (
            &format!("web_identity role_arn={ROLE}"),
            "web_identity requires \"token_file=\"",
        ),
        (
            &format!("web_identity role_arn=web {token}"),
            "role_arn: it must be of the form arn:aws",
        ),
        (
            &format!("web_identity role_arn={ROLE} token_file=a"),
            "token file: it is not an absolute",
        ),
        (
            &format!("web_identity role_arn={ROLE} {token} session_name=a"),
            "session name: it must consist of",
        ),
        (
            &format!("web_identity role_arn={ROLE} {token} region=a.b"),
            "region: \"a.b\" is not one",
        ),
        (
            &format!("web_identity role_arn={ROLE} {token} endpoint=a"),
            "endpoint: it does not begin",
        ),
    ] {
        let text = define(line, &[]).unwrap_err().to_string();
        assert!(text.starts_with(error), "{text}");
    }
}

//! The agents of ECS and EKS.

use crate::common::*;
use aws_credentials::host::FileError;

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const POD: &str = "http://169.254.170.23/v1/credentials";

#[test]
fn the_agent_is_found() {
    for (line, variables, url) in [
        (
            "container",
            &[(RELATIVE, "/v2/a?id=b")][..],
            "http://169.254.170.2/v2/a?id=b",
        ),
        ("container", &[(FULL, POD)], POD),
        (
            "container",
            &[(FULL, POD), (RELATIVE, "/v2")],
            "http://169.254.170.2/v2",
        ),
        (
            "container",
            &[(FULL, "http://127.0.0.1:51679/c")],
            "http://127.0.0.1:51679/c",
        ),
        (
            "container",
            &[(FULL, "http://[fd00:ec2::23]/v1/c")],
            "http://[fd00:ec2::23]/v1/c",
        ),
        (
            "container",
            &[(FULL, "https://agent.example/c")],
            "https://agent.example/c",
        ),
        (
            "container uri=/v3",
            &[(FULL, POD)],
            "http://169.254.170.2/v3",
        ),
        (
            "container uri=http://localhost:1/c",
            &[],
            "http://localhost:1/c",
        ),
    ] {
        let host = Script::new().expect(format!("GET {url}"), 200, json_credentials());
        let credentials = fetch_once(&host, line, variables).unwrap();
        assert_eq!(parts(&credentials), TEMPORARY, "{line}");
        assert!(!credentials.outlives_expiry);
        assert_eq!(host.sent.borrow()[0].headers.get("authorization"), None);
    }
}

#[test]
fn the_case_of_names_does_not_matter() {
    let mut body = json_credentials();
    for name in ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"] {
        body = body.replace(name, &name.to_lowercase());
    }
    let host = Script::new().expect(format!("GET {POD}"), 200, body);
    let credentials = fetch_once(&host, "container", &[(FULL, POD)]).unwrap();
    assert_eq!(parts(&credentials), TEMPORARY);
}

#[test]
fn where_no_agent_is_nothing_is_sent() {
    for (line, variables, error) in [
        (
            "container",
            &[][..],
            "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor",
        ),
        (
            "container",
            &[(RELATIVE, "@evil.example/")],
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: ",
        ),
        (
            "container",
            &[(FULL, "http://evil.example/")],
            "AWS_CONTAINER_CREDENTIALS_FULL_URI: plain http is",
        ),
        (
            "container",
            &[(FULL, "http://169.254.169.254/")],
            "AWS_CONTAINER_CREDENTIALS_FULL_URI: plain http is",
        ),
        (
            "container",
            &[(FULL, "http://127.0.0.1@evil.example/")],
            "AWS_CONTAINER_CREDENTIALS_FULL_URI: ",
        ),
        (
            "container uri=http://10.0.0.1/",
            &[],
            "uri=: plain http is allowed only",
        ),
        ("container uri=v2", &[], "uri=: it does not begin with"),
        (
            "container uri=/v2",
            &[(TOKEN_FILE, "token")],
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: ",
        ),
        (
            "container uri=/v2",
            &[(TOKEN, "a\r\nb")],
            "AWS_CONTAINER_AUTHORIZATION_TOKEN: it contains",
        ),
    ] {
        let text = define(line, variables).unwrap_err().to_string();
        assert!(text.starts_with(error), "{text}");
    }
}

#[test]
fn the_token_is_sent_as_it_is() {
    let host = Script::new().expect(format!("GET {POD}"), 200, json_credentials());
    fetch_once(
        &host,
        "container",
        &[(FULL, POD), (TOKEN, "Basic dXNlcg==")],
    )
    .unwrap();
    assert_eq!(
        host.sent.borrow()[0].headers["authorization"],
        "Basic dXNlcg=="
    );
}

#[test]
fn a_token_file_is_read_each_time_and_wins() {
    let variables = [(FULL, POD), (TOKEN, "old"), (TOKEN_FILE, "/token")];
    let mut fetcher = fetcher("container", &variables);
    let host = Script::new().file("/token", "first\n");
    for token in ["first", "second"] {
        host.write("/token", token);
        host.and_expect(format!("GET {POD}"), Ok((200, json_credentials())));
        fetch(&host, &mut fetcher).unwrap();
        assert_eq!(
            host.sent.borrow().last().unwrap().headers["authorization"],
            token
        );
    }
    assert!(!fetcher.files_changed(&host));
    host.write("/token", "third");
    assert!(fetcher.files_changed(&host));
}

#[test]
fn a_token_file_that_holds_no_token_sends_nothing() {
    let variables = [(FULL, POD), (TOKEN_FILE, "/token")];
    for (content, error) in [
        (&b""[..], "/token: it must contain only a token"),
        (b"\n", "/token: it must contain only a token"),
        (b"a\nb", "/token: it must contain only a token"),
        (b"a\0", "/token: it must contain only a token"),
        (b"\xff", "/token: it must contain only a token"),
        (&[b'a'; 20_000], "/token: it has more than 16384 bytes"),
    ] {
        let host = Script::new().file("/token", content);
        let text = fetch_once(&host, "container", &variables)
            .unwrap_err()
            .to_string();
        assert!(text.starts_with(error), "{text}");
    }
    let text = fetch_once(&Script::new(), "container", &variables)
        .unwrap_err()
        .to_string();
    assert_eq!(text, "/token: there is no such file");

    let host = Script::new();
    let denied = Err(FileError::System("Permission denied (13)".to_owned()));
    host.files.borrow_mut().insert("/token".into(), denied);
    let text = fetch_once(&host, "container", &variables)
        .unwrap_err()
        .to_string();
    assert_eq!(text, "/token: Permission denied (13)");
}

#[test]
fn the_agents_reasons_are_told() {
    let body = r#"{"code": "AccessDenied", "message": "no\u0007 role", "HTTPErrorCode": 400}"#;
    let host = Script::new().expect(format!("GET {POD}"), 400, body);
    let text = fetch_once(&host, "container", &[(FULL, POD)])
        .unwrap_err()
        .to_string();
    assert_eq!(text, format!("{POD}: status 400, AccessDenied: no? role"));
}

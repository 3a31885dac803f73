//! Programs that print tokens.

use aws_credentials::Definition;
use aws_credentials::host::{ExitStatus, RunError};

use crate::common::*;

fn define_program(format: &str) -> Definition {
    let words = ["command=/opt/print --now", format];
    parse_token("process", &words, &environment(&[]), &[]).unwrap()
}

fn run(
    format: &str,
    result: Result<(ExitStatus, &str), RunError>,
) -> Result<(String, Option<i64>), String> {
    let host = Script::new().expect_run(result);
    let fetched = fetch_token(&host, &mut define_program(format).fetcher());
    host.finish();
    match fetched {
        Ok(token) => Ok((token.value.expose().to_owned(), token.expires_at)),
        Err(error) => Err(error.to_string()),
    }
}

fn prints(output: &str) -> Result<(String, Option<i64>), String> {
    run("format=raw", Ok((ExitStatus::Exited(0), output)))
}

#[test]
fn a_text_is_the_token() {
    for output in [
        "eyJ0.eyJz.c2ln",
        "eyJ0.eyJz.c2ln\n",
        " \n\teyJ0.eyJz.c2ln\r\n\n",
    ] {
        assert_eq!(prints(output), Ok(("eyJ0.eyJz.c2ln".to_owned(), None)));
    }
}

#[test]
fn an_object_says_when_it_expires() {
    let later = Some(NOW + 3600);
    for (output, expires_at) in [
        (r#"{"token": "abc"}"#.to_owned(), None),
        (r#"{"Token": "abc", "Expiration": null}"#.to_owned(), None),
        (
            format!(r#"{{"token": "abc", "expiration": "{LATER}", "more": [1]}}"#),
            later,
        ),
        (
            format!(
                r#"{{"authorizationToken": "abc", "expiration": {}.5}}"#,
                NOW + 3600
            ),
            later,
        ),
        (
            format!(
                r#"{{"authorizationToken": "abc", "expiresAt": {}}}"#,
                NOW + 3600
            ),
            later,
        ),
    ] {
        assert_eq!(
            prints(&output),
            Ok(("abc".to_owned(), expires_at)),
            "{output}"
        );
    }
}

#[test]
fn basic_is_made_of_a_user_and_a_password() {
    let basic = |output| run("format=basic", Ok((ExitStatus::Exited(0), output)));
    // "user:word"
    assert_eq!(basic("user:word\n"), Ok(("dXNlcjp3b3Jk".to_owned(), None)));
    assert_eq!(
        basic("word"),
        Err(
            "process /opt/print: the token is not of the form <user>:<password>, which \
             format=basic requires"
                .to_owned()
        )
    );
}

#[test]
fn what_is_not_exactly_a_token_is_an_error() {
    let neither = "the response is neither a token (visible ASCII without blanks) nor a JSON \
                   object with one";
    for (output, error) in [
        ("", "the response is empty"),
        (" \n", "the response is empty"),
        ("Please log in", neither),
        ("one\ntwo", neither),
        ("caf\u{e9}", neither),
        ("a\u{0}b", neither),
        ("[\"abc\", \"def\"]", neither),
        ("{\"token\": \"abc\"", "the response is not a JSON object"),
        ("{}", "the response has no token"),
        ("{\"token\": \"\"}", "the response has no token"),
        ("{\"token\": 1}", "token in the response is not a string"),
        ("{\"token\": \"a b\"}", "token in the response is malformed"),
        (
            "{\"token\": \"abc\", \"expiration\": \"tomorrow\"}",
            "expiration in the response is malformed",
        ),
        (
            "{\"token\": \"abc\", \"expiration\": \"2026-01-02T03:04:05Z\"}",
            "the token in the response expired at 2026-01-02T03:04:05Z: check the clock of this \
             machine",
        ),
    ] {
        assert_eq!(
            prints(output),
            Err(format!("/opt/print: {error}")),
            "{output}"
        );
    }
}

#[test]
fn how_it_ended_matters() {
    for (result, error) in [
        (
            Ok((ExitStatus::Exited(1), "abc")),
            "/opt/print: exited with status 1",
        ),
        (
            Err(RunError::Timeout),
            "/opt/print: took too long and was killed",
        ),
    ] {
        assert_eq!(run("format=raw", result), Err(error.to_owned()));
    }
}

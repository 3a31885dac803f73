//! Programs that print credentials.

use aws_credentials::Definition;
use aws_credentials::host::{ExitStatus, RunError};

use crate::common::*;

fn define_command(line: &str) -> Definition {
    let word = format!("command={line}");
    let environment = environment(&[
        ("PATH", "/bin"),
        ("HOME", "/root"),
        ("AWS_PROFILE", "web"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]);
    parse("process", &[&word], &environment, &[]).unwrap()
}

fn run(result: Result<(ExitStatus, &str), RunError>) -> Result<String, String> {
    let host = Script::new().expect_run(result);
    let fetched = fetch(&host, &mut define_command("/opt/print --now").fetcher());
    host.finish();
    match fetched {
        Ok(credentials) => Ok(format!("{:?}", parts(&credentials))),
        Err(error) => Err(error.to_string()),
    }
}

fn prints(output: &str) -> Result<String, String> {
    run(Ok((ExitStatus::Exited(0), output)))
}

#[test]
fn what_it_prints_is_used() {
    let output = format!(
        r#"{{"Version": 1, "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG",
            "SessionToken": "IQoJb3JpZ2lu/EXAMPLE==", "Expiration": "{LATER}", "AccountId": "1"}}"#
    );
    assert_eq!(prints(&output), Ok(format!("{TEMPORARY:?}")));
    let permanent = r#"{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"s","Expiration":null}"#;
    assert_eq!(
        prints(permanent),
        Ok(format!("{:?}", ("AKIA", "s", None::<&str>, None::<i64>)))
    );
}

#[test]
fn what_is_not_exactly_credentials_is_an_error() {
    let document = |fields: &str| format!("{{\"Version\": 1{fields}}}");
    let key = r#", "AccessKeyId": "AKIA""#;
    for (output, error) in [
        (String::new(), "the response is empty"),
        (
            "Please log in\n".to_owned(),
            "the response is not a JSON object",
        ),
        ("[]".to_owned(), "the response is not a JSON object"),
        ("{} {}".to_owned(), "the response is not a JSON object"),
        ("{}".to_owned(), "the response has no \"Version\": 1"),
        (
            "{\"Version\": 2}".to_owned(),
            "the response has no \"Version\": 1",
        ),
        (
            "{\"Version\": \"1\"}".to_owned(),
            "the response has no \"Version\": 1",
        ),
        (document(""), "the response has no AccessKeyId"),
        (
            document(r#", "AccessKeyId": 1"#),
            "AccessKeyId in the response is not a string",
        ),
        (
            document(r#", "AccessKeyId": "A/B", "SecretAccessKey": "s""#),
            "AccessKeyId in the response is malformed",
        ),
        (document(key), "the response has no SecretAccessKey"),
        (
            document(&format!("{key}, \"SecretAccessKey\": \"\"")),
            "the response has no SecretAccessKey",
        ),
        (
            document(&format!("{key}, \"SecretAccessKey\": \"a b\"")),
            "SecretAccessKey in the response is malformed",
        ),
        (
            document(&format!(
                "{key}, \"SecretAccessKey\": \"s\", \"SessionToken\": \"\""
            )),
            "the response has no SessionToken",
        ),
        (
            document(&format!(
                "{key}, \"SecretAccessKey\": \"s\", \"SessionToken\": \"a\\nb\""
            )),
            "SessionToken in the response is malformed",
        ),
        (
            document(&format!(
                "{key}, \"SecretAccessKey\": \"s\", \"Expiration\": \"tomorrow\""
            )),
            "Expiration in the response is malformed",
        ),
        (
            document(&format!(
                "{key}, \"SecretAccessKey\": \"s\", \"Expiration\": 1767323045"
            )),
            "Expiration in the response is not a string",
        ),
        (
            document(&format!(
                "{key}, \"SecretAccessKey\": \"s\", \"Expiration\": \"2026-01-02T03:04:05Z\""
            )),
            "the credentials in the response expired at 2026-01-02T03:04:05Z: check the clock of \
             this machine",
        ),
    ] {
        assert_eq!(
            prints(&output),
            Err(format!("/opt/print: {error}")),
            "{output}"
        );
    }
}

#[test]
fn how_it_ended_matters() {
    let good = r#"{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"s"}"#;
    for (result, error) in [
        (
            Ok((ExitStatus::Exited(1), good)),
            "/opt/print: exited with status 1",
        ),
        (
            Ok((ExitStatus::Signaled(9), good)),
            "/opt/print: exited on signal 9",
        ),
        (
            Err(RunError::Timeout),
            "/opt/print: took too long and was killed",
        ),
        (
            Err(RunError::Start("No such file or directory (2)".to_owned())),
            "/opt/print: cannot be started: No such file or directory (2)",
        ),
    ] {
        assert_eq!(run(result), Err(error.to_owned()));
    }
    let endless = "x".repeat(2 * 1024 * 1024);
    let error = prints(&endless).unwrap_err();
    assert_eq!(
        error,
        "/opt/print: wrote more than 65536 bytes and was killed"
    );
}

#[test]
fn it_runs_without_shell_and_without_our_secrets() {
    let host = Script::new().expect_run(Err(RunError::Timeout));
    let definition = define_command("print 'a b' $HOME; rm");
    fetch(&host, &mut definition.fetcher()).unwrap_err();
    let commands = host.commands.borrow();
    let [command] = &**commands else {
        panic!("one command")
    };
    assert_eq!(command.program.to_str(), Some("print"));
    let arguments: Vec<_> = command.arguments.iter().map(|word| word.as_str()).collect();
    assert_eq!(arguments, ["a b", "$HOME;", "rm"]);
    let environment = [("AWS_PROFILE", "web"), ("HOME", "/root"), ("PATH", "/bin")];
    assert_eq!(
        command.environment,
        environment.map(|(name, value)| (name, value.to_owned()))
    );
    assert!(
        !format!("{command:?} {definition:?}").contains("a b"),
        "arguments may be secrets"
    );
}

#[test]
fn a_command_line_that_is_none_is_refused() {
    for (line, error) in [
        ("process", "process requires \"command=\", e.g. \"command="),
        (
            "process command='a",
            "quotation marks belong around the whole word: write \"command=a ...\"",
        ),
        ("process command=a'", "command=: a quote is not closed"),
        ("process command=''", "command=: it has no program"),
    ] {
        let text = define(line, &[]).unwrap_err().to_string();
        assert!(text.starts_with(error), "{text}");
    }
}

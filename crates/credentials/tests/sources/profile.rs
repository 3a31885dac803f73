//! What the settings of a profile come to.

use aws_credentials::Credentials;
use aws_credentials::host::ExitStatus;

use crate::common::*;

const HOME: (&str, &str) = ("HOME", "/home/web");
const CONFIG: &str = "/home/web/.aws/config";
const CREDENTIALS: &str = "/home/web/.aws/credentials";
const KEYS: &str = "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalrX\n";
const STS: &str = "POST https://sts.eu-west-1.amazonaws.com/";

fn config(text: &str) -> Script {
    Script::new().file(CONFIG, text)
}

fn load(host: &Script, line: &str) -> Result<Credentials, String> {
    let variables = [HOME, ("AWS_REGION", "eu-west-1")];
    fetch_once(host, line, &variables).map_err(|error| error.to_string())
}

#[test]
fn roles_are_taken_one_with_the_other() {
    let host = config(
        "[profile a]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = b\nexternal_id = id\n\
         [profile b]\nrole_arn = arn:aws:iam::2:role/b\nsource_profile = c\n\
         role_session_name = me\nduration_seconds = 1800\n",
    )
    .file(CREDENTIALS, format!("[c]\n{KEYS}"))
    .expect(STS, 200, sts_credentials("AssumeRole"))
    .expect(STS, 200, sts_credentials("AssumeRole"));
    let credentials = load(&host, "file profile=a").unwrap();
    assert_eq!(parts(&credentials), TEMPORARY);
    assert_eq!(credentials.origin, "sts, role arn:aws:iam::1:role/a");
    let sent = host.sent.borrow();
    assert!(
        sent[0].headers["authorization"].contains("Credential=AKIDEXAMPLE/20260102/eu-west-1/sts/")
    );
    assert!(
        sent[0]
            .body
            .contains("role%2Fb&RoleSessionName=me&DurationSeconds=1800")
    );
    assert!(sent[1].headers["authorization"].contains("Credential=ASIAEXAMPLE/"));
    assert!(
        sent[1]
            .body
            .ends_with("role%2Fa&RoleSessionName=nginx-aws-auth&ExternalId=id")
    );
}

#[test]
fn a_source_with_keys_is_used_for_its_keys() {
    // Also by the profile itself.
    for text in [
        format!("[profile a]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = a\n{KEYS}"),
        format!(
            "[profile a]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = b\n\
             [profile b]\nrole_arn = arn:aws:iam::2:role/b\nsource_profile = a\n{KEYS}"
        ),
    ] {
        let host = config(&text).expect(STS, 200, sts_credentials("AssumeRole"));
        assert_eq!(parts(&load(&host, "file profile=a").unwrap()), TEMPORARY);
        assert!(host.sent.borrow()[0].headers["authorization"].contains("=AKIDEXAMPLE/"));
    }
}

#[test]
fn the_region_comes_from_directive_environment_profile_in_this_order() {
    let text = format!(
        "[profile a]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = b\nregion = ap-south-1\n\
         [profile b]\n{KEYS}region = ap-south-2"
    );
    for (line, variables, region) in [
        ("file profile=a", &[HOME][..], "ap-south-1"),
        (
            "file profile=a",
            &[HOME, ("AWS_DEFAULT_REGION", "us-east-2")],
            "us-east-2",
        ),
        (
            "file profile=a region=us-west-1",
            &[HOME, ("AWS_REGION", "us-east-2")],
            "us-west-1",
        ),
    ] {
        let url = format!("POST https://sts.{region}.amazonaws.com/");
        let host = config(&text).expect(url, 200, sts_credentials("AssumeRole"));
        fetch_once(&host, line, variables).unwrap();
    }
    let host = config(&text).expect(
        "POST http://127.0.0.1:1/",
        200,
        sts_credentials("AssumeRole"),
    );
    fetch_once(&host, "file profile=a endpoint=http://127.0.0.1:1", &[HOME]).unwrap();
}

#[test]
fn a_role_may_be_opened_by_a_named_source() {
    let text = |source| {
        format!(
            "[default]\nrole_arn = arn:aws:iam::1:role/a\ncredential_source = {source}\nregion = eu-west-1"
        )
    };
    let host = config(&text("Environment")).expect(STS, 200, sts_credentials("AssumeRole"));
    let variables = [
        HOME,
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    assert_eq!(
        parts(&fetch_once(&host, "file", &variables).unwrap()),
        TEMPORARY
    );

    let host = config(&text("EcsContainer"))
        .expect("GET http://169.254.170.2/c", 200, json_credentials())
        .expect(STS, 200, sts_credentials("AssumeRole"));
    let variables = [HOME, ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c")];
    assert_eq!(
        parts(&fetch_once(&host, "file", &variables).unwrap()),
        TEMPORARY
    );

    let roles = format!("GET {IMDS}/latest/meta-data/iam/security-credentials/");
    let host = config(&text("Ec2InstanceMetadata"))
        .expect(format!("PUT {IMDS}/latest/api/token"), 200, "TOKEN")
        .expect(&roles, 200, "web")
        .expect(format!("{roles}web"), 200, json_credentials())
        .expect(STS, 200, sts_credentials("AssumeRole"));
    assert_eq!(
        parts(&fetch_once(&host, "file", &[HOME]).unwrap()),
        TEMPORARY
    );

    for (source, why) in [
        ("Environment", "AWS_ACCESS_KEY_ID is not in the environment"),
        (
            "Elsewhere",
            "credential_source must be Environment, Ec2InstanceMetadata or EcsContainer",
        ),
    ] {
        let error = load(&config(&text(source)), "file").unwrap_err();
        assert_eq!(error, format!("profile \"default\": {why}"));
    }
}

#[test]
fn web_identity_and_processes_are_used() {
    let host =
        config("[default]\nrole_arn = arn:aws:iam::1:role/a\nweb_identity_token_file = /token")
            .file("/token", "eyJ0")
            .expect(STS, 200, sts_credentials("AssumeRoleWithWebIdentity"));
    assert_eq!(parts(&load(&host, "file").unwrap()), TEMPORARY);

    let output = r#"{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"s"}"#;
    let host = config(&format!(
        "[default]\ncredential_process = /opt/print \"a b\"\n{KEYS}"
    ))
    .expect_run(Ok((ExitStatus::Exited(0), output)));
    assert_eq!(load(&host, "file").unwrap().access_key_id, "AKIA");
    assert_eq!(host.commands.borrow()[0].arguments[0].as_str(), "a b");
}

#[test]
fn each_mistake_is_named_with_its_profile() {
    let role = "role_arn = arn:aws:iam::1:role/a";
    for (text, why) in [
        (
            "[default]\nregion = a".to_owned(),
            "profile \"default\" has no credentials",
        ),
        (
            String::new(),
            "profile \"default\" is not in /home/web/.aws/config nor /home/web/.aws/credentials",
        ),
        (
            format!("[default]\n{role}"),
            "profile \"default\": role_arn requires a source_profile or a credential_source",
        ),
        (
            format!("[default]\n{role}\nsource_profile = b\ncredential_source = Environment"),
            "profile \"default\": it has both source_profile and credential_source",
        ),
        (
            format!("[default]\n{role}\nsource_profile = b"),
            "profile \"b\": it does not exist, and profile \"default\" requires it",
        ),
        (
            format!("[default]\n{role}\nsource_profile = b\n[profile b]\nregion = a"),
            "profile \"b\": it has no credentials, and profile \"default\" requires them",
        ),
        (
            format!(
                "[default]\n{role}\nsource_profile = b\n[profile b]\n{role}\nsource_profile = default"
            ),
            "profile \"default\": source_profile forms a cycle: default > b > default",
        ),
        (
            format!("[default]\n{role}\nsource_profile = default"),
            "profile \"default\": aws_access_key_id is missing",
        ),
        (
            format!("[default]\n{role}\nsource_profile = b\nmfa_serial = 1\n[profile b]\n{KEYS}"),
            "profile \"default\": mfa_serial requires a code that a person enters",
        ),
        (
            format!("[default]\nrole_arn = web\nsource_profile = b\n[profile b]\n{KEYS}"),
            "profile \"default\": role_arn: it must be of the form \
             arn:aws:iam::<account>:role/<name>",
        ),
        (
            "[default]\nweb_identity_token_file = /a".to_owned(),
            "profile \"default\": web_identity_token_file requires a role_arn",
        ),
        (
            "[default]\naws_access_key_id = A".to_owned(),
            "profile \"default\": aws_secret_access_key is missing",
        ),
        (
            "[default]\naws_access_key_id = A\naws_secret_access_key = a b".to_owned(),
            "profile \"default\": aws_secret_access_key contains blanks or control characters",
        ),
        (
            "[default]\ncredential_process = 'a".to_owned(),
            "profile \"default\": credential_process: a quote is not closed",
        ),
        (
            "[default]\nx".to_owned(),
            "/home/web/.aws/config: line 2 is not of the form name = value",
        ),
    ] {
        assert_eq!(load(&config(&text), "file").unwrap_err(), why, "{text}");
    }
    let error = load(&config("[default]"), "file profile=b").unwrap_err();
    assert!(
        error.starts_with("profile \"b\": it does not exist: write it as [profile"),
        "{error}"
    );
}

#[test]
fn a_chain_has_an_end() {
    let chain = |length: usize| {
        let mut text = format!("[profile p{length}]\n{KEYS}");
        for at in 0..length {
            let role = "role_arn = arn:aws:iam::1:role/a";
            text += &format!("[profile p{at}]\n{role}\nsource_profile = p{}\n", at + 1);
        }
        text
    };
    let mut host = config(&chain(15));
    for _ in 0..15 {
        host = host.expect(STS, 200, sts_credentials("AssumeRole"));
    }
    assert_eq!(parts(&load(&host, "file profile=p0").unwrap()), TEMPORARY);
    for length in [16, 10_000] {
        let error = load(&config(&chain(length)), "file profile=p0").unwrap_err();
        let why = "more than 16 profiles refer to one another";
        assert_eq!(error, format!("profile \"p0\": {why}"));
    }
}

#[test]
fn profiles_that_need_a_person_are_refused_with_what_to_use_instead() {
    for setting in [
        "sso_session = a",
        "sso_start_url = https://a",
        "login_session = arn",
    ] {
        let host = config(&format!("[profile a]\n{setting}\nregion = eu-west-1"));
        let error = load(&host, "file profile=a").unwrap_err();
        assert!(error.starts_with("profile \"a\": s") || error.starts_with("profile \"a\": l"));
        assert!(error.ends_with(
            "use the source process with \"command=aws configure export-credentials --format \
             process --profile a\""
        ));
        let definition = define("file profile=a", &[HOME]).unwrap();
        assert_eq!(definition.check(&host).unwrap_err().to_string(), error);
    }
}

//! The shared files of the SDKs.

use aws_credentials::host::{ExitStatus, FileError};
use aws_credentials::{Credentials, Endpoint};

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
fn the_files_are_where_the_environment_says() {
    let section = format!("[a]\n{KEYS}");
    for (variables, profile, path) in [
        (&[HOME][..], "a", CREDENTIALS),
        (&[HOME, ("AWS_SHARED_CREDENTIALS_FILE", "/c")], "a", "/c"),
        (
            &[HOME, ("AWS_SHARED_CREDENTIALS_FILE", "~/c")],
            "a",
            "/home/web/c",
        ),
        (
            &[("AWS_SHARED_CREDENTIALS_FILE", "/c"), ("AWS_PROFILE", "a")],
            "",
            "/c",
        ),
        (&[("AWS_CONFIG_FILE", "/c")], "default", "/c"),
    ] {
        let section = section.replace(
            "[a]",
            if profile == "default" {
                "[default]"
            } else {
                "[a]"
            },
        );
        let host = Script::new().file(path, section);
        let line = match profile {
            "" => "file".to_owned(),
            name => format!("file profile={name}"),
        };
        let credentials = fetch_once(&host, &line, variables).unwrap();
        assert_eq!(
            parts(&credentials),
            ("AKIDEXAMPLE", "wJalrX", None, None),
            "{path}"
        );
    }
}

#[test]
fn a_given_path_is_the_only_file() {
    for section in ["a", "profile a"] {
        let host = config("[default]\nx").file("/keys", format!("[{section}]\n{KEYS}"));
        let credentials = load(&host, "file path=/keys profile=a").unwrap();
        assert_eq!(credentials.access_key_id, "AKIDEXAMPLE");
        assert_eq!(credentials.origin, "file, profile \"a\"");
    }
}

#[test]
fn settings_of_the_credentials_file_win() {
    let host = config(&format!("[profile a]\n{KEYS}aws_session_token = token"))
        .file(CREDENTIALS, "[a]\naws_secret_access_key = other");
    let credentials = load(&host, "file profile=a").unwrap();
    assert_eq!(
        parts(&credentials),
        ("AKIDEXAMPLE", "other", Some("token"), None)
    );
}

#[test]
fn changes_are_noticed() {
    let host = Script::new();
    let mut provider = provider("file", &[HOME]);
    assert!(fetch(&host, &mut provider).is_err());
    assert!(!provider.files_changed(&host));
    for secret in ["first", "second"] {
        let keys = format!("[default]\naws_access_key_id = A\naws_secret_access_key = {secret}");
        host.write(CREDENTIALS, keys);
        assert!(
            provider.files_changed(&host),
            "also that there is a file now"
        );
        let credentials = fetch(&host, &mut provider).unwrap();
        assert_eq!(credentials.secret_access_key.expose(), secret);
        assert!(!provider.files_changed(&host));
    }
    host.write(CONFIG, "");
    assert!(
        provider.files_changed(&host),
        "any file of the profile counts"
    );
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
            "credential_source is none of Environment, Ec2InstanceMetadata and EcsContainer",
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
            "profile \"default\": role_arn needs a source_profile or a credential_source",
        ),
        (
            format!("[default]\n{role}\nsource_profile = b\ncredential_source = Environment"),
            "profile \"default\": it has both source_profile and credential_source",
        ),
        (
            format!("[default]\n{role}\nsource_profile = b"),
            "profile \"b\": it does not exist, and profile \"default\" needs it",
        ),
        (
            format!("[default]\n{role}\nsource_profile = b\n[profile b]\nregion = a"),
            "profile \"b\": it has no credentials, and profile \"default\" needs them",
        ),
        (
            format!(
                "[default]\n{role}\nsource_profile = b\n[profile b]\n{role}\nsource_profile = default"
            ),
            "profile \"default\": source_profile leads back to it: default > b > default",
        ),
        (
            format!("[default]\n{role}\nsource_profile = default"),
            "profile \"default\": aws_access_key_id is missing",
        ),
        (
            format!("[default]\n{role}\nsource_profile = b\nmfa_serial = 1\n[profile b]\n{KEYS}"),
            "profile \"default\": mfa_serial asks a person for a code, and nobody is here",
        ),
        (
            format!("[default]\nrole_arn = web\nsource_profile = b\n[profile b]\n{KEYS}"),
            "profile \"default\": role_arn: it is not written arn:aws:iam::<account>:role/<name>",
        ),
        (
            "[default]\nweb_identity_token_file = /a".to_owned(),
            "profile \"default\": web_identity_token_file needs a role_arn",
        ),
        (
            "[default]\naws_access_key_id = A".to_owned(),
            "profile \"default\": aws_secret_access_key is missing",
        ),
        (
            "[default]\naws_access_key_id = A\naws_secret_access_key = a b".to_owned(),
            "profile \"default\": aws_secret_access_key holds blanks or control characters",
        ),
        (
            "[default]\ncredential_process = 'a".to_owned(),
            "profile \"default\": credential_process: a quote is not closed",
        ),
        (
            "[default]\nx".to_owned(),
            "/home/web/.aws/config: line 2 is not written name = value",
        ),
    ] {
        assert_eq!(load(&config(&text), "file").unwrap_err(), why, "{text}");
    }
    let error = load(&config("[default]"), "file profile=b").unwrap_err();
    assert!(
        error.starts_with("profile \"b\": it does not exist; it is written [profile"),
        "{error}"
    );
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
            "use the source process with command=\"aws configure export-credentials --format \
             process --profile a\""
        ));
        let definition = define("file profile=a", &[HOME]).unwrap();
        assert_eq!(definition.check(&host).unwrap_err().to_string(), error);
    }
}

#[test]
fn a_check_tells_what_is_read_and_asked() {
    let definition = define("file profile=a", &[HOME, ("AWS_REGION", "eu-west-1")]).unwrap();
    let host = config(
        "[profile a]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = b\n\
         [profile b]\nrole_arn = arn:aws:iam::2:role/b\nweb_identity_token_file = /token",
    )
    .file(CREDENTIALS, format!("[c]\n{KEYS}"));
    let check = definition.check(&host).unwrap();
    assert_eq!(
        check.description,
        "file, profile \"a\": assume_role arn:aws:iam::1:role/a with web_identity, role \
         arn:aws:iam::2:role/b"
    );
    let files = check.files.iter();
    let files: Vec<_> = files
        .map(|file| (file.path.to_str().unwrap(), file.secret, file.is_missing()))
        .collect();
    assert_eq!(
        files,
        [
            (CONFIG, false, false),
            (CREDENTIALS, true, false),
            ("/token", true, true)
        ]
    );
    let hosts: Vec<String> = check.endpoints.iter().map(Endpoint::to_string).collect();
    assert_eq!(hosts, ["https://sts.eu-west-1.amazonaws.com"; 2]);

    let missing = definition.check(&Script::new()).unwrap();
    assert_eq!(missing.description, "file, profile \"a\"");
    assert!(
        missing
            .files
            .iter()
            .all(|file| file.is_missing() && !file.is_exposed())
    );
}

#[test]
fn a_secret_that_everybody_can_read_is_exposed() {
    let host = config("[default]\nregion = a").file(CREDENTIALS, format!("[default]\n{KEYS}"));
    for file in host.files.borrow_mut().values_mut() {
        file.as_mut().unwrap().1.mode = 0o100_644;
    }
    let check = define("file", &[HOME]).unwrap().check(&host).unwrap();
    let exposed: Vec<_> = check.files.iter().map(|file| file.is_exposed()).collect();
    assert_eq!(exposed, [false, true]);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    for error in [
        FileError::System("Permission denied (13)".to_owned()),
        FileError::NotRegular,
    ] {
        let host = config(&format!("[default]\n{KEYS}"));
        host.files
            .borrow_mut()
            .insert(CREDENTIALS.into(), Err(error.clone()));
        assert_eq!(
            load(&host, "file").unwrap_err(),
            format!("{CREDENTIALS}: {error}")
        );
    }
    let host = config(&"#".repeat(2 * 1024 * 1024));
    assert_eq!(
        load(&host, "file").unwrap_err(),
        format!("{CONFIG}: it has more than 1048576 bytes")
    );
    let host = Script::new().file(CONFIG, b"[default]\n\xff");
    assert_eq!(
        load(&host, "file").unwrap_err(),
        format!("{CONFIG}: it is not a text in UTF-8")
    );
}

#[test]
fn what_cannot_work_is_refused_when_it_is_read() {
    for (line, variables, error) in [
        (
            "file",
            &[][..],
            "neither HOME nor AWS_SHARED_CREDENTIALS_FILE is in the environment",
        ),
        (
            "file",
            &[("HOME", "web")],
            "HOME: it is not an absolute path",
        ),
        (
            "file",
            &[("AWS_CONFIG_FILE", "web")],
            "AWS_CONFIG_FILE: it is not an absolute path",
        ),
        ("file path=keys", &[], "path=: it is not an absolute path"),
        (
            "file path=/keys endpoint=a",
            &[],
            "endpoint=: it does not begin",
        ),
        (
            "file role=a",
            &[HOME],
            "\"role=\" is unknown: file takes path=, profile=, region=, endpoint=",
        ),
    ] {
        let text = define(line, variables).unwrap_err().to_string();
        assert!(text.starts_with(error), "{text}");
    }
}

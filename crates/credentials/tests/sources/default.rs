//! The chain of sources.

use aws_credentials::Endpoint;
use aws_credentials::host::FileError;

use crate::common::*;

const HOME: (&str, &str) = ("HOME", "/home/web");
const CONFIG: &str = "/home/web/.aws/config";
const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIDENV"),
    ("AWS_SECRET_ACCESS_KEY", "s"),
];
const WEB_IDENTITY: [(&str, &str); 2] = [
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
    ("AWS_ROLE_ARN", "arn:aws:iam::1:role/a"),
];
const CONTAINER: (&str, &str) = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c");
const DISABLED: (&str, &str) = ("AWS_EC2_METADATA_DISABLED", "true");
const PROFILE: &str = "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s";

/// What `nginx -t` says is used.
fn chosen(host: &Script, variables: &[(&str, &str)]) -> Result<String, String> {
    let definition = define("default", variables).map_err(|error| error.to_string())?;
    let check = definition.check(host).map_err(|error| error.to_string())?;
    Ok(check.description)
}

#[test]
fn the_first_that_is_configured_is_used() {
    let all = [&KEYS[..], &[HOME], &WEB_IDENTITY, &[CONTAINER]].concat();
    let host = Script::new().file(CONFIG, PROFILE);
    assert_eq!(chosen(&host, &all).unwrap(), "env, access key AKIDENV");
    assert_eq!(
        fetch_once(&host, "default", &all).unwrap().access_key_id,
        "AKIDENV"
    );

    assert_eq!(
        chosen(&host, &all[2..]).unwrap(),
        "file, profile \"default\", access key AKIDFILE"
    );
    assert_eq!(
        fetch_once(&host, "default", &all[2..])
            .unwrap()
            .access_key_id,
        "AKIDFILE"
    );

    for (without_file, variables) in [(Script::new(), &all[2..]), (Script::new(), &all[3..])] {
        let without_file = without_file.file("/token", "eyJ0").expect(
            "POST https://sts.amazonaws.com/",
            200,
            sts_credentials("AssumeRoleWithWebIdentity"),
        );
        assert_eq!(
            chosen(&without_file, variables).unwrap(),
            "web_identity, role arn:aws:iam::1:role/a"
        );
        assert_eq!(
            parts(&fetch_once(&without_file, "default", variables).unwrap()),
            TEMPORARY
        );
    }

    let host = Script::new().expect("GET http://169.254.170.2/c", 200, json_credentials());
    assert_eq!(
        chosen(&host, &all[5..]).unwrap(),
        "container at http://169.254.170.2/c"
    );
    assert_eq!(
        fetch_once(&host, "default", &all[5..]).unwrap().origin,
        "container"
    );

    let roles = format!("GET {IMDS}/latest/meta-data/iam/security-credentials/");
    let host = Script::new()
        .expect(format!("PUT {IMDS}/latest/api/token"), 200, "TOKEN")
        .expect(&roles, 200, "web")
        .expect(format!("{roles}web"), 200, json_credentials());
    assert_eq!(chosen(&host, &[HOME]).unwrap(), format!("imds at {IMDS}"));
    let credentials = fetch_once(&host, "default", &[HOME]).unwrap();
    assert_eq!(credentials.origin, "imds, role web");
    assert!(credentials.outlives_expiry);
}

#[test]
fn one_that_is_configured_and_fails_stops_the_chain() {
    // No later source is asked: the script would not expect it.
    let host = Script::new().file(CONFIG, "[default]\naws_access_key_id = A");
    let error = fetch_once(&host, "default", &[HOME, CONTAINER])
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "profile \"default\": aws_secret_access_key is missing"
    );
    assert_eq!(chosen(&host, &[HOME, CONTAINER]), Err(error));

    let host = Script::new();
    let denied = FileError::System("Permission denied (13)".to_owned());
    host.files.borrow_mut().insert(CONFIG.into(), Err(denied));
    let error = fetch_once(&host, "default", &[HOME, CONTAINER])
        .unwrap_err()
        .to_string();
    assert_eq!(error, format!("{CONFIG}: Permission denied (13)"));

    let variables = [&WEB_IDENTITY[..], &[CONTAINER]].concat();
    let error = fetch_once(&Script::new(), "default", &variables)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "/token: there is no such file");

    let named = [HOME, CONTAINER, ("AWS_PROFILE", "web")];
    let host = Script::new().file(CONFIG, PROFILE);
    let error = fetch_once(&host, "default", &named)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("profile \"web\": it does not exist"),
        "{error}"
    );
}

#[test]
fn a_profile_without_credentials_gives_way() {
    for text in [
        "",
        "[default]\nregion = eu-west-1",
        "[profile other]\nregion = a",
    ] {
        let host = Script::new().file(CONFIG, text).expect(
            "GET http://169.254.170.2/c",
            200,
            json_credentials(),
        );
        let credentials = fetch_once(&host, "default", &[HOME, CONTAINER]).unwrap();
        assert_eq!(credentials.origin, "container", "{text}");
    }
}

#[test]
fn a_file_that_comes_later_is_noticed() {
    let host = Script::new().expect("GET http://169.254.170.2/c", 200, json_credentials());
    let mut fetcher = fetcher("default", &[HOME, CONTAINER]);
    assert_eq!(fetch(&host, &mut fetcher).unwrap().origin, "container");
    host.write(CONFIG, PROFILE);
    assert!(fetcher.files_changed(&host));
    assert_eq!(
        fetch(&host, &mut fetcher).unwrap().access_key_id,
        "AKIDFILE"
    );
}

#[test]
fn half_a_setting_is_a_mistake() {
    for (variables, error) in [
        (
            &[KEYS[0]][..],
            "AWS_ACCESS_KEY_ID: it requires AWS_SECRET_ACCESS_KEY",
        ),
        (
            &[WEB_IDENTITY[0]],
            "AWS_WEB_IDENTITY_TOKEN_FILE: it requires AWS_ROLE_ARN",
        ),
        (
            &[(CONTAINER.0, "c")],
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: it does not begin with a slash",
        ),
        (
            &[("AWS_ACCESS_KEY_ID", "a b"), KEYS[1]],
            "AWS_ACCESS_KEY_ID: it contains blanks or control characters",
        ),
    ] {
        assert_eq!(chosen(&Script::new(), variables), Err(error.to_owned()));
    }
}

#[test]
fn where_nothing_is_configured_that_is_said() {
    let why = "no source is configured: neither the environment nor the shared files have \
               credentials, and AWS_EC2_METADATA_DISABLED is true";
    for variables in [&[DISABLED][..], &[DISABLED, HOME]] {
        assert_eq!(chosen(&Script::new(), variables), Err(why.to_owned()));
        let error = fetch_once(&Script::new(), "default", variables).unwrap_err();
        assert_eq!(error.to_string(), why);
    }
}

#[test]
fn all_that_may_be_asked_is_known_early() {
    let variables = [&[HOME][..], &WEB_IDENTITY].concat();
    let check = define("default", &variables)
        .unwrap()
        .check(&Script::new())
        .unwrap();
    let hosts: Vec<String> = check.endpoints.iter().map(Endpoint::to_string).collect();
    assert_eq!(hosts, ["https://sts.amazonaws.com"]);
    let files: Vec<_> = check
        .files
        .iter()
        .map(|file| file.path.to_str().unwrap())
        .collect();
    assert_eq!(files, [CONFIG, "/home/web/.aws/credentials", "/token"]);
}

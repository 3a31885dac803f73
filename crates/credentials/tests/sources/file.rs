//! The shared files of the SDKs.

use aws_credentials::host::FileError;
use aws_credentials::{Credentials, Endpoint};

use crate::common::*;

const HOME: (&str, &str) = ("HOME", "/home/web");
const CONFIG: &str = "/home/web/.aws/config";
const CREDENTIALS: &str = "/home/web/.aws/credentials";
const KEYS: &str = "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalrX\n";

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
    let mut fetcher = fetcher("file", &[HOME]);
    assert!(fetch(&host, &mut fetcher).is_err());
    assert!(!fetcher.files_changed(&host));
    for secret in ["first", "second"] {
        let keys = format!("[default]\naws_access_key_id = A\naws_secret_access_key = {secret}");
        host.write(CREDENTIALS, keys);
        assert!(
            fetcher.files_changed(&host),
            "also that there is a file now"
        );
        let credentials = fetch(&host, &mut fetcher).unwrap();
        assert_eq!(credentials.secret_access_key.expose(), secret);
        assert!(!fetcher.files_changed(&host));
    }
    host.write(CONFIG, "");
    assert!(
        fetcher.files_changed(&host),
        "any file of the profile counts"
    );
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
fn a_check_of_files_without_credentials_fails() {
    let definition = define("file", &[HOME]).unwrap();
    let host = config("[default]\nregion = eu-west-1");
    let error = definition.check(&host).unwrap_err().to_string();
    assert_eq!(error, "profile \"default\" has no credentials");
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
        format!("{CONFIG}: it is not text in UTF-8")
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
            "\"role=\" is unknown: file accepts path=, profile=, region=, endpoint=",
        ),
    ] {
        let text = define(line, variables).unwrap_err().to_string();
        assert!(text.starts_with(error), "{text}");
    }
}

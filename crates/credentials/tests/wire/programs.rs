//! Real programs, and real files that change.

use std::fs;

use aws_credentials::{FetchError, Material};

use crate::local::{Local, block, define, fetch};

/// Has the shell run a script as the program.
fn run(script: &str, variables: &[(&str, &str)]) -> Result<String, FetchError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("print credentials");
    fs::write(&path, script).unwrap();
    // Not executed itself: while another test's child is between fork and exec, the system would
    // take the script for being written still.
    let command = format!("command=/bin/sh '{}' 'a  b' $HOME", path.display());
    let credentials = fetch(&["process", &command], variables)?;
    Ok(credentials.secret_access_key.expose().to_owned())
}

const PRINT: &str = r#"printf '{"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "%s"}'"#;

#[test]
fn a_program_prints_credentials() {
    let secret = run(
        &format!("{PRINT} \"$(printf %s \"$#$1$2\" | tr ' ' _)\""),
        &[],
    )
    .unwrap();
    assert_eq!(
        secret, "2a__b$HOME",
        "the words arrive as they were split, by no shell"
    );
}

#[test]
fn a_program_gets_no_secret_of_ours() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "secret"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret"),
        ("AWS_PROFILE", "web"),
        ("PATH", "/usr/bin:/bin"),
    ];
    let names = "$(env | cut -d = -f 1 | grep -v -e PWD -e _$ -e SHLVL | sort | tr '\\n' ,)";
    let secret = run(&format!("{PRINT} \"{names}\""), &variables).unwrap();
    assert_eq!(secret, "AWS_PROFILE,PATH,");
}

#[test]
fn a_program_that_fails_is_an_error_whatever_it_printed() {
    let error = run(&format!("{PRINT} x; exit 3"), &[])
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("/bin/sh: exited with status 3"), "{error}");
    let error = run("kill -9 $$", &[]).unwrap_err().to_string();
    assert!(error.ends_with("/bin/sh: exited on signal 9"), "{error}");
    let error = run("head -c 2097152 /dev/zero", &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("wrote more than 65536 bytes and was killed"),
        "{error}"
    );
    let error = fetch(&["process", "command=/nonexistent/program"], &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("/nonexistent/program: cannot be started: No such file"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_renamed_into_place_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("credentials");
    let next = directory.path().join("next");
    let write = |secret: &str| {
        let text = format!("[default]\naws_access_key_id = A\naws_secret_access_key = {secret}\n");
        fs::write(&next, text).unwrap();
        fs::rename(&next, &path).unwrap();
    };
    let word = format!("path={}", path.display());
    let mut fetcher = define(&["file", &word], &[]).fetcher();
    write("first");
    // Both have the same size; the times may be the same, too.
    for secret in ["first", "other"] {
        write(secret);
        let material = block(fetcher.fetch(&Local)).unwrap();
        let Material::Keys(credentials) = material else {
            panic!("not keys");
        };
        assert_eq!(credentials.secret_access_key.expose(), secret);
        assert!(!fetcher.files_changed(&Local));
        write("third");
        assert!(fetcher.files_changed(&Local));
    }
    fs::remove_file(&path).unwrap();
    assert!(fetcher.files_changed(&Local));
}

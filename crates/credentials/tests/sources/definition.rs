//! The words of a directive.

use std::collections::BTreeSet;

use crate::common::*;

const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrX"),
];

#[test]
fn each_mistake_is_told_with_what_to_write() {
    for (line, error) in [
        (
            "ec2",
            "there is no source \"ec2\"; the sources are env, file, imds, container, web_identity, assume_role, process, signing_keys, default",
        ),
        (
            "imds role",
            "\"role\" is not written key=value; a value with blanks needs quotation marks around \
             the whole word: \"key=two words\"",
        ),
        (
            "imds role=",
            "\"role=\" has no value; leave it out or give one",
        ),
        ("imds role=a role=b", "\"role=\" is given twice"),
        (
            "imds profile=a",
            "\"profile=\" is unknown: imds takes endpoint=, role=",
        ),
        (
            "env profile=a",
            "\"profile=\" is unknown: env takes no parameters",
        ),
        (
            "default profile=a",
            "\"profile=\" is unknown: default takes insecure",
        ),
        (
            "process",
            "process needs \"command=\", e.g. \"command=/usr/local/bin/print-credentials --for web\"",
        ),
    ] {
        assert_eq!(
            define(line, &KEYS).unwrap_err().to_string(),
            error,
            "{line}"
        );
    }
}

#[test]
fn env_gives_the_variables() {
    let variables = [&KEYS[..], &[("AWS_SESSION_TOKEN", " token\n")]].concat();
    for variables in [&KEYS[..], &variables] {
        let credentials = fetch_once(&Script::new(), "env", variables).unwrap();
        let token = (variables.len() == 3).then_some("token");
        assert_eq!(parts(&credentials), ("AKIDEXAMPLE", "wJalrX", token, None));
    }
    for (variables, error) in [
        (
            &KEYS[..1],
            "AWS_ACCESS_KEY_ID: it is of no use without AWS_SECRET_ACCESS_KEY",
        ),
        (&KEYS[1..], "AWS_ACCESS_KEY_ID is not in the environment"),
    ] {
        assert_eq!(define("env", variables).unwrap_err().to_string(), error);
    }
}

#[test]
fn a_digest_tells_definitions_apart() {
    let role = "role_arn=arn:aws:iam::1:role/a";
    let home = ("HOME", "/home/web");
    let variables = [&KEYS[..], &[home]].concat();
    let others = [&KEYS[..1], &[("AWS_SECRET_ACCESS_KEY", "other")]].concat();
    // A program may read its profile, a profile may take its keys from the environment.
    let other_home = [&others[..], &[home]].concat();
    let definitions = [
        ("env".to_owned(), &variables[..]),
        ("env".to_owned(), &others),
        ("file".to_owned(), &variables),
        ("file profile=a".to_owned(), &variables),
        ("file path=/a".to_owned(), &variables),
        ("file region=eu-west-1".to_owned(), &variables),
        ("file endpoint=http://127.0.0.1".to_owned(), &variables),
        ("imds".to_owned(), &variables),
        ("imds role=a".to_owned(), &variables),
        ("imds endpoint=http://127.0.0.1".to_owned(), &variables),
        ("imds endpoint=http://127.0.0.1/a".to_owned(), &variables),
        ("container uri=/a".to_owned(), &variables),
        ("container uri=/b".to_owned(), &variables),
        (format!("web_identity token_file=/a {role}"), &variables),
        (format!("web_identity token_file=/b {role}"), &variables),
        (
            format!("web_identity token_file=/b {role} session_name=me"),
            &variables,
        ),
        (format!("assume_role source=env {role}"), &variables),
        (format!("assume_role source=env {role}b"), &variables),
        (format!("assume_role source=imds {role}"), &variables),
        (
            format!("assume_role source=imds {role} external_id=id"),
            &variables,
        ),
        (
            format!("assume_role source=imds {role} duration=900"),
            &variables,
        ),
        (
            format!("assume_role source=imds {role} region=eu-west-1"),
            &variables,
        ),
        (
            format!("assume_role source=imds {role} endpoint=http://a insecure"),
            &variables,
        ),
        ("process command=a".to_owned(), &variables),
        ("process command=a".to_owned(), &others),
        ("file".to_owned(), &other_home),
        ("process command=b".to_owned(), &variables),
        ("signing_keys path=/a access_key=A".to_owned(), &variables),
        ("signing_keys path=/a access_key=B".to_owned(), &variables),
        ("signing_keys path=/b access_key=A".to_owned(), &variables),
        ("default".to_owned(), &[home][..]),
        ("default".to_owned(), &[][..]),
    ];
    let mut digests = BTreeSet::new();
    for (line, variables) in &definitions {
        let digest = define(line, variables).unwrap().digest();
        assert_eq!(define(line, variables).unwrap().digest(), digest, "{line}");
        assert!(digests.insert(digest), "{line} has the digest of another");
    }
}

#[test]
fn descriptions_hold_no_secret() {
    let variables = [
        KEYS[0],
        ("AWS_SECRET_ACCESS_KEY", "SECRET"),
        ("AWS_SESSION_TOKEN", "SECRET"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "SECRET"),
        ("HOME", "/home/web"),
    ];
    for (line, description) in [
        ("env", "env, access key AKIDEXAMPLE"),
        ("imds role=web", "imds at http://169.254.169.254, role web"),
        (
            "container uri=/v2/a?id=SECRET",
            "container at http://169.254.170.2/v2/a",
        ),
        ("process command=print\tSECRET", "process print"),
        ("default", "env, access key AKIDEXAMPLE"),
    ] {
        let definition = define(line, &variables).unwrap();
        let check = definition.check(&Script::new()).unwrap();
        assert_eq!(check.description, description);
        let provider = definition.provider();
        let shown = format!(
            "{definition:?} {provider:?} {check:?} {:?}",
            environment(&variables)
        );
        assert!(
            !shown.contains("SECRET\"") && !shown.contains(" SECRET"),
            "{shown}"
        );
        assert!(!shown.contains("=SECRET"), "{shown}");
    }
}

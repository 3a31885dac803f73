//! The words of a directive.

use std::collections::BTreeSet;

use aws_credentials::{Declaration, Definition};

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
            "unknown source \"ec2\"; the sources are env, file, imds, container, web_identity, \
             assume_role, process, signing_keys, default",
        ),
        (
            "imds role",
            "\"role\" is not of the form key=value; a value with blanks needs quotation marks \
             around the whole word: \"key=two words\"",
        ),
        (
            "imds role=",
            "\"role=\" has no value: add one, or remove it",
        ),
        ("imds role=a role=b", "\"role=\" is duplicate"),
        (
            "imds profile=a",
            "\"profile=\" is unknown: imds accepts endpoint=, role=",
        ),
        (
            "env profile=a",
            "\"profile=\" is unknown: env accepts no parameters",
        ),
        (
            "default profile=a",
            "\"profile=\" is unknown: default accepts insecure",
        ),
        (
            "process",
            "process requires \"command=\", e.g. \"command=/usr/local/bin/print-credentials --for web\"",
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
            "AWS_ACCESS_KEY_ID: it requires AWS_SECRET_ACCESS_KEY",
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
        let fetcher = definition.fetcher();
        let shown = format!(
            "{definition:?} {fetcher:?} {check:?} {:?}",
            environment(&variables)
        );
        assert!(
            !shown.contains("SECRET\"") && !shown.contains(" SECRET"),
            "{shown}"
        );
        assert!(!shown.contains("=SECRET"), "{shown}");
    }
}

#[test]
fn each_source_reads_every_key_that_it_declares() {
    let credentials = [
        "env",
        "file path=/a profile=a region=r endpoint=https://a insecure",
        "imds endpoint=http://a role=a",
        "container uri=/a",
        "web_identity role_arn=arn:aws:iam::1:role/a token_file=/a session_name=me region=r \
         endpoint=https://a insecure",
        "assume_role source=env role_arn=arn:aws:iam::1:role/a session_name=me external_id=id \
         duration=900 region=r endpoint=https://a insecure",
        "process command=a",
        "signing_keys path=/a access_key=A",
        "default insecure",
    ];
    let signed = "endpoint=https://a insecure credentials=env interval=1h format=raw";
    let tokens = [
        &format!("ecr region=r {signed}"),
        &format!("ecr-public {signed}"),
        &format!("codeartifact domain=web owner=123456789012 duration=1h region=r {signed}"),
        "process retry=1m command=a interval=1h format=raw",
    ];
    let key = |word: &str| match word.split_once('=') {
        Some((key, _)) => format!("{key}="),
        None => word.to_owned(),
    };
    let agree = |line: &str, definition: Definition, declaration: &Declaration| {
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some(declaration.name));
        assert_eq!(
            words.map(key).collect::<Vec<_>>(),
            declaration.keys,
            "{line}"
        );
        assert_eq!(definition.declaration(), declaration);
    };
    let declared = Definition::credential_sources();
    assert_eq!(credentials.len(), declared.len());
    for (line, declaration) in credentials.iter().zip(declared) {
        agree(line, define(line, &KEYS).unwrap(), declaration);
    }
    let declared = Definition::token_sources();
    assert_eq!(tokens.len(), declared.len());
    for (line, declaration) in tokens.iter().zip(declared) {
        agree(line, define_token(line, &KEYS).unwrap(), declaration);
    }
}

#[test]
fn what_is_left_open_is_told_from_what_is_chosen() {
    for (line, is_open) in [
        ("default", true),
        ("default insecure", true),
        ("env", false),
    ] {
        let definition = define(line, &KEYS).unwrap();
        assert_eq!(definition.leaves_source_open(), is_open, "{line}");
    }
    for (line, is_open) in [
        ("ecr region=r", true),
        ("ecr region=r credentials=default", true),
        ("ecr region=r credentials=env", false),
        ("process command=a", false),
    ] {
        let definition = define_token(line, &KEYS).unwrap();
        assert_eq!(definition.leaves_source_open(), is_open, "{line}");
    }
}

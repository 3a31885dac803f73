//! What `nginx -t` says of providers and of who uses them.

use std::os::unix::fs::PermissionsExt;

use nginx_tests::{Nginx, Scratch, TestResult};

const PROVIDER: &str = "aws_credentials_provider instance imds endpoint=http://127.0.0.1:9;";
const SIGNED: &str = "location / { aws_sign on; proxy_pass http://127.0.0.1:9; }";

fn check(http: &str, server: &str) -> TestResult {
    Nginx::builder().http(http).server(server).check()
}

#[test]
fn a_provider_that_cannot_work_is_rejected() {
    for (words, message) in [
        ("p magic", "\"p\": unknown source \"magic\""),
        ("p", "invalid number of arguments"),
        ("p imds role", "\"role\" is not of the form key=value"),
        ("p imds colour=red", "\"colour=\" is unknown"),
        (
            "p process",
            "e.g. \"command=/usr/local/bin/print-credentials",
        ),
        (
            "p process command=\"/bin/echo tok\"",
            "quotation marks belong around the whole word: write \"command=/bin/echo ...\"",
        ),
        (
            "p file path=\"/etc/aws/credentials\"",
            "write \"path=/etc/aws/credentials\"",
        ),
        (
            "p process command=/bin/echo tok",
            "a value with blanks needs quotation marks around the whole word",
        ),
        (
            "p web_identity role_arn=arn:aws:iam::1:role/r token_file=/t endpoint=http://10.0.0.1",
            "endpoint: plain http is allowed only for loopback and link-local addresses: use \
             https, or add \"insecure\"",
        ),
        (
            "p imds insecure",
            "\"insecure\" is unknown: imds accepts endpoint=, role=",
        ),
        (
            "p assume_role source=other role_arn=arn:aws:iam::1:role/r",
            "other",
        ),
        ("instance env", "declares \"instance\", which is duplicate"),
    ] {
        check(&format!("{PROVIDER} aws_credentials_provider {words};"), "")
            .expect_refused("aws_credentials_provider\"")
            .expect_refused(message);
    }
}

#[test]
fn a_name_that_is_not_declared_is_rejected_with_those_that_are() {
    let second = "aws_credentials_provider second env;";
    let server = format!("aws_region r; aws_credentials instanze; {SIGNED}");
    Nginx::builder()
        .http(&format!("{PROVIDER} {second}"))
        .server(&server)
        .env("AWS_ACCESS_KEY_ID", "AKID")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .check()
        .expect_refused(
            "\"aws_credentials\" names \"instanze\", which is not declared: the providers are \
             instance, second",
        );
    check("", &server).expect_refused("add \"aws_credentials_provider instanze <source>\"");
    // Declared after its use.
    check(
        "",
        &format!("aws_region r; aws_credentials instance; {SIGNED} }} {PROVIDER} server {{ "),
    )
    .expect_ok();
}

#[test]
fn two_kinds_of_credentials_in_one_block_are_rejected() {
    for (server, message) in [
        (
            "aws_access_key A; aws_credentials instance;",
            "keep one kind of credentials",
        ),
        (
            "aws_credentials instance; aws_access_key A;",
            "keep one kind of credentials",
        ),
        (
            "aws_credentials instance; aws_secret_key s;",
            "keep one kind of credentials",
        ),
        (
            "aws_credentials instance; aws_session_token s;",
            "keep one kind of credentials",
        ),
        (
            "aws_credentials instance; aws_key_scope 20260101/r/s3/aws4_request;",
            "one kind",
        ),
        (
            "aws_credentials instance; aws_credentials instance;",
            "is duplicate",
        ),
    ] {
        check(PROVIDER, server).expect_refused(message);
    }
}

#[test]
fn the_nearest_block_wins_as_a_whole() {
    check(
        PROVIDER,
        &format!(
            "aws_region r; aws_credentials instance; {SIGNED}
             location /own/ {{ aws_access_key A; aws_secret_key s; aws_sign;
                 proxy_pass http://127.0.0.1:9; }}"
        ),
    )
    .expect_ok();
    // A signing key does not stand under a provider's access key.
    check(
        PROVIDER,
        "aws_region r; aws_credentials instance;
         location / { aws_key_scope 20260101/r/s3/aws4_request; aws_sign;
             aws_signing_key AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=;
             proxy_pass http://127.0.0.1:9; }",
    )
    .expect_refused("\"aws_access_key\" is missing");
}

#[test]
fn a_secret_key_needs_a_region() {
    check(PROVIDER, &format!("aws_credentials instance; {SIGNED}"))
        .expect_refused("\"aws_region\" is missing");
}

#[test]
fn other_values_are_checked() {
    for (http, message) in [
        ("aws_auth_zone one;", "write <name>:<size>"),
        ("aws_auth_zone :1m;", "write <name>:<size>"),
        (
            "aws_auth_zone one:1g;",
            "the size is not a number with k or m",
        ),
        (
            "aws_auth_zone one:1m; aws_auth_zone two:1m;",
            "is duplicate",
        ),
        ("aws_credentials_timeout soon;", "write a time such as 5s"),
        (
            "aws_credentials_timeout 1s; aws_credentials_timeout 1s;",
            "is duplicate",
        ),
    ] {
        check(&format!("{PROVIDER} {http}"), "").expect_refused(message);
    }
    check("", "aws_auth_zone one:1m;").expect_refused("is not allowed here");
}

fn write(folder: &Scratch, name: &str, content: &str, mode: u32) -> String {
    let path = folder.write(name, content);
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(&path, permissions).expect("our own file");
    path.display().to_string()
}

const PROFILE: &str = "[default]\naws_access_key_id = AKID\naws_secret_access_key = hush\n";

#[test]
fn a_secret_that_everybody_can_read_is_warned_of() {
    let folder = Scratch::new("conf");
    for (mode, is_warned) in [(0o644, true), (0o640, false), (0o600, false)] {
        let path = write(&folder, "credentials", PROFILE, mode);
        let provider = format!("aws_credentials_provider p file path={path};");
        let result = check(&provider, "").expect_ok();
        let warnings = result.warnings();
        let warned = warnings.iter().any(|line| {
            line.contains("any user of this machine can read the secret in")
                && line.contains("credentials: run \"chmod 640\" on it, and change its group")
        });
        assert_eq!(warned, is_warned, "{warnings:?}");
        assert!(!result.stderr.contains("hush"));
    }
}

// Only root's workers are somebody else.
#[test]
fn a_file_that_workers_cannot_read_is_warned_of() {
    if !rustix::process::geteuid().is_root() {
        nginx_tests::precondition::is_missing("a master that runs as root");
        return;
    }
    let folder = Scratch::new("conf");
    let path = write(&folder, "credentials", PROFILE, 0o600);
    // Its group has two names, depending on the system.
    let groups = std::fs::read_to_string("/etc/group").expect("a list of groups");
    let user = match groups.lines().any(|line| line.starts_with("nogroup:")) {
        true => "nobody nogroup",
        false => "nobody nobody",
    };
    let conf = |path: &str| {
        Nginx::builder()
            .user(user)
            .http(&format!("aws_credentials_provider p file path={path};"))
            .server("location / { return 204; }")
            .check()
            .expect_ok()
    };
    let result = conf(&path);
    let warned = |result: &TestResult, words: &str| {
        let warnings = result.warnings();
        let is_it = |line: &&str| {
            line.contains("workers cannot, as they run as user \"nobody\"") && line.contains(words)
        };
        warnings.iter().any(is_it)
    };
    assert!(
        warned(&result, "its permissions are 0600"),
        "{}",
        result.stderr
    );

    let path = write(&folder, "other", PROFILE, 0o644);
    let permissions = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder.path(), permissions).expect("our own folder");
    let result = conf(&path);
    assert!(warned(&result, "they cannot enter"), "{}", result.stderr);
}

#[test]
fn nginx_t_names_what_default_uses() {
    let result = Nginx::builder()
        .http("aws_credentials_provider p default;")
        .server("location / { return 204; }")
        .env("HOME", "/nonexistent")
        .env("AWS_ACCESS_KEY_ID", "AKID")
        .env("AWS_SECRET_ACCESS_KEY", "hush")
        .check()
        .expect_ok();
    assert!(
        result.stderr.contains("provider \"p\" uses "),
        "{}",
        result.stderr
    );
    assert!(!result.stderr.contains("hush"), "{}", result.stderr);
}

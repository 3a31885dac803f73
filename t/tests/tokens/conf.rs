//! What `nginx -t` says of tokens and of who uses them.

use std::os::unix::fs::PermissionsExt;

use nginx_tests::{Nginx, Scratch, TestResult};

fn check(http: &str, server: &str) -> TestResult {
    Nginx::builder()
        .http(http)
        .server(server)
        .env("AWS_ACCESS_KEY_ID", "AKID")
        .env("AWS_SECRET_ACCESS_KEY", "hush")
        .check()
}

const TOKEN: &str = "aws_token registry ecr region=eu-west-1 endpoint=http://127.0.0.1:9;";

#[test]
fn a_token_that_cannot_work_is_rejected() {
    for (words, message) in [
        ("t", "invalid number of arguments"),
        (
            "t magic",
            "\"t\": unknown source \"magic\"; the sources are ecr, ecr-public, codeartifact, \
             process",
        ),
        (
            "t ecr",
            "\"t\": region: it is missing: add region=, such as region=eu-west-1, or set \
             AWS_REGION",
        ),
        ("t ecr region", "\"region\" is not of the form key=value"),
        ("t ecr region=r colour=red", "\"colour=\" is unknown"),
        (
            "t ecr region=r credentials=web",
            "no provider \"web\" is declared above",
        ),
        ("t ecr region=r format=bearer", "write \"Basic\" before"),
        (
            "t codeartifact region=r",
            "codeartifact requires \"domain=\"",
        ),
        ("t process", "process requires \"command=\""),
        (
            "t process command='/bin/echo tok'",
            "quotation marks belong around the whole word: write \"command=/bin/echo ...\"",
        ),
        (
            "t ecr region=r endpoint=http://10.0.0.1",
            "endpoint: plain http is allowed only for loopback",
        ),
        (
            "t ecr-public endpoint=http://10.0.0.1",
            "endpoint: plain http is allowed only for loopback",
        ),
        (
            "t codeartifact domain=my-domain region=r endpoint=http://10.0.0.1",
            "endpoint: plain http is allowed only for loopback",
        ),
        (
            "my-token ecr region=r",
            "has the invalid value \"my-token\": use only letters, digits and underscores",
        ),
        ("on ecr region=r", "has the invalid value \"on\""),
        (
            "registry ecr region=r",
            "declares \"registry\", which is duplicate",
        ),
        (
            "Registry ecr region=r",
            "declares \"Registry\", which is duplicate",
        ),
    ] {
        check(&format!("{TOKEN} aws_token {words};"), "")
            .expect_refused("aws_token\"")
            .expect_refused(message);
    }
    check("", "aws_token t ecr;").expect_refused("\"aws_token\" directive is not allowed here");
}

#[test]
fn a_name_that_nobody_knows_is_rejected() {
    check(
        "aws_token t ecr region=r endpoint=https://nowhere.invalid;",
        "",
    )
    .expect_refused("token \"t\" asks https://nowhere.invalid: host not found");
    check(TOKEN, "location / { return 200 $aws_token_registri; }")
        .expect_refused("unknown \"aws_token_registri\" variable");
}

#[test]
fn a_token_that_is_required_must_be_declared() {
    for (http, server, message) in [
        (
            "",
            "aws_token_required on;",
            "\"aws_token_required on\" requires all tokens, and none is declared: add \"aws_token \
             <name> <source>\" to http{}",
        ),
        (
            "",
            "location / { aws_token_required registry; }",
            "names \"registry\", which is not declared: add \"aws_token registry <source>\"",
        ),
        (
            TOKEN,
            "location / { aws_token_required registri; }",
            "\"aws_token_required\" names \"registri\", which is not declared: the tokens are \
             registry",
        ),
        (
            TOKEN,
            "aws_token_required on registry;",
            "combines \"on\" with names: write on, off, or the names of tokens",
        ),
        (
            TOKEN,
            "aws_token_required on; aws_token_required off;",
            "\"aws_token_required\" is duplicate",
        ),
    ] {
        check(http, server).expect_refused(message);
    }
    for server in [
        "aws_token_required on;",
        "aws_token_required registry;",
        "aws_token_required Registry; location / { aws_token_required off; }",
        "location / { if ($arg_a) { aws_token_required on; } }",
    ] {
        check(TOKEN, server).expect_ok();
    }
    // Declared after its use.
    check(
        "",
        &format!("aws_token_required registry; }} {TOKEN} server {{ "),
    )
    .expect_ok();
}

#[test]
fn who_signs_is_told_where_it_was_left_open() {
    let stderr = |words: &str| {
        check(&format!("aws_credentials_provider keys env; {words}"), "")
            .expect_ok()
            .stderr
    };
    let told = stderr(TOKEN);
    assert!(
        told.contains(
            "token \"registry\" comes from ecr in eu-west-1, signed with the credentials of env, \
             access key AKID in "
        ),
        "{told}"
    );
    assert!(!told.contains("hush"), "{told}");
    let named = stderr("aws_token t ecr region=r credentials=keys endpoint=http://127.0.0.1:9;");
    assert!(!named.contains("comes from"), "{named}");
}

#[test]
fn keys_that_everybody_can_read_are_warned_of() {
    let folder = Scratch::new("conf");
    let path = folder.write(
        "credentials",
        "[default]\naws_access_key_id = AKID\naws_secret_access_key = hush\n",
    );
    let http = format!(
        "aws_credentials_provider file file path={};
         aws_token t ecr region=r credentials=file endpoint=http://127.0.0.1:9;",
        path.display()
    );
    for (mode, is_warned) in [(0o644, true), (0o600, false)] {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, permissions).expect("our own file");
        let result = check(&http, "").expect_ok();
        let warned = result
            .warnings()
            .iter()
            .any(|line| line.contains("any user of this machine can read the secret in"));
        assert_eq!(warned, is_warned, "{}", result.stderr);
    }
}

#[test]
fn a_zone_that_is_too_small_is_rejected() {
    let tokens: String = (0..20)
        .map(|n| format!("aws_token t{n} ecr region=r endpoint=http://127.0.0.1:9;"))
        .collect();
    check(&format!("aws_auth_zone small:32k; {tokens}"), "")
        .expect_refused("\"aws_auth_zone\" \"small\" is too small: it has room for");
    check(&format!("aws_auth_zone small:512k; {tokens}"), "").expect_ok();
}

//! `aws_signature_in` and `aws_signature_version` in a configuration: what is rejected, with file and
//! line, and what is noted.

use nginx_tests::account::signing_key_directives;
use nginx_tests::http;
use nginx_tests::server_conf::{KEYS, expect_refused};
use nginx_tests::{Nginx, RawOrigin, Style};

/// The warnings about `server`, which is taken.
#[track_caller]
fn warnings(server: &str) -> Vec<String> {
    let result = Nginx::builder().server(server).check().expect_ok();
    result.warnings().into_iter().map(str::to_owned).collect()
}

#[test]
fn bad_values_are_rejected() {
    for value in ["''", "3", "v4", "$version", "04"] {
        expect_refused(
            &format!("aws_signature_version {value}; #!"),
            "\"aws_signature_version\" has the invalid value",
        );
    }
    expect_refused("aws_signature_version 3; #!", "write \"4\" or \"2\"");
    for value in ["''", "header", "$place", "Query"] {
        expect_refused(
            &format!("aws_signature_in {value}; #!"),
            "write \"headers\" or \"query\"",
        );
    }
    for (expires, message) in [
        ("expires=0", "must be at least one second"),
        ("expires=8d", "at most 7 days (604800 s), not 691200 s"),
        ("expires=604801", "at most 7 days (604800 s)"),
        ("expires=2w", "at most 7 days (604800 s)"),
        ("expires=1500ms", "in whole seconds, such as expires=15m"),
        ("expires=", "in whole seconds, such as expires=15m"),
        ("expires=soon", "in whole seconds, such as expires=15m"),
        ("expires=-1", "in whole seconds, such as expires=15m"),
        ("expires=$arg_t", "in whole seconds, such as expires=15m"),
        ("15m", "in whole seconds, such as expires=15m"),
        ("expire=15m", "in whole seconds, such as expires=15m"),
    ] {
        expect_refused(&format!("aws_signature_in query {expires}; #!"), message);
    }
    expect_refused(
        "aws_signature_in headers expires=1h; #!",
        "accepts \"expires=\" only with \"query\"",
    );
    for (directive, arguments) in [
        ("aws_signature_version", ""),
        ("aws_signature_version", " 4 2"),
        ("aws_signature_in", ""),
        ("aws_signature_in", " query expires=1h expires=2h"),
    ] {
        expect_refused(
            &format!("{directive}{arguments}; #!"),
            &format!("invalid number of arguments in \"{directive}\" directive"),
        );
    }
    for (first, second) in [("query", "headers"), ("query", "query")] {
        expect_refused(
            &format!("aws_signature_in {first};\naws_signature_in {second}; #!"),
            "\"aws_signature_in\" is duplicate: keep one in this block",
        );
    }
    expect_refused(
        "aws_signature_version 2;\naws_signature_version 4; #!",
        "\"aws_signature_version\" is duplicate: keep one in this block",
    );
}

#[test]
fn a_signing_key_is_none_of_version_2() {
    let derived = signing_key_directives("AKID", "hush", "us-east-1").replace(";\n", "; ");
    let message = "\"aws_signature_version 2\" requires the secret key, and a signing key can be \
                   used only with version 4: use \"aws_secret_key_file\"";
    expect_refused(
        &format!(
            "aws_signature_version 2;\n
             location / {{\n aws_sign;\n {derived} #!\n proxy_pass http://127.0.0.1:1; }}"
        ),
        message,
    );
    // Also where signing is inherited.
    expect_refused(
        &format!(
            "{derived} #!\naws_sign on;
             location / {{ aws_signature_version 2; proxy_pass http://127.0.0.1:1; }}"
        ),
        message,
    );
    let result = Nginx::builder()
        .http("aws_credentials_provider days signing_keys path={dir}/keys access_key=AKID;")
        .file("keys", pair_of_today())
        .server(
            "aws_credentials days; aws_signature_version 2; aws_sign on;
             location / { proxy_pass http://127.0.0.1:1; }",
        )
        .check();
    result.expect_refused(message);
    for (credentials, message) in [
        ("aws_secret_key hush;", "\"aws_access_key\" is missing"),
        (
            "aws_access_key AKID;",
            "the key is missing: add \"aws_secret_key_file\"",
        ),
        ("", "there are no credentials"),
    ] {
        expect_refused(
            &format!(
                "{credentials} aws_signature_version 2;
                 location / {{
                     aws_sign; #!
                     proxy_pass http://127.0.0.1:1;
                 }}"
            ),
            message,
        );
    }
}

/// A file of provider `signing_keys`.
#[track_caller]
fn pair_of_today() -> String {
    let derived = signing_key_directives("AKID", "hush", "us-east-1");
    let value = |name: &str| {
        let rest = derived.split_once(name).expect(name).1;
        rest.split(';').next().expect("a value").trim().to_owned()
    };
    format!("{}\n{}\n", value("aws_signing_key"), value("aws_key_scope"))
}

/// What a provider yields may be known only when a request comes.
#[test]
fn providers_of_version_2() {
    let origin = RawOrigin::with_body("served");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(
            "aws_credentials_provider days signing_keys path={dir}/keys access_key=AKID;
             aws_credentials_provider secret file path={dir}/credentials;",
        )
        .file("keys", pair_of_today())
        .file(
            "credentials",
            "[default]
             aws_access_key_id = AKIDEXAMPLE
             aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
             aws_session_token = token\n",
        )
        .server(
            "aws_signature_version 2; aws_sign on; aws_s3_bucket bucket;
             location / { aws_credentials $arg_provider; proxy_pass http://{origin}; }
             location /query/ {
                 aws_credentials secret; aws_signature_in query; aws_endpoint s3.example.test;
                 proxy_pass http://{origin};
             }",
        )
        .start();
    http::get(nginx.port(), "/key?provider=secret").expect_status(200);
    let request = origin.only_request();
    assert_eq!(
        request.header("Host").as_deref(),
        Some("bucket.s3.amazonaws.com")
    );
    assert_eq!(
        request.header("x-amz-security-token").as_deref(),
        Some("token")
    );
    Style::HeadersV2.expect_signed_in(&request, Some("bucket"));
    http::get(nginx.port(), "/query/key").expect_status(200);
    Style::QueryV2.expect_signed(&origin.requests()[1]);

    http::get(nginx.port(), "/key?provider=days").expect_status(502);
    assert_eq!(origin.requests().len(), 2);
    let log = nginx.error_log();
    let line = "provider \"days\" has only signing keys, but \"aws_signature_version 2\" requires a \
         secret key";
    assert_eq!(log.matches(line).count(), 1, "{log}");
}

#[test]
fn version_2_is_for_s3() {
    for service in ["es", "s3express", "$arg_service"] {
        expect_refused(
            &format!(
                "{KEYS}aws_service {service};
                 location / {{
                     aws_signature_version 2; #!
                     aws_sign;
                     proxy_pass http://127.0.0.1:1;
                 }}"
            ),
            "\"aws_signature_version 2\" is for S3 only, but \"aws_service\" sets another \
             service: set \"aws_service s3\" here",
        );
    }
    for server in [
        "aws_service s3; location / { aws_sign; proxy_pass http://127.0.0.1:1; }",
        "location / { aws_service es; proxy_pass http://127.0.0.1:1; }",
        "aws_service es; aws_signature_version 4; location / { aws_sign; proxy_pass http://127.0.0.1:1; }",
    ] {
        let version = if server.contains("version") {
            ""
        } else {
            "aws_signature_version 2;"
        };
        let server = format!("{KEYS}{version}{server}");
        Nginx::builder().server(&server).check().expect_ok();
    }
}

#[test]
fn bodies_that_cannot_be_signed_so() {
    for (style, mode, message) in [
        (
            Style::HeadersV2,
            "signed",
            "\"aws_payload signed\" cannot be combined with \"aws_signature_version 2\", which \
             signs no bodies",
        ),
        (
            Style::HeadersV2,
            "streaming",
            "cannot be combined with \"aws_signature_version 2\"",
        ),
        (
            Style::QueryV2,
            "signed",
            "cannot be combined with \"aws_signature_version 2\"",
        ),
        (
            Style::QueryV2,
            "streaming",
            "cannot be combined with \"aws_signature_version 2\"",
        ),
        (
            Style::Query,
            "streaming",
            "\"aws_payload streaming\" cannot be combined with \"aws_signature_in query\", since \
             signed chunks require signatures in headers: use \"aws_payload signed\"",
        ),
    ] {
        expect_refused(
            &format!(
                "{KEYS}{}
                 location / {{
                     aws_payload {mode}; #!
                     aws_sign;
                     proxy_pass http://127.0.0.1:1;
                 }}",
                style.directives()
            ),
            message,
        );
    }
    for style in [Style::Query, Style::HeadersV2, Style::QueryV2] {
        for mode in ["auto", "unsigned", "decode"] {
            let server = format!(
                "{KEYS}{} aws_payload {mode};
                 location / {{ aws_sign; proxy_pass https://127.0.0.1:1; }}",
                style.directives()
            );
            Nginx::builder().server(&server).check().expect_ok();
        }
    }
}

/// AWS rejects it in newer regions; `nginx -t` warns of this.
#[test]
fn version_2_is_noted() {
    let note = "AWS regions that were opened after January 2014 reject \"aws_signature_version 2\"";
    for (version, count) in [(2, 1), (4, 0)] {
        let server = format!(
            "{KEYS}aws_signature_version {version};
             location / {{ aws_sign; proxy_pass http://127.0.0.1:1; }}
             location /other/ {{ aws_sign; proxy_pass http://127.0.0.1:1; }}"
        );
        let result = Nginx::builder().server(&server).check().expect_ok();
        assert_eq!(
            result.stderr.matches(note).count(),
            count,
            "{}",
            result.stderr
        );
        assert!(result.warnings().is_empty(), "{}", result.stderr);
        if count > 0 {
            let line = result
                .stderr
                .lines()
                .find(|line| line.contains(note))
                .expect(note);
            assert!(line.contains("nginx.conf:"), "{line}");
        }
    }
}

#[test]
fn unsigned_bodies_over_plain_http_are_warned_about() {
    let location = |directives: &str, scheme: &str| {
        let mut warned = warnings(&format!(
            "{KEYS}location /up/ {{ aws_sign; {directives} proxy_pass {scheme}://127.0.0.1:1; }}"
        ));
        warned.retain(|line| line.contains("plain http"));
        warned
    };
    for (style, advice) in [
        (
            Style::Query,
            "use \"https://\" in \"proxy_pass\", or \"aws_payload signed\"",
        ),
        (Style::HeadersV2, "use \"https://\" in \"proxy_pass\""),
        (Style::QueryV2, "use \"https://\" in \"proxy_pass\""),
    ] {
        let directives = format!("aws_sign_methods GET PUT; {}", style.directives());
        let warned = location(&directives, "http");
        let [line] = &warned[..] else {
            panic!("{warned:?}")
        };
        assert!(
            line.contains(&format!(
                "in location \"/up/\" signs no bodies, and plain http does not protect them: {advice} in"
            )),
            "{line}"
        );
        assert_eq!(location(&directives, "https"), [""; 0]);
        assert_eq!(
            location(style.directives(), "http"),
            [""; 0],
            "GET and HEAD"
        );
    }
    let put = "aws_sign_methods PUT; aws_signature_in query;";
    assert_eq!(
        location(&format!("{put} aws_payload signed;"), "http"),
        [""; 0]
    );
    assert_eq!(location(&format!("{put} aws_service es;"), "http"), [""; 0]);
    let warned = location(&format!("{put} aws_payload unsigned;"), "http");
    assert!(
        matches!(&warned[..], [line] if line.contains("\"aws_payload unsigned\"")),
        "{warned:?}"
    );
}

//! Tokens of services, which are asked with a signature.

use aws_credentials::Endpoint;

use crate::common::*;
use crate::official::{KEYS, authorization};

const ECR: &str = "https://api.ecr.eu-west-1.amazonaws.com/";
const CODEARTIFACT: &str = "https://codeartifact.eu-west-1.amazonaws.com/v1/authorization-token";
/// "AWS:password"
const TOKEN: &str = "QVdTOnBhc3N3b3Jk";

fn ecr_answer() -> String {
    let expiry = NOW + 12 * 3600;
    format!(
        r#"{{"authorizationData": [{{"authorizationToken": "{TOKEN}", "expiresAt": {expiry}.123,
            "proxyEndpoint": "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"}}]}}"#
    )
}

fn ecr_public_answer() -> String {
    format!(
        r#"{{"authorizationData": {{"authorizationToken": "{TOKEN}", "expiresAt": 1.767366245E9}}}}"#
    )
}

fn codeartifact_answer() -> String {
    format!(r#"{{"authorizationToken": "eyJ2ZXIiOjF9.x-Y_z", "expiration": "{LATER}"}}"#)
}

/// What is fetched, with its expiry; and the request.
fn fetched(
    line: &str,
    url: &str,
    answer: String,
    variables: &[(&str, &str)],
) -> (String, Option<i64>, Sent) {
    let host = Script::new().expect(format!("POST {url}"), 200, answer);
    let definition = define_token(line, variables).unwrap_or_else(|error| panic!("{error}"));
    let token = fetch_token(&host, &mut definition.fetcher());
    let token = token.unwrap_or_else(|error| panic!("{error}"));
    host.finish();
    let sent = host.sent.take().pop().unwrap();
    (token.value.expose().to_owned(), token.expires_at, sent)
}

#[test]
fn ecr_is_asked_with_a_signature_as_the_official_signer_makes_it() {
    for variables in [&KEYS[..], &KEYS[..3]] {
        let (value, expires_at, sent) = fetched("ecr", ECR, ecr_answer(), variables);
        assert_eq!(value, TOKEN);
        assert_eq!(expires_at, Some(NOW + 12 * 3600));
        assert_eq!(sent.body, "{}");
        assert_eq!(sent.headers["content-type"], "application/x-amz-json-1.1");
        assert_eq!(
            sent.headers["x-amz-target"],
            "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
        );
        let has_token = sent.headers.contains_key("x-amz-security-token");
        assert_eq!(has_token, variables.len() == 4);
        let expected = authorization(&sent, ECR, "ecr", "eu-west-1");
        assert_eq!(sent.headers["authorization"], expected);
    }
}

#[test]
fn the_public_registry_is_in_one_region() {
    let url = "https://api.ecr-public.us-east-1.amazonaws.com/";
    let (value, expires_at, sent) = fetched("ecr-public", url, ecr_public_answer(), &KEYS);
    assert_eq!((value.as_str(), expires_at), (TOKEN, Some(1_767_366_245)));
    assert_eq!(
        sent.headers["x-amz-target"],
        "SpencerFrontendService.GetAuthorizationToken"
    );
    let expected = authorization(&sent, url, "ecr-public", "us-east-1");
    assert_eq!(sent.headers["authorization"], expected);
}

#[test]
fn codeartifact_is_asked_with_what_is_given() {
    for (line, query) in [
        ("codeartifact domain=web", "?domain=web"),
        (
            "codeartifact duration=1h owner=123456789012 domain=my-domain",
            "?domain=my-domain&domain-owner=123456789012&duration=3600",
        ),
        (
            "codeartifact domain=w1 duration=900",
            "?domain=w1&duration=900",
        ),
        (
            "codeartifact domain=web duration=0",
            "?domain=web&duration=0",
        ),
    ] {
        let url = format!("{CODEARTIFACT}{query}");
        let (value, expires_at, sent) = fetched(line, &url, codeartifact_answer(), &KEYS);
        assert_eq!(value, "eyJ2ZXIiOjF9.x-Y_z");
        assert_eq!(expires_at, Some(NOW + 3600));
        assert_eq!(sent.body, "");
        let expected = authorization(&sent, &url, "codeartifact", "eu-west-1");
        assert_eq!(sent.headers["authorization"], expected, "{line}");
    }
}

#[test]
fn codeartifacts_basic_form_has_a_user() {
    let url = format!("{CODEARTIFACT}?domain=web");
    let line = "codeartifact domain=web format=basic";
    let (value, ..) = fetched(line, &url, codeartifact_answer(), &KEYS);
    // "aws:eyJ2ZXIiOjF9.x-Y_z"
    assert_eq!(value, "YXdzOmV5SjJaWElpT2pGOS54LVlfeg==");
}

#[test]
fn the_nearest_setting_says_where() {
    let variables = [
        KEYS[0],
        KEYS[1],
        ("AWS_DEFAULT_REGION", "eu-west-2"),
        ("AWS_ENDPOINT_URL_ECR", "http://127.0.0.1:1/x"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:2"),
    ];
    for (line, url, variables) in [
        (
            "ecr endpoint=http://127.0.0.1:3",
            "http://127.0.0.1:3/",
            &variables[..],
        ),
        ("ecr", "http://127.0.0.1:1/x/", &variables[..]),
        (
            "ecr region=cn-north-1",
            "https://api.ecr.cn-north-1.amazonaws.com.cn/",
            &variables[..3],
        ),
        (
            "ecr",
            "https://api.ecr.eu-west-2.amazonaws.com/",
            &variables[..3],
        ),
        (
            "ecr",
            "https://api.ecr-fips.eu-west-2.amazonaws.com/",
            &[&variables[..3], &[("AWS_USE_FIPS_ENDPOINT", "true")]].concat(),
        ),
    ] {
        let (.., sent) = fetched(line, url, ecr_answer(), variables);
        let region = if line.contains("cn-north-1") {
            "cn-north-1"
        } else {
            "eu-west-2"
        };
        let expected = authorization(&sent, url, "ecr", region);
        assert_eq!(sent.headers["authorization"], expected, "{url}");
    }
    let url = "http://127.0.0.1:1/v1/authorization-token?domain=web";
    let line = "codeartifact domain=web endpoint=http://127.0.0.1:1";
    let (.., sent) = fetched(line, url, codeartifact_answer(), &KEYS);
    let expected = authorization(&sent, url, "codeartifact", "eu-west-1");
    assert_eq!(sent.headers["authorization"], expected);
}

#[test]
fn a_declared_provider_may_sign() {
    let host = Script::new()
        .expect(format!("PUT {IMDS}/latest/api/token"), 200, "TOKEN")
        .expect(
            format!("GET {IMDS}/latest/meta-data/iam/security-credentials/web"),
            200,
            json_credentials(),
        )
        .expect(
            "POST https://api.ecr.eu-west-1.amazonaws.com/",
            200,
            ecr_answer(),
        );
    let instance = define("imds role=web", &[]).unwrap();
    let words = ["region=eu-west-1", "credentials=instance"];
    let declared = [("instance", &instance)];
    let definition = parse_token("ecr", &words, &environment(&[]), &declared).unwrap();
    fetch_token(&host, &mut definition.fetcher()).unwrap();
    host.finish();
    let sent = host.sent.borrow();
    assert!(
        sent[2].headers["authorization"].contains("Credential=ASIAEXAMPLE/20260102/eu-west-1/ecr/")
    );
}

#[test]
fn a_file_with_the_keys_is_watched() {
    let path = "/home/web/.aws/credentials";
    let text = "[default]\naws_access_key_id = AKID\naws_secret_access_key = secret\n";
    let host = Script::new()
        .file(path, text)
        .expect(format!("POST {ECR}"), 200, ecr_answer());
    let home = [("HOME", "/home/web"), ("AWS_REGION", "eu-west-1")];
    let definition = define_token("ecr", &home).unwrap();
    let check = definition.check(&host).unwrap();
    assert_eq!(
        check.description,
        "ecr in eu-west-1, signed with the credentials of file, profile \"default\", access key \
         AKID"
    );
    let endpoints: Vec<String> = check.endpoints.iter().map(Endpoint::to_string).collect();
    assert_eq!(endpoints, [ECR.trim_end_matches('/')]);
    assert!(
        check
            .files
            .iter()
            .any(|file| file.path.to_str() == Some(path))
    );

    let mut fetcher = definition.fetcher();
    fetch_token(&host, &mut fetcher).unwrap();
    assert!(!fetcher.files_changed(&host));
    host.write(path, text);
    assert!(fetcher.files_changed(&host));
}

#[test]
fn what_is_not_exactly_a_token_is_an_error() {
    let ecr = |fields: &str| format!("{{\"authorizationData\": [{{{fields}}}]}}");
    let expiry = format!("\"expiresAt\": {}", NOW + 3600);
    for (answer, error) in [
        (String::new(), "the response is empty"),
        ("<html>".to_owned(), "the response is not a JSON object"),
        ("{}".to_owned(), "the response has no authorizationData"),
        (
            "{\"authorizationData\": []}".to_owned(),
            "the response has no authorizationData",
        ),
        (
            "{\"authorizationData\": [\"QVdT\"]}".to_owned(),
            "authorizationData in the response is malformed",
        ),
        (ecr(""), "the response has no expiresAt"),
        (ecr(&expiry), "the response has no authorizationToken"),
        (
            ecr(&format!("{expiry}, \"authorizationToken\": \"\"")),
            "the response has no authorizationToken",
        ),
        (
            ecr(&format!("{expiry}, \"authorizationToken\": 1")),
            "authorizationToken in the response is not a string",
        ),
        (
            ecr(&format!(
                "{expiry}, \"authorizationToken\": \"a\\r\\nHost: b\""
            )),
            "authorizationToken in the response is malformed",
        ),
        (
            ecr(&format!(
                "{expiry}, \"authorizationToken\": \"{}\"",
                "a".repeat(20_000)
            )),
            "authorizationToken in the response is malformed",
        ),
        (
            ecr("\"authorizationToken\": \"QVdT\", \"expiresAt\": \"tomorrow\""),
            "expiresAt in the response is malformed",
        ),
        (
            ecr("\"authorizationToken\": \"QVdT\", \"expiresAt\": -1"),
            "expiresAt in the response is malformed",
        ),
        (
            ecr("\"authorizationToken\": \"QVdT\", \"expiresAt\": 1e300"),
            "expiresAt in the response is malformed",
        ),
        (
            ecr("\"authorizationToken\": \"QVdT\", \"expiresAt\": 1767323045.9"),
            "the token in the response expired at 2026-01-02T03:04:05Z: check the clock of this \
             machine",
        ),
    ] {
        let host = Script::new().expect(format!("POST {ECR}"), 200, answer.clone());
        let mut fetcher = define_token("ecr", &KEYS).unwrap().fetcher();
        let text = fetch_token(&host, &mut fetcher).unwrap_err().to_string();
        let from = "https://api.ecr.eu-west-1.amazonaws.com GetAuthorizationToken";
        assert_eq!(text, format!("{from}: {error}"), "{answer}");
    }
}

// A token with another status is none.
#[test]
fn refusals_are_told() {
    for (status, body, detail) in [
        (
            400,
            r#"{"__type": "ExpiredTokenException", "message": "The security token is expired"}"#,
            ", ExpiredTokenException: The security token is expired",
        ),
        (500, "", ""),
        (307, &ecr_answer(), ""),
    ] {
        let host = Script::new().expect(format!("POST {ECR}"), status, body);
        let mut fetcher = define_token("ecr", &KEYS).unwrap().fetcher();
        let text = fetch_token(&host, &mut fetcher).unwrap_err().to_string();
        let from = "https://api.ecr.eu-west-1.amazonaws.com GetAuthorizationToken";
        assert_eq!(text, format!("{from}: status {status}{detail}"));
    }
}

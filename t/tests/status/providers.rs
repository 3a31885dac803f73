//! What is shown of credentials and tokens.

use std::time::Duration;

use nginx_tests::http;
use nginx_tests::{Behaviour, Builder, MetadataServer, Nginx, wait_until};
use serde_json::Value;

use super::{STATUS, row, status};

const PROVIDER: &str = "aws_credentials_provider instance imds endpoint=http://{metadata};";
const TOKEN: &str = "aws_token secret process \"command=/bin/echo T0P-SECRET-TOKEN\" interval=1h;";

fn with_imds(metadata: &MetadataServer, server: &str) -> Builder {
    Nginx::builder()
        .var("metadata", metadata.address())
        .http(PROVIDER)
        .server(&format!(
            "server_name files.example.com; aws_region us-east-1; aws_credentials instance; {STATUS} {server}"
        ))
}

/// The first provider, once `is_so` is true of it.
fn provider(nginx: &Nginx, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    wait_until(what, || {
        last = status(nginx)["credentials"][0].clone();
        is_so(&last)
    });
    last
}

#[test]
fn fresh_credentials() {
    let metadata = MetadataServer::start();
    let nginx = with_imds(&metadata, "").start();
    let one = provider(&nginx, "they are fresh", |one| one["state"] == "fresh");
    assert_eq!(
        (&one["name"], &one["source"]),
        (&"instance".into(), &"imds".into())
    );
    assert_eq!((&one["fetches"], &one["failures"]), (&1.into(), &0.into()));
    let issued = metadata.issued();
    let end = &issued[0].access_key[issued[0].access_key.len() - 4..];
    assert_eq!(one["access_key_id"], format!("****{end}"));
    assert!(one["seconds_left"].as_i64() > Some(60), "{one:#}");
    assert!(
        one["next_fetch"].is_string() && one["last_success"].is_string(),
        "{one:#}"
    );
    assert_eq!(one["last_error"], Value::Null);
}

#[test]
fn credentials_that_cannot_be_fetched_or_renewed() {
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Answer(500, Vec::new()));
    let nginx = with_imds(&metadata, "").start();
    let one = provider(&nginx, "a fetch fails", |one| {
        one["failures"].as_u64() > Some(0)
    });
    assert_eq!(one["state"], "never_fetched", "{one:#}");
    assert!(
        one["last_error"]["text"]
            .as_str()
            .is_some_and(|text| text.contains("500")),
        "{one:#}"
    );

    metadata.set_lifetime(Duration::from_secs(6));
    metadata.behave(Behaviour::Good);
    provider(&nginx, "they are fresh", |one| one["state"] == "fresh");
    metadata.behave(Behaviour::Answer(503, Vec::new()));
    let one = provider(&nginx, "renewal fails", |one| one["state"] == "failing");
    assert!(
        one["last_error"]["text"]
            .as_str()
            .is_some_and(|text| text.contains("503")),
        "{one:#}"
    );
}

#[test]
fn a_token_and_no_secret() {
    let metadata = MetadataServer::start();
    let nginx = with_imds(&metadata, "")
        .http(&format!("{PROVIDER} {TOKEN}"))
        .start();
    provider(&nginx, "they are fresh", |one| one["state"] == "fresh");
    wait_until("the token is fetched", || {
        status(&nginx)["tokens"][0]["fetches"].as_u64() > Some(0)
    });
    let issued = metadata.issued();
    for format in ["json", "html", "prometheus", "openmetrics"] {
        let text = http::get(nginx.port(), format!("/status?format={format}")).text();
        for secret in ["T0P-SECRET", &issued[0].secret_key, &issued[0].access_key] {
            assert!(!text.contains(secret), "{secret} in {format}: {text}");
        }
        assert!(text.contains("instance"), "{text}");
    }
}

#[test]
fn requests_that_wait_are_counted_with_their_time() {
    let metadata = MetadataServer::start();
    metadata.behave(Behaviour::Slow(Duration::from_millis(300)));
    let store = metadata.store();
    let nginx = with_imds(
        &metadata,
        "location / { aws_sign on; proxy_pass http://{origin}; }",
    )
    .var("origin", store.address())
    .start();
    http::get(nginx.port(), "/bucket/key").expect_status(200);
    let server = row(&status(&nginx), "server", "files.example.com");
    let wait = &server["credentials_wait"];
    assert_eq!(wait["count"], 1, "{server:#}");
    assert!(wait["seconds"].as_f64() > Some(0.0), "{server:#}");
}

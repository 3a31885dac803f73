//! Services that are asked over TLS, and by name.

use std::time::Duration;

use nginx_tests::{Builder, MetadataServer, NameServer, Nginx, RawOrigin, http};

const CA: &str = include_str!("../../tls/ca.pem");
const CERTIFICATE: &str = include_str!("../../tls/server.pem");
const KEY: &str = include_str!("../../tls/server.key");

/// An nginx that is its own TLS server in front of `metadata`, whose endpoint it asks at `host`.
/// `http` stands in http{}.
fn over_tls(metadata: &MetadataServer, store: &RawOrigin, host: &str, http: &str) -> Builder {
    Nginx::builder()
        .var("metadata", metadata.address())
        .var("origin", store.address())
        .extra_port("tls")
        .file("ca.pem", CA)
        .file("server.pem", CERTIFICATE)
        .file("server.key", KEY)
        .http(&format!(
            "{http}
             aws_credentials_provider task container uri=https://{host}:{{tls}}/container;
             server {{
                 listen 127.0.0.1:{{tls}} ssl;
                 ssl_certificate {{dir}}/server.pem; ssl_certificate_key {{dir}}/server.key;
                 location / {{ add_header X-Name $ssl_server_name; proxy_pass http://{{metadata}}; }}
                 access_log {{dir}}/tls.log combined;
             }}"
        ))
        .server(
            "aws_region us-east-1; aws_credentials task; aws_credentials_timeout 3s;
             location / { aws_sign on; proxy_pass http://{origin}; }",
        )
}

const TRUST: &str = "aws_trusted_certificate {dir}/ca.pem;";

#[test]
fn https_by_a_name_of_the_machine() {
    let metadata = MetadataServer::start();
    let store = metadata.store();
    let nginx = over_tls(&metadata, &store, "localhost", TRUST).start();
    http::get(nginx.port(), "/b/k").expect_status(200);
    assert!(nginx.read("tls.log").contains("GET /container"));
}

// With one, names are asked for when they are needed, as for proxy_pass with variables.
#[test]
fn https_by_a_name_that_the_resolver_knows() {
    let names = NameServer::start();
    let metadata = MetadataServer::start();
    let store = metadata.store();
    let http = format!("resolver {} ipv6=off; {TRUST}", names.address());
    let nginx = over_tls(&metadata, &store, "metadata.example.test", &http).start();
    http::get(nginx.port(), "/b/k").expect_status(200);
    assert_eq!(names.answers(), 1);
}

#[track_caller]
fn expect_no_credentials(nginx: &Nginx, metadata: &MetadataServer, words: &str) {
    let line = nginx.wait_for_log("requests are rejected", Duration::from_secs(5));
    assert!(line.contains(words), "{line}");
    assert_eq!(metadata.requests().len(), 0);
}

#[test]
fn a_certificate_of_nobody_known_is_rejected() {
    let metadata = MetadataServer::start();
    let store = metadata.store();
    // The system's own trust does not help.
    for trust in ["", "aws_trusted_certificate {dir}/other.pem;"] {
        let nginx = over_tls(&metadata, &store, "localhost", trust)
            .file("other.pem", CERTIFICATE)
            .start();
        expect_no_credentials(&nginx, &metadata, "certificate is not trusted: ");
    }
}

#[test]
fn a_certificate_of_another_host_is_rejected() {
    let names = NameServer::start();
    let metadata = MetadataServer::start();
    let store = metadata.store();
    let http = format!("resolver {} ipv6=off; {TRUST}", names.address());
    let nginx = over_tls(&metadata, &store, "other.example.test", &http).start();
    expect_no_credentials(&nginx, &metadata, "certificate is for another host");
}

#[test]
fn a_server_without_tls_is_named() {
    let metadata = MetadataServer::start();
    let nginx = Nginx::builder()
        .http("aws_credentials_provider task container uri=https://localhost:{port}/;")
        .server("location / { return 204; }")
        .start();
    expect_no_credentials(&nginx, &metadata, "the TLS handshake failed");
}

#[test]
fn a_name_that_nobody_knows_is_rejected_by_nginx_t() {
    Nginx::builder()
        .http("aws_credentials_provider task container uri=https://nowhere.invalid/;")
        .server("location / { return 204; }")
        .check()
        .expect_refused("provider \"task\" asks https://nowhere.invalid: host not found");
}

#[test]
fn a_name_that_the_resolver_does_not_know_is_named() {
    let nginx = Nginx::builder()
        // Nobody responds there.
        .http(
            "resolver 127.0.0.1:9 ipv6=off; resolver_timeout 1s;
             aws_credentials_provider task container uri=https://nowhere.example.test/;",
        )
        .server("location / { return 204; }")
        .allow_log("nowhere.example.test")
        .start();
    let line = nginx.wait_for_log("requests are rejected", Duration::from_secs(10));
    assert!(line.contains("https://nowhere.example.test"), "{line}");
}

#[test]
fn certificates_that_cannot_be_read_are_rejected_by_nginx_t() {
    Nginx::builder()
        .http(
            "aws_credentials_provider task container uri=https://localhost/;
             aws_trusted_certificate {dir}/missing.pem;",
        )
        .server("location / { return 204; }")
        .check()
        .expect_refused("missing.pem");
}

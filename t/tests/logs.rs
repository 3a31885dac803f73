//! What the module writes into error.log: nothing for a request that goes well, one line for one
//! that does not, and never what would let a reader sign, or send what we have signed (A#71).

use nginx_tests::account::{ACCESS_KEY, signing_key_directives};
use nginx_tests::http::{self, Request};
use nginx_tests::{Builder, DeadPort, Nginx, RawOrigin, Reply, Signer, signing};

const SECRET: &str = "hushhushhushhushhushhushhushhushhushhush";
const TOKEN: &str = "tokentokentokentoken//tokentoken==";

/// Every kind of credentials, responses, and rejections.
fn builder(origin: &RawOrigin, dead: &DeadPort) -> (Builder, String) {
    let derived = signing_key_directives(ACCESS_KEY, SECRET, "us-east-1");
    let signing_key = derived
        .lines()
        .find_map(|line| line.strip_prefix("aws_signing_key "))
        .expect("a signing key")
        .trim_end_matches(';')
        .trim_end_matches('=')
        .to_owned();
    let builder = Nginx::builder()
        .var("origin", origin.address())
        .var("dead", format!("127.0.0.1:{}", dead.port()))
        .http(
            "proxy_cache_path {dir}/cache keys_zone=objects:1m;
             map $uri $variable_secret { default hushhushhushhushhushhushhushhushhushhush; }
             map $uri $bad_secret { default 'hush hush'; }",
        )
        .server(&format!(
            "aws_access_key AKIDEXAMPLE; aws_secret_key {SECRET}; aws_region us-east-1;
             aws_session_token {TOKEN}; aws_sign on;
             location / {{ proxy_pass http://{{origin}}; }}
             location /query/ {{ proxy_pass http://{{origin}}/; }}
             location /variable/ {{
                 aws_access_key AKIDEXAMPLE; aws_secret_key $variable_secret;
                 aws_session_token $variable_secret; proxy_pass http://{{origin}};
             }}
             location /bad/ {{
                 aws_access_key AKIDEXAMPLE; aws_secret_key $bad_secret; proxy_pass http://{{origin}};
             }}
             location /derived/ {{ {derived} aws_session_token {TOKEN}; proxy_pass http://{{origin}}; }}
             location /dead/ {{ proxy_pass http://{{dead}}; }}
             location /cache/ {{ proxy_cache objects; proxy_cache_valid 1h; proxy_pass http://{{origin}}; }}
             location /decoded/ {{ proxy_pass http://{{origin}}$uri; }}
             location /api/ {{ aws_service execute-api; proxy_pass http://{{origin}}; }}
             location /write/ {{ aws_sign_methods PUT; proxy_pass http://{{origin}}; }}"
        ))
        .debug();
    (builder, signing_key)
}

/// Sends requests of every kind; returns the signatures that have reached the origin.
fn work(nginx: &Nginx, origin: &RawOrigin) -> Vec<String> {
    for (target, status) in [
        ("/key", 200),
        ("/key?list-type=2&prefix=a", 200),
        ("/query/key", 200),
        ("/variable/key", 200),
        ("/derived/key", 200),
        ("/derived/key", 200),
        ("/cache/key", 200),
        ("/cache/key", 200),
        ("/api/key", 200),
        ("/closed", 502),
        ("/missing", 404),
        ("/dead/key", 502),
        ("/bad/key", 502),
        ("/decoded/a%0d%0ab", 502),
        ("/api/x/%2e%2e/key", 400),
    ] {
        http::get(nginx.port(), target).expect_status(status);
    }
    http::head(nginx.port(), "/key").expect_status(200);
    let put = || Request::new("PUT", "/write/key");
    put().body("x").send(nginx.port()).expect_status(200);
    put()
        .header("X-Amz-Acl", "public-read")
        .send(nginx.port())
        .expect_status(403);
    put().send(nginx.port()).expect_status(200);
    Request::new("POST", "/key")
        .send(nginx.port())
        .expect_status(405);

    let signatures: Vec<String> = origin
        .requests()
        .iter()
        .filter_map(|request| request.header("Authorization"))
        .filter_map(|value| Some(value.split_once("Signature=")?.1.to_owned()))
        .collect();
    assert!(signatures.len() > 10 && signatures.iter().all(|s| s.len() == 64));
    signatures
}

fn store() -> RawOrigin {
    RawOrigin::start(|request| match request.target().as_str() {
        "/closed" => Reply::close(),
        "/missing" => Reply::new(404, "missing"),
        _ => Reply::new(200, "served"),
    })
}

#[test]
fn no_secret_and_no_signature_is_logged() {
    let (origin, dead) = (store(), DeadPort::new());
    let (builder, signing_key) = builder(&origin, &dead);
    let nginx = builder.log_level("info").start();
    let signatures = work(&nginx, &origin);

    let log = nginx.error_log();
    assert!(
        log.contains("aws_auth: ") && log.contains("[error]"),
        "{log}"
    );
    for hidden in [SECRET, "hush hush", TOKEN, &signing_key] {
        assert!(!log.contains(hidden), "{hidden}\n{log}");
    }
    for signature in &signatures {
        assert!(!log.contains(signature.as_str()), "{log}");
    }
    for part in [
        "AWS4-HMAC-SHA256",
        "Signature",
        "canonical",
        "x-amz-date",
        "SignedHeaders",
    ] {
        assert!(
            !log.to_lowercase().contains(&part.to_lowercase()),
            "{part}\n{log}"
        );
    }
}

/// At level debug the canonical request is shown, with the token blotted out; nginx's own lines,
/// which show header by header what it sends and evaluates, are not ours to change.
#[test]
fn a_debug_log_has_no_secret_of_ours() {
    let (origin, dead) = (store(), DeadPort::new());
    let (builder, signing_key) = builder(&origin, &dead);
    let nginx = builder.log_level("info").start();
    work(&nginx, &origin);
    // A client's own encryption key (SSE-C) is passed on and signed, and its secret.
    let customer_key = "x-amz-server-side-encryption-customer-key";
    Request::get("/key")
        .header(customer_key, "Y3VzdG9tZXIga2V5")
        .send(nginx.port());

    let log = nginx.debug_log();
    let own = nginx_tests::own_lines(&log);
    let shown = |text: &str| own.iter().any(|line| line.contains(text));
    assert!(shown("canonical request: GET"), "{own:#?}");
    assert!(shown("canonical request: /query") || shown("canonical request: /key"));
    assert!(
        shown("canonical request: x-amz-security-token:***"),
        "{own:#?}"
    );
    assert!(
        shown(&format!("canonical request: {customer_key}:***")),
        "{own:#?}"
    );
    for hidden in [
        SECRET,
        "hush hush",
        TOKEN,
        signing_key.as_str(),
        "Y3VzdG9tZXIga2V5",
    ] {
        assert!(!shown(hidden), "{hidden}\n{own:#?}");
    }
    // Nor in what nginx says of its own accord: no variable holds these two.
    assert!(!log.contains(TOKEN) && !log.contains(&signing_key));
}

/// At the default level a request that goes well says nothing, whatever its kind.
#[test]
fn a_request_that_goes_well_says_nothing() {
    let (origin, dead) = (store(), DeadPort::new());
    let (builder, _) = builder(&origin, &dead);
    let nginx = builder.log_level("info").start();
    for target in [
        "/key",
        "/key?a=b",
        "/variable/key",
        "/derived/key",
        "/cache/key",
        "/api/key",
    ] {
        for _ in 0..3 {
            http::get(nginx.port(), target).expect_status(200);
        }
    }
    http::get(nginx.port(), "/missing").expect_status(404);
    http::get(nginx.port(), "/closed").expect_status(502);
    let log = nginx.request_log();
    assert!(!log.contains("aws_auth"), "{log}");
}

/// What nginx says of a failed upstream names the URL as it was before the signature.
#[test]
fn the_context_of_nginx_shows_the_unsigned_request() {
    let (origin, dead) = (store(), DeadPort::new());
    let (builder, _) = builder(&origin, &dead);
    let nginx = builder.start();
    http::get(nginx.port(), "/dead/b?z=1&a=2").expect_status(502);
    let log = nginx.error_log();
    // The number alone: nginx before 1.19.8 knows no text for it with a current glibc.
    let line = log.lines().find(|line| line.contains("failed (111: "));
    let line = line.expect("nginx tells of the dead peer");
    let upstream = format!(
        "upstream: \"http://127.0.0.1:{}/dead/b?z=1&a=2\"",
        dead.port()
    );
    assert!(line.contains(&upstream), "{line}");
    assert!(!line.contains("Signature"), "{line}");
}

/// A rejection that a client can cause at will is one line of ours, however long its request is.
#[test]
fn a_refusal_is_one_bounded_line() {
    let (origin, dead) = (store(), DeadPort::new());
    let (builder, _) = builder(&origin, &dead);
    let nginx = builder.start();
    let name = format!("X-Amz-{}", "a".repeat(5000));
    let put = Request::new("PUT", "/write/key").header(&name, "x");
    put.send(nginx.port()).expect_status(403);
    let lines = nginx.own_request_lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        lines[0].len() < 2100,
        "nginx's own limit of a line: {}",
        lines[0].len()
    );
    assert_eq!(origin.connections(), 0);

    http::get(nginx.port(), "/query/key").expect_status(200);
    assert!(origin.only_request().header("Authorization").is_some());
}

/// The secret that must not be found is the one that signs.
#[test]
fn the_secret_is_really_used() {
    let (origin, dead) = (store(), DeadPort::new());
    let (builder, _) = builder(&origin, &dead);
    let nginx = builder.start();
    http::get(nginx.port(), "/key").expect_status(200);
    signing::expect_signed(&origin.only_request(), &Signer::new(ACCESS_KEY, SECRET));
}

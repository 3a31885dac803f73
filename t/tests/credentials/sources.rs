//! Every source of credentials, through nginx to an object store that verifies.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_signing::{CredentialScope, Timestamp, derive_key_bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nginx_tests::account::{ACCESS_KEY, ENDPOINT, SECRET_KEY, object_store_with};
use nginx_tests::{Builder, MetadataServer, Nginx, Origin, http, procfs, wait_until};

/// An nginx with this provider `p`, for `origin`, whose user has permanent keys.
fn for_account(origin: &Origin, provider: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin.address())
        .http(&format!("aws_credentials_provider p {provider};"))
        .server(&format!(
            "aws_region us-east-1; aws_credentials p;
             aws_s3_bucket bucket; aws_endpoint {ENDPOINT};
             location / {{ aws_sign on; proxy_pass http://{{origin}}; }}"
        ))
}

/// An nginx with this provider `p`, for an object store that takes what `metadata` issues.
fn for_metadata(metadata: &MetadataServer, origin: impl ToString, provider: &str) -> Builder {
    Nginx::builder()
        .var("metadata", metadata.address())
        .var("origin", origin)
        .http(&format!("aws_credentials_provider p {provider};"))
        .server(
            "aws_region us-east-1; aws_credentials p;
             location / { aws_sign on; proxy_pass http://{origin}; }",
        )
}

#[track_caller]
fn expect_hello(nginx: &Nginx, target: &str) {
    let response = http::get(nginx.port(), target).expect_status(200);
    assert_eq!(response.text(), "hello");
}

fn profile(name: &str, access_key: &str, secret_key: &str) -> String {
    format!("[{name}]\naws_access_key_id = {access_key}\naws_secret_access_key = {secret_key}\n")
}

// Workers lose the environment: the master reads it with the configuration.
#[test]
fn env() {
    let origin = object_store_with(&[("key", "hello")]);
    let nginx = for_account(&origin, "env")
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .workers(2)
        .start();
    for _ in 0..4 {
        expect_hello(&nginx, "/key");
    }
    for worker in nginx.workers() {
        let environment = procfs::title(worker).expect("a worker");
        assert!(!environment.contains(SECRET_KEY));
    }
}

// A file that is renewed elsewhere: written again, or renamed into place.
#[test]
fn file_is_read_again_when_it_changes() {
    let origin = object_store_with(&[("key", "hello")]);
    let nginx = for_account(&origin, "file path={dir}/credentials profile=web")
        .file("credentials", profile("web", "AKIDOTHER", "wrong"))
        .start();
    http::get(nginx.port(), "/key").expect_status(403);

    nginx.write("credentials", profile("web", ACCESS_KEY, SECRET_KEY));
    wait_until("the new key is used", || {
        http::get(nginx.port(), "/key").status == 200
    });

    nginx.write("next", profile("web", "AKIDOTHER", "wrong"));
    let rename = || std::fs::rename(nginx.dir().join("next"), nginx.dir().join("credentials"));
    rename().expect("the same folder");
    wait_until("the next key is used", || {
        http::get(nginx.port(), "/key").status == 403
    });

    // Something that is no good changes nothing.
    nginx.write("next", profile("web", ACCESS_KEY, SECRET_KEY));
    rename().expect("the same folder");
    wait_until("the first key is used", || {
        http::get(nginx.port(), "/key").status == 200
    });
    nginx.write("credentials", "[web]\n");
    nginx.wait_for_log("the current ones stay in use", Duration::from_secs(5));
    expect_hello(&nginx, "/key");
}

// While nobody was looking, since the configuration was read again at that moment.
#[test]
fn file_that_changes_with_a_reload_is_read_again() {
    let origin = object_store_with(&[("key", "hello")]);
    let mut nginx = for_account(&origin, "file path={dir}/credentials profile=web")
        .file("credentials", profile("web", "AKIDOTHER", "wrong"))
        .start();
    http::get(nginx.port(), "/key").expect_status(403);
    nginx.write("credentials", profile("web", ACCESS_KEY, SECRET_KEY));
    nginx.edit(|builder| builder.file("credentials", profile("web", ACCESS_KEY, SECRET_KEY)));
    nginx.reload();
    wait_until("the new key is used", || {
        http::get(nginx.port(), "/key").status == 200
    });
}

#[test]
fn container() {
    let metadata = MetadataServer::start();
    let origin = metadata.store();
    let provider = "container uri=http://{metadata}/container";
    let nginx = for_metadata(&metadata, origin.address(), provider).start();
    expect_hello(&nginx, "/b/k");
}

#[test]
fn web_identity() {
    let metadata = MetadataServer::start();
    let origin = metadata.store();
    let provider = "web_identity role_arn=arn:aws:iam::123456789012:role/web
         token_file={dir}/token region=us-east-1 endpoint=http://{metadata}";
    let nginx = for_metadata(&metadata, origin.address(), provider)
        .file("token", "header.SECRETCLAIMS.signature")
        .start();
    expect_hello(&nginx, "/b/k");
    let requests = metadata.requests();
    let body = String::from_utf8_lossy(&requests[0].body).into_owned();
    assert!(
        body.contains("WebIdentityToken=header.SECRETCLAIMS.signature"),
        "{body}"
    );
}

// Signed with what another provider yields.
#[test]
fn assume_role() {
    let metadata = MetadataServer::start();
    let origin = metadata.store();
    let nginx = for_metadata(&metadata, origin.address(), "env")
        .http(
            "aws_credentials_provider base imds endpoint=http://{metadata};
             aws_credentials_provider p assume_role source=base region=us-east-1
                 role_arn=arn:aws:iam::123456789012:role/web endpoint=http://{metadata};",
        )
        .start();
    expect_hello(&nginx, "/b/k");
    let asked = metadata.requests();
    let request = asked.iter().find(|request| request.method() == "POST");
    let request = request.expect("a request to STS");
    let authorization = request.header("Authorization").unwrap_or_default();
    assert!(
        authorization.contains("/us-east-1/sts/aws4_request"),
        "{authorization}"
    );
}

/// Lines as `generate_signing_key --days` prints them, for `days` from yesterday on.
fn signing_keys(days: i64) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.expect("a clock after 1970").as_secs().cast_signed();
    let pairs = (-1..days - 1).map(|day| {
        let day = Timestamp::from_unix(now + day * 86_400);
        let scope = CredentialScope::new(day.date(), "us-east-1", "s3").expect("a scope");
        let key = STANDARD.encode(derive_key_bytes(SECRET_KEY.as_bytes(), &scope));
        format!("{key}\n{scope}\n")
    });
    pairs.collect()
}

// Region and service come with the keys.
#[test]
fn signing_keys_choose_todays() {
    let origin = object_store_with(&[("key", "hello")]);
    let provider = format!("signing_keys path={{dir}}/keys access_key={ACCESS_KEY}");
    let nginx = Nginx::builder()
        .var("origin", origin.address())
        .http(&format!("aws_credentials_provider p {provider};"))
        .server(&format!(
            "aws_credentials p; aws_credentials_timeout 200ms;
             aws_s3_bucket bucket; aws_endpoint {ENDPOINT};
             location / {{ aws_sign on; proxy_pass http://{{origin}}; }}
             location /elsewhere/ {{ aws_sign on; aws_region eu-west-1;
                 proxy_pass http://{{origin}}/; }}"
        ))
        .file("keys", signing_keys(3))
        .start();
    expect_hello(&nginx, "/key");
    http::get(nginx.port(), "/elsewhere/key").expect_status(502);
    nginx.wait_for_log(
        "has signing keys for a region or service other than",
        Duration::from_secs(1),
    );
}

#[test]
fn default_takes_the_first_that_is_configured() {
    let metadata = MetadataServer::start();
    let origin = metadata.store();
    let nginx = for_metadata(&metadata, origin.address(), "default")
        .env("HOME", "/nonexistent")
        .env(
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            &format!("http://{}", metadata.address()),
        )
        .start();
    expect_hello(&nginx, "/b/k");
}

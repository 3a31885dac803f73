//! The examples in nginx-conf/ whose credentials are fetched work as they are printed there; only
//! ports, hosts and folders are replaced, and the services of AWS by one of ours.

use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_signing::{CredentialScope, Timestamp, derive_key_bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nginx_tests::account::{ACCESS_KEY, SECRET_KEY};
use nginx_tests::{Builder, MetadataServer, Nginx, RawOrigin, Reply, Scratch, Signer};
use nginx_tests::{example, http, signing};

/// An example in front of `store`.
fn example(name: &str, store: &RawOrigin) -> Builder {
    let bucket = "https://my-bucket.s3.eu-west-1.amazonaws.com";
    example::builder(name, &[(bucket, "http://{origin}")]).var("origin", store.address())
}

/// An object store that takes what `access_key` has signed for eu-west-1.
fn store_of(access_key: &'static str, secret_key: &'static str) -> RawOrigin {
    RawOrigin::start(move |request| {
        let signer = Signer::new(access_key, secret_key).region("eu-west-1");
        assert!(
            request
                .header("Host")
                .is_some_and(|host| host.starts_with("my-bucket.s3."))
        );
        match signing::verify(&request.head, &signer) {
            Ok(()) => Reply::new(200, "hello"),
            Err(fault) => Reply::new(403, fault),
        }
    })
}

/// The first credentials of a [`MetadataServer`].
const ISSUED: (&str, &str) = ("ASIAISSUED000001", "issued/SECRET+000001");

#[track_caller]
fn expect_hello(nginx: &Nginx) {
    let response = http::get(nginx.port(), "/key").expect_status(200);
    assert_eq!(response.text(), "hello");
}

#[test]
fn ec2() {
    let metadata = MetadataServer::start();
    let store = store_of(ISSUED.0, ISSUED.1);
    let endpoint = format!("http://{}", metadata.address());
    let nginx = example("ec2.conf", &store)
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint)
        .start();
    expect_hello(&nginx);
}

#[test]
fn ecs_and_eks_pod_identity() {
    for name in ["ecs.conf", "eks-pod-identity.conf"] {
        let metadata = MetadataServer::start();
        let store = store_of(ISSUED.0, ISSUED.1);
        let uri = format!("http://{}/container", metadata.address());
        let folder = Scratch::new("token");
        let token = folder.write("token", "SECRETWORD");
        let nginx = example(name, &store)
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri)
            .env(
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                token.to_str().expect("a name of ours"),
            )
            .start();
        expect_hello(&nginx);
        let asked = metadata.requests();
        assert_eq!(
            asked[0].header("Authorization").as_deref(),
            Some("SECRETWORD")
        );
    }
}

#[test]
fn eks_irsa() {
    let metadata = MetadataServer::start();
    let store = store_of(ISSUED.0, ISSUED.1);
    let folder = Scratch::new("token");
    let token = folder.write("token", "header.claims.signature");
    let endpoint = format!("http://{}", metadata.address());
    let nginx = example("eks-irsa.conf", &store)
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/web")
        .env(
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            token.to_str().expect("a name of ours"),
        )
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ENDPOINT_URL_STS", &endpoint)
        .start();
    expect_hello(&nginx);
}

#[test]
fn key_file() {
    let store = store_of(ACCESS_KEY, SECRET_KEY);
    let file =
        format!("[web]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n");
    let nginx = example("key-file.conf", &store)
        .file("aws/credentials", file)
        .start();
    expect_hello(&nginx);
}

// The second credentials that are issued are those of the role that was assumed.
#[test]
fn assume_role() {
    let metadata = MetadataServer::start();
    let store = metadata.store_in("eu-west-1");
    let endpoint = format!("http://{}", metadata.address());
    let nginx = example("assume-role.conf", &store)
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint)
        .env("AWS_ENDPOINT_URL_STS", &endpoint)
        .start();
    expect_hello(&nginx);
    let asked = metadata.requests();
    let body = asked.iter().find(|request| request.method() == "POST");
    let body = String::from_utf8_lossy(&body.expect("a request to STS").body).into_owned();
    assert!(body.contains("ExternalId=nginx"), "{body}");
}

// A program of this name stands for the AWS CLI.
#[test]
fn sso() {
    let store = store_of(ACCESS_KEY, SECRET_KEY);
    let folder = Scratch::new("programs");
    let program = folder.write(
        "aws",
        format!(
            "#!/bin/sh\n[ \"$*\" = \"configure export-credentials --format process --profile web\" \
             ] && echo '{{\"Version\": 1, \"AccessKeyId\": \"{ACCESS_KEY}\", \"SecretAccessKey\": \
             \"{SECRET_KEY}\"}}'\n"
        ),
    );
    let permissions = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(program, permissions).expect("our own file");
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let nginx = example("sso.conf", &store).env("PATH", &path).start();
    expect_hello(&nginx);
}

#[test]
fn signing_keys() {
    const EXAMPLE: &str = "AKIAIOSFODNN7EXAMPLE";
    let store = store_of(EXAMPLE, SECRET_KEY);
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.expect("a clock after 1970").as_secs().cast_signed();
    let lines: String = (0..14)
        .map(|day| {
            let day = Timestamp::from_unix(now + day * 86_400);
            let scope = CredentialScope::new(day.date(), "eu-west-1", "s3").expect("a scope");
            let key = STANDARD.encode(derive_key_bytes(SECRET_KEY.as_bytes(), &scope));
            format!("{key}\n{scope}\n")
        })
        .collect();
    let nginx = example("signing-keys.conf", &store)
        .file("aws/signing-keys", lines)
        .start();
    expect_hello(&nginx);
}

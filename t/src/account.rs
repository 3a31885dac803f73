//! The user in whose name tests sign: the directives that say so, and the object store that knows the user.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_origin::{Head, Origin, OriginConfig};
use aws_signing::{CredentialScope, Timestamp, derive_key_bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::signer::Signer;
use crate::{Builder, Nginx, signing as signatures};

/// The access key of the user.
pub const ACCESS_KEY: &str = "AKIDEXAMPLE";
/// The secret key of the user.
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// The directives that sign with the secret key, for us-east-1; Host names the bucket, so that every
/// path is the key of an object.
pub const SECRET_KEY_DIRECTIVES: &str = "aws_access_key AKIDEXAMPLE;
    aws_secret_key wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    aws_region us-east-1;
    aws_addressing_style virtual;\n";
/// The directives that sign with the secret key, for us-east-1, and nothing else.
pub const KEY_DIRECTIVES: &str = "aws_access_key AKIDEXAMPLE;
    aws_secret_key wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
    aws_region us-east-1;\n";
/// The endpoint of [`object_store`].
pub const ENDPOINT: &str = "s3.example.test";

/// An object store in memory that knows the user. A bucket is a subdomain of [`ENDPOINT`], or else the first
/// segment of the path.
#[track_caller]
pub fn object_store() -> Origin {
    let config = OriginConfig {
        domain: Some(ENDPOINT.to_owned()),
        ..OriginConfig::new(ACCESS_KEY, SECRET_KEY)
    };
    Origin::start(config).expect("the origin starts")
}

/// An [`object_store`] with these objects in its bucket `bucket`: their keys and contents.
#[track_caller]
pub fn object_store_with(objects: &[(&str, &str)]) -> Origin {
    let origin = object_store();
    for (key, content) in objects {
        origin.put("bucket", key, content.to_string());
    }
    origin
}

/// An [`object_store`] whose bucket `bucket` has these keys; each object holds its own key, so that a
/// response tells which object it is.
#[track_caller]
pub fn object_store_of(keys: &[&str]) -> Origin {
    let objects: Vec<_> = keys.iter().map(|key| (*key, *key)).collect();
    object_store_with(&objects)
}

/// An nginx whose server signs for the bucket `bucket` of [`object_store`], with the user's secret key;
/// `{origin}` in `server`, the rest of it, is `origin`.
pub fn signing(origin: impl ToString, server: &str) -> Builder {
    Nginx::builder().var("origin", origin).server(&format!(
        "{SECRET_KEY_DIRECTIVES} aws_s3_bucket bucket; aws_endpoint {ENDPOINT};\n{server}"
    ))
}

/// An `upstream{}` of this name, with the one server `{origin}`, that has all that is sent to it signed
/// for the bucket `bucket` of [`object_store`], with the user's secret key; `more` is the rest of it.
pub fn signing_upstream(name: &str, more: &str) -> String {
    format!(
        "upstream {name} {{
             server {{origin}};
             {SECRET_KEY_DIRECTIVES} aws_s3_bucket bucket; aws_endpoint {ENDPOINT};
             aws_sign;
             {more}
         }}\n"
    )
}

/// The directives that sign with today's key of `secret_key`, derived beforehand: those of the C
/// module.
#[track_caller]
pub fn signing_key_directives(access_key: &str, secret_key: &str, region: &str) -> String {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    let today = Timestamp::from_unix(since_epoch.as_secs().cast_signed());
    let scope = CredentialScope::new(today.date(), region, "s3").expect("a region");
    let key = STANDARD.encode(derive_key_bytes(secret_key.as_bytes(), &scope));
    format!("aws_access_key {access_key};\naws_key_scope {scope};\naws_signing_key {key};\n")
}

/// Fails the test unless the user has signed this request, for us-east-1.
#[track_caller]
pub fn expect_signed(head: &Head) {
    signatures::expect_signed(head, &Signer::new(ACCESS_KEY, SECRET_KEY));
}

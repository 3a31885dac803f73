//! What the official signer makes of a request that was sent.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials as SdkCredentials;
use aws_sigv4::http_request::{self, SignableBody, SignableRequest, SigningSettings};
use aws_sigv4::sign::v4;

use crate::common::{NOW, Sent};

/// An environment with keys.
pub(crate) const KEYS: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    (
        "AWS_SECRET_ACCESS_KEY",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    ),
    ("AWS_REGION", "eu-west-1"),
    ("AWS_SESSION_TOKEN", "IQoJb3JpZ2lu/SOURCE=="),
];

/// The Authorization field for a POST to `url` with what was `sent`, of all fields but those that
/// the signer adds itself.
pub(crate) fn authorization(sent: &Sent, url: &str, service: &str, region: &str) -> String {
    const ADDED: [&str; 3] = ["authorization", "x-amz-date", "x-amz-security-token"];
    let token = sent.headers.get("x-amz-security-token").cloned();
    let identity = SdkCredentials::new(KEYS[0].1, KEYS[1].1, token, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(UNIX_EPOCH + Duration::from_secs(NOW as u64))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let fields = sent.headers.iter();
    let fields = fields
        .filter(|(name, _)| !ADDED.contains(name))
        .map(|(name, value)| (*name, value.as_str()));
    let body = SignableBody::Bytes(sent.body.as_bytes());
    let request = SignableRequest::new("POST", url, fields, body).unwrap();
    let signed = http_request::sign(request, &params).unwrap();
    let (instructions, _) = signed.into_parts();
    let mut headers = instructions.headers();
    let (_, value) = headers.find(|(name, _)| *name == "authorization").unwrap();
    value.to_owned()
}

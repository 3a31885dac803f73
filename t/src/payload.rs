//! Bodies of requests: bytes to send, and whether what has arrived of them is signed as it is.
//!
//! Hashes and chunk signatures are those of the official crate `aws-sigv4`.

use crate::account::{self, ACCESS_KEY, SECRET_KEY};
use crate::http::Request;
use crate::raw_origin::RawRequest;
use crate::signer::Signer;
use crate::{Builder, RawOrigin, signing};

/// An nginx that signs for `origin`, with a location `/<mode>/<buffered or streamed>/` for each of
/// these modes of `aws_payload`.
pub fn each_mode(origin: &RawOrigin, modes: &[&str]) -> Builder {
    let mut locations = String::new();
    for mode in modes {
        for (name, buffering) in [("buffered", "on"), ("streamed", "off")] {
            locations.push_str(&format!(
                "location /{mode}/{name}/ {{
                     aws_payload {mode}; proxy_request_buffering {buffering};
                     proxy_pass http://{{origin}}/;
                 }}"
            ));
        }
    }
    account::signing(
        origin.address(),
        &format!(
            "aws_sign on; aws_sign_methods GET HEAD PUT; client_max_body_size 0;
             proxy_http_version 1.1; client_body_buffer_size 16k; {locations}"
        ),
    )
}

/// What a head declares whose body comes in signed chunks.
pub const STREAMING: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

/// What a head declares whose body is not signed.
pub const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Fails the test unless a request is signed as it should be, and returns what its body holds.
pub type Check = fn(&RawRequest) -> Vec<u8>;

/// Bytes in which each place can be told from others.
pub fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at % 251) as u8 ^ (at / 251) as u8)
        .collect()
}

/// The SHA-256 of a body in hex.
#[track_caller]
pub fn sha256(body: impl AsRef<[u8]>) -> String {
    let signed = Signer::new(ACCESS_KEY, SECRET_KEY).sign(Request::new("PUT", "/").body(body));
    let headers = signed.header_pairs();
    let hash = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("x-amz-content-sha256"));
    hash.map(|(_, value)| value.clone()).expect("a signed hash")
}

/// Fails the test unless the account's user has signed this request together with the body that
/// arrived, which it returns.
#[track_caller]
pub fn expect_hash(request: &RawRequest) -> Vec<u8> {
    signing::expect_signed(&request.head, &Signer::new(ACCESS_KEY, SECRET_KEY));
    expect_declared(request, &sha256(&request.body));
    request.body.clone()
}

/// Fails the test unless the account's user has signed this request without its body, which it
/// returns.
#[track_caller]
pub fn expect_unsigned(request: &RawRequest) -> Vec<u8> {
    signing::expect_signed(&request.head, &Signer::new(ACCESS_KEY, SECRET_KEY));
    expect_declared(request, UNSIGNED);
    request.body.clone()
}

/// Fails the test unless the account's user has signed this request's head and each chunk of its
/// body; returns what the chunks hold.
#[track_caller]
pub fn expect_chunks(request: &RawRequest) -> Vec<u8> {
    let signer = Signer::new(ACCESS_KEY, SECRET_KEY);
    signing::expect_signed(&request.head, &signer);
    expect_declared(request, STREAMING);
    let body = signing::verify_chunks(&request.head, &request.body, &signer)
        .unwrap_or_else(|fault| panic!("{fault}:\n{}", head_text(request)));

    let length = request.header("x-amz-decoded-content-length");
    assert_eq!(length, Some(body.len().to_string()));
    assert_eq!(
        request.header("Content-Encoding").as_deref(),
        Some("aws-chunked")
    );
    body
}

#[track_caller]
fn expect_declared(request: &RawRequest, payload: &str) {
    assert_eq!(
        request.header("x-amz-content-sha256").as_deref(),
        Some(payload),
        "{}with a body of {} bytes",
        head_text(request),
        request.body.len()
    );
}

fn head_text(request: &RawRequest) -> String {
    String::from_utf8_lossy(request.head.bytes()).into_owned()
}

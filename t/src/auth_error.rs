//! Authentication errors as object stores print them, and whether a client gets to see them.

use crate::account::SECRET_KEY_DIRECTIVES;
use crate::http::Response;
use crate::{Builder, Nginx, RawOrigin, Reply};

/// What no client may see, and no log.
pub const SECRETS: [&str; 5] = [
    "TOKEN",
    "AKIDEXAMPLE",
    "AWS4-HMAC",
    "CanonicalRequest",
    "x-amz-date",
];

/// How S3 begins a document.
pub const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// An error as S3 prints it.
pub fn xml(code: &str, rest: &str) -> String {
    format!("{DECLARATION}<Error><Code>{code}</Code>{rest}</Error>")
}

/// A rejected signature as S3 prints it.
pub fn mismatch() -> String {
    xml(
        "SignatureDoesNotMatch",
        "<Message>The request signature we calculated does not match the signature you provided.</Message>\
         <AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256\n20261122T083000Z\n\
         20261122/us-east-1/s3/aws4_request\n0f</StringToSign><CanonicalRequest>GET\n/key\nlist-type=2\n\
         host:bucket.s3.amazonaws.com\nx-amz-date:20261122T083000Z\nx-amz-security-token:TOKEN\n\n\
         host;x-amz-date;x-amz-security-token\nUNSIGNED-PAYLOAD</CanonicalRequest><RequestId>4CFC</RequestId>",
    )
}

/// One as services that speak JSON print it.
pub const JSON_MISMATCH: &str = r#"{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'GET\n/\n\nhost:x\nx-amz-date:20261122T083000Z\nx-amz-security-token:TOKEN\n\nhost\ne3b0'\n"}"#;

/// An nginx in front of `origin`, whose locations sign.
pub fn signing(origin: impl ToString, server: &str) -> Builder {
    Nginx::builder()
        .var("origin", origin)
        .server(&format!("{SECRET_KEY_DIRECTIVES} aws_sign on;\n{server}"))
}

/// An origin that always sends the same response.
pub fn answering(reply: Reply) -> RawOrigin {
    RawOrigin::start(move |_| reply.clone())
}

/// Fails where a text holds one of [`SECRETS`].
#[track_caller]
pub fn expect_no_secret(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret}\n{text}");
    }
}

/// Fails unless the response has this status and code and nothing else of the object store's body.
#[track_caller]
pub fn expect_hidden(response: &Response, status: u16, code: &str) {
    let text = response.text();
    assert_eq!(response.status, status, "{text}");
    assert!(text.contains(code), "{text}");
    assert!(text.contains("See the error log of this server."), "{text}");
    assert!(text.len() < 300, "{text}");
    expect_no_secret(&format!("{:?}{text}", response.headers));
    if let Some(length) = response.header("Content-Length") {
        assert_eq!(length, text.len().to_string());
    }
}

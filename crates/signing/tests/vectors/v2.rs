//! Requests signed with Signature Version 2: lines of style `v2-header` and `v2-query`.

use aws_signing::v2::{QueryAuth, Request, SecretKey, Signer};

use crate::formats::{Failure, Line};
use crate::{equal, fields, text, timestamp};

/// One line of style `v2-header`.
pub(crate) fn check_header(line: &Line) -> Result<(), Failure> {
    let key = SecretKey::new(line.text("secret_key")?.as_bytes());
    let mut authorization = Vec::new();
    let mut signer = Signer::new();
    let signature = with_request(line, |request| Ok(signer.sign(request, &key)?))?;
    equal(
        "string to sign",
        text(signature.string_to_sign()),
        line.text("string_to_sign")?,
    )?;
    equal(
        "signature",
        text(signature.base64()),
        line.text("signature")?,
    )?;
    signature.write_authorization(line.text("access_key")?.as_bytes(), &mut authorization);
    equal(
        "authorization",
        text(&authorization),
        line.text("authorization")?,
    )
}

/// One line of style `v2-query`.
pub(crate) fn check_query(line: &Line) -> Result<(), Failure> {
    let key = SecretKey::new(line.text("secret_key")?.as_bytes());
    let expires_at = line.number("expires_at")?;
    // The time that the line counts its seconds from.
    let signed_at = timestamp(line.text("timestamp")?)?.unix();
    let from = expires_at - line.number("expires")?;
    equal("expiry", &from.to_string(), &signed_at.to_string())?;
    let auth = QueryAuth {
        access_key: line.text("access_key")?.as_bytes(),
        session_token: line.value("session_token")?.as_str().map(str::as_bytes),
        expires_at,
    };

    let mut signer = Signer::new();
    let presigned = with_request(line, |request| Ok(signer.presign(request, &auth, &key)?))?;
    equal(
        "string to sign",
        text(presigned.string_to_sign()),
        line.text("string_to_sign")?,
    )?;
    equal(
        "signature",
        text(presigned.base64()),
        line.text("signature")?,
    )?;
    let mut query = line.text("query_on_wire")?.as_bytes().to_vec();
    if !query.is_empty() {
        query.push(b'&');
    }
    presigned.write_parameters(&mut query);
    equal("query", text(&query), line.text("signed_query")?)
}

/// The request as the line has it, with all the headers that are sent.
fn with_request<T>(
    line: &Line,
    sign: impl FnOnce(&mut Request<'_, '_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let bucket = line.value("virtual_bucket")?.as_str();
    sign(&mut Request {
        method: line.text("method")?.as_bytes(),
        bucket: bucket.map(str::as_bytes),
        path: line.text("path_on_wire")?.as_bytes(),
        query: line.text("query_on_wire")?.as_bytes(),
        headers: &mut fields(&line.headers()?),
    })
}

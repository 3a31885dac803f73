//! Requests signed in the query: lines of style `query`, and the suite's `query-*` files.

use std::fs;
use std::path::Path;

use aws_signing::path::Rules;
use aws_signing::presign::{Expires, QueryAuth, SessionToken};
use aws_signing::query::Canonicalizer;
use aws_signing::{CredentialScope, Request, Signer, SigningKey};
use sha2::{Digest, Sha256};

use crate::formats::{Failure, Line, Message, unfold};
use crate::{Signed, equal, fields, hex, text, timestamp};

/// What presigning a request has to give.
struct Expected<'a> {
    canonical_request: &'a str,
    string_to_sign: &'a str,
    signature: &'a str,
    /// The whole query to send, in any order.
    query: &'a str,
}

fn check_presigned(
    signed: &Signed<'_>,
    session_token: Option<SessionToken<'_>>,
    expires: u64,
    expected: &Expected<'_>,
) -> Result<(), Failure> {
    let mut path = Vec::new();
    aws_signing::path::canonical(signed.path.as_bytes(), signed.rules, &mut path);
    let query = canonical(signed.query.as_bytes());
    let timestamp = timestamp(signed.timestamp)?;
    let scope = CredentialScope::new(timestamp.date(), signed.region, signed.service)?;
    let key = SigningKey::derive(signed.secret.as_bytes(), &scope);
    let auth = QueryAuth {
        access_key: signed.access_key.as_bytes(),
        session_token,
        expires: Expires::from_secs(expires)?,
    };
    let mut request = Request {
        method: signed.method.as_bytes(),
        path: &path,
        query: &query,
        headers: &mut fields(&signed.headers),
        payload: signed.payload.as_bytes(),
    };

    let mut signer = Signer::new();
    let presigned = signer.presign(&mut request, &auth, &key, &scope, &timestamp)?;
    equal(
        "canonical request",
        text(presigned.canonical_request()),
        expected.canonical_request,
    )?;
    equal(
        "string to sign",
        text(presigned.string_to_sign()),
        expected.string_to_sign,
    )?;
    equal("signature", text(presigned.hex()), expected.signature)?;

    // Servers take parameters in any order: what counts is that they are the same.
    let expected = canonical(expected.query.as_bytes());
    let mut sent = Vec::new();
    presigned.write_query(&mut sent);
    equal("query", text(&canonical(&sent)), text(&expected))?;
    let mut sent = [signed.query.as_bytes(), b"&"].concat();
    presigned.write_parameters(&mut sent);
    equal("own query", text(&canonical(&sent)), text(&expected))
}

fn canonical(query: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Canonicalizer::new().write(query, |_| true, &mut out);
    out
}

/// One line of `s3-vectors.jsonl`.
pub(crate) fn check(line: &Line, rules: Rules) -> Result<(), Failure> {
    let token = line.value("session_token")?.as_str();
    check_presigned(
        &Signed {
            method: line.text("method")?,
            path: line.text("path_on_wire")?,
            query: line.text("query_on_wire")?,
            rules,
            headers: line.signed_headers()?,
            payload: line.text("payload")?,
            access_key: line.text("access_key")?,
            secret: line.text("secret_key")?,
            region: line.text("region")?,
            service: line.text("service")?,
            timestamp: line.text("timestamp")?,
        },
        token.map(|token| SessionToken::Signed(token.as_bytes())),
        line.number("expires")?,
        &Expected {
            canonical_request: line.text("canonical_request")?,
            string_to_sign: line.text("string_to_sign")?,
            signature: line.text("signature")?,
            query: line.text("signed_query")?,
        },
    )
}

/// One folder of `sigv4-suite/v4`.
pub(crate) fn check_suite_case(case: &Path, context: &Line) -> Result<(), Failure> {
    let read = |name: &str| {
        fs::read_to_string(case.join(name)).map_err(|error| format!("{name}: {error}"))
    };
    let canonical_request = read("query-canonical-request.txt")?;
    let (unsigned, sent) = (
        unfold(&read("request.txt")?),
        unfold(&read("query-signed-request.txt")?),
    );
    let (unsigned, sent) = (Message::parse(&unsigned)?, Message::parse(&sent)?);
    let credentials = context.object("credentials")?;
    let omitted = context.flag("omit_session_token").unwrap_or(false);
    let token = credentials.text("token").ok().map(|token| match omitted {
        true => SessionToken::Appended(token.as_bytes()),
        false => SessionToken::Signed(token.as_bytes()),
    });
    let body = match context.flag("sign_body")? {
        true => sent.body,
        false => "",
    };
    check_presigned(
        &Signed {
            method: unsigned.method,
            path: unsigned.path,
            query: unsigned.query,
            rules: Rules {
                double_encode: true,
                normalize: context.flag("normalize")?,
            },
            headers: sent.listed_in(&canonical_request),
            payload: &hex(&Sha256::digest(body)),
            access_key: credentials.text("access_key_id")?,
            secret: credentials.text("secret_access_key")?,
            region: context.text("region")?,
            service: context.text("service")?,
            timestamp: &context.text("timestamp")?.replace(['-', ':'], ""),
        },
        token,
        context.number("expiration_in_seconds")?,
        &Expected {
            canonical_request: &canonical_request,
            string_to_sign: &read("query-string-to-sign.txt")?,
            signature: &read("query-signature.txt")?,
            query: sent.query,
        },
    )
}

//! Signature Version 4 in the query: presigned requests.
//!
//! The query has the contents of the Authorization header in parameters `X-Amz-*`, and how long the
//! request is valid. These parameters are signed; only the signature itself, which comes last, is
//! not. See [Authenticating requests: using query parameters][1].
//!
//! ```
//! use aws_signing::presign::{Expires, QueryAuth};
//! use aws_signing::{CredentialScope, Header, Request, Signer, SigningKey, Timestamp};
//!
//! let now = Timestamp::from_unix(1_369_353_600);
//! let scope = CredentialScope::new(now.date(), "us-east-1", "s3").unwrap();
//! let key = SigningKey::derive(b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &scope);
//! let auth = QueryAuth {
//!     access_key: b"AKIAIOSFODNN7EXAMPLE",
//!     session_token: None,
//!     expires: Expires::from_secs(86_400).unwrap(),
//! };
//! let mut request = Request {
//!     method: b"GET",
//!     path: b"/test.txt",
//!     query: b"",
//!     headers: &mut [Header { name: b"Host", value: b"examplebucket.s3.amazonaws.com" }],
//!     payload: aws_signing::UNSIGNED_PAYLOAD.as_bytes(),
//! };
//!
//! let mut signer = Signer::new();
//! let presigned = signer.presign(&mut request, &auth, &key, &scope, &now).unwrap();
//! let mut target = b"/test.txt?".to_vec();
//! presigned.write_query(&mut target);
//! assert!(target.ends_with(
//!     b"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
//! ));
//! ```
//!
//! [1]: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

mod auth;
mod error;
mod expires;

pub use auth::{QueryAuth, SessionToken};
pub use error::PresignError;
pub use expires::{Expires, ExpiresError};

use std::fmt;

use crate::query::{Parameter, parameters};
use crate::sign::Signature;
use crate::{CredentialScope, Request, Signer, SigningKey, Timestamp, header};

/// The parameters that the signature consists of. A query that already has one is rejected: a
/// server would find two, and it is not known which of them it uses.
const RESERVED: [&[u8]; 7] = [
    b"X-Amz-Algorithm",
    b"X-Amz-Credential",
    b"X-Amz-Date",
    b"X-Amz-Expires",
    b"X-Amz-Security-Token",
    b"X-Amz-Signature",
    b"X-Amz-SignedHeaders",
];

impl Signer {
    /// Signs `request` in its query, with a key that was derived for `scope`. The request is valid
    /// from `timestamp` on, for the time in `auth`.
    ///
    /// `request.query` is the canonical query without the signature's own parameters. The headers
    /// to sign are Host and each `x-amz-*` that is sent; any client that uses the request must send
    /// them with the same values. The payload line is [`UNSIGNED_PAYLOAD`](crate::UNSIGNED_PAYLOAD)
    /// for S3, which accepts another one only if it is sent as `X-Amz-Content-SHA256` too; for
    /// other services it is the hash of the body.
    pub fn presign<'s>(
        &'s mut self,
        request: &mut Request<'_, '_>,
        auth: &QueryAuth<'_>,
        key: &SigningKey,
        scope: &'s CredentialScope,
        timestamp: &Timestamp,
    ) -> Result<Presigned<'s>, PresignError> {
        request.check()?;
        if let Some(taken) = parameters(request.query).find(is_reserved) {
            let name = taken.name.escape_ascii().to_string();
            return Err(PresignError::Reserved { name });
        }

        // The names of the signed headers are in the query, which precedes the headers. The headers
        // are kept in the buffer of the string to sign, which is not written yet.
        let headers = &mut self.string_to_sign;
        headers.clear();
        header::canonicalize(request.headers, &mut self.signed_headers, headers)?;
        self.parameters.clear();
        auth.write_signed(scope, timestamp, &self.signed_headers, &mut self.parameters);

        let text = &mut self.canonical_request;
        text.clear();
        for line in [request.method, request.path] {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let query = text.len();
        merge(request.query, &self.parameters, text);
        let query = query..text.len();
        text.push(b'\n');
        text.extend_from_slice(headers);
        self.finish_canonical_request(request.payload);

        let signed = self.parameters.len();
        auth.write_appended(&mut self.parameters);
        let (signature, parameters) = self.sign_canonical_request(key, scope, timestamp);
        Ok(Presigned {
            query: &signature.canonical_request[query],
            parameters,
            signed,
            signature,
        })
    }
}

fn is_reserved(parameter: &Parameter<'_>) -> bool {
    parameter.decoded_name_starts_with_ignore_case(b"x-amz-")
        && RESERVED
            .iter()
            .any(|name| parameter.decoded_name_eq_ignore_case(name))
}

/// Appends the parameters of two canonical queries in order: the request's own and the signature's,
/// which have no name in common.
fn merge(query: &[u8], added: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let mut push = |text: &[u8]| {
        if out.len() > start && !text.is_empty() {
            out.push(b'&');
        }
        out.extend_from_slice(text);
    };
    let mut added = added;
    for own in parameters(query) {
        // Most names are in lower case, so they come after all that are added.
        let length = match own.name > auth::LAST {
            true => added.len(),
            false => parameters(added)
                .take_while(|added| added.name < own.name)
                .map(|added| added.raw.len() + 1)
                .sum(),
        };
        let (before, rest) = added.split_at(length.min(added.len()));
        push(before.strip_suffix(b"&").unwrap_or(before));
        push(own.raw);
        added = rest;
    }
    push(added);
}

/// A presigned request's query, with the intermediate texts; it borrows them from its [`Signer`].
/// Anyone who has the query can send the request: it must not be logged.
pub struct Presigned<'s> {
    /// The canonical query, part of the canonical request.
    query: &'s [u8],
    parameters: &'s [u8],
    /// How many bytes of `parameters` are signed.
    signed: usize,
    signature: Signature<'s>,
}

impl Presigned<'_> {
    /// The canonical request. It can contain a session token and must not be logged.
    pub fn canonical_request(&self) -> &[u8] {
        self.signature.canonical_request()
    }

    /// The string to sign.
    pub fn string_to_sign(&self) -> &[u8] {
        self.signature.string_to_sign()
    }

    /// The names of the signed headers: lower-case, sorted, separated by `;`.
    pub fn signed_headers(&self) -> &[u8] {
        self.signature.signed_headers()
    }

    /// The signature itself, in lower-case hexadecimal digits.
    pub fn hex(&self) -> &[u8; 64] {
        self.signature.hex()
    }

    /// Appends the whole query in canonical form, the signature last: what is sent to S3.
    pub fn write_query(&self, out: &mut Vec<u8>) {
        self.write(self.query, out);
    }

    /// Appends the signature's own parameters only, the signature last. They follow the request's
    /// own query, after a `&` if it is not empty, in any spelling of which `request.query` was the
    /// canonical form.
    pub fn write_parameters(&self, out: &mut Vec<u8>) {
        self.write(&self.parameters[..self.signed], out);
    }

    fn write(&self, signed: &[u8], out: &mut Vec<u8>) {
        let appended = &self.parameters[self.signed..];
        let parts = [signed, appended, b"&X-Amz-Signature=", self.hex()];
        out.reserve(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            out.extend_from_slice(part);
        }
    }
}

impl fmt::Debug for Presigned<'_> {
    /// The texts are not shown: they can contain a session token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presigned({:?})", self.signature)
    }
}

#[cfg(test)]
mod tests;

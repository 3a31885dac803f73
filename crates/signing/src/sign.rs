//! Signature Version 4: the canonical request, the string to sign, and the Authorization header.

use std::collections::TryReserveError;
use std::fmt;

use crate::sha256::{self, FirstBlock};
use crate::{CredentialScope, Header, SignError, SigningKey, Timestamp, encode, header};

/// The name of the algorithm, as it is in strings to sign, in headers and in queries.
pub const ALGORITHM: &[u8] = b"AWS4-HMAC-SHA256";

/// The parts of a request that are signed.
#[derive(Debug)]
pub struct Request<'a, 'h> {
    /// The method, as on the request line.
    pub method: &'a [u8],
    /// The canonical path, made by a function of [`crate::path`].
    pub path: &'a [u8],
    /// The canonical query, made by [`crate::query::Canonicalizer`].
    pub query: &'a [u8],
    /// The header fields to sign, in the order sent; they are sorted here, stably. Host must be
    /// among them, and AWS requires every `x-amz-*` that is sent.
    pub headers: &'a mut [Header<'h>],
    /// The last line of the canonical request: SHA-256 of the body in hex, or a literal such as
    /// [`UNSIGNED_PAYLOAD`](crate::UNSIGNED_PAYLOAD). For S3, the value of
    /// `X-Amz-Content-SHA256`.
    pub payload: &'a [u8],
}

impl Request<'_, '_> {
    /// Whether each part except the headers is a single line.
    pub(crate) fn check(&self) -> Result<(), SignError> {
        check_line(self.method, SignError::Method)?;
        check_line(self.path, SignError::Path)?;
        if has_separator(self.query) {
            return Err(SignError::Query);
        }
        check_line(self.payload, SignError::Payload)
    }
}

/// Signs requests; its buffers grow once and are used again.
#[derive(Default)]
pub struct Signer {
    pub(crate) canonical_request: Vec<u8>,
    pub(crate) signed_headers: Vec<u8>,
    pub(crate) string_to_sign: Vec<u8>,
    /// What is added to the query of a presigned request.
    pub(crate) parameters: Vec<u8>,
    /// The first block of the last string to sign.
    first_block: FirstBlock,
}

impl Signer {
    /// One with empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reserves memory for requests of `length` bytes, so that signing them allocates nothing. This
    /// length includes the access key, the scope, and the session token of a presigned request,
    /// encoded, and the names of the signed headers once more, encoded.
    pub fn try_reserve(&mut self, length: usize) -> Result<(), TryReserveError> {
        // Padding to SHA-256's blocks, the payload line, the parts of a string to sign in addition
        // to the scope, and the names of the parameters that are added to a query.
        const FIXED: usize = 512;
        for buffer in [
            &mut self.canonical_request,
            &mut self.signed_headers,
            &mut self.string_to_sign,
            &mut self.parameters,
        ] {
            buffer.clear();
            buffer.try_reserve(length + FIXED)?;
        }
        Ok(())
    }

    /// Signs `request` with a key that was derived for `scope`.
    ///
    /// The date of the scope can differ from that of `timestamp`: an old key still signs, and the
    /// service rejects the signature.
    pub fn sign<'s>(
        &'s mut self,
        request: &mut Request<'_, '_>,
        key: &SigningKey,
        scope: &'s CredentialScope,
        timestamp: &Timestamp,
    ) -> Result<Signature<'s>, SignError> {
        self.write_canonical_request(request)?;
        Ok(self.sign_canonical_request(key, scope, timestamp).0)
    }

    /// The canonical request of the last signature, for a debug log.
    pub fn canonical_request(&self) -> &[u8] {
        &self.canonical_request
    }

    fn write_canonical_request(&mut self, request: &mut Request<'_, '_>) -> Result<(), SignError> {
        request.check()?;
        let text = &mut self.canonical_request;
        text.clear();
        for line in [request.method, request.path, request.query] {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        header::canonicalize(request.headers, &mut self.signed_headers, text)?;
        self.finish_canonical_request(request.payload);
        Ok(())
    }

    /// Appends the lines after the canonical headers.
    pub(crate) fn finish_canonical_request(&mut self, payload: &[u8]) {
        for line in [&self.signed_headers, payload] {
            self.canonical_request.push(b'\n');
            self.canonical_request.extend_from_slice(line);
        }
    }

    /// Signs the canonical request that was written. Also passes on what was added to the query.
    pub(crate) fn sign_canonical_request<'s>(
        &'s mut self,
        key: &SigningKey,
        scope: &'s CredentialScope,
        timestamp: &Timestamp,
    ) -> (Signature<'s>, &'s [u8]) {
        self.write_string_to_sign(scope, timestamp);
        let signature = Signature {
            hex: encode::hex32(&key.mac_of_alike(&mut self.string_to_sign, &mut self.first_block)),
            canonical_request: &self.canonical_request,
            signed_headers: &self.signed_headers,
            string_to_sign: &self.string_to_sign,
            scope,
        };
        (signature, &self.parameters)
    }

    fn write_string_to_sign(&mut self, scope: &CredentialScope, timestamp: &Timestamp) {
        let hash = encode::hex32(&sha256::digest(&mut self.canonical_request));
        let text = &mut self.string_to_sign;
        text.clear();
        for line in [
            ALGORITHM,
            timestamp.amz_date_bytes(),
            scope.as_str().as_bytes(),
        ] {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        text.extend_from_slice(&hash);
    }
}

impl fmt::Debug for Signer {
    /// The buffers are not shown: a canonical request can contain a session token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

/// A canonical request consists of lines: a part with a line break or a space could look like
/// several.
fn check_line(line: &[u8], error: SignError) -> Result<(), SignError> {
    if line.is_empty() || has_separator(line) {
        Err(error)
    } else {
        Ok(())
    }
}

/// Whether there is a space or a control byte.
pub(crate) fn has_separator(text: &[u8]) -> bool {
    // Not stopping at the first match lets the compiler compare many bytes at once.
    text.iter()
        .fold(false, |found, &byte| found | (byte <= b' ' || byte == 0x7f))
}

/// A signature, with the intermediate texts; it borrows them from its [`Signer`].
pub struct Signature<'s> {
    pub(crate) canonical_request: &'s [u8],
    signed_headers: &'s [u8],
    string_to_sign: &'s [u8],
    scope: &'s CredentialScope,
    hex: [u8; 64],
}

impl Signature<'_> {
    /// The canonical request. It can contain a session token and must not be logged.
    pub fn canonical_request(&self) -> &[u8] {
        self.canonical_request
    }

    /// The string to sign.
    pub fn string_to_sign(&self) -> &[u8] {
        self.string_to_sign
    }

    /// The names of the signed headers: lower-case, sorted, separated by `;`.
    pub fn signed_headers(&self) -> &[u8] {
        self.signed_headers
    }

    /// The signature itself, in lower-case hexadecimal digits.
    pub fn hex(&self) -> &[u8; 64] {
        &self.hex
    }

    /// Appends the value of the Authorization header.
    pub fn write_authorization(&self, access_key: &[u8], out: &mut Vec<u8>) {
        let parts = [
            ALGORITHM,
            b" Credential=",
            access_key,
            b"/",
            self.scope.as_str().as_bytes(),
            b", SignedHeaders=",
            self.signed_headers,
            b", Signature=",
            &self.hex,
        ];
        out.reserve(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            out.extend_from_slice(part);
        }
    }
}

impl fmt::Debug for Signature<'_> {
    /// The texts are not shown: a canonical request can contain a session token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Signature({}, {})",
            self.scope,
            self.signed_headers.escape_ascii()
        )
    }
}

#[cfg(test)]
mod tests;

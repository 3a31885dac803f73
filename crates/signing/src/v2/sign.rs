//! The string to sign, and the place of its signature.

use std::collections::TryReserveError;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::headers::{self, Positional};
use super::{Request, SecretKey, SignError, resource};
use crate::encode::{self, Decimal, UNRESERVED};
use crate::query::{Parameter, parameters};
use crate::sign::has_separator;

/// Base64 of an HMAC-SHA1, padded.
const SIGNATURE_LEN: usize = 28;

/// What the query of a presigned request declares about its signer.
#[derive(Clone, Copy)]
pub struct QueryAuth<'a> {
    /// The access key ID.
    pub access_key: &'a [u8],
    /// The session token of temporary credentials. It is signed as if it were sent in the header
    /// `x-amz-security-token`.
    pub session_token: Option<&'a [u8]>,
    /// The time, in seconds since 1970-01-01T00:00:00Z, from which on the request is rejected.
    pub expires_at: u64,
}

impl fmt::Debug for QueryAuth<'_> {
    /// The token is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryAuth")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Signs requests; its buffer grows once and is used again.
#[derive(Default)]
pub struct Signer {
    string_to_sign: Vec<u8>,
}

impl Signer {
    /// One with an empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reserves memory for requests of `length` bytes, so that signing them allocates nothing. This
    /// length includes the bucket, even if Host names it, and the token of a presigned request.
    pub fn try_reserve(&mut self, length: usize) -> Result<(), TryReserveError> {
        // Line breaks, separators, the expiration, and the name of the token's header.
        const FIXED: usize = 128;
        self.string_to_sign.clear();
        self.string_to_sign.try_reserve(length + FIXED)
    }

    /// Signs `request` for its Authorization header.
    pub fn sign(
        &mut self,
        request: &mut Request<'_, '_>,
        key: &SecretKey,
    ) -> Result<Signature<'_>, SignError> {
        let positional = Positional::find(request.headers)?;
        let date = positional.date()?;
        self.write(
            request,
            &positional,
            |out| out.extend_from_slice(date),
            None,
        )?;
        Ok(self.finish(key))
    }

    /// Signs `request` in its query.
    pub fn presign<'a>(
        &'a mut self,
        request: &mut Request<'_, '_>,
        auth: &QueryAuth<'a>,
        key: &SecretKey,
    ) -> Result<Presigned<'a>, SignError> {
        if let Some(taken) = parameters(request.query).find(is_reserved) {
            let name = taken.name.escape_ascii().to_string();
            return Err(SignError::Reserved { name });
        }
        let token = auth.session_token;
        if token.is_some_and(|token| resource::breaks_line(token.iter().copied())) {
            let name = headers::TOKEN.to_owned();
            return Err(SignError::HeaderValue { name });
        }
        let positional = Positional::find(request.headers)?;
        let expires = Decimal::new(auth.expires_at);
        let expires = |out: &mut Vec<u8>| out.extend_from_slice(expires.as_bytes());
        self.write(request, &positional, expires, token)?;
        Ok(Presigned {
            signature: self.finish(key),
            auth: *auth,
        })
    }

    /// The string to sign of the last signature, for a debug log. It can contain a session token.
    pub fn string_to_sign(&self) -> &[u8] {
        &self.string_to_sign
    }

    fn write(
        &mut self,
        request: &mut Request<'_, '_>,
        positional: &Positional<'_>,
        write_date: impl FnOnce(&mut Vec<u8>),
        token: Option<&[u8]>,
    ) -> Result<(), SignError> {
        if request.method.is_empty() || has_separator(request.method) {
            return Err(SignError::Method);
        }
        let text = &mut self.string_to_sign;
        text.clear();
        for line in [
            request.method,
            positional.content_md5,
            positional.content_type,
        ] {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        write_date(text);
        text.push(b'\n');
        headers::write_amz(request.headers, token, text)?;
        resource::write(request, text)
    }

    fn finish(&self, key: &SecretKey) -> Signature<'_> {
        let mut base64 = [0; SIGNATURE_LEN];
        let written = STANDARD.encode_slice(key.mac(&self.string_to_sign), &mut base64);
        assert_eq!(written, Ok(SIGNATURE_LEN), "20 bytes become 28 digits");
        Signature {
            string_to_sign: &self.string_to_sign,
            base64,
        }
    }
}

impl fmt::Debug for Signer {
    /// The buffer is not shown: a string to sign can contain a session token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

fn is_reserved(parameter: &Parameter<'_>) -> bool {
    parameter.decoded_name_starts_with_ignore_case(b"x-amz-")
        || [&b"AWSAccessKeyId"[..], b"Expires", b"Signature"]
            .iter()
            .any(|name| parameter.decoded_name_eq_ignore_case(name))
}

/// A signature, with the string that was signed; it borrows that from its [`Signer`].
pub struct Signature<'s> {
    string_to_sign: &'s [u8],
    base64: [u8; SIGNATURE_LEN],
}

impl Signature<'_> {
    /// The string to sign. It can contain a session token and must not be logged.
    pub fn string_to_sign(&self) -> &[u8] {
        self.string_to_sign
    }

    /// The signature itself, in base64.
    pub fn base64(&self) -> &[u8; SIGNATURE_LEN] {
        &self.base64
    }

    /// Appends the value of the Authorization header.
    pub fn write_authorization(&self, access_key: &[u8], out: &mut Vec<u8>) {
        for part in [b"AWS ", access_key, b":", &self.base64] {
            out.extend_from_slice(part);
        }
    }
}

impl fmt::Debug for Signature<'_> {
    /// Neither text nor signature is shown: the text can contain a session token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature").finish_non_exhaustive()
    }
}

/// A presigned request's signature, with the string that was signed. Anyone who has the parameters
/// can send the request: they must not be logged.
pub struct Presigned<'s> {
    signature: Signature<'s>,
    auth: QueryAuth<'s>,
}

impl Presigned<'_> {
    /// The string to sign. It can contain a session token and must not be logged.
    pub fn string_to_sign(&self) -> &[u8] {
        self.signature.string_to_sign()
    }

    /// The signature itself, in base64.
    pub fn base64(&self) -> &[u8; SIGNATURE_LEN] {
        self.signature.base64()
    }

    /// Appends the signature's own parameters. They follow the request's own query, after a `&` if
    /// it is not empty.
    pub fn write_parameters(&self, out: &mut Vec<u8>) {
        let auth = &self.auth;
        out.extend_from_slice(b"AWSAccessKeyId=");
        encode::encode(auth.access_key, UNRESERVED, out);
        out.extend_from_slice(b"&Expires=");
        out.extend_from_slice(Decimal::new(auth.expires_at).as_bytes());
        if let Some(token) = auth.session_token {
            out.extend_from_slice(b"&x-amz-security-token=");
            encode::encode(token, UNRESERVED, out);
        }
        out.extend_from_slice(b"&Signature=");
        encode::encode(&self.signature.base64, UNRESERVED, out);
    }
}

impl fmt::Debug for Presigned<'_> {
    /// Neither text nor signature is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presigned({:?})", self.auth)
    }
}

#[cfg(test)]
mod tests;

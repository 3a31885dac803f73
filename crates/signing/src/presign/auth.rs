//! What a presigned request declares about its signer.

use std::fmt;

use super::Expires;
use crate::encode::{self, Decimal, UNRESERVED};
use crate::sign::ALGORITHM;
use crate::{CredentialScope, Timestamp};

/// The last of the signed parameters, in canonical order.
pub(super) const LAST: &[u8] = b"X-Amz-SignedHeaders";

/// What the query declares about the signer, in addition to scope, date, and signature.
#[derive(Clone, Copy, Debug)]
pub struct QueryAuth<'a> {
    /// The access key ID.
    pub access_key: &'a [u8],
    /// The session token of temporary credentials.
    pub session_token: Option<SessionToken<'a>>,
    /// How long the request is valid.
    pub expires: Expires,
}

/// A session token, and whether the signature covers it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SessionToken<'a> {
    /// Part of the canonical query. S3 and nearly all services require this.
    Signed(&'a [u8]),
    /// Added to the query after signing. AWS IoT Core requires this for MQTT over WebSocket.
    Appended(&'a [u8]),
}

impl<'a> SessionToken<'a> {
    /// The token as required by `service`, the third part of a credential scope.
    pub fn of_service(service: &str, token: &'a [u8]) -> Self {
        match service {
            "iotdevicegateway" => Self::Appended(token),
            _ => Self::Signed(token),
        }
    }
}

impl fmt::Debug for SessionToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signed(_) => "Signed(redacted)",
            Self::Appended(_) => "Appended(redacted)",
        })
    }
}

impl QueryAuth<'_> {
    /// Appends the signed parameters, in canonical form and order.
    pub(super) fn write_signed(
        &self,
        scope: &CredentialScope,
        timestamp: &Timestamp,
        signed_headers: &[u8],
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(b"X-Amz-Algorithm=");
        out.extend_from_slice(ALGORITHM);
        out.extend_from_slice(b"&X-Amz-Credential=");
        encode::encode(self.access_key, UNRESERVED, out);
        out.extend_from_slice(b"%2F");
        encode::encode(scope.as_str().as_bytes(), UNRESERVED, out);
        out.extend_from_slice(b"&X-Amz-Date=");
        out.extend_from_slice(timestamp.amz_date().as_bytes());
        out.extend_from_slice(b"&X-Amz-Expires=");
        out.extend_from_slice(Decimal::new(self.expires.as_secs().into()).as_bytes());
        if let Some(SessionToken::Signed(token)) = self.session_token {
            write_token(token, out);
        }
        out.push(b'&');
        out.extend_from_slice(LAST);
        out.push(b'=');
        encode::encode(signed_headers, UNRESERVED, out);
    }

    /// Appends what is not signed, in addition to the signature.
    pub(super) fn write_appended(&self, out: &mut Vec<u8>) {
        if let Some(SessionToken::Appended(token)) = self.session_token {
            write_token(token, out);
        }
    }
}

fn write_token(token: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"&X-Amz-Security-Token=");
    encode::encode(token, UNRESERVED, out);
}

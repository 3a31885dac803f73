//! Signatures of each version, in the Authorization header or in the query.

use std::collections::TryReserveError;

use aws_signing::presign::{PresignError, Presigned, QueryAuth, SessionToken};
use aws_signing::{Header, SignError, Signer, Timestamp, v2};

use crate::identity::{Identity, Key, Version};
use crate::policy::Place;

/// Makes signatures in buffers that it keeps.
#[derive(Default)]
pub(crate) struct Signers {
    v4: Signer,
    v2: v2::Signer,
    /// The place of the last signature.
    version: Version,
}

/// The parts of a request that are signed, in their canonical form.
pub(crate) struct Request<'a, 'h> {
    pub(crate) method: &'a [u8],
    /// The bucket, if Host names it; Version 2 signs it.
    pub(crate) bucket: Option<&'a [u8]>,
    pub(crate) path: &'a [u8],
    pub(crate) query: &'a [u8],
    pub(crate) headers: &'a mut [Header<'h>],
    /// The payload hash, or what is declared instead. Version 2 does not sign it.
    pub(crate) payload: &'a [u8],
}

/// A signature that is still to be written.
pub(crate) enum Signature<'s> {
    Header(aws_signing::Signature<'s>),
    Query(Presigned<'s>),
    HeaderV2(v2::Signature<'s>),
    QueryV2(v2::Presigned<'s>),
}

/// Why a request cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub enum SignatureError {
    /// With Version 4, in the Authorization header.
    Header(#[from] SignError),
    /// With Version 4, in the query.
    Query(#[from] PresignError),
    /// With Version 2.
    V2(#[from] v2::SignError),
}

impl Signers {
    /// Reserves memory for requests of `length` bytes, with everything that the signature adds to
    /// them.
    pub(crate) fn try_reserve(&mut self, length: usize) -> Result<(), TryReserveError> {
        self.v4.try_reserve(length)?;
        self.v2.try_reserve(length)
    }

    /// Signs a request. The key determines the version.
    pub(crate) fn sign<'s>(
        &'s mut self,
        identity: &Identity<'s>,
        place: Place,
        request: Request<'_, '_>,
        now: &'s Timestamp,
    ) -> Result<Signature<'s>, SignatureError> {
        let Request {
            method,
            bucket,
            path,
            query,
            headers,
            payload,
        } = request;
        let (access_key, token) = (identity.access_key, identity.session_token);
        self.version = identity.key.version();
        match identity.key {
            Key::V4 { scope, key } => {
                let mut request = aws_signing::Request {
                    method,
                    path,
                    query,
                    headers,
                    payload,
                };
                match place {
                    Place::Headers => {
                        let signature = self.v4.sign(&mut request, key, scope, now)?;
                        Ok(Signature::Header(signature))
                    }
                    Place::Query { expires } => {
                        let in_query = |token| SessionToken::of_service(scope.service(), token);
                        let auth = QueryAuth {
                            access_key,
                            session_token: token.map(in_query),
                            expires,
                        };
                        let presigned = self.v4.presign(&mut request, &auth, key, scope, now)?;
                        Ok(Signature::Query(presigned))
                    }
                }
            }
            Key::V2(key) => {
                let mut request = v2::Request {
                    method,
                    bucket,
                    path,
                    query,
                    headers,
                };
                match place {
                    Place::Headers => Ok(Signature::HeaderV2(self.v2.sign(&mut request, key)?)),
                    Place::Query { expires } => {
                        let auth = v2::QueryAuth {
                            access_key,
                            session_token: token,
                            expires_at: u64::try_from(now.unix()).unwrap_or_default()
                                + u64::from(expires.as_secs()),
                        };
                        let presigned = self.v2.presign(&mut request, &auth, key)?;
                        Ok(Signature::QueryV2(presigned))
                    }
                }
            }
        }
    }

    /// What the last signature signs, and AWS's name for it.
    pub(crate) fn signed_text(&self) -> (&'static str, &[u8]) {
        match self.version {
            Version::V4 => ("canonical request", self.v4.canonical_request()),
            Version::V2 => ("string to sign", self.v2.string_to_sign()),
        }
    }
}

impl Signature<'_> {
    /// The signature that a chain of signed chunks begins with, if there can be one.
    pub(crate) fn seed(&self) -> Option<[u8; 64]> {
        match self {
            Self::Header(signature) => Some(*signature.hex()),
            _ => None,
        }
    }

    /// Appends the Authorization line to a head, or the parameters to the target that ends `out`.
    /// The path of the target ends at `path_end`; a query that is canonical stays sorted.
    pub(crate) fn write(
        &self,
        access_key: &[u8],
        path_end: usize,
        query_is_canonical: bool,
        out: &mut Vec<u8>,
    ) {
        match self {
            Self::Header(signature) => {
                out.extend_from_slice(b"Authorization: ");
                signature.write_authorization(access_key, out);
                out.extend_from_slice(b"\r\n");
            }
            Self::HeaderV2(signature) => {
                out.extend_from_slice(b"Authorization: ");
                signature.write_authorization(access_key, out);
                out.extend_from_slice(b"\r\n");
            }
            Self::Query(presigned) if query_is_canonical => {
                out.truncate(path_end);
                out.push(b'?');
                presigned.write_query(out);
            }
            Self::Query(presigned) => {
                separate(path_end, out);
                presigned.write_parameters(out);
            }
            Self::QueryV2(presigned) => {
                separate(path_end, out);
                presigned.write_parameters(out);
            }
        }
    }
}

/// Appends what separates parameters from the path, or from other parameters.
fn separate(path_end: usize, out: &mut Vec<u8>) {
    let has_query = out.len() > path_end;
    out.push(if has_query { b'&' } else { b'?' });
}

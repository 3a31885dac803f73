//! The signature: made from what is sent, and then written where it stands.

use std::collections::TryReserveError;

use aws_signing::presign::{Presigned, QueryAuth, SessionToken};
use aws_signing::{Header, Request, Signature, Signer, Timestamp, v2};

use crate::error::SealError;
use crate::identity::{Key, Version};
use crate::job::Job;
use crate::policy::Place;
use crate::request_line::Target;

/// Makes the signatures of both versions, in buffers that it keeps.
#[derive(Default)]
pub(crate) struct Signers {
    v4: Signer,
    v2: v2::Signer,
    /// Of the last signature.
    version: Version,
}

/// A signature that is to be written.
pub(crate) enum Made<'s> {
    Header(Signature<'s>),
    Query(Presigned<'s>),
    HeaderV2(v2::Signature<'s>),
    QueryV2(v2::Presigned<'s>),
}

impl Signers {
    /// Makes room for requests of `length` bytes, with all that the signature adds to them.
    pub(crate) fn try_reserve(&mut self, length: usize) -> Result<(), TryReserveError> {
        self.v4.try_reserve(length)?;
        self.v2.try_reserve(length)
    }

    /// Signs a request of this canonical path and query with these headers.
    pub(crate) fn sign<'s>(
        &'s mut self,
        job: &Job<'s, '_>,
        path: &[u8],
        query: &[u8],
        headers: &mut [Header<'_>],
    ) -> Result<Made<'s>, SealError> {
        let identity = job.identity;
        self.version = identity.key.version();
        match identity.key {
            Key::V4 { scope, key } => {
                let mut request = Request {
                    method: job.line.method,
                    path,
                    query,
                    headers,
                    payload: job.request.payload.line,
                };
                match job.policy.place {
                    Place::Headers => {
                        let signature = self.v4.sign(&mut request, key, scope, job.now)?;
                        Ok(Made::Header(signature))
                    }
                    Place::Query { expires } => {
                        let token = identity.session_token;
                        let auth = QueryAuth {
                            access_key: identity.access_key,
                            session_token: token
                                .map(|token| SessionToken::of_service(scope.service(), token)),
                            expires,
                        };
                        let presigned =
                            self.v4.presign(&mut request, &auth, key, scope, job.now)?;
                        Ok(Made::Query(presigned))
                    }
                }
            }
            Key::V2(key) => {
                let host = headers
                    .iter()
                    .find(|header| header.name.eq_ignore_ascii_case(b"host"));
                let bucket = job
                    .destination
                    .bucket_in(host.map_or(b"", |host| host.value));
                let mut request = v2::Request {
                    method: job.line.method,
                    bucket: (!bucket.is_empty()).then_some(&bucket[..]),
                    path,
                    query,
                    headers,
                };
                match job.policy.place {
                    Place::Headers => Ok(Made::HeaderV2(self.v2.sign(&mut request, key)?)),
                    Place::Query { expires } => {
                        let auth = v2::QueryAuth {
                            access_key: identity.access_key,
                            session_token: identity.session_token,
                            expires_at: expires_at(job.now, expires.as_secs()),
                        };
                        let presigned = self.v2.presign(&mut request, &auth, key)?;
                        Ok(Made::QueryV2(presigned))
                    }
                }
            }
        }
    }

    /// What the last signature says, and how AWS calls it.
    pub(crate) fn signed_text(&self) -> (&'static str, &[u8]) {
        match self.version {
            Version::V4 => ("canonical request", self.v4.canonical_request()),
            Version::V2 => ("string to sign", self.v2.string_to_sign()),
        }
    }
}

impl Made<'_> {
    /// The signature that a chain of signed chunks begins with, where there may be one.
    pub(crate) fn seed(&self) -> Option<[u8; 64]> {
        match self {
            Self::Header(signature) => Some(*signature.hex()),
            _ => None,
        }
    }

    /// Appends the Authorization line to a head, or the parameters to a target.
    pub(crate) fn write(&self, job: &Job<'_, '_>, target: &Target, out: &mut Vec<u8>) {
        const AUTHORIZATION: &[u8] = b"Authorization: ";
        let access_key = job.identity.access_key;
        let separator = if target.query.is_empty() { b'?' } else { b'&' };
        match self {
            Self::Header(signature) => {
                out.extend_from_slice(AUTHORIZATION);
                signature.write_authorization(access_key, out);
                out.extend_from_slice(b"\r\n");
            }
            Self::HeaderV2(signature) => {
                out.extend_from_slice(AUTHORIZATION);
                signature.write_authorization(access_key, out);
                out.extend_from_slice(b"\r\n");
            }
            Self::Query(presigned) if job.s3 => {
                out.truncate(target.path.end);
                out.push(b'?');
                presigned.write_query(out);
            }
            Self::Query(presigned) => {
                out.push(separator);
                presigned.write_parameters(out);
            }
            Self::QueryV2(presigned) => {
                out.push(separator);
                presigned.write_parameters(out);
            }
        }
    }
}

/// The second at which a signature of Version 2 expires that is good for so many seconds.
fn expires_at(now: &Timestamp, secs: u32) -> u64 {
    u64::try_from(now.unix()).unwrap_or_default() + u64::from(secs)
}

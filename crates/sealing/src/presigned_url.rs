//! Presigned URLs: anyone who has one can send its request until it expires.
//!
//! See [Sharing objects with presigned URLs][1]. The signature is in the query; the only header that is
//! signed is Host, which every client sends.
//!
//! [1]: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ShareObjectPreSignedURL.html

mod error;
mod url;

pub use error::PresignedUrlError;

use aws_signing::presign::Expires;
use aws_signing::query::{Canonicalizer, Parameter};
use aws_signing::{EMPTY_PAYLOAD_SHA256, Header, Timestamp, UNSIGNED_PAYLOAD};

use crate::forwarding;
use crate::identity::{Identity, Key};
use crate::policy::Place;
use crate::signature::{self, Signers};
use url::Url;

/// The lifetime, in seconds, of a presigned URL whose credentials have expired by the clock but are
/// still in use: their service extends them from time to time, by an unknown time.
const BORROWED_TIME: u64 = 300;

/// A URL to sign, and the requests for which it is valid.
#[derive(Clone, Copy, Debug)]
pub struct UrlToSign<'a> {
    /// `http://` or `https://`, host, optional port, a path, and a query; encoded, as in a web
    /// page. The query is kept, except parameters of another signature.
    pub url: &'a [u8],
    /// A path to append to that of `url`, decoded, as `$uri` is: each of its bytes is part of the key.
    pub path: Option<&'a [u8]>,
    /// The bucket, which Signature Version 2 needs if the host names it.
    pub bucket: Option<&'a [u8]>,
    /// The method for which the URL is valid.
    pub method: &'a [u8],
    /// Its lifetime, unless the credentials expire earlier.
    pub expires: Expires,
}

/// Whether a URL can be signed.
pub fn check(url: &[u8]) -> Result<(), PresignedUrlError> {
    Url::parse(url).map(|_| ())
}

/// Signs one URL after the other in buffers that it keeps.
#[derive(Default)]
pub struct Presigner {
    url: Vec<u8>,
    path: Vec<u8>,
    canonical_path: Vec<u8>,
    query: Vec<u8>,
    canonicalizer: Canonicalizer,
    signers: Signers,
}

impl Presigner {
    /// A presigner with empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The presigned URL; its signature comes last. It must not be logged.
    pub fn presign(
        &mut self,
        wanted: &UrlToSign<'_>,
        identity: &Identity<'_>,
        now: &Timestamp,
    ) -> Result<&[u8], PresignedUrlError> {
        let given = Url::parse(wanted.url)?;
        let expires = lifetime(wanted.expires, identity.expires_at, now);
        self.reserve(wanted, identity)?;
        let Self {
            url,
            path: plain_path,
            canonical_path,
            query,
            canonicalizer,
            signers,
        } = self;

        // Clients send the host in lower case, even if it is not in the URL.
        url.extend_from_slice(given.scheme.as_bytes());
        let host = url.len();
        url.extend(given.authority.iter().map(u8::to_ascii_lowercase));
        let path = url.len();
        given.write_path(wanted.path, plain_path);
        let s3 = identity.is_s3();
        if s3 {
            aws_signing::path::s3(plain_path, url);
        } else {
            aws_signing::path::service_wire(plain_path, url);
            aws_signing::path::double_encoded(&url[path..], canonical_path);
        }
        let keep = |parameter: &Parameter<'_>| forwarding::forwards_parameter(parameter, s3, true);
        canonicalizer.write(given.query, keep, query);

        let mut headers = [Header {
            name: b"host",
            value: &url[host..path],
        }];
        let request = signature::Request {
            method: wanted.method,
            bucket: wanted
                .bucket
                .filter(|bucket| names(&url[host..path], bucket)),
            path: if s3 { &url[path..] } else { canonical_path },
            query,
            headers: &mut headers,
            payload: if s3 {
                UNSIGNED_PAYLOAD
            } else {
                EMPTY_PAYLOAD_SHA256
            }
            .as_bytes(),
        };
        let signature = signers.sign(identity, Place::Query { expires }, request, now)?;
        let path_end = url.len();
        if !query.is_empty() {
            url.push(b'?');
            url.extend_from_slice(query);
        }
        signature.write(identity.access_key, path_end, true, url);
        Ok(url)
    }

    /// Empties the buffers and reserves memory for the longest URL, so that a failed allocation is
    /// an error and does not end the worker.
    fn reserve(
        &mut self,
        wanted: &UrlToSign<'_>,
        identity: &Identity<'_>,
    ) -> Result<(), PresignedUrlError> {
        // Names, dates, hashes and separators.
        const FIXED: usize = 1024;
        let given = wanted.url.len() + wanted.path.map_or(0, <[u8]>::len);
        let scope = match identity.key {
            Key::V4 { scope, .. } => scope.as_str().len(),
            Key::V2(_) => wanted.bucket.map_or(0, <[u8]>::len),
        };
        let token = identity.session_token.map_or(0, <[u8]>::len);
        // Encoded, and the path for services other than S3 once more.
        let most = 9 * given + 3 * (identity.access_key.len() + scope + token) + FIXED;
        for buffer in [
            &mut self.url,
            &mut self.path,
            &mut self.canonical_path,
            &mut self.query,
        ] {
            buffer.clear();
            buffer.try_reserve(most)?;
        }
        self.signers.try_reserve(most)?;
        Ok(())
    }
}

/// Whether the bucket is the first part of the host.
fn names(host: &[u8], bucket: &[u8]) -> bool {
    let rest = host
        .get(..bucket.len())
        .filter(|start| start.eq_ignore_ascii_case(bucket))
        .map(|_| &host[bucket.len()..]);
    rest.is_some_and(|rest| rest.starts_with(b"."))
}

/// How long the URL is valid: never longer than the credentials that sign it.
fn lifetime(longest: Expires, expires_at: Option<i64>, now: &Timestamp) -> Expires {
    let Some(expires_at) = expires_at else {
        return longest;
    };
    let left = match expires_at.saturating_sub(now.unix()) {
        left if left > 0 => left.unsigned_abs(),
        _ => BORROWED_TIME,
    };
    // A larger value means no limit.
    Expires::from_secs(left).map_or(longest, |left| longest.min(left))
}

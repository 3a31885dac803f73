//! Signatures of requests to AWS and to services that use its protocols, computed from bytes alone.
//!
//! Nothing here reads a clock, a file, or a socket: the time, the credentials, and the request are
//! arguments, so the same input always gives the same signature. The crate implements [Signature
//! Version 4][sigv4] in the `Authorization` header and in the query ([`presign`]), with the
//! canonical forms of paths, queries, and headers that it signs. A proxy can send a request to S3
//! in these very forms, which avoids most disagreements between servers about what was signed.
//! Bodies in signed chunks are in [`chunked`], and [`v2`] is the older Signature Version 2 of S3.
//!
//! ```
//! use aws_signing::{CredentialScope, Header, Request, Signer, SigningKey, Timestamp};
//!
//! let now = Timestamp::from_unix(1_369_353_600);
//! let scope = CredentialScope::new(now.date(), "us-east-1", "s3").unwrap();
//! let key = SigningKey::derive(b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &scope);
//!
//! let mut path = Vec::new();
//! aws_signing::path::s3(b"/test.txt", &mut path);
//! let mut request = Request {
//!     method: b"GET",
//!     path: &path,
//!     query: b"",
//!     headers: &mut [
//!         Header { name: b"Host", value: b"examplebucket.s3.amazonaws.com" },
//!         Header { name: b"X-Amz-Date", value: now.amz_date().as_bytes() },
//!         Header { name: b"X-Amz-Content-SHA256", value: aws_signing::UNSIGNED_PAYLOAD.as_bytes() },
//!     ],
//!     payload: aws_signing::UNSIGNED_PAYLOAD.as_bytes(),
//! };
//!
//! let mut signer = Signer::new();
//! let signature = signer.sign(&mut request, &key, &scope, &now).unwrap();
//! let mut authorization = Vec::new();
//! signature.write_authorization(b"AKIAIOSFODNN7EXAMPLE", &mut authorization);
//! assert!(authorization.starts_with(b"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"));
//! ```
//!
//! A verifier of signatures signs what came in once more: the path in the form of [`path::canonical`],
//! the query in that of [`query::Canonicalizer`], and the headers that the signature names.
//!
//! [sigv4]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

#![forbid(unsafe_code)]

pub mod chunked;
pub mod encode;
mod error;
mod header;
pub mod identity;
mod key;
pub mod partition;
pub mod path;
pub mod presign;
pub mod query;
mod scope;
mod sha256;
mod sign;
mod timestamp;
pub mod token;
pub mod v2;

pub use error::SignError;
pub use header::{Header, trim_blanks};
pub use key::{SigningKey, derive_key_bytes};
pub use scope::{CredentialScope, ScopeError};
pub use sign::{ALGORITHM, Request, Signature, Signer};
pub use timestamp::Timestamp;

/// The payload line of a request without a body: SHA-256 of nothing, in hex.
pub const EMPTY_PAYLOAD_SHA256: &str =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The payload line of a request to S3 whose body is not part of the signature.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

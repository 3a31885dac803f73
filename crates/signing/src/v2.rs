//! Signature Version 2 of S3: HMAC-SHA1 of a few headers and the resource, in the Authorization
//! header or in the query. See [Signing and authenticating REST requests][1].
//!
//! AWS regions that opened after January 2014 reject it, and neither the body nor the host is part
//! of the signature. It is for older S3-compatible object stores. There is no derived key: a
//! request is signed with the secret access key itself.
//!
//! ```
//! use aws_signing::{Header, v2};
//!
//! let key = v2::SecretKey::new(b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
//! let mut request = v2::Request {
//!     method: b"GET",
//!     bucket: Some(b"awsexamplebucket1"),
//!     path: b"/photos/puppy.jpg",
//!     query: b"",
//!     headers: &mut [
//!         Header { name: b"Host", value: b"awsexamplebucket1.us-west-1.s3.amazonaws.com" },
//!         Header { name: b"Date", value: b"Tue, 27 Mar 2007 19:36:42 +0000" },
//!     ],
//! };
//!
//! let mut signer = v2::Signer::new();
//! let signature = signer.sign(&mut request, &key).unwrap();
//! let mut authorization = Vec::new();
//! signature.write_authorization(b"AKIAIOSFODNN7EXAMPLE", &mut authorization);
//! assert_eq!(authorization, b"AWS AKIAIOSFODNN7EXAMPLE:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=");
//! ```
//!
//! [1]: https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html

mod error;
mod headers;
mod key;
mod resource;
mod sign;

pub use error::SignError;
pub use key::SecretKey;
pub use resource::SUBRESOURCES;
pub use sign::{Presigned, QueryAuth, Signature, Signer};

use crate::Header;

/// The parts of a request that are signed.
#[derive(Debug)]
pub struct Request<'a, 'h> {
    /// The method, as on the request line.
    pub method: &'a [u8],
    /// The bucket, if the Host header names it (virtual style); `None` if the path does (path
    /// style) or there is none. A bucket in a host name is in lower case.
    pub bucket: Option<&'a [u8]>,
    /// The path, byte for byte as it is sent.
    pub path: &'a [u8],
    /// The query as it is sent, without `?`; for [`Signer::presign`], its part without the
    /// signature's own parameters. Only [`SUBRESOURCES`] are signed.
    pub query: &'a [u8],
    /// The header fields that are sent, in the order sent; they are sorted here, stably. The
    /// signature covers each `x-amz-*`, `Content-MD5`, `Content-Type` and, by [`Signer::sign`],
    /// `Date` unless there is an `x-amz-date`. A session token is sent as `x-amz-security-token`,
    /// except by [`Signer::presign`], which puts it into the query.
    pub headers: &'a mut [Header<'h>],
}

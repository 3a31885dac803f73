//! Why there is no link.

use std::collections::TryReserveError;
use std::fmt;

use aws_signing::presign::PresignError;
use aws_signing::v2;

/// Why there is no link. The text says what to change, and holds nothing of the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresignedUrlError {
    /// The URL does not begin with `http://` or `https://`.
    Scheme,
    /// The URL has no host, or one that is none.
    Host,
    /// A byte that stands in no encoded URL, or that no client sends.
    Byte(u8),
    /// The link would not fit into memory.
    OutOfMemory,
    /// The signing core refused.
    Presign(PresignError),
    /// The same of Signature Version 2.
    V2(v2::SignError),
}

impl fmt::Display for PresignedUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("its URL does not begin with \"https://\" or \"http://\""),
            Self::Host => f.write_str(
                "its URL has no host such as my-bucket.s3.eu-west-1.amazonaws.com behind \"//\"",
            ),
            Self::Byte(byte) => write!(
                f,
                "its URL has the byte 0x{byte:02x}, which has to be encoded: give a decoded path \
                 such as $uri as \"path=$uri\""
            ),
            Self::OutOfMemory => f.write_str("not enough memory"),
            Self::Presign(error) => write!(f, "{error}"),
            Self::V2(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for PresignedUrlError {}

impl From<TryReserveError> for PresignedUrlError {
    fn from(_: TryReserveError) -> Self {
        Self::OutOfMemory
    }
}

impl From<PresignError> for PresignedUrlError {
    fn from(error: PresignError) -> Self {
        Self::Presign(error)
    }
}

impl From<v2::SignError> for PresignedUrlError {
    fn from(error: v2::SignError) -> Self {
        Self::V2(error)
    }
}

//! Why a URL cannot be signed.

use std::collections::TryReserveError;

use crate::signature::SignatureError;

/// Why a URL cannot be signed. The text contains nothing of the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresignedUrlError {
    /// The URL does not begin with `http://` or `https://`.
    #[error("its URL does not begin with \"https://\" or \"http://\"")]
    Scheme,
    /// The URL has no host, or an invalid one.
    #[error("its URL has no host such as my-bucket.s3.eu-west-1.amazonaws.com after \"//\"")]
    Host,
    /// A byte that no encoded URL contains, or that no client sends.
    #[error("its URL has the byte 0x{0:02x}, which must be percent-encoded")]
    Byte(u8),
    /// The presigned URL would not fit into memory.
    #[error("not enough memory")]
    OutOfMemory,
    /// The request has no canonical form.
    #[error(transparent)]
    Sign(#[from] SignatureError),
}

impl From<TryReserveError> for PresignedUrlError {
    fn from(_: TryReserveError) -> Self {
        Self::OutOfMemory
    }
}

//! Why a client's body cannot be accepted.

use std::fmt;

use aws_sealing::body::{BodyError, DeclaredError};
use nginx_sys::{NGX_HTTP_BAD_GATEWAY, NGX_HTTP_INTERNAL_SERVER_ERROR, ngx_int_t};

use super::advice_on_errors::WithAdvice;
use crate::conf::CredentialsError;
use crate::ffi::http::body::ReadError;
use crate::ffi::process::log::Level;

/// Why a client's body cannot be accepted.
pub(super) enum BodyFault {
    /// Its aws-chunked encoding, a checksum, or its declaration in the head is wrong.
    Content(BodyError),
    /// The length of a plain body is not known before its end.
    LengthRequired,
    /// The body is not the one whose hash the client declared.
    HashMismatch,
    /// It is not known how the body has to be signed.
    Credentials(CredentialsError),
    /// Another module's filter has put the body into read-only memory.
    ReadOnly,
    /// The temporary file with the body cannot be read.
    File(ReadError),
    /// There is not enough memory.
    OutOfMemory,
}

impl BodyFault {
    /// The status of the response.
    pub(super) fn status(&self) -> ngx_int_t {
        match self {
            Self::Content(error) => ngx_int_t::from(error.status() as i16),
            Self::LengthRequired => 411,
            Self::HashMismatch => 400,
            // As without a body, when the request is sealed.
            Self::Credentials(_) => NGX_HTTP_BAD_GATEWAY as ngx_int_t,
            Self::ReadOnly | Self::File(_) | Self::OutOfMemory => {
                NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t
            }
        }
    }

    /// The level of the log line. A client can repeat a forbidden request at will.
    pub(super) fn level(&self) -> Level {
        match self {
            Self::Content(error) if error.status() == 403 => Level::Info,
            _ => Level::Error,
        }
    }
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(error) => WithAdvice(error).fmt(f),
            Self::LengthRequired => f.write_str(
                "the client sent no Content-Length, and \"proxy_request_buffering\" is off: S3 \
                 does not accept a body of unknown length",
            ),
            Self::HashMismatch => {
                f.write_str("its SHA-256 hash differs from the client's X-Amz-Content-SHA256")
            }
            Self::Credentials(error) => write!(f, "{error}"),
            Self::ReadOnly => f.write_str(
                "a filter of another module has put aws-chunked data into read-only \
                             memory",
            ),
            Self::File(_) => f.write_str("its temporary file cannot be read"),
            Self::OutOfMemory => f.write_str("not enough memory"),
        }
    }
}

impl From<BodyError> for BodyFault {
    fn from(error: BodyError) -> Self {
        Self::Content(error)
    }
}

impl From<DeclaredError> for BodyFault {
    fn from(error: DeclaredError) -> Self {
        Self::Content(error.into())
    }
}

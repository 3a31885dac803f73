//! Why a request could not be sealed.

use std::fmt;

use aws_signing::presign::PresignError;
use aws_signing::{SignError, v2};

use crate::denied::Denied;
use crate::head::HeadError;

/// Why a request could not be sealed. Whatever the variant, the request must not be sent.
///
/// The text names the guilty party and what to do; it never holds a secret, and shows bytes of a
/// client escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealError {
    /// nginx speaks HTTP/2 to the upstream (`proxy_http_version 2`, nginx 1.29.4 and later).
    Http2Upstream,
    /// The head is not one that a server would read as we do.
    Head(HeadError),
    /// A raw control byte in the request target: sent on, it would end the line.
    ControlByteInTarget(u8),
    /// The target is not a path: `*`, an absolute URI, or empty.
    TargetForm,
    /// The method sent upstream is not among `aws_sign_methods` (`proxy_method` can change it).
    MethodNotSigned(String),
    /// An S3 operation that `aws_sign_operations` does not allow.
    OperationDenied(Box<Denied>),
    /// The head announces a body where none is sent.
    UnexpectedBody,
    /// The head announces another length than the body has (`proxy_set_header Content-Length`), or
    /// none.
    BodyLength,
    /// A `.` or `..` segment, encoded or not, in a path for a service that normalizes paths.
    DotSegment,
    /// A `?` of the target may come from the client's path.
    QueryUnknown,
    /// The request's arguments may come from the client's path.
    ArgumentsFromPath,
    /// An `&` in a variable adds a parameter to the query.
    ParameterAdded,
    /// No Host header to sign: there is no bucket, and `proxy_set_header Host ""` removed it.
    MissingHost,
    /// A client's `x-amz-*` header that `aws_pass_headers` does not list, on a method that
    /// writes.
    HeaderNotPassed(String),
    /// The new head would not fit into memory.
    OutOfMemory,
    /// The signing core refused.
    Sign(SignError),
    /// It refused to sign in the query.
    Presign(PresignError),
    /// It refused to sign with Version 2.
    SignV2(v2::SignError),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http2Upstream => f.write_str(
                "HTTP/2 to the upstream cannot be signed: use \"proxy_http_version 1.1\"",
            ),
            Self::Head(error) => write!(f, "{error}"),
            Self::ControlByteInTarget(byte) => write!(
                f,
                "control byte 0x{byte:02x} in the request target (a decoded $uri in proxy_pass?)"
            ),
            Self::TargetForm => f.write_str("the request target does not start with \"/\""),
            Self::MethodNotSigned(method) => write!(
                f,
                "method \"{method}\" is sent upstream but not listed in \"aws_sign_methods\""
            ),
            Self::OperationDenied(denied) => write!(f, "{denied}"),
            Self::UnexpectedBody => f.write_str(
                "its head announces a body that is not sent (\"proxy_set_header Content-Length\"?)",
            ),
            Self::BodyLength => f.write_str(
                "its head does not announce the length that the body has (\"proxy_set_header\" of \
                 Content-Length or Transfer-Encoding?)",
            ),
            Self::DotSegment => f.write_str(
                "the path has a \".\" or \"..\" segment, which only S3 accepts as a part of a key",
            ),
            Self::QueryUnknown => f.write_str(
                "a \"?\" from the client's path would begin a query: end \"proxy_pass\" with \
                 \"$is_args$args\", or use $1 or $uri",
            ),
            Self::ArgumentsFromPath => f.write_str(
                "a \"?\" from the client's path has become arguments: redirect to a named location, or \
                 use \"rewrite\" with $1",
            ),
            Self::ParameterAdded => f.write_str(
                "an \"&\" in a variable adds a query parameter: write parameters out in \
                 \"proxy_pass\", or use $args",
            ),
            Self::MissingHost => f.write_str(
                "no Host header is sent: set \"aws_s3_bucket\" or \"proxy_set_header Host\"",
            ),
            Self::HeaderNotPassed(name) => write!(
                f,
                "client header \"{name}\" is not listed in \"aws_pass_headers\""
            ),
            Self::OutOfMemory => f.write_str("not enough memory for the signed request head"),
            Self::Sign(error) => write!(f, "{error}"),
            Self::Presign(error) => write!(f, "{error}"),
            Self::SignV2(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for SealError {}

impl From<HeadError> for SealError {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl From<SignError> for SealError {
    fn from(error: SignError) -> Self {
        Self::Sign(error)
    }
}

impl From<PresignError> for SealError {
    fn from(error: PresignError) -> Self {
        Self::Presign(error)
    }
}

impl From<v2::SignError> for SealError {
    fn from(error: v2::SignError) -> Self {
        Self::SignV2(error)
    }
}

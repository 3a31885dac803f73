//! Why a request could not be sealed.

use crate::denied_operations::DeniedOperations;
use crate::head::HeadError;
use crate::signature::SignatureError;

/// Why a request could not be sealed. With any of these errors, the request must not be sent.
///
/// The text describes the cause, not the remedy, since only the caller knows the configuration. It
/// never contains a secret, and bytes of a client are escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// nginx speaks HTTP/2 to the upstream (`proxy_http_version 2`, nginx 1.29.4 and later).
    #[error("HTTP/2 to the upstream cannot be signed")]
    Http2Upstream,
    /// The head is not one that every server would read in the same way.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// An unescaped control byte in the request target: if it was forwarded, it could end the line.
    #[error("control byte 0x{0:02x} in the request target")]
    ControlByteInTarget(u8),
    /// The target is not a path: `*`, an absolute URI, or empty.
    #[error("the request target does not start with \"/\"")]
    TargetForm,
    /// The method that is sent upstream is not among `aws_sign_methods` (`proxy_method` can change
    /// it).
    #[error("method \"{0}\" is sent upstream but not listed")]
    MethodNotSigned(String),
    /// An S3 operation that `aws_sign_operations` does not allow.
    #[error(transparent)]
    OperationDenied(#[from] Box<DeniedOperations>),
    /// The head announces a body, but none is sent.
    #[error("the request head announces a body that is not sent")]
    UnexpectedBody,
    /// The head announces another length than that of the body (`proxy_set_header Content-Length`),
    /// or none.
    #[error("the length in the request head is not that of the body")]
    BodyLength,
    /// A `.` or `..` segment, encoded or not, in a path for a service that normalizes paths.
    #[error("the path has a \".\" or \"..\" segment, which only S3 accepts as a part of a key")]
    DotSegment,
    /// A `?` of the target can come from the client's path.
    #[error("a \"?\" from the client's path would begin a query")]
    QueryUnknown,
    /// The request's arguments can come from the client's path.
    #[error("a \"?\" from the client's path has become arguments")]
    ArgumentsFromPath,
    /// An `&` in a variable adds a parameter to the query.
    #[error("an \"&\" in a variable adds a query parameter")]
    ParameterAdded,
    /// No Host header to sign: there is no bucket, and `proxy_set_header Host ""` removed it.
    #[error("no Host header is sent")]
    MissingHost,
    /// A client's `x-amz-*` header that `aws_pass_headers` does not list, on a method that
    /// writes.
    #[error("client header \"{0}\" is not listed")]
    HeaderNotPassed(String),
    /// The new head would not fit into memory.
    #[error("not enough memory for the signed request head")]
    OutOfMemory,
    /// The request has no canonical form.
    #[error(transparent)]
    Sign(#[from] SignatureError),
}

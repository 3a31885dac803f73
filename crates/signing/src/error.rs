//! Why a request cannot be signed.

/// Why a request cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The method is empty or contains a space or a control byte.
    #[error("the method is empty or contains a blank or control byte")]
    Method,
    /// The path is empty or contains a space or a control byte: it is not canonical.
    #[error("the path is empty or not percent-encoded")]
    Path,
    /// The query contains a space or a control byte: it is not canonical.
    #[error("the query is not percent-encoded")]
    Query,
    /// The payload line is empty or contains a space or a control byte.
    #[error("the payload line is empty or contains a blank or control byte")]
    Payload,
    /// A header's name is empty or contains a byte that is not allowed in names.
    #[error("a header to sign has an invalid name")]
    HeaderName,
    /// A header's value contains a line break or a zero byte.
    #[error("the value of header \"{name}\" contains a line break or a zero byte")]
    HeaderValue {
        /// The header's name.
        name: String,
    },
    /// Host is not among the headers: the signature would be valid for every host.
    #[error("there is no Host header to sign")]
    NoHost,
}

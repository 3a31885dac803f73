//! Why a request cannot be signed.

use std::fmt;

/// Why a request cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignError {
    /// The method is empty or holds a blank or a control byte.
    Method,
    /// The path is empty or holds a blank or a control byte: it is not canonical.
    Path,
    /// The query holds a blank or a control byte: it is not canonical.
    Query,
    /// The payload line is empty or holds a blank or a control byte.
    Payload,
    /// A header's name is empty or holds a byte that no name may hold.
    HeaderName,
    /// A header's value holds a line break or a zero byte.
    HeaderValue {
        /// The header's name.
        name: String,
    },
    /// Host is not among the headers: the signature would be good for every host.
    NoHost,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => f.write_str("the method is empty or holds a blank or control byte"),
            Self::Path => f.write_str("the path is empty or not percent-encoded"),
            Self::Query => f.write_str("the query is not percent-encoded"),
            Self::Payload => {
                f.write_str("the payload line is empty or holds a blank or control byte")
            }
            Self::HeaderName => f.write_str("a header to sign has an invalid name"),
            Self::HeaderValue { name } => {
                write!(
                    f,
                    "the value of header \"{name}\" holds a line break or a zero byte"
                )
            }
            Self::NoHost => f.write_str("there is no Host header to sign"),
        }
    }
}

impl std::error::Error for SignError {}

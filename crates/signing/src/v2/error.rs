//! Why a request cannot be signed.

use std::fmt;

/// Why a request cannot be signed with Signature Version 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignError {
    /// The method is empty or holds a blank or a control byte.
    Method,
    /// The bucket is empty or holds a slash, a blank or a control byte.
    Bucket,
    /// The path does not begin with a slash, or holds a blank or a control byte.
    Path,
    /// The query holds a blank or a control byte.
    Query,
    /// The name of an `x-amz-*` header holds a byte that no name may hold.
    HeaderName,
    /// A header's value holds a line break or a zero byte.
    HeaderValue {
        /// The header's name, in lower case.
        name: String,
    },
    /// A header that may be sent once is sent again, or is also what the signature adds.
    RepeatedHeader {
        /// The header's name, in lower case.
        name: &'static str,
    },
    /// There is neither Date nor x-amz-date: the signature would be good for ever.
    NoDate,
    /// The decoded value of a sub-resource holds a line break or a zero byte.
    SubresourceValue {
        /// The sub-resource's name.
        name: &'static str,
    },
    /// The query has a sub-resource twice. Servers disagree about which of them counts.
    RepeatedSubresource {
        /// The sub-resource's name.
        name: &'static str,
    },
    /// The query of a request to presign has a parameter, in some case of letters, that belongs
    /// to the signature, or one that some servers take for a signed header (`x-amz-*`).
    Reserved {
        /// The parameter's name, as written.
        name: String,
    },
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => f.write_str("the method is empty or holds a blank or control byte"),
            Self::Bucket => {
                f.write_str("the bucket is empty or holds a slash, a blank or control byte")
            }
            Self::Path => {
                f.write_str("the path does not begin with \"/\" or holds a blank or control byte")
            }
            Self::Query => f.write_str("the query holds a blank or control byte"),
            Self::HeaderName => f.write_str("an \"x-amz-\" header has an invalid name"),
            Self::HeaderValue { name } => write!(
                f,
                "the value of header \"{name}\" holds a line break or a zero byte"
            ),
            Self::RepeatedHeader { name } => write!(f, "header \"{name}\" stands there twice"),
            Self::NoDate => f.write_str("there is neither a Date nor an x-amz-date header to sign"),
            Self::SubresourceValue { name } => write!(
                f,
                "the value of query parameter \"{name}\" holds a line break or a zero byte"
            ),
            Self::RepeatedSubresource { name } => {
                write!(f, "query parameter \"{name}\" stands there twice")
            }
            Self::Reserved { name } => write!(
                f,
                "the query has parameter \"{name}\", which belongs to the signature"
            ),
        }
    }
}

impl std::error::Error for SignError {}

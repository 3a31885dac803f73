//! Why a request cannot be signed.

/// Why a request cannot be signed with Signature Version 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The method is empty or contains a space or a control byte.
    #[error("the method is empty or contains a blank or control byte")]
    Method,
    /// The bucket is empty or contains a slash, a space, or a control byte.
    #[error("the bucket is empty or contains a slash, a blank or control byte")]
    Bucket,
    /// The path does not begin with a slash, or contains a space or a control byte.
    #[error("the path does not begin with \"/\" or contains a blank or control byte")]
    Path,
    /// The query contains a space or a control byte.
    #[error("the query contains a blank or control byte")]
    Query,
    /// The name of an `x-amz-*` header contains a byte that is not allowed in names.
    #[error("an \"x-amz-\" header has an invalid name")]
    HeaderName,
    /// A header's value contains a line break or a zero byte.
    #[error("the value of header \"{name}\" contains a line break or a zero byte")]
    HeaderValue {
        /// The header's name, in lower case.
        name: String,
    },
    /// A header that can be sent only once is there twice, or is also added by the signature.
    #[error("header \"{name}\" is duplicate")]
    RepeatedHeader {
        /// The header's name, in lower case.
        name: &'static str,
    },
    /// There is neither Date nor x-amz-date: the signature would never expire.
    #[error("there is neither a Date nor an x-amz-date header to sign")]
    NoDate,
    /// The decoded value of a sub-resource contains a line break or a zero byte.
    #[error("the value of query parameter \"{name}\" contains a line break or a zero byte")]
    SubresourceValue {
        /// The sub-resource's name.
        name: &'static str,
    },
    /// The query has a sub-resource twice. Servers disagree about which one they use.
    #[error("query parameter \"{name}\" is duplicate")]
    RepeatedSubresource {
        /// The sub-resource's name.
        name: &'static str,
    },
    /// The query of a request to presign has a parameter that belongs to the signature, in any
    /// case, or one that some servers read as a signed header (`x-amz-*`).
    #[error("the query has parameter \"{name}\", which is reserved for the signature")]
    Reserved {
        /// The parameter's name, as written.
        name: String,
    },
}

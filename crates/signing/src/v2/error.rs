//! Why a request cannot be signed.

/// Why a request cannot be signed with Signature Version 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The method is empty or contains a space or a control byte.
    #[error("the method is empty or holds a blank or control byte")]
    Method,
    /// The bucket is empty or contains a slash, a space, or a control byte.
    #[error("the bucket is empty or holds a slash, a blank or control byte")]
    Bucket,
    /// The path does not begin with a slash, or contains a space or a control byte.
    #[error("the path does not begin with \"/\" or holds a blank or control byte")]
    Path,
    /// The query contains a space or a control byte.
    #[error("the query holds a blank or control byte")]
    Query,
    /// The name of an `x-amz-*` header holds a byte that no name may hold.
    #[error("an \"x-amz-\" header has an invalid name")]
    HeaderName,
    /// A header's value holds a line break or a zero byte.
    #[error("the value of header \"{name}\" holds a line break or a zero byte")]
    HeaderValue {
        /// The header's name, in lower case.
        name: String,
    },
    /// A header that may be sent once is sent again, or is also what the signature adds.
    #[error("header \"{name}\" stands there twice")]
    RepeatedHeader {
        /// The header's name, in lower case.
        name: &'static str,
    },
    /// There is neither Date nor x-amz-date: the signature would be valid for ever.
    #[error("there is neither a Date nor an x-amz-date header to sign")]
    NoDate,
    /// The decoded value of a sub-resource holds a line break or a zero byte.
    #[error("the value of query parameter \"{name}\" holds a line break or a zero byte")]
    SubresourceValue {
        /// The sub-resource's name.
        name: &'static str,
    },
    /// The query has a sub-resource twice. Servers disagree about which of them counts.
    #[error("query parameter \"{name}\" stands there twice")]
    RepeatedSubresource {
        /// The sub-resource's name.
        name: &'static str,
    },
    /// The query of a request to presign has a parameter, in some case of letters, that belongs
    /// to the signature, or one that some servers take for a signed header (`x-amz-*`).
    #[error("the query has parameter \"{name}\", which belongs to the signature")]
    Reserved {
        /// The parameter's name, as written.
        name: String,
    },
}

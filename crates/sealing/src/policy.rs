//! What a location allows, and how it signs.

use aws_operations::OperationSet;
use aws_signing::presign::Expires;

use crate::destination::Addressing;
use crate::forwarding::{PassHeaders, SignedHeaders};
use crate::method::MethodSet;

/// What a location allows and signs, other than the credentials.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `aws_sign_methods`
    pub methods: MethodSet,
    /// `aws_sign_operations`
    pub operations: OperationSet,
    /// `aws_addressing_style`, if it is set. Without a bucket, it determines whether Host or the
    /// path names the bucket.
    pub addressing: Option<Addressing>,
    /// `aws_pass_headers`
    pub pass_headers: PassHeaders,
    /// `aws_signed_headers`
    pub signed_headers: SignedHeaders,
    /// `aws_response_overrides`
    pub response_overrides: bool,
    /// `aws_signature_in`
    pub place: Place,
}

/// Where the signature is (`aws_signature_in`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In the Authorization header.
    #[default]
    Headers,
    /// In the query, as in a presigned URL.
    Query {
        /// How long the request is valid.
        expires: Expires,
    },
}

impl Place {
    /// Whether it is the query.
    pub fn is_query(self) -> bool {
        matches!(self, Self::Query { .. })
    }
}

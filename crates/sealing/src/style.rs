//! How a request is signed: the version of the signature, and where it stands.

use aws_signing::presign::Expires;

use crate::payload::PayloadMode;
use crate::services::PayloadRule;
use crate::terms::Key;

/// The version of a signature (`aws_signature_version`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Signature Version 4.
    #[default]
    V4,
    /// Signature Version 2, for older stores that speak S3.
    V2,
}

/// Where a signature stands (`aws_signature_in`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In the Authorization header.
    #[default]
    Headers,
    /// In the query, as in a presigned link.
    Query {
        /// How long the request is good for.
        expires: Expires,
    },
}

impl Place {
    /// Whether it is the query.
    pub fn is_query(self) -> bool {
        matches!(self, Self::Query { .. })
    }
}

/// What a signature can say of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Its hash, always: of services other than S3.
    Hash,
    /// Its hash, the signatures of its chunks, or nothing: of S3, in headers.
    Chunks,
    /// Nothing, or its hash: of S3, in the query.
    Optional,
    /// Nothing: of Version 2.
    Nothing,
    /// That it is not signed, always: of VPC Lattice.
    Unsigned,
}

impl Coverage {
    /// What a signature of this version, in this place, can say.
    pub fn new(version: Version, place: Place, rule: PayloadRule) -> Self {
        match (version, rule, place) {
            (Version::V2, _, _) => Self::Nothing,
            (Version::V4, PayloadRule::Hash, _) => Self::Hash,
            (Version::V4, PayloadRule::Unsigned, _) => Self::Unsigned,
            (Version::V4, PayloadRule::S3, Place::Headers) => Self::Chunks,
            (Version::V4, PayloadRule::S3, Place::Query { .. }) => Self::Optional,
        }
    }

    /// Whether S3's rules hold for the body.
    pub fn is_s3(self) -> bool {
        !matches!(self, Self::Hash | Self::Unsigned)
    }

    /// Whether what is signed of the body is said at all, in this mode.
    pub fn says_payload(self, mode: PayloadMode) -> bool {
        match self {
            Self::Hash | Self::Chunks => true,
            Self::Optional => mode == PayloadMode::Signed,
            Self::Nothing | Self::Unsigned => false,
        }
    }
}

impl Key<'_> {
    /// The version of the signatures that are made with it.
    pub fn version(&self) -> Version {
        match self {
            Self::V4 { .. } => Version::V4,
            Self::V2(_) => Version::V2,
        }
    }
}

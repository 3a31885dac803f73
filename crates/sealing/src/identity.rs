//! Who signs a request, and with which key.

use aws_signing::{CredentialScope, SigningKey, v2};

use crate::services::PayloadRule;

/// Who signs, and with which key.
pub struct Identity<'a> {
    /// The access key ID, checked by [`crate::value::access_key`].
    pub access_key: &'a [u8],
    /// The session token of temporary credentials, checked by [`crate::value::secret`].
    pub session_token: Option<&'a [u8]>,
    /// When the credentials expire, as Unix time in seconds; `None` if this is not known, or never.
    /// After that, a signature in the query is no longer valid, whatever lifetime it declares.
    pub expires_at: Option<i64>,
    /// The key; its type determines the version of the signature.
    pub key: Key<'a>,
}

/// The key that signs.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// Signature Version 4.
    V4 {
        /// The scope `key` was derived for. Its service determines whether S3's rules apply.
        scope: &'a CredentialScope,
        /// The signing key.
        key: &'a SigningKey,
    },
    /// Signature Version 2, which only S3 accepts.
    V2(&'a v2::SecretKey),
}

impl Identity<'_> {
    /// Whether S3's rules apply to the signature.
    pub fn is_s3(&self) -> bool {
        self.payload_rule() == PayloadRule::S3
    }

    /// What the service requires of a payload.
    pub fn payload_rule(&self) -> PayloadRule {
        match self.key {
            Key::V4 { scope, .. } => PayloadRule::of(scope.service()),
            Key::V2(_) => PayloadRule::S3,
        }
    }
}

/// The version of a signature (`aws_signature_version`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Signature Version 4.
    #[default]
    V4,
    /// Signature Version 2, for older S3-compatible object stores.
    V2,
}

impl Key<'_> {
    /// The version of the signatures that this key makes.
    pub fn version(&self) -> Version {
        match self {
            Self::V4 { .. } => Version::V4,
            Self::V2(_) => Version::V2,
        }
    }
}

//! Why a request cannot be presigned.

use std::fmt;

use crate::SignError;

/// Why a request cannot be presigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresignError {
    /// The request cannot be signed at all.
    Sign(SignError),
    /// The query has a parameter, in some case of letters, that belongs to the signature.
    Reserved {
        /// The parameter's name, as written.
        name: String,
    },
}

impl fmt::Display for PresignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sign(error) => error.fmt(f),
            Self::Reserved { name } => {
                write!(
                    f,
                    "the query already has the signature's parameter \"{name}\""
                )
            }
        }
    }
}

impl std::error::Error for PresignError {}

impl From<SignError> for PresignError {
    fn from(error: SignError) -> Self {
        Self::Sign(error)
    }
}

//! Why a request cannot be presigned.

use crate::SignError;

/// Why a request cannot be presigned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresignError {
    /// The request cannot be signed at all.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The query has a parameter that belongs to the signature, in any case.
    #[error("the query already has the signature's parameter \"{name}\"")]
    Reserved {
        /// The parameter's name, as written.
        name: String,
    },
}

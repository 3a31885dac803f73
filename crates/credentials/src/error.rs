//! Why a fetch yielded nothing.

use std::fmt;
use std::path::PathBuf;

use crate::host::FileError;

/// Why there are no credentials. One line, which names the guilty party and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// Nothing tells this source what to do; here is what would. In a chain the next source has
    /// its turn.
    NotConfigured(String),
    /// A variable of the environment, or a setting in a file, that cannot be right.
    Setting {
        /// What is set.
        name: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A file cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: FileError,
    },
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured(what) => f.write_str(what),
            Self::Setting { name, why } => write!(f, "{name}: {why}"),
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for FetchError {}

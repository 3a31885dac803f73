//! Problems of a definition that can be found while the configuration is read.

use std::path::PathBuf;

use crate::Endpoint;
use crate::file::FileIdentity;

/// The result of examining a definition's files.
#[derive(Debug, Default)]
pub struct Check {
    /// What is used, in a few words without secrets, e.g. `imds at http://169.254.169.254`.
    pub description: String,
    /// Every file that will be read, so that missing permissions are noticed early.
    pub files: Vec<FileUse>,
    /// The endpoints that requests will be sent to, so that their names can be resolved early.
    pub endpoints: Vec<Endpoint>,
}

/// A file that a provider reads.
#[derive(Debug, PartialEq, Eq)]
pub struct FileUse {
    /// Its path.
    pub path: PathBuf,
    /// Its current identity; `None` if there is no file yet.
    pub identity: Option<FileIdentity>,
    /// Whether it contains a secret, which not every user should be able to read.
    pub secret: bool,
}

impl FileUse {
    /// Whether there is no such file yet.
    pub fn is_missing(&self) -> bool {
        self.identity.is_none()
    }

    /// Whether it is a secret that everybody on the machine can read.
    pub fn is_exposed(&self) -> bool {
        self.secret && self.identity.is_some_and(|file| file.is_world_readable())
    }
}

//! Local files, as a host reads them.

use zeroize::Zeroizing;

/// A file's content.
pub struct File {
    /// All of it.
    pub content: Zeroizing<Vec<u8>>,
    /// Its identity.
    pub identity: FileIdentity,
}

/// Distinguishes the states of a file: equal identities mean unchanged content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    /// `st_dev`
    pub device: u64,
    /// `st_ino`: a different one after a rename to the path.
    pub inode: u64,
    /// `st_mtim`, seconds and nanoseconds.
    pub modified: (i64, i64),
    /// `st_size`
    pub size: u64,
    /// `st_mode`, type and permissions.
    pub mode: u32,
}

impl FileIdentity {
    /// Whether every user of the machine can read it.
    pub fn is_world_readable(&self) -> bool {
        self.mode & 0o004 != 0
    }
}

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// `ENOENT`; also if a directory of the path is missing.
    #[error("there is no such file")]
    NotFound,
    /// Any other error of the system, as it describes it, e.g. "Permission denied (13)".
    #[error("{0}")]
    System(String),
    /// A directory, FIFO, socket or device.
    #[error("it is not a regular file")]
    NotRegular,
    /// It is larger than the requested limit, which is this number.
    #[error("it has more than {0} bytes")]
    TooLarge(usize),
}

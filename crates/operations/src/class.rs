//! Classes of operations.

use std::fmt;

/// What an operation does, as far as it matters for permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Reads an object, its metadata or its tags.
    Read,
    /// Lists the objects of a bucket, or finds out whether and where the bucket exists.
    List,
    /// Creates or changes an object or its tags.
    Write,
    /// Uploads an object in parts.
    Multipart,
    /// Deletes objects.
    Delete,
    /// Reads or changes permissions of an object or a bucket.
    Acl,
    /// Everything else: buckets, their settings, object locks, temporary credentials, and requests
    /// that are not known operations of S3.
    Admin,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::List,
        Self::Write,
        Self::Multipart,
        Self::Delete,
        Self::Acl,
        Self::Admin,
    ];

    /// The name in a configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Write => "write",
            Self::Multipart => "multipart",
            Self::Delete => "delete",
            Self::Acl => "acl",
            Self::Admin => "admin",
        }
    }

    /// How much harm the operations of the class can do: 0 reads content, 1 changes content, 2
    /// changes or shows settings.
    pub const fn weight(self) -> u8 {
        match self {
            Self::Read | Self::List => 0,
            Self::Write | Self::Multipart | Self::Delete => 1,
            Self::Acl | Self::Admin => 2,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

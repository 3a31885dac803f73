//! One operation of S3.

use std::fmt;

use crate::class::Class;
use crate::level::Levels;
use crate::table::{ALIASES, ROWS};

/// An operation of S3, or [`Operation::UNKNOWN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation(pub(crate) u8);

/// What an operation acts on, which is the resource of its IAM actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// The whole account: `*`.
    Account,
    /// A bucket.
    Bucket,
    /// An object in a bucket.
    Object,
}

impl Operation {
    /// A request that is not known to be an operation of S3.
    pub const UNKNOWN: Self = Self(127);

    /// All known operations, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..ROWS.len()).map(|index| Self(index as u8))
    }

    /// The operation of this name, spelled as AWS spells it. Superseded names such as
    /// `PutBucketLifecycle` are those of the operations that replace them.
    pub fn of_name(name: &str) -> Option<Self> {
        let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
        let name = alias.map_or(name, |(_, name)| name);
        ROWS.iter()
            .position(|row| row.name == name)
            .map(|index| Self(index as u8))
    }

    /// AWS's name for it, e.g. `GetObject`.
    pub fn name(self) -> &'static str {
        ROWS.get(usize::from(self.0))
            .map_or("an unknown operation", |row| row.name)
    }

    /// A number below 128 that no other operation has.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Its class.
    pub fn class(self) -> Class {
        ROWS.get(usize::from(self.0))
            .map_or(Class::Admin, |row| row.class)
    }

    /// All IAM actions that it needs; `versioned` if the request names a version. Empty if IAM does
    /// not know the operation.
    pub fn actions(self, versioned: bool) -> &'static [&'static str] {
        match ROWS.get(usize::from(self.0)) {
            Some(row) if versioned && !row.version_actions.is_empty() => row.version_actions,
            Some(row) => row.actions,
            None => &[],
        }
    }

    /// The resource that it acts on; `None` if it is unknown.
    pub fn resource(self) -> Option<Resource> {
        let row = ROWS.get(usize::from(self.0))?;
        Some(match row.level {
            Levels::SERVICE => Resource::Account,
            Levels::BUCKET => Resource::Bucket,
            _ => Resource::Object,
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

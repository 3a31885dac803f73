//! Sets of operations.

use std::fmt;

use crate::class::Class;
use crate::operation::Operation;
use crate::table::{ALIASES, ROWS};

/// A set of operations, one bit for each. It is aligned as a word, so that it can be part of a
/// value in nginx's pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct OperationSet([u64; 2]);

/// Why a name is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// The class or operation with the most similar name.
    pub nearest: &'static str,
}

impl OperationSet {
    /// No operation.
    pub const EMPTY: Self = Self([0; 2]);

    /// Every operation, unknown ones included.
    pub const ALL: Self = Self([u64::MAX; 2]);

    /// The operations of a class. [`Class::Admin`] includes unknown ones.
    pub const fn of_class(class: Class) -> Self {
        let mut set = Self::EMPTY;
        let mut at = 0;
        while at < ROWS.len() {
            if ROWS[at].class as u8 == class as u8 {
                set = set.with(Self::of(Operation(at as u8)));
            }
            at += 1;
        }
        if class as u8 == Class::Admin as u8 {
            set = set.with(Self::of(Operation::UNKNOWN));
        }
        set
    }

    /// The default of signed operations: reads and lists and, if methods other than GET and HEAD
    /// are signed, writes, uploads in parts, and deletions.
    pub const fn default_for(read_only: bool) -> Self {
        const READS: OperationSet =
            OperationSet::of_class(Class::Read).with(OperationSet::of_class(Class::List));
        const WRITES: OperationSet = READS
            .with(OperationSet::of_class(Class::Write))
            .with(OperationSet::of_class(Class::Multipart))
            .with(OperationSet::of_class(Class::Delete));
        if read_only { READS } else { WRITES }
    }

    /// The set of one operation.
    pub const fn of(operation: Operation) -> Self {
        let mut words = [0; 2];
        words[(operation.0 / 64) as usize] = 1 << (operation.0 % 64);
        Self(words)
    }

    /// Adds the operations that a configuration names: a class, an operation, or `all`.
    pub fn insert(&mut self, name: &str) -> Result<(), UnknownName> {
        let class = Class::ALL.into_iter().find(|class| class.as_str() == name);
        let added = match class {
            _ if name == "all" => Self::ALL,
            Some(class) => Self::of_class(class),
            None => Operation::of_name(name)
                .map(Self::of)
                .ok_or_else(|| UnknownName {
                    nearest: nearest(name),
                })?,
        };
        *self = self.with(added);
        Ok(())
    }

    /// The operations of both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self([self.0[0] | other.0[0], self.0[1] | other.0[1]])
    }

    /// Those that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self([self.0[0] & !other.0[0], self.0[1] & !other.0[1]])
    }

    /// Whether the set has no operation.
    pub const fn is_empty(self) -> bool {
        self.0[0] | self.0[1] == 0
    }

    /// Whether `operation` is in the set.
    pub const fn contains(self, operation: Operation) -> bool {
        Self::of(operation).without(self).is_empty()
    }

    /// The operations, by name; an unknown one comes last.
    pub fn iter(self) -> impl Iterator<Item = Operation> {
        Operation::all()
            .chain([Operation::UNKNOWN])
            .filter(move |operation| self.contains(*operation))
    }

    /// The operation that can do most harm, the first by name if there are several. An unknown one
    /// is returned only if there is no other of its weight.
    pub fn strongest(self) -> Option<Operation> {
        self.iter()
            .min_by_key(|operation| u8::MAX - operation.class().weight())
    }
}

/// The names, with commas between them.
impl fmt::Display for OperationSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, operation) in self.iter().enumerate() {
            let separator = if nth > 0 { ", " } else { "" };
            write!(f, "{separator}{operation}")?;
        }
        Ok(())
    }
}

/// The name that is most similar to `name`.
fn nearest(name: &str) -> &'static str {
    let classes = Class::ALL.into_iter().map(Class::as_str);
    let operations = ROWS.iter().map(|row| row.name);
    let aliases = ALIASES.iter().map(|(alias, _)| *alias);
    classes
        .chain(["all"])
        .chain(operations)
        .chain(aliases)
        .min_by_key(|known| distance(name.as_bytes(), known.as_bytes()))
        .unwrap_or("all")
}

/// How many letters must be inserted, removed, or replaced, counted twice, plus the letters whose
/// case must be changed.
fn distance(one: &[u8], other: &[u8]) -> usize {
    const EDIT: usize = 2;
    // Longer texts are not misspelled names.
    let one = &one[..one.len().min(80)];
    let mut row: Vec<usize> = (0..=other.len()).map(|length| length * EDIT).collect();
    for (nth, byte) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = (nth + 1) * EDIT;
        for (at, known) in other.iter().enumerate() {
            let replaced = diagonal
                + match known {
                    known if known == byte => 0,
                    known if known.eq_ignore_ascii_case(byte) => 1,
                    _ => EDIT,
                };
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + EDIT).min(diagonal + EDIT);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_made_of_classes_and_names() {
        let mut set = OperationSet::EMPTY;
        for name in [
            "read",
            "PutObject",
            "PutBucketLifecycle",
            "ListDirectoryBuckets",
        ] {
            assert_eq!(set.insert(name), Ok(()), "{name}");
        }
        for (name, contained) in [
            ("GetObject", true),
            ("PutObject", true),
            ("PutBucketLifecycleConfiguration", true),
            ("ListBuckets", true),
            ("CopyObject", false),
            ("ListObjectsV2", false),
        ] {
            let operation = Operation::of_name(name).unwrap();
            assert_eq!(set.contains(operation), contained, "{name}");
        }
        assert!(!set.contains(Operation::UNKNOWN));
        assert!(OperationSet::of_class(Class::Admin).contains(Operation::UNKNOWN));
        assert_eq!(set.insert("all"), Ok(()));
        assert_eq!(set, OperationSet::ALL);
    }

    #[test]
    fn an_unknown_name_has_a_nearest_one() {
        for (name, nearest) in [
            ("getobject", "GetObject"),
            ("GetObjekt", "GetObject"),
            ("PutObjectACL", "PutObjectAcl"),
            ("ListBucket", "ListBuckets"),
            ("s3:GetObject", "GetObject"),
            ("reads", "read"),
            ("ALL", "all"),
            ("wirte", "write"),
            ("ListObjects2", "ListObjects"),
        ] {
            let mut set = OperationSet::EMPTY;
            assert_eq!(set.insert(name), Err(UnknownName { nearest }), "{name}");
            assert!(set.is_empty(), "{name}");
        }
        for name in [String::new(), "x".repeat(100_000)] {
            let mut set = OperationSet::EMPTY;
            assert!(set.insert(&name).is_err());
        }
    }

    #[test]
    fn the_default_has_no_settings() {
        for (read_only, weight) in [(true, 0), (false, 1)] {
            let set = OperationSet::default_for(read_only);
            for operation in Operation::all().chain([Operation::UNKNOWN]) {
                let expected = operation.class().weight() <= weight;
                assert_eq!(set.contains(operation), expected, "{operation}");
            }
        }
        let list_buckets = Operation::of_name("ListBuckets").unwrap();
        assert!(!OperationSet::default_for(false).contains(list_buckets));
    }

    #[test]
    fn the_strongest_is_named_if_it_can_be() {
        let set = |names: &[&str]| {
            let operations = names.iter().map(|name| Operation::of_name(name).unwrap());
            operations.fold(OperationSet::EMPTY, |set, one| {
                set.with(OperationSet::of(one))
            })
        };
        let strongest = |set: OperationSet| set.strongest().map(Operation::name);
        assert_eq!(
            strongest(set(&["GetObject", "PutObject"])),
            Some("PutObject")
        );
        assert_eq!(
            strongest(set(&["PutObject"]).with(OperationSet::of(Operation::UNKNOWN))),
            Some("an unknown operation")
        );
        assert_eq!(
            strongest(set(&["GetBucketAcl"]).with(OperationSet::of(Operation::UNKNOWN))),
            Some("GetBucketAcl")
        );
        assert_eq!(strongest(OperationSet::EMPTY), None);
        assert_eq!(
            set(&["PutObject", "GetObject"]).to_string(),
            "GetObject, PutObject"
        );
    }
}

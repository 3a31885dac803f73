//! Errors in the arguments of a directive.

use crate::{Declaration, FetchError};

/// What is wrong with a definition. The text says what to write instead. Keys are as they are
/// written, e.g. `role=`; a flag has no `=`.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// There is no source of this name.
    #[error("there is no source \"{name}\"; the sources are {}", known.join(", "))]
    UnknownSource {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<&'static str>,
    },
    /// A word without `=`.
    #[error(
        "\"{0}\" is not written key=value; a value with blanks needs quotation marks around the \
         whole word: \"key=two words\""
    )]
    NoValue(String),
    /// A value that begins with a quotation mark; here is what to write instead.
    #[error("quotation marks belong around the whole word: write {0}")]
    Quote(String),
    /// Nothing after the `=`.
    #[error("\"{0}=\" has no value; leave it out or give one")]
    Empty(String),
    /// A flag with a value.
    #[error("\"{0}\" has no value: write \"{0}\"")]
    Flag(String),
    /// A key or a flag that is given twice.
    #[error("\"{0}\" is given twice")]
    Twice(String),
    /// A key that the source does not know.
    #[error("\"{key}\" is unknown: {} takes {}", .declaration.name, list(.declaration.keys))]
    UnknownKey {
        /// The source.
        declaration: &'static Declaration,
        /// The key.
        key: String,
    },
    /// A key that must be given.
    #[error("{source_name} needs \"{key}=\", e.g. {}", assignment(.key, .example))]
    Missing {
        /// The source.
        source_name: &'static str,
        /// The key, without `=`.
        key: &'static str,
        /// A value.
        example: &'static str,
    },
    /// A value that cannot be right, a source that is not configured, or a file that gives no
    /// credentials as it is.
    #[error("{0}")]
    Source(#[from] FetchError),
}

impl DefinitionError {
    pub(crate) fn unknown_source(name: &str, known: &[&Declaration]) -> Self {
        Self::UnknownSource {
            name: name.to_owned(),
            known: known.iter().map(|declaration| declaration.name).collect(),
        }
    }
}

fn list(keys: &[&str]) -> String {
    match keys {
        [] => "no parameters".to_owned(),
        keys => keys.join(", "),
    }
}

/// A word as it is to be written: quoted if it has spaces.
fn assignment(key: &str, value: &str) -> String {
    match value.contains(' ') {
        true => format!("\"{key}={value}\""),
        false => format!("{key}={value}"),
    }
}

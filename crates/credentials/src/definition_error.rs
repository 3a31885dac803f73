//! Errors in the arguments of a directive.

use crate::{Declaration, FetchError};

/// An error in a definition. The text says what to write instead. Keys are as they are written,
/// e.g. `role=`; a flag has no `=`.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// There is no source of this name.
    #[error("unknown source \"{name}\"; the sources are {}", known.join(", "))]
    UnknownSource {
        /// The name.
        name: String,
        /// The existing sources.
        known: Vec<&'static str>,
    },
    /// An argument without `=`.
    #[error(
        "\"{0}\" is not of the form key=value; a value with blanks needs quotation marks around \
         the whole word: \"key=two words\""
    )]
    NoValue(String),
    /// A value that begins with a quotation mark, with what to write instead.
    #[error("quotation marks belong around the whole word: write {0}")]
    Quote(String),
    /// Nothing after the `=`.
    #[error("\"{0}=\" has no value: add one, or remove it")]
    Empty(String),
    /// A flag with a value.
    #[error("\"{0}\" does not accept a value: write \"{0}\"")]
    Flag(String),
    /// A key or a flag that is there twice.
    #[error("\"{0}\" is duplicate")]
    Twice(String),
    /// A key that the source does not know.
    #[error("\"{key}\" is unknown: {} accepts {}", .declaration.name, list(.declaration.keys))]
    UnknownKey {
        /// The source.
        declaration: &'static Declaration,
        /// The key.
        key: String,
    },
    /// A required key that is missing.
    #[error("{source_name} requires \"{key}=\", e.g. {}", assignment(.key, .example))]
    Missing {
        /// The source.
        source_name: &'static str,
        /// The key, without `=`.
        key: &'static str,
        /// A value.
        example: &'static str,
    },
    /// An invalid value, a source that is not configured, or a file that contains no usable
    /// credentials.
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

/// An argument as it must be written: quoted if it contains spaces.
fn assignment(key: &str, value: &str) -> String {
    match value.contains(' ') {
        true => format!("\"{key}={value}\""),
        false => format!("{key}={value}"),
    }
}

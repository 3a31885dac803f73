//! What is wrong with the words of a directive.

use std::fmt;

use crate::FetchError;
use crate::arguments::written;
use crate::sources::Source;
use crate::tokens::TokenSource;

/// What is wrong with a definition. The text says what to write instead.
#[derive(Debug)]
pub enum DefinitionError {
    /// There is no source of this name.
    UnknownSource {
        /// The name.
        name: String,
        /// Those that there are.
        known: &'static [&'static str],
    },
    /// A word without `=`.
    NoValue(String),
    /// A value that begins with a quotation mark; here is what to write instead.
    Quote(String),
    /// Nothing behind the `=`.
    Empty(String),
    /// A flag with a value.
    Flag(String),
    /// A key or a flag that is given twice.
    Twice(String),
    /// A key that the source does not know.
    UnknownKey {
        /// The source.
        source: &'static str,
        /// The key.
        key: String,
        /// What it knows.
        known: Vec<&'static str>,
    },
    /// A key that must be given.
    Missing {
        /// The source.
        source: &'static str,
        /// The key.
        key: &'static str,
        /// What to write.
        example: &'static str,
    },
    /// A value that cannot be right, a source that is not configured, or a file that gives no
    /// credentials as it is.
    Source(FetchError),
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSource { name, known } => {
                let known = known.join(", ");
                write!(f, "there is no source \"{name}\"; the sources are {known}")
            }
            Self::NoValue(word) => write!(
                f,
                "\"{word}\" is not written key=value; a value with blanks needs quotation marks \
                 around the whole word: \"key=two words\""
            ),
            Self::Quote(instead) => {
                write!(
                    f,
                    "quotation marks belong around the whole word: write {instead}"
                )
            }
            Self::Empty(key) => write!(f, "\"{key}=\" has no value; leave it out or give one"),
            Self::Flag(flag) => write!(f, "\"{flag}\" has no value: write \"{flag}\""),
            Self::Twice(key) => write!(f, "\"{}\" is given twice", written(key)),
            Self::UnknownKey { source, key, known } if known.is_empty() => {
                let key = written(key);
                write!(f, "\"{key}\" is unknown: {source} takes no parameters")
            }
            Self::UnknownKey { source, key, known } => {
                let known: Vec<_> = known.iter().map(|key| written(key)).collect();
                let (key, known) = (written(key), known.join(", "));
                write!(f, "\"{key}\" is unknown: {source} takes {known}")
            }
            Self::Missing {
                source,
                key,
                example,
            } if example.contains(' ') => {
                write!(f, "{source} needs \"{key}=\", e.g. \"{key}={example}\"")
            }
            Self::Missing {
                source,
                key,
                example,
            } => write!(f, "{source} needs \"{key}=\", e.g. {key}={example}"),
            Self::Source(error) => error.fmt(f),
        }
    }
}

impl DefinitionError {
    pub(crate) fn unknown_source(name: &str) -> Self {
        Self::UnknownSource {
            name: name.to_owned(),
            known: &Source::NAMES,
        }
    }

    pub(crate) fn unknown_token_source(name: &str) -> Self {
        Self::UnknownSource {
            name: name.to_owned(),
            known: &TokenSource::NAMES,
        }
    }
}

impl From<FetchError> for DefinitionError {
    fn from(error: FetchError) -> Self {
        Self::Source(error)
    }
}

impl std::error::Error for DefinitionError {}

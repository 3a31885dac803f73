//! A source of credentials or of tokens.

use crate::sources::Source;
use crate::tokens::TokenSource;

/// What is fetched, and from where.
#[derive(Clone, Hash)]
pub(crate) enum AnySource {
    Credentials(Source),
    Token(TokenSource),
}

impl AnySource {
    /// In a few words, without secrets.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Credentials(source) => source.describe(),
            Self::Token(source) => source.describe(),
        }
    }
}

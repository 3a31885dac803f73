//! The words of a directive: `key=value`, each key once, none that is not known.

use crate::DefinitionError;

/// The words that stand behind a source's name, taken one by one.
pub(crate) struct Arguments<'a> {
    source: &'static str,
    pairs: Vec<(&'a str, &'a str)>,
    /// Which keys this source knows, as it asks for them.
    known: Vec<&'static str>,
}

impl<'a> Arguments<'a> {
    /// Splits `words`; `source` stands in the errors.
    pub(crate) fn new(source: &'static str, words: &[&'a str]) -> Result<Self, DefinitionError> {
        let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(words.len());
        for word in words {
            let Some((key, value)) = word.split_once('=') else {
                return Err(DefinitionError::NoValue((*word).to_owned()));
            };
            if value.is_empty() {
                return Err(DefinitionError::Empty(key.to_owned()));
            }
            if pairs.iter().any(|(other, _)| *other == key) {
                return Err(DefinitionError::Twice(key.to_owned()));
            }
            pairs.push((key, value));
        }
        Ok(Self {
            source,
            pairs,
            known: Vec::new(),
        })
    }

    /// The name of the source.
    pub(crate) fn source(&self) -> &'static str {
        self.source
    }

    /// The value of `key`, where it is given.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'a str> {
        self.known.push(key);
        let at = self.pairs.iter().position(|(name, _)| *name == key)?;
        Some(self.pairs.remove(at).1)
    }

    /// The value of `key`, which must be given; `example` shows how.
    pub(crate) fn require(
        &mut self,
        key: &'static str,
        example: &'static str,
    ) -> Result<&'a str, DefinitionError> {
        let source = self.source;
        self.take(key).ok_or(DefinitionError::Missing {
            source,
            key,
            example,
        })
    }

    /// Refuses what no one asked for.
    pub(crate) fn finish(self) -> Result<(), DefinitionError> {
        match self.pairs.first() {
            None => Ok(()),
            Some((key, _)) => Err(DefinitionError::UnknownKey {
                source: self.source,
                key: (*key).to_owned(),
                known: self.known,
            }),
        }
    }
}

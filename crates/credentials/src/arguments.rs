//! The arguments of a directive: `key=value` and flags. Each must be known, and can be given once.

use crate::DefinitionError;
use crate::declaration::{Declaration, INSECURE};

/// The arguments after a source's name. A source consumes them one by one.
pub(crate) struct Arguments<'a> {
    declaration: &'static Declaration,
    pairs: Vec<(&'a str, &'a str)>,
    is_insecure: bool,
}

/// If a parameter of a directive has a quotation mark after its `=`, the form that nginx
/// understands, for an error message: `"key=value"`.
///
/// nginx recognizes quotation marks only at the beginning of an argument: `key="a b"` are the two
/// arguments `key="a` and `b"`. Only the first word of such a value is shown, since a later one can
/// be a secret.
pub fn misplaced_quote(word: &str) -> Option<String> {
    let (key, value) = word.split_once('=')?;
    let mark = value
        .chars()
        .next()
        .filter(|mark| matches!(mark, '"' | '\''))?;
    let value = &value[1..];
    let (value, more) = match value.split_once(mark) {
        Some((value, _)) => (value, ""),
        None => (value, " ..."),
    };
    Some(match value.split_once(char::is_whitespace) {
        Some((first, _)) => format!("\"{key}={first} ...\""),
        None => format!("\"{key}={value}{more}\""),
    })
}

impl<'a> Arguments<'a> {
    /// Splits `words`, which follow the name of the source that `declaration` declares.
    pub(crate) fn new(
        declaration: &'static Declaration,
        words: &[&'a str],
    ) -> Result<Self, DefinitionError> {
        let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(words.len());
        let mut is_insecure = false;
        for word in words {
            if *word == INSECURE {
                if std::mem::replace(&mut is_insecure, true) {
                    return Err(DefinitionError::Twice(INSECURE.to_owned()));
                }
                continue;
            }
            let Some((key, value)) = word.split_once('=') else {
                return Err(DefinitionError::NoValue((*word).to_owned()));
            };
            if !may_begin_with_quote(key, value)
                && let Some(instead) = misplaced_quote(word)
            {
                return Err(DefinitionError::Quote(instead));
            }
            if key == INSECURE {
                return Err(DefinitionError::Flag(key.to_owned()));
            }
            if value.is_empty() {
                return Err(DefinitionError::Empty(key.to_owned()));
            }
            if pairs.iter().any(|(other, _)| *other == key) {
                return Err(DefinitionError::Twice(format!("{key}=")));
            }
            pairs.push((key, value));
        }
        Ok(Self {
            declaration,
            pairs,
            is_insecure,
        })
    }

    /// The name of the source.
    pub(crate) fn source(&self) -> &'static str {
        self.declaration.name
    }

    /// The value of `key`, if it is there.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'a str> {
        let mut known = self.declaration.keys.iter();
        debug_assert!(
            known.any(|known| known.strip_suffix('=') == Some(key)),
            "{} does not declare {key}=",
            self.source()
        );
        let at = self.pairs.iter().position(|(name, _)| *name == key)?;
        Some(self.pairs.remove(at).1)
    }

    /// The value of `key`, which is required; `example` shows how to write it.
    pub(crate) fn require(
        &mut self,
        key: &'static str,
        example: &'static str,
    ) -> Result<&'a str, DefinitionError> {
        let source_name = self.source();
        self.take(key).ok_or(DefinitionError::Missing {
            source_name,
            key,
            example,
        })
    }

    /// Whether the flag [`INSECURE`] is there.
    pub(crate) fn take_insecure(&mut self) -> bool {
        debug_assert!(self.declaration.keys.contains(&INSECURE));
        std::mem::take(&mut self.is_insecure)
    }

    /// Rejects arguments that the source has not consumed.
    pub(crate) fn finish(self) -> Result<(), DefinitionError> {
        let flag = self.is_insecure.then(|| INSECURE.to_owned());
        let pair = self.pairs.first();
        match pair.map(|(key, _)| format!("{key}=")).or(flag) {
            None => Ok(()),
            Some(key) => Err(DefinitionError::UnknownKey {
                declaration: self.declaration,
                key,
            }),
        }
    }
}

/// A command line has its own quotation marks, which are closed in the same argument if nginx has
/// read the argument as intended: `"command='/opt/a b' c"`.
fn may_begin_with_quote(key: &str, value: &str) -> bool {
    let is_closed = |mark: char| value.matches(mark).count().is_multiple_of(2);
    key == "command" && value.starts_with(['"', '\'']) && is_closed('"') && is_closed('\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    static ECR: Declaration = Declaration {
        name: "ecr",
        keys: &["insecure"],
        may_ask_others: false,
        summary: "",
    };
    static IMDS: Declaration = Declaration {
        name: "imds",
        keys: &["role="],
        ..ECR
    };

    #[test]
    fn quotation_marks_belong_around_the_whole_word() {
        for (word, instead) in [
            ("command=\"/bin/echo", "\"command=/bin/echo ...\""),
            ("command='/bin/echo", "\"command=/bin/echo ...\""),
            ("path=\"/etc/keys\"", "\"path=/etc/keys\""),
            ("path=''", "\"path=\""),
            ("profile=\"a b\"", "\"profile=a ...\""),
        ] {
            assert_eq!(misplaced_quote(word).as_deref(), Some(instead), "{word}");
            let Err(error) = Arguments::new(&IMDS, &[word]).map(drop) else {
                panic!("{word} is accepted");
            };
            assert!(error.to_string().contains(instead), "{error}");
        }
        for word in [
            "command=/bin/echo \"a b\"",
            "\"command",
            "a",
            "key=a\"b\"",
            "",
        ] {
            assert_eq!(misplaced_quote(word), None, "{word}");
        }
        // The command line's own quotation marks.
        for word in ["command='/opt/a b' c", "command=\"/opt/a b\" 'c d'"] {
            assert!(Arguments::new(&IMDS, &[word]).is_ok(), "{word}");
        }
    }

    #[test]
    fn a_flag_is_given_once_and_only_to_a_source_that_knows_it() {
        let mut arguments = Arguments::new(&ECR, &["insecure"]).unwrap();
        assert!(arguments.take_insecure());
        arguments.finish().unwrap();

        let error = |words: &[&str]| {
            let finished = Arguments::new(&IMDS, words).and_then(|mut arguments| {
                arguments.take("role");
                arguments.finish()
            });
            finished.unwrap_err().to_string()
        };
        assert_eq!(
            error(&["insecure"]),
            "\"insecure\" is unknown: imds accepts role="
        );
        assert_eq!(
            error(&["insecure", "insecure"]),
            "\"insecure\" is duplicate"
        );
        assert_eq!(
            error(&["insecure=on"]),
            "\"insecure\" does not accept a value: write \"insecure\""
        );
    }
}

//! `format=`: the form in which requests send a token.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::arguments::Arguments;
use crate::response::ResponseError;
use crate::{DefinitionError, FetchError, Secret};

/// The type of a source's token.
#[derive(Clone, Copy)]
pub(super) enum Meaning {
    /// The base64 encoding of a user's name and password, as in HTTP's [Basic][1] authentication.
    ///
    /// [1]: https://www.rfc-editor.org/rfc/rfc7617
    Basic,
    /// The same, which the service also accepts as a bearer token.
    BasicOrBearer,
    /// The password of this user, and a bearer token.
    PasswordOf(&'static str),
    /// Only the operator knows.
    Unknown,
}

/// The conversion of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Format {
    /// None: as the service returns it.
    AsGiven,
    /// A user name is added, and the result is encoded in base64.
    BasicOf(&'static str),
    /// It is a user name and password, and is encoded in base64.
    Basic,
}

impl Format {
    /// Reads `format=`; the default is `raw`.
    pub(super) fn parse(
        arguments: &mut Arguments<'_>,
        meaning: Meaning,
    ) -> Result<Self, DefinitionError> {
        let source = arguments.source();
        let format = arguments.take("format");
        Ok(match (format.unwrap_or("raw"), meaning) {
            ("raw", _) | ("basic", Meaning::Basic | Meaning::BasicOrBearer) => Self::AsGiven,
            ("basic", Meaning::PasswordOf(user)) => Self::BasicOf(user),
            ("basic", Meaning::Unknown) => Self::Basic,
            ("bearer", Meaning::Basic) => {
                let why = format!(
                    "{source} already returns the base64 of a user and a password: remove \
                     format=, and write \"Basic\" before the variable"
                );
                return Err(FetchError::setting("format=", why).into());
            }
            ("bearer", _) => Self::AsGiven,
            (other, _) => {
                let why = format!(
                    "\"{}\" is not a format: use raw, basic or bearer",
                    other.escape_default()
                );
                return Err(FetchError::setting("format=", why).into());
            }
        })
    }

    /// The token in this format.
    pub(super) fn apply(self, token: &Secret) -> Result<Secret, ResponseError> {
        let token = token.expose();
        match self {
            Self::AsGiven => Ok(Secret::new(token.to_owned())),
            Self::BasicOf(user) => {
                // Allocated at once: buffers that grow leave copies behind.
                let mut pair = Zeroizing::new(String::with_capacity(user.len() + 1 + token.len()));
                pair.push_str(user);
                pair.push(':');
                pair.push_str(token);
                Ok(Secret::new(STANDARD.encode(pair.as_bytes())))
            }
            Self::Basic if token.contains(':') => Ok(Secret::new(STANDARD.encode(token))),
            Self::Basic => Err(ResponseError::NoUser),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ALL;
    use super::*;
    use crate::Declaration;

    fn value(
        source: &'static Declaration,
        meaning: Meaning,
        words: &[&str],
    ) -> Result<String, String> {
        let mut arguments = Arguments::new(source, words).unwrap();
        let format = Format::parse(&mut arguments, meaning).map_err(|error| error.to_string())?;
        let token = Secret::new("user:word".to_owned());
        let value = format.apply(&token).map_err(|error| error.to_string())?;
        Ok(value.expose().to_owned())
    }

    #[test]
    fn each_source_has_its_forms() {
        for declared in ALL {
            let (source, meaning) = (&declared.declaration, declared.meaning);
            let name = source.name;
            let raw = Ok("user:word".to_owned());
            assert_eq!(value(source, meaning, &[]), raw, "{name}");
            assert_eq!(value(source, meaning, &["format=raw"]), raw, "{name}");
            let basic = match name {
                // "user:word"
                "process" => "dXNlcjp3b3Jk",
                // "aws:user:word"
                "codeartifact" => "YXdzOnVzZXI6d29yZA==",
                _ => "user:word",
            };
            let expected = Ok(basic.to_owned());
            assert_eq!(
                value(source, meaning, &["format=basic"]),
                expected,
                "{name}"
            );
            let bearer = value(source, meaning, &["format=bearer"]);
            match name {
                "ecr" => assert_eq!(
                    bearer.unwrap_err(),
                    "format=: ecr already returns the base64 of a user and a password: remove \
                     format=, and write \"Basic\" before the variable"
                ),
                _ => assert_eq!(bearer, raw, "{name}"),
            }
            let error = value(source, meaning, &["format=Raw"]).unwrap_err();
            assert_eq!(
                error,
                "format=: \"Raw\" is not a format: use raw, basic or bearer"
            );
        }
    }

    #[test]
    fn basic_wants_a_user() {
        let token = Secret::new("word".to_owned());
        assert_eq!(Format::Basic.apply(&token), Err(ResponseError::NoUser));
    }
}

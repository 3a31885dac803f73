//! What an operator writes: a source and its `key=value` words.

use std::fmt;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::arguments::{Arguments, written};
use crate::host::FileIdentity;
use crate::schedule::Rhythm;
use crate::sources::Source;
use crate::tokens::TokenSource;
use crate::{Endpoint, Environment, FetchError, Files, Provider};

/// A source of credentials or of tokens, checked as far as its words and the environment go. Cheap
/// to clone.
#[derive(Clone)]
pub struct Definition {
    what: What,
    environment: Environment,
}

/// What is fetched, and from where.
#[derive(Clone)]
pub(crate) enum What {
    Credentials(Source),
    Token(TokenSource),
}

impl What {
    /// In a few words, without secrets.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Credentials(source) => source.describe(),
            Self::Token(source) => source.describe(),
        }
    }
}

impl Definition {
    /// Reads a source's name and the words behind it, e.g. `imds` and `role=web`.
    ///
    /// | source | words, all optional but those in bold | and from the environment |
    /// | --- | --- | --- |
    /// | `env` | | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` |
    /// | `file` | `path=`, `profile=`, `region=`, `endpoint=`, `insecure` | `AWS_SHARED_CREDENTIALS_FILE`, `AWS_CONFIG_FILE`, `AWS_PROFILE`, `HOME`; for roles as `assume_role` |
    /// | `imds` | `endpoint=`, `role=` | `AWS_EC2_METADATA_DISABLED`, `AWS_EC2_METADATA_SERVICE_ENDPOINT`, `..._ENDPOINT_MODE` |
    /// | `container` | `uri=` | `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, `..._FULL_URI`, `AWS_CONTAINER_AUTHORIZATION_TOKEN`, `..._TOKEN_FILE` |
    /// | `web_identity` | `role_arn=`, `token_file=`, `session_name=`, `region=`, `endpoint=`, `insecure` | `AWS_ROLE_ARN`, `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_SESSION_NAME`; as `assume_role` |
    /// | `assume_role` | **`source=`**, **`role_arn=`**, `external_id=`, `session_name=`, `duration=` (seconds), `region=`, `endpoint=`, `insecure` | `AWS_REGION`, `AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`, `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`, `AWS_USE_FIPS_ENDPOINT` |
    /// | `process` | **`command=`** | |
    /// | `signing_keys` | **`path=`**, **`access_key=`** | |
    /// | `default` | `insecure` | all of these |
    ///
    /// `insecure` allows plain http to an STS that is neither on this machine nor at a link-local
    /// address. Paths are absolute. The source of `assume_role` is the name of a provider declared before,
    /// or of a source that needs no words.
    ///
    /// `declared` finds a provider that the configuration declared before, by name.
    pub fn parse(
        source: &str,
        words: &[&str],
        environment: &Environment,
        declared: &dyn Fn(&str) -> Option<Definition>,
    ) -> Result<Self, DefinitionError> {
        let name = Source::name(source).ok_or_else(|| DefinitionError::unknown_source(source))?;
        let mut arguments = Arguments::new(name, words)?;
        let source = Source::parse(&mut arguments, environment, declared)?;
        arguments.finish()?;
        Ok(Self {
            what: What::Credentials(source),
            environment: environment.clone(),
        })
    }

    /// Reads the name of a token's source and the words behind it, e.g. `ecr` and
    /// `region=eu-west-1`.
    ///
    /// | source | words, all optional but those in bold | and from the environment |
    /// | --- | --- | --- |
    /// | `ecr` | `region=`, `credentials=`, `endpoint=`, `insecure` | `AWS_REGION`, `AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL_ECR`, `AWS_ENDPOINT_URL`, `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`, `AWS_USE_FIPS_ENDPOINT` |
    /// | `ecr-public` | `credentials=`, `endpoint=`, `insecure` | the same without regions; `AWS_ENDPOINT_URL_ECR_PUBLIC` |
    /// | `codeartifact` | **`domain=`**, `owner=`, `duration=`, `region=`, `credentials=`, `endpoint=`, `insecure` | as `ecr`; `AWS_ENDPOINT_URL_CODEARTIFACT` |
    /// | `process` | **`command=`**, `retry=` | |
    ///
    /// All know `format=` (`raw`, `basic` or `bearer`) and `interval=`, after which at the latest a
    /// token is renewed. Spans of time are written as nginx has them, e.g. `6h`. What signs, in
    /// `credentials=`, is the name of a provider declared before, or of a source that needs no
    /// words; it is `default` where it is not given.
    ///
    /// `declared` finds a provider that the configuration declared before, by name.
    pub fn parse_token(
        source: &str,
        words: &[&str],
        environment: &Environment,
        declared: &dyn Fn(&str) -> Option<Definition>,
    ) -> Result<Self, DefinitionError> {
        let name = TokenSource::name(source)
            .ok_or_else(|| DefinitionError::unknown_token_source(source))?;
        let mut arguments = Arguments::new(name, words)?;
        let source = TokenSource::parse(&mut arguments, environment, declared)?;
        arguments.finish()?;
        Ok(Self {
            what: What::Token(source),
            environment: environment.clone(),
        })
    }

    /// What the operator says of how often to fetch.
    pub fn rhythm(&self) -> Rhythm {
        match &self.what {
            What::Credentials(_) => Rhythm::default(),
            What::Token(source) => source.rhythm(),
        }
    }

    /// Looks at the files that are named, with the rights of who reads the configuration: which
    /// source a chain chooses, what is wrong in a file.
    ///
    /// A file that does not exist yet is no error here; who fetches will look for it again.
    pub fn check(&self, files: &impl Files) -> Result<Check, DefinitionError> {
        let mut check = Check::default();
        check.description = match &self.what {
            What::Credentials(source) => source.check(files, &self.environment, &mut check)?,
            What::Token(source) => source.check(files, &self.environment, &mut check)?,
        };
        Ok(check)
    }

    /// Tells this definition from others: SHA-256 of everything in it, the environment's part
    /// included. Material fetched by one definition is never used by another.
    pub fn digest(&self) -> [u8; 32] {
        let mut text = zeroize::Zeroizing::new(String::new());
        match &self.what {
            What::Credentials(source) => source.identify(&mut text),
            What::Token(source) => source.identify(&mut text),
        }
        self.environment.identify(&mut text);
        Sha256::digest(text.as_bytes()).into()
    }

    /// The source, where it is one of credentials.
    pub(crate) fn into_source(self) -> Option<Source> {
        match self.what {
            What::Credentials(source) => Some(source),
            What::Token(_) => None,
        }
    }

    /// What fetches.
    pub fn provider(&self) -> Provider {
        Provider::new(self.what.clone(), self.environment.clone())
    }
}

/// Shows the source, without secrets.
impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Definition({})", self.what.describe())
    }
}

/// What looking at a definition's files has shown.
#[derive(Debug, Default)]
pub struct Check {
    /// What is used, in a few words without secrets, e.g. `imds at http://169.254.169.254`.
    pub description: String,
    /// Every file that will be read, so that a user who lacks the rights is told early.
    pub files: Vec<FileUse>,
    /// Whom the provider will ask, so that names can be resolved early.
    pub endpoints: Vec<Endpoint>,
}

/// A file that a provider reads.
#[derive(Debug, PartialEq, Eq)]
pub struct FileUse {
    /// Where it is.
    pub path: PathBuf,
    /// Which file that is now; `None` where there is none yet.
    pub identity: Option<FileIdentity>,
    /// Whether it holds a secret, so that not everybody should be able to read it.
    pub secret: bool,
}

impl FileUse {
    /// Whether there is no such file yet.
    pub fn is_missing(&self) -> bool {
        self.identity.is_none()
    }

    /// Whether it is a secret that everybody on the machine can read.
    pub fn is_exposed(&self) -> bool {
        self.secret && self.identity.is_some_and(|file| file.is_world_readable())
    }
}

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

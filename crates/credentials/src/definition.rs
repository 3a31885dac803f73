//! What an operator writes: a source and its `key=value` words.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::arguments::Arguments;
use crate::schedule::Rhythm;
use crate::sources::Source;
use crate::tokens::TokenSource;
use crate::{Check, DefinitionError, Environment, Files, Provider};

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

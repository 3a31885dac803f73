//! What an operator writes: a source and its `key=value` arguments.

use std::fmt;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};

use crate::any_source::AnySource;
use crate::arguments::Arguments;
use crate::schedule::Intervals;
use crate::sources::{Declared, ParseContext, Source};
use crate::tokens::TokenSource;
use crate::{Check, Declaration, DefinitionError, Environment, Fetcher, Files};

/// A source of credentials or of tokens, whose arguments and environment have been checked. Cheap
/// to clone.
#[derive(Clone)]
pub struct Definition {
    source: AnySource,
    declaration: &'static Declaration,
    environment: Environment,
}

impl Definition {
    /// The declarations of the sources of credentials, in the order of the reference.
    pub fn credential_sources() -> Vec<&'static Declaration> {
        Source::ALL.to_vec()
    }

    /// The declarations of the sources of tokens, in the order of the reference.
    pub fn token_sources() -> Vec<&'static Declaration> {
        TokenSource::declarations()
    }

    /// Parses the name of a [source of credentials](Self::credential_sources) and its arguments,
    /// e.g. `imds` and `role=web`.
    ///
    /// Missing arguments are looked up in the environment. Paths are absolute. The flag `insecure`
    /// allows plain HTTP to an STS that is neither on this machine nor at a link-local address. The
    /// source of `assume_role` is the name of a provider declared before, or of a source that needs
    /// no arguments.
    pub fn parse(
        source: &str,
        words: &[&str],
        context: &ParseContext<'_>,
    ) -> Result<Self, DefinitionError> {
        Self::read(
            source,
            words,
            context,
            &Self::credential_sources(),
            |words| Source::parse(words, context).map(AnySource::Credentials),
        )
    }

    /// Parses the name of a [source of tokens](Self::token_sources) and its arguments, e.g. `ecr`
    /// and `region=eu-west-1`.
    ///
    /// All sources have `format=` (`raw`, `basic` or `bearer`) and `interval=`, the maximum time
    /// between two fetches. The source that signs, in `credentials=`, is the name of a provider
    /// declared before, or of a source that needs no arguments; the default is `default`.
    pub fn parse_token(
        source: &str,
        words: &[&str],
        context: &ParseContext<'_>,
    ) -> Result<Self, DefinitionError> {
        Self::read(source, words, context, &Self::token_sources(), |words| {
            TokenSource::parse(words, context).map(AnySource::Token)
        })
    }

    fn read(
        name: &str,
        words: &[&str],
        context: &ParseContext<'_>,
        known: &[&'static Declaration],
        parse: impl FnOnce(&mut Arguments<'_>) -> Result<AnySource, DefinitionError>,
    ) -> Result<Self, DefinitionError> {
        let declaration = known.iter().find(|declaration| declaration.name == name);
        let declaration =
            declaration.ok_or_else(|| DefinitionError::unknown_source(name, known))?;
        let mut arguments = Arguments::new(declaration, words)?;
        let source = parse(&mut arguments)?;
        arguments.finish()?;
        Ok(Self {
            source,
            declaration,
            environment: context.environment.clone(),
        })
    }

    /// The declaration of its source.
    pub fn declaration(&self) -> &'static Declaration {
        self.declaration
    }

    /// Whether it provides signing keys, each of which is valid for one region and service.
    pub fn yields_signing_keys(&self) -> bool {
        matches!(&self.source, AnySource::Credentials(source) if source.yields_signing_keys())
    }

    /// Whether only the environment and files determine the source of the credentials, or of those
    /// that sign for the token.
    pub fn leaves_source_open(&self) -> bool {
        match &self.source {
            AnySource::Credentials(source) => matches!(source, Source::DefaultChain(_)),
            AnySource::Token(source) => source.leaves_signer_open(),
        }
    }

    /// Adds credentials under the name of their provider, so that later definitions can use them.
    pub fn declare(&self, name: &str, declared: &mut Declared) {
        if let AnySource::Credentials(source) = &self.source {
            declared.add(name, source.clone());
        }
    }

    /// How often to fetch, according to the operator.
    pub fn intervals(&self) -> Intervals {
        match &self.source {
            AnySource::Credentials(_) => Intervals::default(),
            AnySource::Token(source) => source.intervals(),
        }
    }

    /// Examines the files that are named, with the permissions of the process that reads the
    /// configuration: which source a chain selects, and the errors in a file.
    ///
    /// A file that does not exist yet is not an error here; a fetch will look for it again.
    pub fn check(&self, files: &impl Files) -> Result<Check, DefinitionError> {
        let mut check = Check::default();
        check.description = match &self.source {
            AnySource::Credentials(source) => source.check(files, &self.environment, &mut check)?,
            AnySource::Token(source) => source.check(files, &self.environment, &mut check)?,
        };
        Ok(check)
    }

    /// Identifies this definition: SHA-256 of everything in it, including its part of the
    /// environment. Material fetched by one definition is never used by another.
    pub fn digest(&self) -> [u8; 32] {
        let Self {
            source,
            // Of several declarations, it is the source's own.
            declaration: _,
            environment,
        } = self;
        let mut hasher = Sha256Hasher(Sha256::new());
        (source, environment).hash(&mut hasher);
        hasher.0.finalize().into()
    }

    /// The fetcher for it.
    pub fn fetcher(&self) -> Fetcher {
        Fetcher::new(self.source.clone(), self.environment.clone())
    }
}

/// Shows the source, without secrets.
impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Definition({})", self.source.describe())
    }
}

/// `derive(Hash)` covers each field of a type, so that none can be left out.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not used: the whole digest is.
    fn finish(&self) -> u64 {
        unreachable!("a digest has 32 bytes")
    }
}

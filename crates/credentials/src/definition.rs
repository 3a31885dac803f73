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

/// A source of credentials or of tokens, checked as far as its words and the environment go. Cheap
/// to clone.
#[derive(Clone)]
pub struct Definition {
    source: AnySource,
    declaration: &'static Declaration,
    environment: Environment,
}

impl Definition {
    /// What the sources of credentials declare, in the order of the reference.
    pub fn credential_sources() -> Vec<&'static Declaration> {
        Source::ALL.to_vec()
    }

    /// What the sources of tokens declare, in the order of the reference.
    pub fn token_sources() -> Vec<&'static Declaration> {
        TokenSource::declarations()
    }

    /// Reads the name of a [source of credentials](Self::credential_sources) and the words after
    /// it, e.g. `imds` and `role=web`.
    ///
    /// What the words leave out is looked up in the environment. Paths are absolute. The flag
    /// `insecure` allows plain http to an STS that is neither on this machine nor at a link-local
    /// address. The source of `assume_role` is the name of a provider declared before, or of a
    /// source that needs no words.
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

    /// Reads the name of a [source of tokens](Self::token_sources) and the words after it, e.g.
    /// `ecr` and `region=eu-west-1`.
    ///
    /// All know `format=` (`raw`, `basic` or `bearer`) and `interval=`, after which at the latest a
    /// token is fetched again. What signs, in `credentials=`, is the name of a provider declared
    /// before, or of a source that needs no words; it is `default` if it is not given.
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

    /// What its source declares.
    pub fn declaration(&self) -> &'static Declaration {
        self.declaration
    }

    /// Whether it provides signing keys, each of which is valid for one region and service.
    pub fn yields_signing_keys(&self) -> bool {
        matches!(&self.source, AnySource::Credentials(source) if source.yields_signing_keys())
    }

    /// Whether the operator leaves it to the environment and to files where the credentials, or
    /// those that sign for the token, come from.
    pub fn leaves_source_open(&self) -> bool {
        match &self.source {
            AnySource::Credentials(source) => matches!(source, Source::DefaultChain(_)),
            AnySource::Token(source) => source.leaves_signer_open(),
        }
    }

    /// Makes credentials known by the name of their provider, so that definitions that are read
    /// later can use them.
    pub fn declare(&self, name: &str, declared: &mut Declared) {
        if let AnySource::Credentials(source) = &self.source {
            declared.add(name, source.clone());
        }
    }

    /// What the operator says of how often to fetch.
    pub fn intervals(&self) -> Intervals {
        match &self.source {
            AnySource::Credentials(_) => Intervals::default(),
            AnySource::Token(source) => source.intervals(),
        }
    }

    /// Looks at the files that are named, with the rights of the process that reads the
    /// configuration: which source a chain chooses, what is wrong in a file.
    ///
    /// A file that does not exist yet is no error here; a fetch will look for it again.
    pub fn check(&self, files: &impl Files) -> Result<Check, DefinitionError> {
        let mut check = Check::default();
        check.description = match &self.source {
            AnySource::Credentials(source) => source.check(files, &self.environment, &mut check)?,
            AnySource::Token(source) => source.check(files, &self.environment, &mut check)?,
        };
        Ok(check)
    }

    /// Tells this definition from others: SHA-256 of everything in it, the environment's part
    /// included. Material fetched by one definition is never used by another.
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

    /// What fetches it.
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

/// `derive(Hash)` covers each field of a type, so that none can be forgotten.
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

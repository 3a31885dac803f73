//! The sources of credentials, each in its own file.
//!
//! To add a source, write a file with a type that implements [`CredentialSource`], and add the type
//! to the list at `sources!`.

mod assume_role;
mod container;
mod context;
mod default;
mod file;
mod imds;
mod keys;
mod process;
mod signing_keys;
mod web_identity;

use std::hash::Hash;
use std::path::Path;

use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::{
    Check, Credentials, Declaration, DefinitionError, Environment, FetchError, FileUse, Files,
    Host, Material,
};

use assume_role::AssumeRole;
use container::Container;
pub use context::{Declared, ParseContext};
use default::DefaultChain;
use file::ProfileFile;
use imds::Imds;
use keys::Keys;
pub(crate) use process::Process;
use signing_keys::KeyFile;
use web_identity::WebIdentity;

/// Where credentials come from. `Hash` covers everything that distinguishes one source from
/// another.
pub(crate) trait CredentialSource: Sized + Clone + Hash {
    const DECLARATION: &'static Declaration;

    /// Parses the arguments after the source's name.
    fn parse(
        arguments: &mut Arguments<'_>,
        context: &ParseContext<'_>,
    ) -> Result<Self, DefinitionError>;

    /// In a few words, without secrets.
    fn describe(&self) -> String;

    /// Adds what this source uses to `check`, reads files that must be valid, and describes the
    /// source that is finally used.
    fn check(
        &self,
        _files: &impl Files,
        _environment: &Environment,
        _check: &mut Check,
    ) -> Result<String, DefinitionError> {
        Ok(self.describe())
    }

    async fn fetch<H: Host>(&self, fetch: &mut Fetch<'_, H>) -> Result<Material, FetchError>;
}

macro_rules! sources {
    ($($source:ident),*) => {
        /// A source and its parameters.
        #[derive(Clone, Hash)]
        pub(crate) enum Source {
            $($source($source)),*
        }

        impl Source {
            /// All sources, in the order of the reference.
            pub(crate) const ALL: &[&Declaration] = &[$($source::DECLARATION),*];

            pub(crate) fn parse(
                arguments: &mut Arguments<'_>,
                context: &ParseContext<'_>,
            ) -> Result<Self, DefinitionError> {
                $(if arguments.source() == $source::DECLARATION.name {
                    return $source::parse(arguments, context).map(Self::$source);
                })*
                Err(DefinitionError::unknown_source(arguments.source(), Self::ALL))
            }

            /// See [`CredentialSource::describe`].
            pub(crate) fn describe(&self) -> String {
                match self {
                    $(Self::$source(source) => source.describe()),*
                }
            }

            /// See [`CredentialSource::check`].
            pub(crate) fn check(
                &self,
                files: &impl Files,
                environment: &Environment,
                check: &mut Check,
            ) -> Result<String, DefinitionError> {
                match self {
                    $(Self::$source(source) => source.check(files, environment, check)),*
                }
            }

            pub(crate) async fn fetch<H: Host>(
                &self,
                fetch: &mut Fetch<'_, H>,
            ) -> Result<Material, FetchError> {
                match self {
                    $(Self::$source(source) => source.fetch(fetch).await),*
                }
            }
        }
    };
}

sources! {
    Keys, ProfileFile, Imds, Container, WebIdentity, AssumeRole, Process, KeyFile, DefaultChain
}

impl Source {
    /// The source that another one names in `key`, to sign for `service`: a provider that the
    /// configuration has declared before, or a source that needs no arguments.
    pub(crate) fn named(
        key: &'static str,
        name: &str,
        service: &str,
        context: &ParseContext<'_>,
    ) -> Result<Self, DefinitionError> {
        let declaration = Self::ALL.iter().find(|source| source.name == name);
        let source = match (context.declared.find(name), declaration) {
            (Some(source), _) => source.clone(),
            (None, Some(declaration)) => {
                Self::parse(&mut Arguments::new(declaration, &[])?, context)?
            }
            (None, None) => {
                let why = format!(
                    "no provider \"{name}\" is declared above, and there is no source of \
                             this name"
                );
                return Err(FetchError::setting(key, why).into());
            }
        };
        if source.yields_signing_keys() {
            let why = format!("signing keys of one service cannot sign for {service}");
            return Err(FetchError::setting(key, why).into());
        }
        Ok(source)
    }

    /// Whether it returns derived signing keys, for one region and service.
    pub(crate) fn yields_signing_keys(&self) -> bool {
        matches!(self, Self::KeyFile(_))
    }

    /// Fetches from the source that [`named`](Self::named) has found, which returns a secret key.
    pub(crate) async fn fetch_keys<H: Host>(
        &self,
        fetch: &mut Fetch<'_, H>,
    ) -> Result<Credentials, FetchError> {
        // Boxed, as this source can have been named by one of the same type.
        match Box::pin(self.fetch(fetch)).await? {
            Material::Keys(credentials) => Ok(credentials),
            Material::Derived(_) | Material::Token(_) => {
                unreachable!("rejected when the definition was read")
            }
        }
    }
}

/// The current identity of a file that contains a secret.
fn file_use(files: &impl Files, path: &Path) -> FileUse {
    FileUse {
        path: path.to_owned(),
        identity: files.identify(path).ok(),
        secret: true,
    }
}

//! The sources, each in its file.

mod assume_role;
mod container;
mod default;
mod file;
mod imds;
mod keys;
mod process;
mod signing_keys;
mod web_identity;

use std::path::Path;

use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::{
    Check, Credentials, Definition, DefinitionError, Environment, FetchError, FileUse, Files, Host,
    Material,
};

pub(crate) use assume_role::AssumeRole;
pub(crate) use container::Container;
use default::DefaultChain;
use file::ProfileFile;
pub(crate) use imds::Imds;
pub(crate) use keys::Keys;
pub(crate) use process::Process;
use signing_keys::KeyFile;
pub(crate) use web_identity::WebIdentity;

/// A source and its parameters.
#[derive(Clone)]
pub(crate) enum Source {
    Keys(Keys),
    File(ProfileFile),
    Imds(Imds),
    Container(Container),
    WebIdentity(WebIdentity),
    AssumeRole(AssumeRole),
    Process(Process),
    SigningKeys(KeyFile),
    Default(DefaultChain),
}

impl Source {
    /// What may stand behind a provider's name.
    pub(crate) const NAMES: [&str; 9] = [
        "env",
        "file",
        "imds",
        "container",
        "web_identity",
        "assume_role",
        "process",
        "signing_keys",
        "default",
    ];

    /// The source's own spelling of its name.
    pub(crate) fn name(name: &str) -> Option<&'static str> {
        Self::NAMES.into_iter().find(|known| *known == name)
    }

    pub(crate) fn parse(
        arguments: &mut Arguments<'_>,
        environment: &Environment,
        declared: &dyn Fn(&str) -> Option<Definition>,
    ) -> Result<Self, DefinitionError> {
        Ok(match arguments.source() {
            "env" => Self::Keys(Keys::find(environment)?),
            "file" => Self::File(ProfileFile::parse(arguments, environment)?),
            "imds" => Self::Imds(Imds::parse(arguments, environment)?),
            "container" => Self::Container(Container::parse(arguments, environment)?),
            "web_identity" => Self::WebIdentity(WebIdentity::parse(arguments, environment)?),
            "assume_role" => Self::AssumeRole(AssumeRole::parse(arguments, environment, declared)?),
            "process" => Self::Process(Process::parse(arguments)?),
            "signing_keys" => Self::SigningKeys(KeyFile::parse(arguments)?),
            "default" => DefaultChain::parse(environment, arguments.take_insecure())?,
            name => return Err(DefinitionError::unknown_source(name)),
        })
    }

    /// The source that another one names in `key`, to sign for `service`: of a provider that the
    /// configuration declared before, or one that needs no words.
    pub(crate) fn named(
        key: &'static str,
        name: &str,
        service: &str,
        environment: &Environment,
        declared: &dyn Fn(&str) -> Option<Definition>,
    ) -> Result<Self, DefinitionError> {
        let declared_source = declared(name).and_then(Definition::into_source);
        let source = match (declared_source, Self::name(name)) {
            (Some(source), _) => source,
            (None, Some(name)) => {
                let mut none = Arguments::new(name, &[])?;
                Self::parse(&mut none, environment, declared)?
            }
            (None, None) => {
                let why =
                    format!("no provider \"{name}\" is declared above, and no source is called so");
                return Err(FetchError::setting(key, why).into());
            }
        };
        if matches!(source, Self::SigningKeys(_)) {
            let why = format!("signing keys of one service cannot sign for {service}");
            return Err(FetchError::setting(key, why).into());
        }
        Ok(source)
    }

    /// In a few words, without secrets.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Keys(source) => source.describe(),
            Self::File(source) => source.describe(),
            Self::Imds(source) => source.describe(),
            Self::Container(source) => source.describe(),
            Self::WebIdentity(source) => source.describe(),
            Self::AssumeRole(source) => source.describe(),
            Self::Process(source) => source.describe(),
            Self::SigningKeys(source) => source.describe(),
            Self::Default(source) => source.describe(),
        }
    }

    /// Appends everything that makes this source yield something else than another.
    pub(crate) fn identify(&self, text: &mut String) {
        match self {
            Self::Keys(source) => source.identify(text),
            Self::File(source) => source.identify(text),
            Self::Imds(source) => source.identify(text),
            Self::Container(source) => source.identify(text),
            Self::WebIdentity(source) => source.identify(text),
            Self::AssumeRole(source) => source.identify(text),
            Self::Process(source) => source.identify(text),
            Self::SigningKeys(source) => source.identify(text),
            Self::Default(source) => source.identify(text),
        }
    }

    /// Adds what this source uses to `check`, reads files that must make sense, and describes what
    /// is used in the end.
    pub(crate) fn check(
        &self,
        files: &impl Files,
        environment: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        match self {
            Self::Keys(_) | Self::Process(_) => {}
            Self::File(source) => return source.check(files, environment, check),
            Self::Imds(source) => check.endpoints.push(source.endpoint()),
            Self::Container(source) => {
                check.endpoints.push(source.endpoint());
                if let Some(path) = source.token_file() {
                    check.files.push(file_use(files, path));
                }
            }
            Self::WebIdentity(source) => {
                check.endpoints.push(source.endpoint());
                check.files.push(file_use(files, source.token_file()));
            }
            Self::AssumeRole(source) => return source.check(files, environment, check),
            Self::SigningKeys(source) => {
                check.files.push(file_use(files, source.path()));
                source.check(files)?;
            }
            Self::Default(source) => return source.check(files, environment, check),
        }
        Ok(self.describe())
    }

    pub(crate) async fn fetch<H: Host>(
        &self,
        fetch: &mut Fetch<'_, H>,
    ) -> Result<Material, FetchError> {
        match self {
            Self::Keys(source) => Ok(source.credentials()),
            Self::File(source) => return source.fetch(fetch).await,
            Self::Imds(source) => source.fetch(fetch).await,
            Self::Container(source) => source.fetch(fetch).await,
            Self::WebIdentity(source) => source.fetch(fetch).await,
            Self::AssumeRole(source) => source.fetch(fetch).await,
            Self::Process(source) => source.fetch(fetch).await,
            Self::SigningKeys(source) => return source.fetch(fetch).map(Material::Derived),
            Self::Default(source) => return source.fetch(fetch).await,
        }
        .map(Material::Keys)
    }

    /// Fetches what [`named`](Self::named) has found, which is a secret key.
    pub(crate) async fn fetch_keys<H: Host>(
        &self,
        fetch: &mut Fetch<'_, H>,
    ) -> Result<Credentials, FetchError> {
        // Boxed, as this source may have been named by one of its own kind.
        match Box::pin(self.fetch(fetch)).await? {
            Material::Keys(credentials) => Ok(credentials),
            Material::Derived(_) | Material::Token(_) => {
                unreachable!("refused when the definition was read")
            }
        }
    }
}

/// A file that holds a secret, as it is now.
fn file_use(files: &impl Files, path: &Path) -> FileUse {
    FileUse {
        path: path.to_owned(),
        identity: files.identify(path).ok(),
        secret: true,
    }
}

//! The sources, each in its file.

mod env;
mod imds;

use crate::arguments::Arguments;
use crate::provider::Fetch;
use crate::{Check, Definition, DefinitionError, Environment, FetchError, Files, Host, Material};

use env::Env;
use imds::Imds;

/// A source and its parameters.
#[derive(Clone)]
pub(crate) enum Source {
    Env(Env),
    Imds(Imds),
}

impl Source {
    /// What may stand behind a provider's name.
    pub(crate) const NAMES: [&str; 2] = ["env", "imds"];

    /// The source's own spelling of its name.
    pub(crate) fn name(name: &str) -> Option<&'static str> {
        Self::NAMES.into_iter().find(|known| *known == name)
    }

    pub(crate) fn parse(
        arguments: &mut Arguments<'_>,
        environment: &Environment,
        _declared: &dyn Fn(&str) -> Option<Definition>,
    ) -> Result<Self, DefinitionError> {
        match arguments.source() {
            "env" => Env::parse(environment).map(Self::Env),
            "imds" => Imds::parse(arguments, environment).map(Self::Imds),
            name => Err(DefinitionError::UnknownSource(name.to_owned())),
        }
    }

    /// In a few words, without secrets.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Env(env) => env.describe(),
            Self::Imds(imds) => imds.describe(),
        }
    }

    /// Appends everything that makes this source yield something else than another.
    pub(crate) fn identify(&self, text: &mut String) {
        match self {
            Self::Env(env) => env.identify(text),
            Self::Imds(imds) => imds.identify(text),
        }
    }

    pub(crate) fn check(
        &self,
        _files: &impl Files,
        _environment: &Environment,
    ) -> Result<Check, DefinitionError> {
        let mut check = Check {
            description: self.describe(),
            ..Check::default()
        };
        match self {
            Self::Env(_) => {}
            Self::Imds(imds) => check.endpoints.push(imds.endpoint()),
        }
        Ok(check)
    }

    pub(crate) async fn fetch<H: Host>(
        &self,
        fetch: &mut Fetch<'_, H>,
    ) -> Result<Material, FetchError> {
        match self {
            Self::Env(env) => Ok(Material::Keys(env.credentials())),
            Self::Imds(imds) => imds.fetch(fetch).await.map(Material::Keys),
        }
    }
}

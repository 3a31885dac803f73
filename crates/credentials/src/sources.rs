//! The sources, each in its file.

mod env;

use crate::arguments::Arguments;
use crate::provider::Fetch;
use crate::{Check, Definition, DefinitionError, Environment, FetchError, Files, Host, Material};

use env::Env;

/// A source and its parameters.
#[derive(Clone)]
pub(crate) enum Source {
    Env(Env),
}

impl Source {
    /// What may stand behind a provider's name.
    pub(crate) const NAMES: [&str; 1] = ["env"];

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
            name => Err(DefinitionError::UnknownSource(name.to_owned())),
        }
    }

    /// In a few words, without secrets.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Env(env) => env.describe(),
        }
    }

    /// Appends everything that makes this source yield something else than another.
    pub(crate) fn identify(&self, text: &mut String) {
        match self {
            Self::Env(env) => env.identify(text),
        }
    }

    pub(crate) fn check(
        &self,
        _files: &impl Files,
        _environment: &Environment,
    ) -> Result<Check, DefinitionError> {
        Ok(Check {
            description: self.describe(),
            ..Check::default()
        })
    }

    pub(crate) async fn fetch<H: Host>(
        &self,
        _fetch: &mut Fetch<'_, H>,
    ) -> Result<Material, FetchError> {
        match self {
            Self::Env(env) => Ok(Material::Keys(env.credentials())),
        }
    }
}

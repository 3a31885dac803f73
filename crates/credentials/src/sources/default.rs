//! `default`: the first source that is configured, in the order of the [Rust SDK][1]: the
//! environment, the shared files, web identity, a container's agent, an instance's metadata.
//!
//! [1]: https://docs.aws.amazon.com/sdk-for-rust/latest/dg/credproviders.html

use std::rc::Rc;

use super::{
    Container, CredentialSource, Imds, Keys, ParseContext, ProfileFile, Source, WebIdentity,
};
use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::{Check, Declaration, DefinitionError, Environment, FetchError, Files, Host, Material};

/// The shared files, whose content decides, and the source that is used if they contain no
/// credentials.
#[derive(Clone, Hash)]
pub(crate) struct DefaultChain {
    file: Option<ProfileFile>,
    otherwise: Option<Rc<Source>>,
}

/// If a source is not configured, the next one is tried; any other error stops the chain.
fn configured<T>(result: Result<T, FetchError>) -> Result<Option<T>, FetchError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(FetchError::NotConfigured(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl CredentialSource for DefaultChain {
    const DECLARATION: &'static Declaration = &Declaration {
        name: "default",
        keys: &["insecure"],
        may_ask_others: true,
        summary: "the first of `env`, `file`, `web_identity`, `container`, `imds` that is configured; `nginx -t` and the log say which one",
    };

    /// The environment does not change, so everything except the files is decided here. `insecure`
    /// allows plain HTTP to an STS on another machine.
    fn parse(
        arguments: &mut Arguments<'_>,
        context: &ParseContext<'_>,
    ) -> Result<Self, DefinitionError> {
        let environment = context.environment;
        let insecure = arguments.take_insecure();
        if let Some(keys) = configured(Keys::find(environment))? {
            return Ok(Self {
                file: None,
                otherwise: Some(Rc::new(Source::Keys(keys))),
            });
        }
        let file = configured(ProfileFile::find(environment, insecure))?;
        let otherwise = if let Some(source) = configured(WebIdentity::find(environment, insecure))?
        {
            Some(Source::WebIdentity(source))
        } else if let Some(source) = configured(Container::find(environment))? {
            Some(Source::Container(source))
        } else {
            configured(Imds::find(environment))?.map(Source::Imds)
        };
        Ok(Self {
            file,
            otherwise: otherwise.map(Rc::new),
        })
    }

    fn describe(&self) -> String {
        match (&self.file, &self.otherwise) {
            (None, Some(source)) => source.describe(),
            (Some(file), Some(source)) => {
                format!("{}, else {}", file.describe(), source.describe())
            }
            (Some(file), None) => file.describe(),
            (None, None) => "no configured source".to_owned(),
        }
    }

    fn check(
        &self,
        files: &impl Files,
        environment: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        if let Some(file) = &self.file
            && let Some(source) = configured(file.look(files, environment, check))?
        {
            return file.check_source(&source, files, environment, check);
        }
        let source = self.otherwise.as_deref().ok_or_else(nothing)?;
        source.check(files, environment, check)
    }

    async fn fetch<H: Host>(&self, fetch: &mut Fetch<'_, H>) -> Result<Material, FetchError> {
        if let Some(file) = &self.file
            && let Some(material) = configured(file.fetch(fetch).await)?
        {
            return Ok(material);
        }
        match &self.otherwise {
            Some(source) => Box::pin(source.fetch(fetch)).await,
            None => Err(nothing()),
        }
    }
}

fn nothing() -> FetchError {
    FetchError::NotConfigured(
        "no source is configured: neither the environment nor the shared files have credentials, \
         and AWS_EC2_METADATA_DISABLED is true"
            .to_owned(),
    )
}

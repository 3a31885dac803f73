//! `env`: keys in the environment, as it was when the configuration was read; and the keys of a
//! profile.

use std::rc::Rc;

use super::{CredentialSource, ParseContext};
use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::response::{is_access_key_id, is_secret};
use crate::{
    Credentials, Declaration, DefinitionError, Environment, FetchError, Host, Material, Secret,
};

/// Keys that need not be fetched.
#[derive(Clone, Hash)]
pub(crate) struct Keys {
    access_key_id: String,
    secrets: Rc<(Secret, Option<Secret>)>,
    origin: String,
}

impl Keys {
    pub(crate) fn new(
        access_key_id: &str,
        secret: Secret,
        token: Option<Secret>,
        origin: String,
    ) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            secrets: Rc::new((secret, token)),
            origin,
        }
    }

    /// The keys in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
    pub(crate) fn find(environment: &Environment) -> Result<Self, FetchError> {
        const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
        const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
        const TOKEN: &str = "AWS_SESSION_TOKEN";
        let variable = |name| environment.get(name).map(str::trim);
        let (access_key_id, secret) = match (variable(ACCESS_KEY), variable(SECRET_KEY)) {
            (Some(access_key_id), Some(secret)) => (access_key_id, secret),
            (None, _) => {
                let why = format!("{ACCESS_KEY} is not in the environment");
                return Err(FetchError::NotConfigured(why));
            }
            (Some(_), None) => {
                let why = format!("it requires {SECRET_KEY}");
                return Err(FetchError::setting(ACCESS_KEY, why));
            }
        };
        let token = variable(TOKEN);
        for (name, is_good) in [
            (ACCESS_KEY, is_access_key_id(access_key_id)),
            (SECRET_KEY, is_secret(secret)),
            (TOKEN, token.is_none_or(is_secret)),
        ] {
            if !is_good {
                return Err(FetchError::setting(
                    name,
                    "it contains blanks or control characters",
                ));
            }
        }
        let own = |text: &str| Secret::new(text.to_owned());
        Ok(Self::new(
            access_key_id,
            own(secret),
            token.map(own),
            "env".to_owned(),
        ))
    }
}

impl CredentialSource for Keys {
    const DECLARATION: &'static Declaration = &Declaration {
        name: "env",
        keys: &[],
        may_ask_others: false,
        summary: "the environment variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN",
    };

    fn parse(_: &mut Arguments<'_>, context: &ParseContext<'_>) -> Result<Self, DefinitionError> {
        Ok(Self::find(context.environment)?)
    }

    async fn fetch<H: Host>(&self, _: &mut Fetch<'_, H>) -> Result<Material, FetchError> {
        let (secret, token) = &*self.secrets;
        Ok(Material::Keys(Credentials {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: secret.duplicate(),
            session_token: token.as_ref().map(Secret::duplicate),
            expires_at: None,
            outlives_expiry: false,
            origin: self.origin.clone(),
        }))
    }

    fn describe(&self) -> String {
        format!("{}, access key {}", self.origin, self.access_key_id)
    }
}

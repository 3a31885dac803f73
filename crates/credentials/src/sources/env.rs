//! `env`: keys in the environment, as it was when the configuration was read.

use std::rc::Rc;

use crate::{Credentials, DefinitionError, Environment, FetchError, Secret};

/// Keys from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
#[derive(Clone)]
pub(crate) struct Env {
    access_key_id: String,
    secrets: Rc<(Secret, Option<Secret>)>,
}

impl Env {
    pub(crate) fn parse(environment: &Environment) -> Result<Self, DefinitionError> {
        Self::find(environment).map_err(DefinitionError::Source)
    }

    /// The keys, where the environment has them.
    pub(crate) fn find(environment: &Environment) -> Result<Self, FetchError> {
        let access_key_id = environment.get("AWS_ACCESS_KEY_ID");
        let secret = environment.get("AWS_SECRET_ACCESS_KEY");
        let token = environment.get("AWS_SESSION_TOKEN");
        let missing = |name| FetchError::NotConfigured(format!("{name} is not in the environment"));
        let access_key_id = access_key_id.ok_or_else(|| missing("AWS_ACCESS_KEY_ID"))?;
        let secret = secret.ok_or_else(|| missing("AWS_SECRET_ACCESS_KEY"))?;
        let own = |text: &str| Secret::new(text.trim().to_owned());
        Ok(Self {
            access_key_id: access_key_id.trim().to_owned(),
            secrets: Rc::new((own(secret), token.map(own))),
        })
    }

    pub(crate) fn credentials(&self) -> Credentials {
        let (secret, token) = &*self.secrets;
        Credentials {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: secret.duplicate(),
            session_token: token.as_ref().map(Secret::duplicate),
            expires_at: None,
            outlives_expiry: false,
            origin: "env".to_owned(),
        }
    }

    pub(crate) fn describe(&self) -> String {
        format!("env, access key {}", self.access_key_id)
    }

    pub(crate) fn identify(&self, text: &mut String) {
        let (secret, token) = &*self.secrets;
        let token = token.as_ref().map_or("", Secret::expose);
        for part in ["env", &self.access_key_id, secret.expose(), token] {
            text.push_str(part);
            text.push('\0');
        }
    }
}

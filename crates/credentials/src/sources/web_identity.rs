//! `web_identity`: a role for who holds a token of an OpenID Connect provider, as pods of EKS do
//! by [IAM roles for service accounts][1].
//!
//! [1]: https://docs.aws.amazon.com/sdkref/latest/guide/access-assume-role-web.html

use std::path::{Path, PathBuf};

use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::sts::{Role, Sts, token_of};
use crate::{Credentials, DefinitionError, Endpoint, Environment, FetchError, Host};

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE_ARN: &str = "AWS_ROLE_ARN";
const SESSION_NAME: &str = "AWS_ROLE_SESSION_NAME";

/// STS takes tokens of up to 20,000 characters; `is_secret` takes a little less.
const TOKEN_LIMIT: usize = 20_000;

/// A role, and where the token for it is.
#[derive(Clone)]
pub(crate) struct WebIdentity {
    role: Role,
    token_file: PathBuf,
    sts: Sts,
}

impl WebIdentity {
    pub(crate) fn parse(
        arguments: &mut Arguments<'_>,
        environment: &Environment,
    ) -> Result<Self, DefinitionError> {
        let mut take = |key, variable| arguments.take(key).or_else(|| environment.get(variable));
        let role_arn = take("role_arn", ROLE_ARN);
        let token_file = take("token_file", TOKEN_FILE);
        let session_name = take("session_name", SESSION_NAME);
        let role_arn = role_arn.ok_or(DefinitionError::Missing {
            source: "web_identity",
            key: "role_arn",
            example: "arn:aws:iam::123456789012:role/web",
        })?;
        let token_file = token_file.ok_or(DefinitionError::Missing {
            source: "web_identity",
            key: "token_file",
            example: "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
        })?;
        let role = Role::new(role_arn, session_name, None, None)?;
        let sts = Sts::parse(arguments, environment, &role)?;
        Ok(Self::new(role, token_file, sts)?)
    }

    /// What the environment describes. `insecure` allows plain http to an STS on another machine.
    pub(crate) fn find(environment: &Environment, insecure: bool) -> Result<Self, FetchError> {
        let Some(token_file) = environment.get(TOKEN_FILE) else {
            let why = format!("{TOKEN_FILE} is not in the environment");
            return Err(FetchError::NotConfigured(why));
        };
        let Some(role_arn) = environment.get(ROLE_ARN) else {
            let why = format!("it is of no use without {ROLE_ARN}");
            return Err(FetchError::setting(TOKEN_FILE, why));
        };
        let role = Role::new(role_arn, environment.get(SESSION_NAME), None, None)?;
        let sts = Sts::new(None, None, insecure, environment, &role.arn)?;
        Self::new(role, token_file, sts)
    }

    pub(crate) fn new(role: Role, token_file: &str, sts: Sts) -> Result<Self, FetchError> {
        if !token_file.starts_with('/') {
            return Err(FetchError::setting(
                "token file",
                "it is not an absolute path",
            ));
        }
        Ok(Self {
            role,
            token_file: PathBuf::from(token_file),
            sts,
        })
    }

    pub(crate) fn describe(&self) -> String {
        format!("web_identity, role {}", self.role.arn)
    }

    pub(crate) fn identify(&self, text: &mut String) {
        text.push_str("web_identity\0");
        text.push_str(self.token_file.to_str().unwrap_or_default());
        text.push('\0');
        self.role.identify(text);
        self.sts.identify(text);
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.sts.endpoint()
    }

    pub(crate) fn token_file(&self) -> &Path {
        &self.token_file
    }

    pub(crate) async fn fetch<H: Host>(
        &self,
        fetch: &mut Fetch<'_, H>,
    ) -> Result<Credentials, FetchError> {
        let content = fetch.read(&self.token_file, TOKEN_LIMIT)?;
        let token = token_of(&content).ok_or_else(|| {
            let why = "it does not hold a token alone, on one line";
            FetchError::content(&self.token_file, why)
        })?;
        let sts = &self.sts;
        sts.assume_role_with_web_identity(fetch, &self.role, token.expose())
            .await
    }
}

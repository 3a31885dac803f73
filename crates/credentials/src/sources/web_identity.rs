//! `web_identity`: a role, assumed with a token of an OpenID Connect provider, as pods on EKS do
//! with [IAM roles for service accounts][1].
//!
//! [1]: https://docs.aws.amazon.com/sdkref/latest/guide/access-assume-role-web.html

use std::path::PathBuf;

use super::{CredentialSource, ParseContext, file_use};
use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::sts::{Role, Sts, token_of};
use crate::{Check, Declaration, DefinitionError, Environment, FetchError, Files, Host, Material};

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE_ARN: &str = "AWS_ROLE_ARN";
const SESSION_NAME: &str = "AWS_ROLE_SESSION_NAME";

/// STS accepts tokens of up to 20,000 characters; `is_secret` accepts a little less.
const TOKEN_LIMIT: usize = 20_000;

/// A role, and where the token for it is.
#[derive(Clone, Hash)]
pub(crate) struct WebIdentity {
    role: Role,
    token_file: PathBuf,
    sts: Sts,
}

impl WebIdentity {
    /// What the environment configures. `insecure` allows plain HTTP to an STS on another machine.
    pub(crate) fn find(environment: &Environment, insecure: bool) -> Result<Self, FetchError> {
        let Some(token_file) = environment.get(TOKEN_FILE) else {
            let why = format!("{TOKEN_FILE} is not in the environment");
            return Err(FetchError::NotConfigured(why));
        };
        let Some(role_arn) = environment.get(ROLE_ARN) else {
            let why = format!("it requires {ROLE_ARN}");
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
}

impl CredentialSource for WebIdentity {
    const DECLARATION: &'static Declaration = &Declaration {
        name: "web_identity",
        keys: &[
            "role_arn=",
            "token_file=",
            "session_name=",
            "region=",
            "endpoint=",
            "insecure",
        ],
        may_ask_others: true,
        summary: "STS, in exchange for a token in a file",
    };

    fn parse(
        arguments: &mut Arguments<'_>,
        context: &ParseContext<'_>,
    ) -> Result<Self, DefinitionError> {
        let environment = context.environment;
        let mut take = |key, variable| arguments.take(key).or_else(|| environment.get(variable));
        let role_arn = take("role_arn", ROLE_ARN);
        let token_file = take("token_file", TOKEN_FILE);
        let session_name = take("session_name", SESSION_NAME);
        let role_arn = role_arn.ok_or(DefinitionError::Missing {
            source_name: Self::DECLARATION.name,
            key: "role_arn",
            example: "arn:aws:iam::123456789012:role/web",
        })?;
        let token_file = token_file.ok_or(DefinitionError::Missing {
            source_name: Self::DECLARATION.name,
            key: "token_file",
            example: "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
        })?;
        let role = Role::new(role_arn, session_name, None, None)?;
        let sts = Sts::parse(arguments, environment, &role)?;
        Ok(Self::new(role, token_file, sts)?)
    }

    fn describe(&self) -> String {
        format!("web_identity, role {}", self.role.arn)
    }

    fn check(
        &self,
        files: &impl Files,
        _: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        check.endpoints.push(self.sts.endpoint());
        check.files.push(file_use(files, &self.token_file));
        Ok(self.describe())
    }

    async fn fetch<H: Host>(&self, fetch: &mut Fetch<'_, H>) -> Result<Material, FetchError> {
        let content = fetch.read(&self.token_file, TOKEN_LIMIT)?;
        let token = token_of(&content).ok_or_else(|| {
            let why = "it must contain only a token, on one line";
            FetchError::content(&self.token_file, why)
        })?;
        let sts = &self.sts;
        sts.assume_role_with_web_identity(fetch, &self.role, token.expose())
            .await
            .map(Material::Keys)
    }
}

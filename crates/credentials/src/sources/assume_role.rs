//! `assume_role`: a role, assumed with the credentials of another source.

use std::rc::Rc;

use super::{CredentialSource, ParseContext, Source};
use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::sts::{Role, Sts};
use crate::{Check, Declaration, DefinitionError, Environment, FetchError, Files, Host, Material};

/// A role, and the source whose credentials assume it.
#[derive(Clone, Hash)]
pub(crate) struct AssumeRole {
    source: Rc<Source>,
    role: Role,
    sts: Sts,
}

impl AssumeRole {
    pub(crate) fn new(source: Source, role: Role, sts: Sts) -> Self {
        Self {
            source: Rc::new(source),
            role,
            sts,
        }
    }

    fn describe_with(&self, source: &str) -> String {
        format!("assume_role {} with {source}", self.role.arn)
    }
}

impl CredentialSource for AssumeRole {
    const DECLARATION: &'static Declaration = &Declaration {
        name: "assume_role",
        keys: &[
            "source=",
            "role_arn=",
            "session_name=",
            "external_id=",
            "duration=",
            "region=",
            "endpoint=",
            "insecure",
        ],
        may_ask_others: true,
        summary: "STS, called with the credentials of a provider that is declared earlier",
    };

    fn parse(
        arguments: &mut Arguments<'_>,
        context: &ParseContext<'_>,
    ) -> Result<Self, DefinitionError> {
        let name = arguments.require("source", "default")?;
        let role_arn = arguments.require("role_arn", "arn:aws:iam::123456789012:role/web")?;
        let role = Role::new(
            role_arn,
            arguments.take("session_name"),
            arguments.take("external_id"),
            arguments.take("duration"),
        )?;
        let sts = Sts::parse(arguments, context.environment, &role)?;
        let source = Source::named("source=", name, "STS", context)?;
        Ok(Self::new(source, role, sts))
    }

    fn describe(&self) -> String {
        self.describe_with(&self.source.describe())
    }

    fn check(
        &self,
        files: &impl Files,
        environment: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        check.endpoints.push(self.sts.endpoint());
        let source = self.source.check(files, environment, check)?;
        Ok(self.describe_with(&source))
    }

    async fn fetch<H: Host>(&self, fetch: &mut Fetch<'_, H>) -> Result<Material, FetchError> {
        let source = self.source.fetch_keys(fetch).await?;
        let credentials = self.sts.assume_role(fetch, &self.role, &source).await;
        credentials.map(Material::Keys)
    }
}

//! `assume_role`: a role, taken with the credentials of another source.

use std::rc::Rc;

use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::sources::Source;
use crate::sts::{Role, Sts};
use crate::{
    Check, Credentials, Definition, DefinitionError, Environment, FetchError, Files, Host,
};

/// A role, and whose credentials open it.
#[derive(Clone)]
pub(crate) struct AssumeRole {
    source: Rc<Source>,
    role: Role,
    sts: Sts,
}

impl AssumeRole {
    pub(crate) fn parse(
        arguments: &mut Arguments<'_>,
        environment: &Environment,
        declared: &dyn Fn(&str) -> Option<Definition>,
    ) -> Result<Self, DefinitionError> {
        let name = arguments.require("source", "default")?;
        let role_arn = arguments.require("role_arn", "arn:aws:iam::123456789012:role/web")?;
        let role = Role::new(
            role_arn,
            arguments.take("session_name"),
            arguments.take("external_id"),
            arguments.take("duration"),
        )?;
        let sts = Sts::parse(arguments, environment, &role)?;
        let source = Source::named("source=", name, "STS", environment, declared)?;
        Ok(Self::new(source, role, sts))
    }

    pub(crate) fn new(source: Source, role: Role, sts: Sts) -> Self {
        Self {
            source: Rc::new(source),
            role,
            sts,
        }
    }

    pub(crate) fn describe(&self) -> String {
        self.describe_with(&self.source.describe())
    }

    fn describe_with(&self, source: &str) -> String {
        format!("assume_role {} with {source}", self.role.arn)
    }

    pub(crate) fn identify(&self, text: &mut String) {
        text.push_str("assume_role\0");
        self.role.identify(text);
        self.sts.identify(text);
        self.source.identify(text);
    }

    pub(crate) fn check(
        &self,
        files: &impl Files,
        environment: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        check.endpoints.push(self.sts.endpoint());
        let source = self.source.check(files, environment, check)?;
        Ok(self.describe_with(&source))
    }

    pub(crate) async fn fetch<H: Host>(
        &self,
        fetch: &mut Fetch<'_, H>,
    ) -> Result<Credentials, FetchError> {
        let source = self.source.fetch_keys(fetch).await?;
        self.sts.assume_role(fetch, &self.role, &source).await
    }
}

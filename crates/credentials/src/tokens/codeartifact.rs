//! `codeartifact`: [CodeArtifact][1], whose token is a bearer's, and the password of user `aws`.
//!
//! [1]: https://docs.aws.amazon.com/codeartifact/latest/APIReference/API_GetAuthorizationToken.html

use super::Given;
use super::signed::{Kind, Signed};
use crate::answer::{AnswerError, Document};
use crate::arguments::Arguments;
use crate::provider::Fetch;
use crate::time::parse_span;
use crate::{Check, Definition, DefinitionError, Environment, FetchError, Files, Host};

/// A domain of CodeArtifact.
#[derive(Clone)]
pub(super) struct CodeArtifact {
    domain: String,
    signed: Signed,
}

impl CodeArtifact {
    pub(super) fn parse(
        arguments: &mut Arguments<'_>,
        environment: &Environment,
        declared: &dyn Fn(&str) -> Option<Definition>,
    ) -> Result<Self, DefinitionError> {
        let domain = arguments.require("domain", "my-domain")?;
        if !is_domain(domain) {
            let why = "it is not 2 to 50 lower-case letters, digits and hyphens";
            return Err(FetchError::setting("domain=", why).into());
        }
        // In the order of a canonical query.
        let mut target = format!("/v1/authorization-token?domain={domain}");
        if let Some(owner) = arguments.take("owner") {
            if owner.len() != 12 || !owner.bytes().all(|byte| byte.is_ascii_digit()) {
                let why = "it is not the 12 digits of an account";
                return Err(FetchError::setting("owner=", why).into());
            }
            target.push_str(&format!("&domain-owner={owner}"));
        }
        if let Some(text) = arguments.take("duration") {
            let span = parse_span(text).filter(|span| span.subsec_nanos() == 0);
            match span.map(|span| span.as_secs()) {
                Some(secs @ (0 | 900..=43_200)) => target.push_str(&format!("&duration={secs}")),
                _ => {
                    let why = "it is not a time from 15m to 12h, nor 0, which is as long as the \
                               credentials live";
                    return Err(FetchError::setting("duration=", why).into());
                }
            }
        }
        let kind = Kind {
            name: "codeartifact",
            hosts: ["codeartifact", "codeartifact-fips"],
            variable: "AWS_ENDPOINT_URL_CODEARTIFACT",
            only_region: None,
            target,
        };
        Ok(Self {
            domain: domain.to_owned(),
            signed: Signed::parse(&kind, arguments, environment, declared)?,
        })
    }

    pub(super) fn describe(&self) -> String {
        let region = self.signed.region();
        format!("codeartifact, domain {} in {region}", self.domain)
    }

    pub(super) fn identify(&self, text: &mut String) {
        self.signed.identify(text);
    }

    pub(super) fn check(
        &self,
        files: &impl Files,
        environment: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        let signer = self.signed.check(files, environment, check)?;
        Ok(format!("{}, signed for with {signer}", self.describe()))
    }

    pub(super) async fn fetch<H: Host>(
        &self,
        fetch: &mut Fetch<'_, H>,
    ) -> Result<Given, FetchError> {
        self.signed.ask(fetch, Vec::new(), b"", read).await
    }
}

fn read(document: &mut Document, now: i64) -> Result<Given, AnswerError> {
    const TOKEN: &str = "authorizationToken";
    const EXPIRY: &str = "expiration";
    let expires_at = document.moment(EXPIRY)?;
    let expires_at = expires_at.ok_or(AnswerError::Missing(EXPIRY))?;
    Given::new(TOKEN, document.text(TOKEN)?, Some(expires_at), now)
}

/// As the API's reference has it.
fn is_domain(text: &str) -> bool {
    let is_label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (2..=50).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(is_label)
}

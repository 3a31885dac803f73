//! `ecr` and `ecr-public`: the Elastic Container Registry. Its token is the base64 of the user
//! `AWS` and a password, which [private][1] and [public][2] registries take for twelve hours.
//!
//! [1]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
//! [2]: https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_GetAuthorizationToken.html

use zeroize::Zeroizing;

use super::Given;
use super::signed::{Kind, Signed};
use crate::answer::{AnswerError, Document};
use crate::arguments::Arguments;
use crate::provider::Fetch;
use crate::{Check, Definition, DefinitionError, Environment, FetchError, Files, Host};

/// Which of the two services.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Registry {
    Private,
    Public,
}

/// A registry's service.
#[derive(Clone)]
pub(super) struct Ecr {
    registry: Registry,
    signed: Signed,
}

impl Ecr {
    pub(super) fn parse(
        registry: Registry,
        arguments: &mut Arguments<'_>,
        environment: &Environment,
        declared: &dyn Fn(&str) -> Option<Definition>,
    ) -> Result<Self, DefinitionError> {
        let kind = match registry {
            Registry::Private => Kind {
                name: "ecr",
                hosts: ["api.ecr", "api.ecr-fips"],
                variable: "AWS_ENDPOINT_URL_ECR",
                only_region: None,
                target: "/".to_owned(),
            },
            Registry::Public => Kind {
                name: "ecr-public",
                hosts: ["api.ecr-public", "api.ecr-public-fips"],
                variable: "AWS_ENDPOINT_URL_ECR_PUBLIC",
                only_region: Some("us-east-1"),
                target: "/".to_owned(),
            },
        };
        let signed = Signed::parse(&kind, arguments, environment, declared)?;
        Ok(Self { registry, signed })
    }

    pub(super) fn describe(&self) -> String {
        match self.registry {
            Registry::Private => format!("ecr in {}", self.signed.region()),
            Registry::Public => "ecr-public".to_owned(),
        }
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
        let target = match self.registry {
            Registry::Private => "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
            Registry::Public => "SpencerFrontendService.GetAuthorizationToken",
        };
        let field = |text: &str| Zeroizing::new(text.to_owned());
        let fields = vec![
            ("content-type", field("application/x-amz-json-1.1")),
            ("x-amz-target", field(target)),
        ];
        self.signed.ask(fetch, fields, b"{}", read).await
    }
}

/// A private registry's service answers a list, that of public ones an object.
fn read(document: &mut Document, now: i64) -> Result<Given, AnswerError> {
    const DATA: &str = "authorizationData";
    const TOKEN: &str = "authorizationToken";
    const EXPIRY: &str = "expiresAt";
    let mut data = document.object(DATA)?.ok_or(AnswerError::Missing(DATA))?;
    let expires_at = data.moment(EXPIRY)?.ok_or(AnswerError::Missing(EXPIRY))?;
    Given::new(TOKEN, data.text(TOKEN)?, Some(expires_at), now)
}

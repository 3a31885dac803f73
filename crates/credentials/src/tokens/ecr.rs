//! `ecr` and `ecr-public`: the Elastic Container Registry. Its token is the base64 of the user
//! `AWS` and a password, which [private][1] and [public][2] registries take for twelve hours.
//!
//! [1]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
//! [2]: https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_GetAuthorizationToken.html

use super::Given;
use super::signed::{Kind, Signed};
use crate::arguments::Arguments;
use crate::response::{Document, ResponseError};
use crate::{Definition, DefinitionError, Environment};

const TYPE: (&str, &str) = ("content-type", "application/x-amz-json-1.1");

/// The service of private registries.
pub(super) fn private(
    arguments: &mut Arguments<'_>,
    environment: &Environment,
    declared: &dyn Fn(&str) -> Option<Definition>,
) -> Result<Signed, DefinitionError> {
    const ACTION: &str = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
    let kind = Kind {
        name: "ecr",
        description: "ecr".to_owned(),
        hosts: ["api.ecr", "api.ecr-fips"],
        variable: "AWS_ENDPOINT_URL_ECR",
        only_region: None,
        target: "/".to_owned(),
        headers: &[TYPE, ("x-amz-target", ACTION)],
        body: "{}",
        read,
    };
    Signed::parse(kind, arguments, environment, declared)
}

/// The service of public ones.
pub(super) fn public(
    arguments: &mut Arguments<'_>,
    environment: &Environment,
    declared: &dyn Fn(&str) -> Option<Definition>,
) -> Result<Signed, DefinitionError> {
    const ACTION: &str = "SpencerFrontendService.GetAuthorizationToken";
    let kind = Kind {
        name: "ecr-public",
        description: "ecr-public".to_owned(),
        hosts: ["api.ecr-public", "api.ecr-public-fips"],
        variable: "AWS_ENDPOINT_URL_ECR_PUBLIC",
        only_region: Some("us-east-1"),
        target: "/".to_owned(),
        headers: &[TYPE, ("x-amz-target", ACTION)],
        body: "{}",
        read,
    };
    Signed::parse(kind, arguments, environment, declared)
}

/// A private registry's service answers a list, that of public ones an object.
fn read(document: &mut Document, now: i64) -> Result<Given, ResponseError> {
    const DATA: &str = "authorizationData";
    const TOKEN: &str = "authorizationToken";
    const EXPIRY: &str = "expiresAt";
    let mut data = document.object(DATA)?.ok_or(ResponseError::Missing(DATA))?;
    let expires_at = data.moment(EXPIRY)?.ok_or(ResponseError::Missing(EXPIRY))?;
    Given::new(TOKEN, data.text(TOKEN)?, Some(expires_at), now)
}

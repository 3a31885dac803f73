//! `ecr`: the private registries of the Elastic Container Registry. Their [token][1] is the base64
//! encoding of the user `AWS` and a password, and is valid for twelve hours.
//!
//! [1]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html

use super::signed::{Api, Signed};
use super::{Meaning, RawToken, Service, TokenDeclaration};
use crate::arguments::Arguments;
use crate::response::{Document, ResponseError};
use crate::schedule::Intervals;
use crate::sources::ParseContext;
use crate::{Declaration, DefinitionError};

/// The body for this service, and for that of public registries.
pub(super) const CONTENT_TYPE: (&str, &str) = ("content-type", "application/x-amz-json-1.1");

const ACTION: &str = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";

pub(super) const DECLARATION: TokenDeclaration = TokenDeclaration {
    declaration: Declaration {
        name: "ecr",
        keys: &[
            "region=",
            "endpoint=",
            "insecure",
            "credentials=",
            "interval=",
            "format=",
        ],
        may_ask_others: true,
        summary: "GetAuthorizationToken of the Elastic Container Registry; valid for twelve hours",
    },
    meaning: Meaning::Basic,
    intervals: Intervals::UNSET,
    parse,
};

fn parse(
    arguments: &mut Arguments<'_>,
    context: &ParseContext<'_>,
) -> Result<Service, DefinitionError> {
    let api = Api {
        name: "ecr",
        description: "ecr".to_owned(),
        hosts: ["api.ecr", "api.ecr-fips"],
        variable: "AWS_ENDPOINT_URL_ECR",
        only_region: None,
        target: "/".to_owned(),
        headers: &[CONTENT_TYPE, ("x-amz-target", ACTION)],
        body: "{}",
        read,
    };
    Signed::parse(api, arguments, context).map(Service::Signed)
}

/// A private registry's service returns a list; that of public ones returns an object.
pub(super) fn read(document: &mut Document, now: i64) -> Result<RawToken, ResponseError> {
    const DATA: &str = "authorizationData";
    const TOKEN: &str = "authorizationToken";
    const EXPIRY: &str = "expiresAt";
    let mut data = document.object(DATA)?.ok_or(ResponseError::Missing(DATA))?;
    let expires_at = data.moment(EXPIRY)?.ok_or(ResponseError::Missing(EXPIRY))?;
    RawToken::new(TOKEN, data.text(TOKEN)?, Some(expires_at), now)
}

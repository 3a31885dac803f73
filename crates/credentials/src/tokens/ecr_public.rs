//! `ecr-public`: the public registry of the Elastic Container Registry, in one region. Its
//! [token][1] has the form of a private registry's, and is also accepted as a bearer token.
//!
//! [1]: https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_GetAuthorizationToken.html

use super::ecr::{CONTENT_TYPE, read};
use super::signed::{Api, Signed};
use super::{Meaning, Service, TokenDeclaration};
use crate::arguments::Arguments;
use crate::schedule::Intervals;
use crate::sources::ParseContext;
use crate::{Declaration, DefinitionError};

const ACTION: &str = "SpencerFrontendService.GetAuthorizationToken";

pub(super) const DECLARATION: TokenDeclaration = TokenDeclaration {
    declaration: Declaration {
        name: "ecr-public",
        keys: &[
            "endpoint=",
            "insecure",
            "credentials=",
            "interval=",
            "format=",
        ],
        may_ask_others: true,
        summary: "the same for public registries, which are in us-east-1 only",
    },
    meaning: Meaning::BasicOrBearer,
    intervals: Intervals::UNSET,
    parse,
};

fn parse(
    arguments: &mut Arguments<'_>,
    context: &ParseContext<'_>,
) -> Result<Service, DefinitionError> {
    let api = Api {
        name: "ecr-public",
        description: "ecr-public".to_owned(),
        hosts: ["api.ecr-public", "api.ecr-public-fips"],
        variable: "AWS_ENDPOINT_URL_ECR_PUBLIC",
        only_region: Some("us-east-1"),
        target: "/".to_owned(),
        headers: &[CONTENT_TYPE, ("x-amz-target", ACTION)],
        body: "{}",
        read,
    };
    Signed::parse(api, arguments, context).map(Service::Signed)
}

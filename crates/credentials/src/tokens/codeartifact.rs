//! `codeartifact`: [CodeArtifact][1], whose token is a bearer token and the password of user `aws`.
//!
//! [1]: https://docs.aws.amazon.com/codeartifact/latest/APIReference/API_GetAuthorizationToken.html

use super::signed::{Api, Signed};
use super::{Meaning, RawToken, Service, TokenDeclaration};
use crate::arguments::Arguments;
use crate::response::{Document, ResponseError};
use crate::schedule::Intervals;
use crate::sources::ParseContext;
use crate::{Declaration, DefinitionError, FetchError};

pub(super) const DECLARATION: TokenDeclaration = TokenDeclaration {
    declaration: Declaration {
        name: "codeartifact",
        keys: &[
            "domain=",
            "owner=",
            "duration=",
            "region=",
            "endpoint=",
            "insecure",
            "credentials=",
            "interval=",
            "format=",
        ],
        may_ask_others: true,
        summary: "GetAuthorizationToken of CodeArtifact. `owner`: the account that owns the domain, if it is another one. `duration`: from `15m` to `12h`, or `0`, which is as long as the credentials that sign are valid",
    },
    meaning: Meaning::PasswordOf("aws"),
    intervals: Intervals::UNSET,
    parse,
};

/// Reads `domain=`, `owner=`, and `duration=`, and the parameters of all services.
fn parse(
    arguments: &mut Arguments<'_>,
    context: &ParseContext<'_>,
) -> Result<Service, DefinitionError> {
    let domain = arguments.require("domain", "my-domain")?;
    if !is_domain(domain) {
        let why = "it must consist of 2 to 50 lowercase letters, digits and hyphens";
        return Err(FetchError::setting("domain=", why).into());
    }
    // In the order of a canonical query.
    let mut target = format!("/v1/authorization-token?domain={domain}");
    if let Some(owner) = arguments.take("owner") {
        if owner.len() != 12 || !owner.bytes().all(|byte| byte.is_ascii_digit()) {
            let why = "it must be the 12 digits of an account";
            return Err(FetchError::setting("owner=", why).into());
        }
        target.push_str(&format!("&domain-owner={owner}"));
    }
    if let Some(text) = arguments.take("duration") {
        let time = (context.parse_time)(text).filter(|time| time.subsec_nanos() == 0);
        match time.map(|time| time.as_secs()) {
            Some(secs @ (0 | 900..=43_200)) => target.push_str(&format!("&duration={secs}")),
            _ => {
                let why = "it must be a time from 15m to 12h, or 0, which is as long as the \
                           credentials are valid";
                return Err(FetchError::setting("duration=", why).into());
            }
        }
    }
    let api = Api {
        name: "codeartifact",
        description: format!("codeartifact, domain {domain}"),
        hosts: ["codeartifact", "codeartifact-fips"],
        variable: "AWS_ENDPOINT_URL_CODEARTIFACT",
        only_region: None,
        target,
        headers: &[],
        body: "",
        read,
    };
    Signed::parse(api, arguments, context).map(Service::Signed)
}

fn read(document: &mut Document, now: i64) -> Result<RawToken, ResponseError> {
    const TOKEN: &str = "authorizationToken";
    const EXPIRY: &str = "expiration";
    let expires_at = document.moment(EXPIRY)?;
    let expires_at = expires_at.ok_or(ResponseError::Missing(EXPIRY))?;
    RawToken::new(TOKEN, document.text(TOKEN)?, Some(expires_at), now)
}

/// As in the API reference.
fn is_domain(text: &str) -> bool {
    let is_label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (2..=50).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(is_label)
}

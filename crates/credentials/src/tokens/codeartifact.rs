//! `codeartifact`: [CodeArtifact][1], whose token is a bearer's, and the password of user `aws`.
//!
//! [1]: https://docs.aws.amazon.com/codeartifact/latest/APIReference/API_GetAuthorizationToken.html

use super::Given;
use super::signed::{Kind, Signed};
use crate::arguments::Arguments;
use crate::response::{Document, ResponseError};
use crate::time::parse_span;
use crate::{Definition, DefinitionError, Environment, FetchError};

/// Reads `domain=`, `owner=` and `duration=`, and what every service has.
pub(super) fn parse(
    arguments: &mut Arguments<'_>,
    environment: &Environment,
    declared: &dyn Fn(&str) -> Option<Definition>,
) -> Result<Signed, DefinitionError> {
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
        description: format!("codeartifact, domain {domain}"),
        hosts: ["codeartifact", "codeartifact-fips"],
        variable: "AWS_ENDPOINT_URL_CODEARTIFACT",
        only_region: None,
        target,
        headers: &[],
        body: "",
        read,
    };
    Signed::parse(kind, arguments, environment, declared)
}

fn read(document: &mut Document, now: i64) -> Result<Given, ResponseError> {
    const TOKEN: &str = "authorizationToken";
    const EXPIRY: &str = "expiration";
    let expires_at = document.moment(EXPIRY)?;
    let expires_at = expires_at.ok_or(ResponseError::Missing(EXPIRY))?;
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

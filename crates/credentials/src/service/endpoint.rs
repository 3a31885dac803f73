//! The endpoint of a service, if an operator or the environment specifies it, and the host names of
//! a region.

use aws_signing::CredentialScope;

use crate::{Environment, FetchError, Url};

/// The given region, or that of the [variables of the SDKs][1], checked.
///
/// [1]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
pub(crate) fn region_of<'a>(
    given: Option<&'a str>,
    environment: &'a Environment,
) -> Result<Option<&'a str>, FetchError> {
    let region = given
        .or_else(|| environment.get("AWS_REGION"))
        .or_else(|| environment.get("AWS_DEFAULT_REGION"));
    if let Some(region) = region
        && (CredentialScope::new("20260101", region, "sts").is_err() || !is_label(region))
    {
        let why = format!("\"{}\" is not one", region.escape_default());
        return Err(FetchError::setting("region", why));
    }
    Ok(region)
}

/// The given endpoint, or the one of the service's own `variable`, or the one that the environment
/// [has for all services][1].
///
/// The response contains keys or a token. So plain HTTP is accepted only if nobody else can read or
/// change it, or if the operator has set `insecure`.
///
/// [1]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
pub(crate) fn configured(
    given: Option<&str>,
    insecure: bool,
    variable: &'static str,
    environment: &Environment,
) -> Result<Option<Url>, FetchError> {
    let of_environment = || {
        if environment.is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
            return None;
        }
        [variable, "AWS_ENDPOINT_URL"]
            .into_iter()
            .find_map(|name| Some((name, environment.get(name)?)))
    };
    let Some((name, text)) = given.map(|text| ("endpoint", text)).or_else(of_environment) else {
        return Ok(None);
    };
    let url = Url::parse(text).map_err(|error| FetchError::setting(name, error.to_string()))?;
    if url.target.contains('?') {
        return Err(FetchError::setting(name, "an endpoint cannot have a query"));
    }
    if !insecure && url.endpoint.is_exposed() {
        let why = "plain http is allowed only for loopback and link-local addresses: use https, \
                   or add \"insecure\"";
        return Err(FetchError::setting(name, why));
    }
    Ok(Some(url))
}

/// Whether it can be a label of a host name.
fn is_label(region: &str) -> bool {
    region.len() <= 63
        && region
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

//! `imds`: the role of an EC2 instance, from the [instance metadata service][1], version 2.
//!
//! [1]: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html

use std::time::Duration;

use zeroize::Zeroizing;

use super::{CredentialSource, ParseContext};
use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::host::{HttpError, Method, Request, Response};
use crate::response::{CredentialFields, Document, FieldNames, ResponseError, is_secret, quote};
use crate::{
    Check, Declaration, DefinitionError, Environment, FetchError, Files, Host, Material, Url,
};

const IPV4: &str = "http://169.254.169.254";
const IPV6: &str = "http://[fd00:ec2::254]";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// Each fetch gets a new token, so that no token must be kept, and none expires between two steps.
/// In seconds; AWS allows up to six hours.
const TOKEN_TTL: u32 = 300;

/// The service is on the same host, and responds within milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(3);
const LIMIT: usize = 64 * 1024;

const NAMES: FieldNames = FieldNames {
    session_token: "Token",
    temporary: true,
};

/// The endpoint of the service, and the role whose credentials are wanted.
#[derive(Clone, Hash)]
pub(crate) struct Imds {
    endpoint: Url,
    role: Option<String>,
}

impl Imds {
    /// The service according to the environment alone.
    pub(crate) fn find(environment: &Environment) -> Result<Self, FetchError> {
        let endpoint = endpoint(environment)?;
        let imds = Self {
            endpoint,
            role: None,
        };
        imds.check_enabled(environment)?;
        Ok(imds)
    }

    fn check_enabled(&self, environment: &Environment) -> Result<(), FetchError> {
        if environment.is_true("AWS_EC2_METADATA_DISABLED") {
            let why = "AWS_EC2_METADATA_DISABLED is true in the environment";
            return Err(FetchError::NotConfigured(why.to_owned()));
        }
        Ok(())
    }

    async fn token<H: Host>(&self, fetch: &Fetch<'_, H>) -> Result<Zeroizing<String>, FetchError> {
        let url = self.endpoint.join("/latest/api/token");
        let from = url.to_string();
        let ttl = Zeroizing::new(TOKEN_TTL.to_string());
        let header = ("x-aws-ec2-metadata-token-ttl-seconds", ttl);
        let request = request(Method::Put, url, vec![header]);
        let response = fetch.send(request).await.map_err(explain_silence)?;
        if response.status != 200 {
            return Err(FetchError::Status {
                url: from,
                status: response.status,
                detail: (response.status == 403)
                    .then(|| "is the instance metadata service disabled?".to_owned()),
            });
        }
        match std::str::from_utf8(&response.body) {
            Ok(token) if is_secret(token.trim()) => Ok(Zeroizing::new(token.trim().to_owned())),
            _ => Err(FetchError::Response {
                from,
                error: ResponseError::Malformed("the token"),
            }),
        }
    }

    /// The role of the instance: it has one or none.
    async fn only_role<H: Host>(
        &self,
        fetch: &Fetch<'_, H>,
        token: &str,
    ) -> Result<String, FetchError> {
        let url = self.endpoint.join(ROLES);
        let from = url.to_string();
        let response = self.get(fetch, url, token).await?;
        let text = std::str::from_utf8(&response.body).unwrap_or_default();
        match text.lines().next().map(str::trim) {
            Some(role) if is_role(role) => Ok(role.to_owned()),
            _ => Err(FetchError::Response {
                from,
                error: ResponseError::Malformed("the role's name"),
            }),
        }
    }

    async fn get<H: Host>(
        &self,
        fetch: &Fetch<'_, H>,
        url: Url,
        token: &str,
    ) -> Result<Response, FetchError> {
        let text = url.to_string();
        let header = ("x-aws-ec2-metadata-token", Zeroizing::new(token.to_owned()));
        let response = fetch.send(request(Method::Get, url, vec![header])).await?;
        match response.status {
            200 => Ok(response),
            status => Err(FetchError::Status {
                url: text,
                status,
                detail: (status == 404)
                    .then(|| "the instance has no such role; is one attached to it?".to_owned()),
            }),
        }
    }
}

impl CredentialSource for Imds {
    const DECLARATION: &'static Declaration = &Declaration {
        name: "imds",
        keys: &["endpoint=", "role="],
        may_ask_others: false,
        summary: "the instance metadata service of EC2, version 2",
    };

    fn parse(
        arguments: &mut Arguments<'_>,
        context: &ParseContext<'_>,
    ) -> Result<Self, DefinitionError> {
        let endpoint = match arguments.take("endpoint") {
            Some(text) => Url::parse(text)
                .map_err(|error| FetchError::setting("endpoint=", error.to_string()))?,
            None => endpoint(context.environment)?,
        };
        let role = arguments.take("role").map(str::to_owned);
        if role.as_deref().is_some_and(|role| !is_role(role)) {
            let why = "it must consist of 1 to 64 letters, digits and any of \"+=,.@_-\"";
            return Err(FetchError::setting("role=", why).into());
        }
        let imds = Self { endpoint, role };
        imds.check_enabled(context.environment)?;
        Ok(imds)
    }

    fn describe(&self) -> String {
        match &self.role {
            None => format!("imds at {}", self.endpoint.endpoint),
            Some(role) => format!("imds at {}, role {role}", self.endpoint.endpoint),
        }
    }

    fn check(
        &self,
        _: &impl Files,
        _: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        check.endpoints.push(self.endpoint.endpoint.clone());
        Ok(self.describe())
    }

    async fn fetch<H: Host>(&self, fetch: &mut Fetch<'_, H>) -> Result<Material, FetchError> {
        let token = self.token(fetch).await?;
        let role = match &self.role {
            Some(role) => role.clone(),
            None => self.only_role(fetch, &token).await?,
        };

        let url = self.endpoint.join(&format!("{ROLES}{role}"));
        let from = url.to_string();
        let answer = |error| FetchError::Response {
            from: from.clone(),
            error,
        };
        let response = self.get(fetch, url, &token).await?;
        let mut document = Document::parse(&response.body).map_err(answer)?;
        refused(&mut document).map_err(answer)?;
        let parts = CredentialFields::of(&mut document, &NAMES).map_err(answer)?;
        let origin = format!("imds, role {role}");
        let mut credentials = parts.into_credentials(&NAMES, origin).map_err(answer)?;
        // Expiration is not checked: the service returns expired credentials when it cannot refresh
        // them, and AWS continues to accept those.
        credentials.outlives_expiry = true;
        Ok(Material::Keys(credentials))
    }
}

fn endpoint(environment: &Environment) -> Result<Url, FetchError> {
    const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    const MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
    if let Some(text) = environment.get(ENDPOINT) {
        return Url::parse(text).map_err(|error| FetchError::setting(ENDPOINT, error.to_string()));
    }
    let address = match environment.get(MODE) {
        None => IPV4,
        Some(mode) if mode.eq_ignore_ascii_case("ipv4") => IPV4,
        Some(mode) if mode.eq_ignore_ascii_case("ipv6") => IPV6,
        Some(_) => return Err(FetchError::setting(MODE, "it must be IPv4 or IPv6")),
    };
    Ok(Url::parse(address).expect("a valid URL"))
}

fn request(method: Method, url: Url, headers: Vec<(&'static str, Zeroizing<String>)>) -> Request {
    Request {
        method,
        url,
        headers,
        body: Zeroizing::default(),
        connect_timeout: CONNECT_TIMEOUT,
        timeout: TIMEOUT,
        limit: LIMIT,
    }
}

/// Responses to a token request cross only as many routers as the instance allows, one by default.
fn explain_silence(error: FetchError) -> FetchError {
    match error {
        FetchError::Http {
            url,
            error: HttpError::Timeout,
        } => FetchError::Http {
            url: format!("{url} (from a container, the hop limit of the instance must be 2)"),
            error: HttpError::Timeout,
        },
        other => other,
    }
}

/// The service reports in `Code` whether it has credentials.
fn refused(document: &mut Document) -> Result<(), ResponseError> {
    let Some(code) = document.text("Code")? else {
        return Ok(());
    };
    if *code == "Success" {
        return Ok(());
    }
    let message = document.text("Message")?.unwrap_or_default();
    let text = format!("{}: {}", quote(&code), quote(&message));
    Err(ResponseError::Refused(text))
}

/// The characters that [IAM][1] allows in a role's name.
///
/// [1]: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
fn is_role(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte))
}

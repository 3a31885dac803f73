//! `container`: the role of an ECS task or, with EKS Pod Identity, of a pod.
//!
//! The source asks the agent of the container platform over [HTTP][1].
//!
//! [1]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{CredentialSource, ParseContext, file_use};
use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::host::{Method, Request};
use crate::response::{CredentialFields, Document, FieldNames, ResponseError, check_fresh, quote};
use crate::{
    Check, Credentials, Declaration, DefinitionError, Environment, FetchError, Files, Host,
    Material, Scheme, Secret, Url,
};

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// Where the ECS agent serves relative URIs.
const AGENT: &str = "http://169.254.170.2";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);
const LIMIT: usize = 64 * 1024;
const TOKEN_LIMIT: usize = 16 * 1024;

const NAMES: FieldNames = FieldNames {
    session_token: "Token",
    temporary: true,
};

/// The URL to request, and its authorization.
#[derive(Clone, Hash)]
pub(crate) struct Container {
    url: Url,
    authorization: Authorization,
}

#[derive(Clone, Hash)]
enum Authorization {
    None,
    Value(Rc<Secret>),
    /// Read for each request, since its content is refreshed.
    File(PathBuf),
}

impl Container {
    /// What the environment configures.
    pub(crate) fn find(environment: &Environment) -> Result<Self, FetchError> {
        if let Some(uri) = environment.get(RELATIVE) {
            if !uri.starts_with('/') {
                return Err(FetchError::setting(
                    RELATIVE,
                    "it does not begin with a slash",
                ));
            }
            return Self::new(RELATIVE, &format!("{AGENT}{uri}"), environment);
        }
        match environment.get(FULL) {
            Some(uri) => Self::new(FULL, uri, environment),
            None => Err(FetchError::NotConfigured(format!(
                "neither {RELATIVE} nor {FULL} is in the environment"
            ))),
        }
    }

    fn new(setting: &str, uri: &str, environment: &Environment) -> Result<Self, FetchError> {
        let url =
            Url::parse(uri).map_err(|error| FetchError::setting(setting, error.to_string()))?;
        if url.endpoint.scheme == Scheme::Http && !is_trusted(&url.endpoint.host) {
            let why = "plain http is allowed only for the agents of ECS and EKS and for this \
                       machine: use https";
            return Err(FetchError::setting(setting, why));
        }
        let authorization = match (environment.get(TOKEN_FILE), environment.get(TOKEN)) {
            (Some(path), _) if !path.starts_with('/') => {
                return Err(FetchError::setting(
                    TOKEN_FILE,
                    "it is not an absolute path",
                ));
            }
            (Some(path), _) => Authorization::File(PathBuf::from(path)),
            (None, Some(token)) if is_field_value(token.trim()) => {
                let token = Secret::new(token.trim().to_owned());
                Authorization::Value(Rc::new(token))
            }
            (None, Some(_)) => {
                let why = "it contains characters that a header cannot contain";
                return Err(FetchError::setting(TOKEN, why));
            }
            (None, None) => Authorization::None,
        };
        Ok(Self { url, authorization })
    }

    fn read(&self, body: &[u8], now: i64) -> Result<Credentials, ResponseError> {
        let mut document = Document::parse(body)?;
        let parts = CredentialFields::of(&mut document, &NAMES)?;
        let credentials = parts.into_credentials(&NAMES, "container".to_owned())?;
        check_fresh(&credentials, now)?;
        Ok(credentials)
    }

    fn token<H: Host>(
        &self,
        fetch: &mut Fetch<'_, H>,
    ) -> Result<Option<Zeroizing<String>>, FetchError> {
        let path = match &self.authorization {
            Authorization::None => return Ok(None),
            Authorization::Value(token) => {
                return Ok(Some(Zeroizing::new(token.expose().to_owned())));
            }
            Authorization::File(path) => path,
        };
        let content = fetch.read(path, TOKEN_LIMIT)?;
        match std::str::from_utf8(content.trim_ascii()) {
            Ok(token) if is_field_value(token) => Ok(Some(Zeroizing::new(token.to_owned()))),
            _ => {
                let why = "it must contain only a token, on one line";
                Err(FetchError::content(path, why))
            }
        }
    }
}

impl CredentialSource for Container {
    const DECLARATION: &'static Declaration = &Declaration {
        name: "container",
        keys: &["uri="],
        may_ask_others: false,
        summary: "the credential endpoint of ECS or of EKS Pod Identity",
    };

    fn parse(
        arguments: &mut Arguments<'_>,
        context: &ParseContext<'_>,
    ) -> Result<Self, DefinitionError> {
        Ok(match arguments.take("uri") {
            Some(uri) if uri.starts_with('/') => {
                Self::new("uri=", &format!("{AGENT}{uri}"), context.environment)?
            }
            Some(uri) => Self::new("uri=", uri, context.environment)?,
            None => Self::find(context.environment)?,
        })
    }

    fn describe(&self) -> String {
        format!("container at {}", self.url)
    }

    fn check(
        &self,
        files: &impl Files,
        _: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        check.endpoints.push(self.url.endpoint.clone());
        if let Authorization::File(path) = &self.authorization {
            check.files.push(file_use(files, path));
        }
        Ok(self.describe())
    }

    async fn fetch<H: Host>(&self, fetch: &mut Fetch<'_, H>) -> Result<Material, FetchError> {
        let mut headers = vec![("accept", Zeroizing::new("application/json".to_owned()))];
        if let Some(token) = self.token(fetch)? {
            headers.push(("authorization", token));
        }
        let request = Request {
            method: Method::Get,
            url: self.url.clone(),
            headers,
            body: Zeroizing::default(),
            connect_timeout: CONNECT_TIMEOUT,
            timeout: TIMEOUT,
            limit: LIMIT,
        };
        let response = fetch.send(request).await?;
        if response.status != 200 {
            return Err(FetchError::Status {
                url: self.url.to_string(),
                status: response.status,
                detail: refusal(&response.body),
            });
        }
        self.read(&response.body, fetch.now())
            .map(Material::Keys)
            .map_err(|error| FetchError::Response {
                from: self.url.to_string(),
                error,
            })
    }
}

/// The hosts that the SDKs access over plain HTTP: this machine, and the agents' [addresses][1].
///
/// [1]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
fn is_trusted(host: &str) -> bool {
    const ECS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);
    const EKS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 23);
    const EKS_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23);
    match host.parse::<IpAddr>() {
        Ok(address) => {
            address.is_loopback() || [ECS.into(), EKS.into(), EKS_V6.into()].contains(&address)
        }
        Err(_) => host == "localhost",
    }
}

/// Visible ASCII and spaces: `Basic dXNlcg==`.
fn is_field_value(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// Agents report the reason in `code` and `message`.
fn refusal(body: &[u8]) -> Option<String> {
    let mut document = Document::parse(body).ok()?;
    let message = document.text("message").ok()??;
    Some(match document.text("code").ok()? {
        Some(code) => format!("{}: {}", quote(&code), quote(&message)),
        None => quote(&message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_goes_nowhere_else() {
        for host in [
            "127.0.0.1",
            "127.8.9.1",
            "::1",
            "169.254.170.2",
            "169.254.170.23",
        ] {
            assert!(is_trusted(host), "{host}");
        }
        assert!(is_trusted("fd00:ec2::23") && is_trusted("localhost"));
        for host in [
            "169.254.169.254",
            "10.0.0.1",
            "fd00:ec2::254",
            "localhost.example",
            "::2",
        ] {
            assert!(!is_trusted(host), "{host}");
        }
    }
}

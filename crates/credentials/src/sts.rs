//! The Security Token Service: temporary credentials for a role.
//!
//! [`AssumeRole`][1] is signed with other credentials. [`AssumeRoleWithWebIdentity`][2] sends a
//! token of an identity provider instead.
//!
//! [1]: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
//! [2]: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html

mod endpoint;
mod response;

use aws_signing::encode;
use zeroize::Zeroizing;

use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::host::Request;
use crate::response::{ResponseError, check_fresh};
use crate::{Credentials, DefinitionError, Endpoint, Environment, FetchError, Host, Secret};

pub(crate) use endpoint::Sts;

/// The name of sessions in the account's logs, unless the operator sets another one.
const SESSION_NAME: &str = "nginx-aws-auth";

/// The role to assume.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Role {
    pub(crate) arn: String,
    session_name: String,
    external_id: Option<String>,
    /// In seconds.
    duration: Option<u32>,
}

impl Role {
    pub(crate) fn new(
        arn: &str,
        session_name: Option<&str>,
        external_id: Option<&str>,
        duration: Option<&str>,
    ) -> Result<Self, FetchError> {
        let is_arn = arn.starts_with("arn:") && arn.split(':').count() >= 6 && arn.len() <= 2048;
        if !is_arn || !arn.bytes().all(|byte| byte.is_ascii_graphic()) {
            let why = "it must be of the form arn:aws:iam::<account>:role/<name>";
            return Err(FetchError::setting("role_arn", why));
        }
        let session_name = session_name.unwrap_or(SESSION_NAME);
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
        if !(2..=64).contains(&session_name.len()) || !session_name.bytes().all(is_name) {
            let why = "it must consist of 2 to 64 letters, digits and any of \"+=,.@_-\"";
            return Err(FetchError::setting("session name", why));
        }
        if let Some(id) = external_id
            && (!(2..=1224).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            let why = "it must consist of 2 to 1224 characters without blanks";
            return Err(FetchError::setting("external_id", why));
        }
        let duration = match duration.map(|text| text.parse().ok()) {
            None => None,
            Some(Some(secs @ 900..=43_200)) => Some(secs),
            Some(_) => {
                let why = "it must be a number of seconds from 900 to 43200";
                return Err(FetchError::setting("duration", why));
            }
        };
        Ok(Self {
            arn: arn.to_owned(),
            session_name: session_name.to_owned(),
            external_id: external_id.map(str::to_owned),
            duration,
        })
    }

    fn origin(&self) -> String {
        format!("sts, role {}", self.arn)
    }
}

impl Sts {
    /// Reads `region=` and `endpoint=`; the environment has the rest.
    pub(crate) fn parse(
        arguments: &mut Arguments<'_>,
        environment: &Environment,
        role: &Role,
    ) -> Result<Self, DefinitionError> {
        let (region, endpoint) = (arguments.take("region"), arguments.take("endpoint"));
        let insecure = arguments.take_insecure();
        let sts = Self::new(region, endpoint, insecure, environment, &role.arn)?;
        Ok(sts)
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.0.endpoint()
    }

    /// Credentials of `role`, in exchange for a signature with those of `source`.
    pub(crate) async fn assume_role<H: Host>(
        &self,
        fetch: &Fetch<'_, H>,
        role: &Role,
        source: &Credentials,
    ) -> Result<Credentials, FetchError> {
        let mut body = self.form("AssumeRole", role, 0);
        if let Some(id) = &role.external_id {
            append(&mut body, "ExternalId", id);
        }
        let fields = vec![content_type()];
        let request = self.0.request(fields, body, source, fetch.now());
        self.ask(fetch, "AssumeRole", role, request).await
    }

    /// Credentials of `role`, in exchange for an OpenID Connect token.
    pub(crate) async fn assume_role_with_web_identity<H: Host>(
        &self,
        fetch: &Fetch<'_, H>,
        role: &Role,
        token: &str,
    ) -> Result<Credentials, FetchError> {
        const ACTION: &str = "AssumeRoleWithWebIdentity";
        let mut body = self.form(ACTION, role, token.len());
        append(&mut body, "WebIdentityToken", token);
        let request = self.0.unsigned_request(vec![content_type()], body);
        self.ask(fetch, ACTION, role, request).await
    }

    /// The parameters of both calls, with room for `more` bytes, which percent-encoding can make
    /// three times as long: a secret in a buffer that grows leaves a copy behind.
    fn form(&self, action: &str, role: &Role, more: usize) -> Zeroizing<Vec<u8>> {
        let mut body = Zeroizing::new(Vec::with_capacity(4096 + 3 * (role.arn.len() + more)));
        body.extend_from_slice(b"Action=");
        body.extend_from_slice(action.as_bytes());
        body.extend_from_slice(b"&Version=2011-06-15");
        append(&mut body, "RoleArn", &role.arn);
        append(&mut body, "RoleSessionName", &role.session_name);
        if let Some(secs) = role.duration {
            append(&mut body, "DurationSeconds", &secs.to_string());
        }
        body
    }

    async fn ask<H: Host>(
        &self,
        fetch: &Fetch<'_, H>,
        action: &str,
        role: &Role,
        request: Request,
    ) -> Result<Credentials, FetchError> {
        let from = format!("{} {action}", request.url.endpoint);
        let response = fetch.send(request).await?;
        if response.status != 200 {
            return Err(FetchError::Status {
                url: from,
                status: response.status,
                detail: response::refusal(&response.body),
            });
        }
        let answer = |error: ResponseError| FetchError::Response {
            from: from.clone(),
            error,
        };
        let parts = response::parts(&response.body, action).map_err(answer)?;
        let credentials = parts
            .into_credentials(&response::NAMES, role.origin())
            .map_err(answer)?;
        check_fresh(&credentials, fetch.now()).map_err(answer)?;
        Ok(credentials)
    }
}

fn content_type() -> (&'static str, Zeroizing<String>) {
    let value = "application/x-www-form-urlencoded; charset=utf-8";
    ("content-type", Zeroizing::new(value.to_owned()))
}

fn append(body: &mut Vec<u8>, name: &str, value: &str) {
    body.push(b'&');
    body.extend_from_slice(name.as_bytes());
    body.push(b'=');
    encode::uri_encode(value.as_bytes(), false, body);
}

/// Reads a token from a file: visible ASCII, with spaces or a line end around it.
pub(crate) fn token_of(content: &[u8]) -> Option<Secret> {
    let text = std::str::from_utf8(content.trim_ascii()).ok()?;
    crate::response::is_secret(text).then(|| Secret::new(text.to_owned()))
}

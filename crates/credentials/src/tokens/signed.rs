//! What AWS tokens have in common: one POST to a service, signed with the credentials of a
//! provider, and a response in JSON.

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use aws_signing::partition::dns_suffix;
use zeroize::Zeroizing;

use super::RawToken;
use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::host::Response;
use crate::response::{Document, ResponseError, describe_error};
use crate::service::{self, Service};
use crate::sources::{ParseContext, Source};
use crate::{Check, DefinitionError, Environment, FetchError, Files, Host, Url};

/// The name of this request in the log.
const OPERATION: &str = "GetAuthorizationToken";

/// A service, the request to it, and the credentials that sign it.
#[derive(Clone)]
pub(super) struct Signed {
    description: String,
    service: Service,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    read: Read,
    credentials: Rc<Source>,
    /// Whether the source of these credentials is left open.
    leaves_signer_open: bool,
}

/// Parses a response; the number is Unix time in seconds.
pub(super) type Read = fn(&mut Document, i64) -> Result<RawToken, ResponseError>;

/// A service, and the properties of a request to it.
pub(super) struct Api {
    /// Its name in scopes.
    pub(super) name: &'static str,
    /// Its name in the log; its region is added, unless it has only one.
    pub(super) description: String,
    /// The prefix of its host names; the second is for FIPS endpoints.
    pub(super) hosts: [&'static str; 2],
    /// The environment variable with its endpoint.
    pub(super) variable: &'static str,
    /// Its region, if it has only one.
    pub(super) only_region: Option<&'static str>,
    /// The path below the endpoint, with an optional query, both in canonical form.
    pub(super) target: String,
    /// Headers to send, in addition to those of the signature.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// The body to send.
    pub(super) body: &'static str,
    /// Reads the response.
    pub(super) read: Read,
}

impl Signed {
    /// Reads `region=`, `endpoint=`, `insecure`, and `credentials=`; the environment has the rest.
    pub(super) fn parse(
        api: Api,
        arguments: &mut Arguments<'_>,
        context: &ParseContext<'_>,
    ) -> Result<Self, DefinitionError> {
        let environment = context.environment;
        let region = match api.only_region {
            Some(region) => region,
            None => {
                service::region_of(arguments.take("region"), environment)?.ok_or_else(|| {
                    let why =
                        "it is missing: add region=, such as region=eu-west-1, or set AWS_REGION";
                    FetchError::setting("region", why)
                })?
            }
        };
        let endpoint = arguments.take("endpoint");
        let insecure = arguments.take_insecure();
        let base = match service::configured(endpoint, insecure, api.variable, environment)? {
            Some(url) => url,
            None => {
                let fips = environment.is_true("AWS_USE_FIPS_ENDPOINT");
                let host = api.hosts[usize::from(fips)];
                let text = format!("https://{host}.{region}.{}/", dns_suffix(region));
                Url::parse(&text).expect("region labels are names")
            }
        };
        let signer = arguments.take("credentials").unwrap_or("default");
        let credentials = Source::named("credentials=", signer, api.name, context)?;
        let description = match api.only_region {
            Some(_) => api.description,
            None => format!("{} in {region}", api.description),
        };
        Ok(Self {
            description,
            service: Service {
                name: api.name,
                url: base.join(&api.target),
                region: region.to_owned(),
            },
            headers: api.headers,
            body: api.body,
            read: api.read,
            credentials: Rc::new(credentials),
            leaves_signer_open: signer == "default",
        })
    }

    /// In a few words.
    pub(super) fn describe(&self) -> String {
        self.description.clone()
    }

    /// See [`Definition::leaves_source_open`](crate::Definition::leaves_source_open).
    pub(super) fn leaves_signer_open(&self) -> bool {
        self.leaves_signer_open
    }

    /// Describes the request, and the source of the credentials that sign it.
    pub(super) fn check(
        &self,
        files: &impl Files,
        environment: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        check.endpoints.push(self.service.endpoint());
        let signer = self.credentials.check(files, environment, check)?;
        Ok(format!(
            "{}, signed with the credentials of {signer}",
            self.description
        ))
    }

    pub(super) async fn fetch<H: Host>(
        &self,
        fetch: &mut Fetch<'_, H>,
    ) -> Result<RawToken, FetchError> {
        let credentials = self.credentials.fetch_keys(fetch).await?;
        let headers = self.headers.iter();
        let fields = headers.map(|&(name, value)| (name, Zeroizing::new(value.to_owned())));
        let fields = fields.collect();
        let body = Zeroizing::new(self.body.as_bytes().to_vec());
        let request = self
            .service
            .request(fields, body, &credentials, fetch.now());
        drop(credentials);
        let from = || format!("{} {OPERATION}", self.service.endpoint());
        let response = fetch.send(request).await?;
        if response.status != 200 {
            return Err(FetchError::Status {
                url: from(),
                status: response.status,
                detail: refusal(&response),
            });
        }
        let mut document = Document::parse(&response.body);
        let answer = document.as_mut().map_err(|error| error.clone());
        answer
            .and_then(|document| (self.read)(document, fetch.now()))
            .map_err(|error| FetchError::Response {
                from: from(),
                error,
            })
    }
}

impl Hash for Signed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            service,
            headers,
            body,
            credentials,
            // These depend on the others.
            description: _,
            read: _,
            leaves_signer_open: _,
        } = self;
        (service, headers, body, credentials).hash(state);
    }
}

/// An [error][1], prepared for a log line. Its code is in a header field or in the document,
/// possibly after a namespace or before a URL.
///
/// [1]: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
fn refusal(response: &Response) -> Option<String> {
    let mut document = Document::parse(&response.body).ok();
    let mut text = |name| document.as_mut()?.text(name).ok()?;
    let in_document = text("__type").or_else(|| text("code"));
    let code = response
        .header("x-amzn-errortype")
        .or(in_document.as_deref().map(String::as_str))?;
    let code = code.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    let message = text("message").unwrap_or_default();
    Some(describe_error(code, &message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(header: Option<&str>, body: &str) -> Response {
        let header = header.map(|value| {
            let value = Zeroizing::new(value.to_owned());
            ("X-Amzn-ErrorType".to_owned(), value)
        });
        Response {
            status: 400,
            headers: header.into_iter().collect(),
            body: Zeroizing::new(body.as_bytes().to_vec()),
        }
    }

    #[test]
    fn errors_are_found_in_each_form() {
        for (header, body, expected) in [
            (
                None,
                r#"{"__type": "com.amazonaws.ecr#ServerException", "message": "later"}"#,
                Some("ServerException: later"),
            ),
            (
                None,
                r#"{"__type": "ExpiredTokenException", "Message": "The token\nhas expired"}"#,
                Some("ExpiredTokenException: The token"),
            ),
            (
                Some("AccessDeniedException:http://internal.amazon.com/coral/"),
                r#"{"message": "not authorized"}"#,
                Some("AccessDeniedException: not authorized"),
            ),
            (Some("ThrottlingException"), "", Some("ThrottlingException")),
            (None, r#"{"code": "A"}"#, Some("A")),
            (None, r#"{"message": "no code"}"#, None),
            (None, r#"{"__type": 1}"#, None),
            (None, "<html>", None),
        ] {
            let found = refusal(&response(header, body));
            assert_eq!(found.as_deref(), expected, "{body}");
        }
    }

    // Its message contains the canonical request, and with it the session token.
    #[test]
    fn what_was_signed_is_not_quoted() {
        let body = r#"{"__type": "InvalidSignatureException",
            "message": "The Canonical String should have been 'POST x-amz-security-token:IQoJ'"}"#;
        let found = refusal(&response(None, body));
        assert_eq!(found.as_deref(), Some("InvalidSignatureException"));
    }
}

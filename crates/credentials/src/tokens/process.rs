//! `process`: a program that prints a token, or a JSON object with a token and when it expires.

use std::time::Duration;

use super::Given;
use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::response::{Document, ResponseError, is_secret};
use crate::sources::Process;
use crate::{DefinitionError, FetchError, Host, Secret};

/// How long a token is used where nothing else is said.
pub(super) const INTERVAL: Duration = Duration::from_secs(6 * 3600);
/// How long to wait after a failure where nothing else is said.
pub(super) const RETRY: Duration = Duration::from_secs(30);

/// What the parts of an object may be called: a name of ours, and the services' own, which AWS's
/// command line prints.
const TOKENS: [&str; 2] = ["token", "authorizationToken"];
const EXPIRIES: [&str; 2] = ["expiration", "expiresAt"];

/// A program.
#[derive(Clone)]
pub(super) struct TokenProcess(Process);

impl TokenProcess {
    pub(super) fn parse(arguments: &mut Arguments<'_>) -> Result<Self, DefinitionError> {
        let example = "/usr/local/bin/print-token --for web";
        Process::with_example(arguments, example).map(Self)
    }

    pub(super) fn describe(&self) -> String {
        self.0.describe()
    }

    pub(super) fn identify(&self, text: &mut String) {
        self.0.identify(text);
    }

    pub(super) async fn fetch<H: Host>(&self, fetch: &Fetch<'_, H>) -> Result<Given, FetchError> {
        let output = self.0.run(fetch).await?;
        read(&output, fetch.now()).map_err(|error| FetchError::Response {
            from: self.0.program().display().to_string(),
            error,
        })
    }
}

/// Reads what a program printed. `now` is Unix time in seconds.
fn read(output: &[u8], now: i64) -> Result<Given, ResponseError> {
    let output = output.trim_ascii();
    if output.is_empty() {
        return Err(ResponseError::Nothing);
    }
    if output.starts_with(b"{") {
        return read_document(Document::parse(output)?, now);
    }
    let text = std::str::from_utf8(output).ok();
    let text = text.filter(|text| is_secret(text));
    let text = text.ok_or(ResponseError::NotToken)?;
    Ok(Given {
        text: Secret::new(text.to_owned()),
        expires_at: None,
    })
}

fn read_document(mut document: Document, now: i64) -> Result<Given, ResponseError> {
    let mut token = None;
    for name in TOKENS {
        token = token.or(document.text(name)?);
    }
    let mut expires_at = None;
    for name in EXPIRIES {
        expires_at = expires_at.or(document.moment(name)?);
    }
    Given::new(TOKENS[0], token, expires_at, now)
}

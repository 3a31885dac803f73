//! `process`: a program that prints a token, or a JSON object with a token and its expiration.

use std::time::Duration;

use super::{Meaning, RawToken, Service, TokenDeclaration};
use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::response::{Document, ResponseError, is_secret};
use crate::schedule::Intervals;
use crate::sources::{CredentialSource, ParseContext, Process};
use crate::{Declaration, DefinitionError, FetchError, Host, Secret};

pub(super) const DECLARATION: TokenDeclaration = TokenDeclaration {
    declaration: Declaration {
        name: "process",
        keys: &["retry=", "command=", "interval=", "format="],
        may_ask_others: false,
        summary: "the standard output of a program: a text without blanks, or a JSON object with `token` (or `authorizationToken`) and optionally `expiration` (or `expiresAt`), written as `2026-01-02T03:04:05Z` or in seconds since 1970. The program runs as one of [aws_credentials_provider](#aws_credentials_provider) does",
    },
    meaning: Meaning::Unknown,
    intervals: Intervals {
        interval: Some(INTERVAL),
        retry: Some(RETRY),
    },
    parse,
};

fn parse(arguments: &mut Arguments<'_>, _: &ParseContext<'_>) -> Result<Service, DefinitionError> {
    let example = "/usr/local/bin/print-token --for web";
    let process = Process::with_example(arguments, example)?;
    Ok(Service::Process(TokenProcess(process)))
}

/// How long a token is used, unless the operator or the program specifies it.
const INTERVAL: Duration = Duration::from_secs(6 * 3600);
/// How long to wait after a failure, unless the operator specifies it.
const RETRY: Duration = Duration::from_secs(30);

/// The accepted names for the fields of an object: the module's own, and those of the services,
/// which AWS's command line prints.
const TOKENS: [&str; 2] = ["token", "authorizationToken"];
const EXPIRIES: [&str; 2] = ["expiration", "expiresAt"];

/// A program.
#[derive(Clone, Hash)]
pub(super) struct TokenProcess(Process);

impl TokenProcess {
    pub(super) fn describe(&self) -> String {
        self.0.describe()
    }

    pub(super) async fn fetch<H: Host>(
        &self,
        fetch: &Fetch<'_, H>,
    ) -> Result<RawToken, FetchError> {
        let output = self.0.run(fetch).await?;
        read(&output, fetch.now()).map_err(|error| FetchError::Response {
            from: self.0.program().display().to_string(),
            error,
        })
    }
}

/// Parses the output of a program. `now` is Unix time in seconds.
fn read(output: &[u8], now: i64) -> Result<RawToken, ResponseError> {
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
    Ok(RawToken {
        text: Secret::new(text.to_owned()),
        expires_at: None,
    })
}

fn read_document(mut document: Document, now: i64) -> Result<RawToken, ResponseError> {
    let mut token = None;
    for name in TOKENS {
        token = token.or(document.text(name)?);
    }
    let mut expires_at = None;
    for name in EXPIRIES {
        expires_at = expires_at.or(document.moment(name)?);
    }
    RawToken::new(TOKENS[0], token, expires_at, now)
}

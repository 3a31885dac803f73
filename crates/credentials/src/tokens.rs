//! The sources of tokens, each in its own file. A service accepts a token instead of a signature. A
//! token is fetched with a signed request and is valid for some hours.
//!
//! To add a source, write a file with a [`TokenDeclaration`], and add a line to the list of all.

mod codeartifact;
mod ecr;
mod ecr_public;
mod format;
mod process;
mod signed;

use std::hash::{Hash, Hasher};
use std::time::Duration;

use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::response::{ResponseError, is_secret};
use crate::schedule::Intervals;
use crate::sources::ParseContext;
use crate::{
    Check, Declaration, DefinitionError, Environment, FetchError, Files, Host, Secret, Token,
};

use format::{Format, Meaning};
use process::TokenProcess;
use signed::Signed;

/// The declaration of a source of tokens.
pub(crate) struct TokenDeclaration {
    declaration: Declaration,
    /// The type of its tokens.
    meaning: Meaning,
    /// How often tokens are fetched by default.
    intervals: Intervals,
    /// Parses the arguments after the source's name, except those that all sources have.
    parse: fn(&mut Arguments<'_>, &ParseContext<'_>) -> Result<Service, DefinitionError>,
}

/// All sources, in the order of the reference.
const ALL: [&TokenDeclaration; 4] = [
    &ecr::DECLARATION,
    &ecr_public::DECLARATION,
    &codeartifact::DECLARATION,
    &process::DECLARATION,
];

/// A source of tokens. `Hash` covers everything that distinguishes one from another.
#[derive(Clone, Hash)]
enum Service {
    Signed(Signed),
    Process(TokenProcess),
}

/// A source of tokens, how often it is asked, and the format of its tokens.
#[derive(Clone)]
pub(crate) struct TokenSource {
    service: Service,
    format: Format,
    intervals: Intervals,
}

/// A token as its service returns it.
struct RawToken {
    text: Secret,
    /// Unix time in seconds.
    expires_at: Option<i64>,
}

/// How often a source is asked does not change the identity of the token.
impl Hash for TokenSource {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            service,
            format,
            intervals: _,
        } = self;
        (service, format).hash(state);
    }
}

impl TokenSource {
    /// The declarations of all sources, in the order of the reference.
    pub(crate) fn declarations() -> Vec<&'static Declaration> {
        ALL.iter().map(|source| &source.declaration).collect()
    }

    pub(crate) fn parse(
        arguments: &mut Arguments<'_>,
        context: &ParseContext<'_>,
    ) -> Result<Self, DefinitionError> {
        let name = arguments.source();
        let source = ALL.iter().find(|source| source.declaration.name == name);
        let source =
            source.ok_or_else(|| DefinitionError::unknown_source(name, &Self::declarations()))?;
        let service = (source.parse)(arguments, context)?;
        let mut intervals = source.intervals;
        if source.declaration.keys.contains(&"retry=")
            && let Some(retry) = time(arguments, context, "retry")?
        {
            intervals.retry = Some(retry);
        }
        if let Some(interval) = time(arguments, context, "interval")? {
            intervals.interval = Some(interval);
        }
        Ok(Self {
            service,
            format: Format::parse(arguments, source.meaning)?,
            intervals,
        })
    }

    pub(crate) fn intervals(&self) -> Intervals {
        self.intervals
    }

    /// See [`Definition::leaves_source_open`](crate::Definition::leaves_source_open).
    pub(crate) fn leaves_signer_open(&self) -> bool {
        matches!(&self.service, Service::Signed(service) if service.leaves_signer_open())
    }

    /// In a few words, without secrets.
    pub(crate) fn describe(&self) -> String {
        match &self.service {
            Service::Signed(service) => service.describe(),
            Service::Process(process) => process.describe(),
        }
    }

    /// Adds what this source uses to `check`, and describes it.
    pub(crate) fn check(
        &self,
        files: &impl Files,
        environment: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        match &self.service {
            Service::Signed(service) => service.check(files, environment, check),
            Service::Process(process) => Ok(process.describe()),
        }
    }

    pub(crate) async fn fetch<H: Host>(
        &self,
        fetch: &mut Fetch<'_, H>,
    ) -> Result<Token, FetchError> {
        let raw = match &self.service {
            Service::Signed(service) => service.fetch(fetch).await?,
            Service::Process(process) => process.fetch(fetch).await?,
        };
        let value = self.format.apply(&raw.text);
        let value = value.map_err(|error| FetchError::Response {
            from: self.describe(),
            error,
        })?;
        Ok(Token {
            value,
            expires_at: raw.expires_at,
            origin: self.describe(),
        })
    }
}

/// A time of at least one second.
fn time(
    arguments: &mut Arguments<'_>,
    context: &ParseContext<'_>,
    key: &'static str,
) -> Result<Option<Duration>, DefinitionError> {
    let Some(text) = arguments.take(key) else {
        return Ok(None);
    };
    match (context.parse_time)(text) {
        Some(time) if time >= Duration::from_secs(1) => Ok(Some(time)),
        _ => {
            let why = "it must be a time of a second or more, such as 30s or 6h";
            Err(FetchError::setting(&format!("{key}="), why).into())
        }
    }
}

impl RawToken {
    /// A token from a response, checked. `now` is Unix time in seconds.
    fn new(
        name: &'static str,
        text: Option<zeroize::Zeroizing<String>>,
        expires_at: Option<i64>,
        now: i64,
    ) -> Result<Self, ResponseError> {
        let text = text.filter(|text| !text.is_empty());
        let text = text.ok_or(ResponseError::Missing(name))?;
        if !is_secret(&text) {
            return Err(ResponseError::Malformed(name));
        }
        if let Some(at) = expires_at
            && at <= now
        {
            return Err(ResponseError::TokenExpired(at));
        }
        Ok(Self {
            text: text.into(),
            expires_at,
        })
    }
}

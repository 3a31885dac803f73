//! The sources of tokens, each in its file. A token is what a service wants to see instead of a
//! signature: fetched with a signature, and good for some hours.

mod codeartifact;
mod ecr;
mod format;
mod process;
mod signed;

use std::time::Duration;

use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::response::{ResponseError, is_secret};
use crate::schedule::Rhythm;
use crate::time::parse_span;
use crate::{
    Check, Definition, DefinitionError, Environment, FetchError, Files, Host, Secret, Token,
};

use format::{Format, Meaning};
use process::TokenProcess;
use signed::Signed;

/// A source of tokens, how it is renewed, and the form that its tokens get.
#[derive(Clone)]
pub(crate) struct TokenSource {
    kind: Kind,
    format: Format,
    rhythm: Rhythm,
}

#[derive(Clone)]
enum Kind {
    Signed(Signed),
    Process(TokenProcess),
}

/// A token as its service gives it.
struct Given {
    text: Secret,
    /// Unix time in seconds.
    expires_at: Option<i64>,
}

impl TokenSource {
    /// What may stand behind a token's name.
    pub(crate) const NAMES: [&str; 4] = ["ecr", "ecr-public", "codeartifact", "process"];

    /// The source's own spelling of its name.
    pub(crate) fn name(name: &str) -> Option<&'static str> {
        Self::NAMES.into_iter().find(|known| *known == name)
    }

    pub(crate) fn parse(
        arguments: &mut Arguments<'_>,
        environment: &Environment,
        declared: &dyn Fn(&str) -> Option<Definition>,
    ) -> Result<Self, DefinitionError> {
        let mut rhythm = Rhythm::default();
        let (kind, meaning) = match arguments.source() {
            "ecr" => (
                Kind::Signed(ecr::private(arguments, environment, declared)?),
                Meaning::Basic,
            ),
            "ecr-public" => (
                Kind::Signed(ecr::public(arguments, environment, declared)?),
                Meaning::BasicOrBearer,
            ),
            "codeartifact" => (
                Kind::Signed(codeartifact::parse(arguments, environment, declared)?),
                Meaning::PasswordOf("aws"),
            ),
            "process" => {
                rhythm.interval = Some(process::INTERVAL);
                rhythm.retry = Some(span(arguments, "retry")?.unwrap_or(process::RETRY));
                (
                    Kind::Process(TokenProcess::parse(arguments)?),
                    Meaning::Unknown,
                )
            }
            name => return Err(DefinitionError::unknown_token_source(name)),
        };
        if let Some(interval) = span(arguments, "interval")? {
            rhythm.interval = Some(interval);
        }
        Ok(Self {
            kind,
            format: Format::parse(arguments, meaning)?,
            rhythm,
        })
    }

    pub(crate) fn rhythm(&self) -> Rhythm {
        self.rhythm
    }

    /// In a few words, without secrets.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            Kind::Signed(source) => source.describe(),
            Kind::Process(source) => source.describe(),
        }
    }

    /// Appends everything that makes this source yield something else than another. How often it
    /// is asked does not.
    pub(crate) fn identify(&self, text: &mut String) {
        text.push_str("token\0");
        self.format.identify(text);
        match &self.kind {
            Kind::Signed(source) => source.identify(text),
            Kind::Process(source) => source.identify(text),
        }
    }

    /// Adds what this source uses to `check`, and describes it.
    pub(crate) fn check(
        &self,
        files: &impl Files,
        environment: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        match &self.kind {
            Kind::Signed(source) => source.check(files, environment, check),
            Kind::Process(source) => Ok(source.describe()),
        }
    }

    pub(crate) async fn fetch<H: Host>(
        &self,
        fetch: &mut Fetch<'_, H>,
    ) -> Result<Token, FetchError> {
        let given = match &self.kind {
            Kind::Signed(source) => source.fetch(fetch).await?,
            Kind::Process(source) => source.fetch(fetch).await?,
        };
        let value = self.format.apply(&given.text);
        let value = value.map_err(|error| FetchError::Response {
            from: self.describe(),
            error,
        })?;
        Ok(Token {
            value,
            expires_at: given.expires_at,
            origin: self.describe(),
        })
    }
}

/// A span of time, of a second at least.
fn span(
    arguments: &mut Arguments<'_>,
    key: &'static str,
) -> Result<Option<Duration>, DefinitionError> {
    let Some(text) = arguments.take(key) else {
        return Ok(None);
    };
    match parse_span(text) {
        Some(span) if span >= Duration::from_secs(1) => Ok(Some(span)),
        _ => {
            let why = "it is not a time of a second or more, such as 30s or 6h";
            Err(FetchError::setting(&format!("{key}="), why).into())
        }
    }
}

impl Given {
    /// A token that came in an answer, checked. `now` is Unix time in seconds.
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

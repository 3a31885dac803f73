//! The status as the formats read it.

use serde::Serialize;

use crate::counters::Row;

/// The version of the JSON document. Members may be added; where one changes its meaning or goes, the
/// version grows.
pub const SCHEMA_VERSION: u32 = 1;

/// A credential or token counts as expiring this long before it expires, in milliseconds, unless its
/// next fetch is yet to come: credentials are fetched again at the latest by then, and short-lived ones
/// in the middle of their life.
const EXPIRING: i64 = 4 * 60 * 1000;

/// Everything there is to show, at one moment.
///
/// All times are Unix time in milliseconds.
#[derive(Clone, Debug)]
pub struct Status {
    /// The version of the module.
    pub module_version: String,
    /// The version of nginx, as it calls itself.
    pub nginx_version: String,
    /// Now.
    pub now: i64,
    /// When counting began: the first start of nginx, or of another version of it.
    pub counting_since: i64,
    /// How many configurations have been in use since then.
    pub generation: u64,
    /// The zone of `aws_auth_zone`.
    pub zone: Zone,
    /// The credential providers and tokens of the configuration.
    pub renewals: Vec<RenewalStatus>,
    /// The counters.
    pub series: Vec<Series>,
    /// What was explained of errors last, the newest first.
    pub explained: Vec<Explained>,
}

/// Shared memory.
#[derive(Clone, Debug, Serialize)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// How much of it is in use.
    pub used_bytes: u64,
}

/// What is fetched and renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `aws_credentials_provider`
    Credentials,
    /// `aws_token`
    Token,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Token => "token",
        }
    }
}

/// A credential provider or token.
#[derive(Clone, Debug)]
pub struct RenewalStatus {
    /// Which of both.
    pub kind: Kind,
    /// The name that the operator has given it.
    pub name: String,
    /// The name of its source.
    pub source: String,
    /// The access key ID as it may be shown: its last characters, after asterisks.
    pub access_key_id: Option<String>,
    /// When what was fetched expires; `None` if it does not, or there is nothing.
    pub expires_at: Option<i64>,
    /// Whether something has been fetched that is used after it has expired.
    pub outlives_expiry: bool,
    /// When the last fetch succeeded.
    pub last_success: Option<i64>,
    /// When the last fetch failed, and why; `None` once one has succeeded after it.
    pub last_error: Option<(i64, String)>,
    /// How many fetches there were.
    pub fetches: u64,
    /// How many of them failed.
    pub failures: u64,
    /// When the next one is planned.
    pub next_fetch: Option<i64>,
}

/// The state of a credential provider or token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RenewalState {
    /// Nothing has been fetched yet.
    NeverFetched,
    /// What was fetched is valid.
    Fresh,
    /// It expires within minutes, and should have been renewed.
    Expiring,
    /// It has expired.
    Expired,
    /// The last fetch failed; what was fetched before is still valid.
    Failing,
}

impl RenewalState {
    pub(crate) const ALL: [Self; 5] = [
        Self::NeverFetched,
        Self::Fresh,
        Self::Expiring,
        Self::Expired,
        Self::Failing,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NeverFetched => "never_fetched",
            Self::Fresh => "fresh",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Failing => "failing",
        }
    }
}

impl RenewalStatus {
    /// Its state at `now`.
    pub fn state(&self, now: i64) -> RenewalState {
        if self.last_success.is_none() {
            return RenewalState::NeverFetched;
        }
        let left = self.expires_at.filter(|_| !self.outlives_expiry);
        let left = left.map(|at| at.saturating_sub(now));
        match left {
            Some(left) if left <= 0 => RenewalState::Expired,
            _ if self.last_error.is_some() => RenewalState::Failing,
            Some(left) if left < EXPIRING && self.next_fetch.is_none_or(|next| next <= now) => {
                RenewalState::Expiring
            }
            _ => RenewalState::Fresh,
        }
    }
}

/// Which requests a row of counters is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Those of a server{}, by its first name.
    Server(String),
    /// Those that are sent to an upstream{}, by its name.
    Upstream(String),
    /// All others: there is a limit for the number of rows.
    Other,
}

impl Block {
    /// The kind of the block and its name, as labels.
    pub(crate) fn labels(&self) -> (&'static str, &str) {
        match self {
            Self::Server(name) => ("server", name),
            Self::Upstream(name) => ("upstream", name),
            Self::Other => ("other", ""),
        }
    }
}

/// The counters of one block.
#[derive(Clone, Debug)]
pub struct Series {
    /// The block.
    pub block: Block,
    /// The counters.
    pub row: Row,
}

/// What was explained of an error.
#[derive(Clone, Debug)]
pub struct Explained {
    /// When.
    pub at: i64,
    /// What happened, and what to do.
    pub text: String,
}

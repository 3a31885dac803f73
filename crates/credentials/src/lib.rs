//! Where AWS credentials and tokens come from, and when to fetch them again.
//!
//! Nothing here opens a socket or a file, starts a process, or reads a clock: a [`Host`] does that.
//! The steps, from what an operator writes to what a signer uses:
//!
//! 1. [`Environment`] keeps the variables that matter, as they are when the configuration is read.
//! 2. [`Definition::parse`] reads the arguments of a directive, e.g. `imds role=web`, and
//!    [`Definition::parse_token`] those of a token's directive, e.g. `ecr region=eu-west-1`.
//!    [`Definition::check`] examines the files that it names, so that errors are reported before
//!    the first request.
//! 3. [`Definition::fetcher`] makes a [`Fetcher`], whose [`fetch`](Fetcher::fetch) returns
//!    [`Material`], or a [`FetchError`] that names the cause and contains no secret.
//! 4. [`refresh::keep_fresh`] fetches again in time, on behalf of all processes of a server.
//!
//! One fetch runs at a time, on one thread: the futures are not `Send`, and need no runtime.

#![forbid(unsafe_code)]

mod any_source;
mod arguments;
mod check;
mod command_line;
mod credentials;
mod declaration;
mod definition;
mod definition_error;
mod environment;
mod error;
mod fetch;
mod fetch_record;
mod fetcher;
mod file;
pub mod host;
mod profile;
mod profile_cache;
pub mod refresh;
pub mod refresh_log;
mod response;
pub mod schedule;
mod secret;
mod service;
mod snapshot;
mod sources;
mod sts;
mod time;
mod token;
mod tokens;
mod url;
mod validity;

pub use arguments::misplaced_quote;
pub use check::{Check, FileUse};
pub use credentials::{Credentials, DatedKey, Material, SigningKeys};
pub use declaration::Declaration;
pub use definition::Definition;
pub use definition_error::DefinitionError;
pub use environment::Environment;
pub use error::FetchError;
pub use fetch_record::FetchRecord;
pub use fetcher::Fetcher;
pub use host::{Files, Host};
pub use profile_cache::ProfileCache;
pub use response::ResponseError;
pub use secret::Secret;
pub use sources::{Declared, ParseContext};
pub use token::Token;
pub use url::{Endpoint, Scheme, Url, UrlError};
pub use validity::Validity;

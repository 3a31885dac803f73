//! Why a fetch has failed.

use std::path::{Path, PathBuf};

use crate::host::{ExitStatus, FileError, HttpError, RunError};
use crate::response::ResponseError;

/// Why there are no credentials. One line, which names the cause and contains no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// This source is not configured; the text says how to configure it. A chain tries the next
    /// source.
    #[error("{0}")]
    NotConfigured(String),
    /// An invalid variable of the environment, or setting in a file.
    #[error("{name}: {why}")]
    Setting {
        /// The variable or setting.
        name: String,
        /// What is wrong, and what would be valid.
        why: String,
    },
    /// A file cannot be read.
    #[error("{}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: FileError,
    },
    /// A file does not contain what it should.
    #[error("{}: {why}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line if possible.
        why: String,
    },
    /// A service did not respond.
    #[error("{url}: {error}")]
    Http {
        /// What was requested.
        url: String,
        /// What happened.
        error: HttpError,
    },
    /// A service returned an error.
    #[error("{url}: status {status}{}", .detail.iter().map(|detail| format!(", {detail}")).collect::<String>())]
    Status {
        /// What was requested.
        url: String,
        /// The status of the response.
        status: u16,
        /// The message in the response, or a likely cause.
        detail: Option<String>,
    },
    /// The response of a service, or the output of a program, contains no credentials.
    #[error("{from}: {error}")]
    Response {
        /// Its source: a URL or a program.
        from: String,
        /// What is wrong.
        error: ResponseError,
    },
    /// A program did not run to its end.
    #[error("{}: {error}", .program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// Why.
        error: RunError,
    },
    /// A program failed.
    #[error("{}: {status}", .program.display())]
    Exit {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
    },
}

impl FetchError {
    pub(crate) fn setting(name: &str, why: impl Into<String>) -> Self {
        Self::Setting {
            name: name.to_owned(),
            why: why.into(),
        }
    }

    pub(crate) fn content(path: &Path, why: impl Into<String>) -> Self {
        Self::Content {
            path: path.to_owned(),
            why: why.into(),
        }
    }
}

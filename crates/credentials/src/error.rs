//! Why a fetch yielded nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::answer::AnswerError;
use crate::host::{ExitStatus, FileError, HttpError, RunError};

/// Why there are no credentials. One line, which names the guilty party and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// Nothing tells this source what to do; here is what would. In a chain the next source has
    /// its turn.
    NotConfigured(String),
    /// A variable of the environment, or a setting in a file, that cannot be right.
    Setting {
        /// What is set.
        name: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A file cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: FileError,
    },
    /// A file does not hold what it should.
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, perhaps in which line.
        why: String,
    },
    /// A service did not answer.
    Http {
        /// What was asked.
        url: String,
        /// What happened.
        error: HttpError,
    },
    /// A service refused, or failed.
    Status {
        /// What was asked.
        url: String,
        /// The status of the answer.
        status: u16,
        /// What the answer says, or a likely cause.
        detail: Option<String>,
    },
    /// An answer, of a service or a program, holds no credentials.
    Answer {
        /// Who answered: a URL or a program.
        from: String,
        /// What is wrong.
        error: AnswerError,
    },
    /// A program did not run to its end.
    Run {
        /// The program.
        program: PathBuf,
        /// Why.
        error: RunError,
    },
    /// A program failed.
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

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured(what) => f.write_str(what),
            Self::Setting { name, why } => write!(f, "{name}: {why}"),
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Content { path, why } => write!(f, "{}: {why}", path.display()),
            Self::Http { url, error } => write!(f, "{url}: {error}"),
            Self::Status {
                url,
                status,
                detail: None,
            } => write!(f, "{url}: status {status}"),
            Self::Status {
                url,
                status,
                detail: Some(detail),
            } => write!(f, "{url}: status {status}, {detail}"),
            Self::Answer { from, error } => write!(f, "{from}: {error}"),
            Self::Run { program, error } => write!(f, "{}: {error}", program.display()),
            Self::Exit { program, status } => {
                let program = program.display();
                match status {
                    ExitStatus::Exited(code) => write!(f, "{program}: ended with status {code}"),
                    ExitStatus::Signaled(signal) => {
                        write!(f, "{program}: was ended by signal {signal}")
                    }
                }
            }
        }
    }
}

impl std::error::Error for FetchError {}

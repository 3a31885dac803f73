//! Where the secret access key comes from.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

/// No secret is longer; a longer file is a wrong file.
const LONGEST: u64 = 4096;

/// Where the secret access key is read from.
pub(crate) enum SecretSource {
    /// On the command line.
    Given(Vec<u8>),
    StandardInput,
    File(PathBuf),
}

impl SecretSource {
    /// The secret, without the line end of a file.
    pub(crate) fn read(&self) -> Result<Vec<u8>, SecretError> {
        let secret = match self {
            Self::Given(secret) => secret.clone(),
            Self::StandardInput => read_line(io::stdin().lock(), "standard input")?,
            Self::File(path) => {
                let name = path.display().to_string();
                let file = File::open(path)
                    .map_err(|error| SecretError::Unreadable(name.clone(), error))?;
                read_line(file, &name)?
            }
        };
        if secret.is_empty() {
            Err(SecretError::Empty)
        } else {
            Ok(secret)
        }
    }
}

fn read_line(source: impl Read, name: &str) -> Result<Vec<u8>, SecretError> {
    let mut text = Vec::new();
    source
        .take(LONGEST + 1)
        .read_to_end(&mut text)
        .map_err(|error| SecretError::Unreadable(name.to_owned(), error))?;
    let end = text
        .iter()
        .rposition(|byte| !matches!(byte, b'\r' | b'\n'))
        .map_or(0, |at| at + 1);
    if text.len() as u64 > LONGEST || text[..end].contains(&b'\n') {
        return Err(SecretError::NotOneLine(name.to_owned()));
    }
    text.truncate(end);
    Ok(text)
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("the secret access key is empty")]
    Empty,
    /// A file and the reason why it cannot be read.
    #[error("cannot read {0}: {1}")]
    Unreadable(String, io::Error),
    /// The name of a file that contains more than one line, or a very long one.
    #[error("{0} must contain only a secret access key, on one line")]
    NotOneLine(String),
}

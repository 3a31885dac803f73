//! A token of a service.

use std::fmt;

use crate::Secret;

/// A token of a service, in the format in which requests send it.
#[derive(PartialEq, Eq)]
pub struct Token {
    /// Visible ASCII, up to some 21 KiB.
    pub value: Secret,
    /// When the service begins to reject it, as Unix time in seconds; `None` if this is not known.
    pub expires_at: Option<i64>,
    /// Its source, in a few words for a log line.
    pub origin: String,
}

/// Shows its source, but not the token.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("expires_at", &self.expires_at)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let token = Token {
            value: Secret::new("QVdTOnNlY3JldA==".to_owned()),
            expires_at: Some(1),
            origin: "ecr in eu-west-1".to_owned(),
        };
        let text = format!("{token:?}");
        assert!(text.contains("ecr in eu-west-1"), "{text}");
        assert!(!text.contains("QVdT"), "{text}");
    }
}

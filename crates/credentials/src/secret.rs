//! Text that must not be printed.

use std::fmt;
use std::hash::{Hash, Hasher};

use zeroize::Zeroizing;

/// A secret key or a token: erased when it is dropped, never shown, copied only by name.
///
/// Comparing takes a time that depends on the content, so it is for finding out whether a secret
/// was replaced, never for checking what a client sent.
#[derive(PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text as it is; its memory is the secret's from now on.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A second copy, to be erased on its own.
    pub fn duplicate(&self) -> Self {
        // Not `clone` of a `String` that might have grown: exactly one allocation holds the copy.
        Self::new(self.0.as_str().to_owned())
    }
}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expose().hash(state);
    }
}

impl From<Zeroizing<String>> for Secret {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new("wJalrXUtnFEMI".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(redacted)");
        assert_eq!(format!("{:?}", Some(&secret)), "Some(Secret(redacted))");
        assert_eq!(secret.expose(), "wJalrXUtnFEMI");
    }

    #[test]
    fn a_copy_is_equal_and_elsewhere() {
        let secret = Secret::new("wJalrXUtnFEMI".to_owned());
        let copy = secret.duplicate();
        assert_eq!(copy, secret);
        assert_ne!(copy.expose().as_ptr(), secret.expose().as_ptr());
        assert_ne!(copy, Secret::new("wJalrXUtnFEMJ".to_owned()));
    }
}

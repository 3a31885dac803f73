//! Text that must not be printed.

use std::fmt;
use std::hash::{Hash, Hasher};

use zeroize::Zeroizing;

/// A secret key or a token: erased when it is dropped, never shown, and copied only explicitly.
///
/// The time of a comparison depends on the content. So compare only to find out whether a secret
/// was replaced, never to verify what a client has sent.
#[derive(PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of the text; its memory belongs to the secret from now on.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A second copy, which is erased separately.
    pub fn duplicate(&self) -> Self {
        // Not `clone` of a `String` that can have grown: exactly one allocation contains the copy.
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

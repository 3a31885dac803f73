//! What a source returns, and what requests are signed with.

use std::fmt;

use aws_signing::CredentialScope;
use zeroize::Zeroizing;

use crate::{Secret, Token, Validity};

/// What a source returns.
#[derive(Debug, PartialEq, Eq)]
pub enum Material {
    /// A secret key, valid for every day, region and service.
    Keys(Credentials),
    /// Derived signing keys, each for one day.
    Derived(SigningKeys),
    /// What a service accepts instead of a signature.
    Token(Token),
}

impl Material {
    /// When it must no longer be used, as Unix time in seconds; `None`: never.
    pub fn expires_at(&self) -> Option<i64> {
        match self {
            Self::Keys(credentials) => credentials.expires_at,
            Self::Derived(keys) => Some(keys.expires_at()),
            Self::Token(token) => token.expires_at,
        }
    }

    /// Whether it is still used after that if its source returns nothing newer.
    pub fn outlives_expiry(&self) -> bool {
        match self {
            Self::Keys(credentials) => credentials.outlives_expiry,
            Self::Derived(_) | Self::Token(_) => false,
        }
    }

    /// When it expires, and whether it is used after that.
    pub fn validity(&self) -> Validity {
        Validity {
            expires_at: self.expires_at(),
            outlives_expiry: self.outlives_expiry(),
        }
    }

    /// Its source, in a few words for a log line, e.g. `imds role "web"`.
    pub fn origin(&self) -> &str {
        match self {
            Self::Keys(credentials) => &credentials.origin,
            Self::Derived(keys) => &keys.origin,
            Self::Token(token) => &token.origin,
        }
    }
}

/// An access key with its secret key.
#[derive(PartialEq, Eq)]
pub struct Credentials {
    /// Names the key in every signed request. 1 to 128 visible ASCII characters.
    pub access_key_id: String,
    /// The secret key that signs.
    pub secret_access_key: Secret,
    /// Proves that temporary keys were issued; sent with each request, as `X-Amz-Security-Token`.
    pub session_token: Option<Secret>,
    /// When upstreams begin to reject them, as Unix time in seconds; `None`: they are permanent.
    pub expires_at: Option<i64>,
    /// As in the SDKs, keys of the instance metadata service stay in use after they have expired if
    /// the service is unavailable ([static stability][1]).
    ///
    /// [1]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html
    pub outlives_expiry: bool,
    /// Their source, in a few words for a log line.
    pub origin: String,
}

/// Shows the access key and its source, but neither secret nor token.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("expires_at", &self.expires_at)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// An access key with signing keys for some days, of one region and one service. The secret key
/// that they were derived from is not on this machine.
#[derive(Debug, PartialEq, Eq)]
pub struct SigningKeys {
    access_key_id: String,
    /// In the order of their days, one per day; never empty.
    keys: Vec<DatedKey>,
    origin: String,
}

impl SigningKeys {
    /// Accepts keys in any order. `None` if there are none, if two are of the same day, or if they
    /// differ in region or service.
    pub fn new(access_key_id: String, mut keys: Vec<DatedKey>, origin: String) -> Option<Self> {
        keys.sort_by(|a, b| a.scope.date().cmp(b.scope.date()));
        let first = &keys.first()?.scope;
        let of_one_kind = |key: &DatedKey| {
            key.scope.region() == first.region() && key.scope.service() == first.service()
        };
        let days_differ = |pair: &[DatedKey]| pair[0].scope.date() != pair[1].scope.date();
        if !keys.iter().all(of_one_kind) || !keys.windows(2).all(days_differ) {
            return None;
        }
        Some(Self {
            access_key_id,
            keys,
            origin,
        })
    }

    /// Names the secret key that they were derived from.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// All keys, in the order of their days.
    pub fn keys(&self) -> &[DatedKey] {
        &self.keys
    }

    /// The key of a UTC day, `yyyymmdd`.
    pub fn of_day(&self, date: &str) -> Option<&DatedKey> {
        let at = self.keys.binary_search_by(|key| key.scope.date().cmp(date));
        at.ok().map(|at| &self.keys[at])
    }

    /// The end of the last day, as Unix time in seconds.
    pub fn expires_at(&self) -> i64 {
        let last = self.keys.last().expect("there is a key");
        crate::time::end_of_day(last.scope.date())
    }

    /// Their source, in a few words for a log line.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// A signing key, and the day, region, and service for which it is valid.
#[derive(PartialEq, Eq)]
pub struct DatedKey {
    /// The scope for which it is valid.
    pub scope: CredentialScope,
    /// The key itself, for [`aws_signing::SigningKey::from_bytes`].
    pub key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for DatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatedKey({})", self.scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(scopes: &[&str]) -> Option<SigningKeys> {
        let keys = scopes.iter().zip(1..).map(|(scope, byte)| DatedKey {
            scope: CredentialScope::parse(&format!("{scope}/aws4_request")).unwrap(),
            key: Zeroizing::new([byte; 32]),
        });
        SigningKeys::new("AKIDEXAMPLE".to_owned(), keys.collect(), String::new())
    }

    #[test]
    fn debug_shows_no_secret() {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("wJalrX".to_owned()),
            session_token: Some(Secret::new("IQoJb3".to_owned())),
            expires_at: Some(1),
            outlives_expiry: false,
            origin: "env".to_owned(),
        };
        let text = format!("{:?}", Material::Keys(credentials));
        assert!(text.contains("AKIDEXAMPLE"), "{text}");
        assert!(
            !text.contains("wJalrX") && !text.contains("IQoJb3"),
            "{text}"
        );

        let text = format!("{:?}", keys(&["20260101/r/s3"]));
        assert!(text.contains("20260101/r/s3/aws4_request"), "{text}");
        assert!(!text.contains("1, 1"), "{text}");
    }

    #[test]
    fn a_day_has_its_key() {
        let keys = keys(&["20260102/r/s3", "20251231/r/s3", "20260101/r/s3"]).unwrap();
        for (date, byte) in [("20251231", 2), ("20260101", 3), ("20260102", 1)] {
            assert_eq!(*keys.of_day(date).unwrap().key, [byte; 32], "{date}");
        }
        assert_eq!(keys.of_day("20260103"), None);
        assert_eq!(keys.of_day(""), None);
        // 2026-01-03T00:00:00Z
        assert_eq!(keys.expires_at(), 1_767_398_400);
    }

    #[test]
    fn keys_must_agree() {
        assert_eq!(keys(&[]), None);
        assert_eq!(keys(&["20260101/r/s3", "20260101/r/s3"]), None);
        assert_eq!(keys(&["20260101/r/s3", "20260102/q/s3"]), None);
        assert_eq!(keys(&["20260101/r/s3", "20260102/r/es"]), None);
    }
}

//! How the fetches of one provider or token went, as the status shows it.

use crate::Material;

/// How many characters of an access key ID are shown.
const SHOWN: usize = 4;

/// An access key ID is shown in part if it is at least so long.
const LONG: usize = 12;

/// The record of one provider or token. If all is zero, nothing has been fetched.
///
/// It is integers only, each value of which is valid, so that it can lie in shared memory and
/// outlive the process that fetches. All times are Unix time in milliseconds; 0: never.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchRecord {
    fetches: u64,
    failures: u64,
    last_success: i64,
    last_failure: i64,
    expires_at: i64,
    /// Not zero if what was fetched is used after it has expired.
    outlives_expiry: u32,
    /// Not zero once an access key has been fetched.
    has_key: u32,
    /// The end of its ID; zero if that is not shown.
    key_end: [u8; SHOWN],
    /// Keeps the size free of padding.
    reserved: u32,
}

impl FetchRecord {
    pub(crate) fn succeeded(&mut self, now: i64, material: &Material) {
        self.fetches += 1;
        self.last_success = now;
        self.expires_at = material
            .expires_at()
            .map_or(0, |at| at.saturating_mul(1000).max(1));
        self.outlives_expiry = material.outlives_expiry().into();
        let id = match material {
            Material::Keys(credentials) => Some(credentials.access_key_id.as_bytes()),
            Material::Derived(keys) => Some(keys.access_key_id().as_bytes()),
            Material::Token(_) => None,
        };
        self.has_key = id.is_some().into();
        let end = id.filter(|id| id.len() >= LONG);
        let end = end.and_then(|id| id.last_chunk());
        self.key_end = end.copied().unwrap_or_default();
    }

    pub(crate) fn failed(&mut self, now: i64) {
        self.fetches += 1;
        self.failures += 1;
        self.last_failure = now;
    }

    /// How many fetches there were.
    pub fn fetches(&self) -> u64 {
        self.fetches
    }

    /// How many of them failed.
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// When the last fetch succeeded.
    pub fn last_success(&self) -> Option<i64> {
        (self.last_success != 0).then_some(self.last_success)
    }

    /// When the last fetch failed; `None` if one has succeeded after it.
    pub fn last_failure(&self) -> Option<i64> {
        let is_last = self.last_failure != 0 && self.last_failure >= self.last_success;
        is_last.then_some(self.last_failure)
    }

    /// When what was fetched expires; `None` if it does not, or if there is nothing.
    pub fn expires_at(&self) -> Option<i64> {
        (self.expires_at != 0).then_some(self.expires_at)
    }

    /// Whether it is used after that.
    pub fn outlives_expiry(&self) -> bool {
        self.outlives_expiry != 0
    }

    /// The access key ID as it may be shown: its last characters, after asterisks.
    pub fn access_key_id(&self) -> Option<String> {
        let end = match self.key_end == [0; SHOWN] {
            true => "",
            false => std::str::from_utf8(&self.key_end).unwrap_or_default(),
        };
        (self.has_key != 0).then(|| format!("****{end}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credentials, Secret};

    fn keys(id: &str, expires_at: Option<i64>) -> Material {
        Material::Keys(Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new("secret".to_owned()),
            session_token: None,
            expires_at,
            outlives_expiry: false,
            origin: "test".to_owned(),
        })
    }

    #[test]
    fn it_tells_what_was_fetched_and_when() {
        let mut record = FetchRecord::default();
        assert_eq!(
            (record.last_success(), record.access_key_id()),
            (None, None)
        );
        record.failed(5);
        assert_eq!((record.fetches(), record.failures()), (1, 1));
        assert_eq!(record.last_failure(), Some(5));
        record.succeeded(7, &keys("AKIAIOSFODNN7EXAMPLE", Some(9)));
        assert_eq!((record.fetches(), record.failures()), (2, 1));
        assert_eq!(
            (record.last_success(), record.last_failure()),
            (Some(7), None)
        );
        assert_eq!(record.expires_at(), Some(9000));
        assert_eq!(record.access_key_id().as_deref(), Some("****MPLE"));
        record.succeeded(8, &keys("minioadmin", None));
        assert_eq!(record.expires_at(), None);
        assert_eq!(record.access_key_id().as_deref(), Some("****"));
    }

    #[test]
    fn an_access_key_that_is_not_ascii_is_shown_in_whole_characters() {
        for (id, shown) in [
            ("\u{e4}\u{e4}\u{e4}\u{e4}\u{f6}\u{fc}", "****\u{f6}\u{fc}"),
            ("a-long-id-\u{e4}\u{e4}a", "****"),
        ] {
            let mut record = FetchRecord::default();
            record.succeeded(1, &keys(id, None));
            assert_eq!(record.access_key_id().as_deref(), Some(shown), "{id}");
        }
    }
}

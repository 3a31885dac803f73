//! Signing keys, derived once per secret, date, region, and service.

use std::fmt;

use aws_signing::{CredentialScope, ScopeError, SigningKey};
use zeroize::Zeroizing;

/// How many keys are kept. One is enough for a location with static values. Variables (a bucket per
/// tenant, each with its region and secret) need more, and a client that can choose a value must
/// not fill the memory.
const CAPACITY: usize = 32;

/// A bounded cache of signing keys. The oldest entry makes room for a new one.
#[derive(Default)]
pub struct KeyCache {
    entries: Vec<Entry>,
    oldest: usize,
}

struct Entry {
    secret: Zeroizing<Vec<u8>>,
    scope: CredentialScope,
    key: SigningKey,
}

impl KeyCache {
    /// The scope, and the key of `secret` in it, derived if it is not cached.
    ///
    /// Fails if the parts do not form a scope, or if there is no memory.
    pub fn get(
        &mut self,
        secret: &[u8],
        date: &str,
        region: &str,
        service: &str,
    ) -> Result<(&CredentialScope, &SigningKey), ScopeError> {
        let found = self.entries.iter().position(|entry| {
            entry.scope.date() == date
                && entry.scope.region() == region
                && entry.scope.service() == service
                && *entry.secret == secret
        });
        let at = match found {
            Some(at) => at,
            None => {
                let scope = CredentialScope::new(date, region, service)?;
                let key = SigningKey::derive(secret, &scope);
                let mut copy = Zeroizing::new(Vec::new());
                let room = usize::from(self.entries.len() < CAPACITY);
                copy.try_reserve_exact(secret.len())
                    .and_then(|()| self.entries.try_reserve(room))
                    .map_err(|_| ScopeError::OutOfMemory)?;
                copy.extend_from_slice(secret);
                self.put(Entry {
                    secret: copy,
                    scope,
                    key,
                })
            }
        };
        let entry = &self.entries[at];
        Ok((&entry.scope, &entry.key))
    }

    fn put(&mut self, entry: Entry) -> usize {
        if self.entries.len() < CAPACITY {
            self.entries.push(entry);
            return self.entries.len() - 1;
        }
        let at = self.oldest;
        self.entries[at] = entry;
        self.oldest = (at + 1) % CAPACITY;
        at
    }
}

/// Shows the number of keys, and nothing of them.
impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCache")
            .field("keys", &self.entries.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_its_secret_and_scope() {
        let mut cache = KeyCache::default();
        let mut get = |secret: &str, date: &str, region: &str, service: &str| {
            let (scope, _) = cache.get(secret.as_bytes(), date, region, service).unwrap();
            scope.as_str().to_owned()
        };
        assert_eq!(
            get("a", "20260102", "r", "s3"),
            "20260102/r/s3/aws4_request"
        );
        assert_eq!(
            get("a", "20260103", "r", "s3"),
            "20260103/r/s3/aws4_request"
        );
        assert_eq!(
            get("a", "20260102", "q", "s3"),
            "20260102/q/s3/aws4_request"
        );
        assert_eq!(
            get("a", "20260102", "r", "es"),
            "20260102/r/es/aws4_request"
        );
        assert_eq!(
            get("b", "20260102", "r", "s3"),
            "20260102/r/s3/aws4_request"
        );
        assert_eq!(
            get("a", "20260102", "r", "s3"),
            "20260102/r/s3/aws4_request"
        );
        assert_eq!(cache.entries.len(), 5);
    }

    #[test]
    fn the_cache_is_bounded() {
        let mut cache = KeyCache::default();
        for n in 0..3 * CAPACITY {
            let region = format!("r{n}");
            let (scope, _) = cache.get(b"secret", "20260102", &region, "s3").unwrap();
            assert_eq!(scope.region(), region);
        }
        assert_eq!(cache.entries.len(), CAPACITY);
    }
}

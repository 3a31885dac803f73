//! Signing keys that have been derived before: a signature costs four HMACs more without them.

use aws_signing::{CredentialScope, SigningKey};

/// How many keys are kept. A key is that of one user, day, region and service.
const MOST: usize = 256;

/// Keys that good signatures were made with. Nothing that a stranger sends is kept.
#[derive(Default)]
pub struct KeyCache {
    keys: Vec<Cached>,
    /// Where the next one is put once there are as many as may be.
    next: usize,
}

struct Cached {
    /// Of the secret access key, which is not kept itself.
    secret_hash: [u8; 32],
    scope: CredentialScope,
    key: SigningKey,
}

impl KeyCache {
    pub(crate) fn find(
        &self,
        secret_hash: &[u8; 32],
        scope: &CredentialScope,
    ) -> Option<&SigningKey> {
        let is_it = |cached: &&Cached| {
            cached.secret_hash == *secret_hash && cached.scope.as_str() == scope.as_str()
        };
        self.keys.iter().find(is_it).map(|cached| &cached.key)
    }

    pub(crate) fn keep(&mut self, secret_hash: [u8; 32], scope: &CredentialScope, key: SigningKey) {
        let cached = Cached {
            secret_hash,
            scope: scope.clone(),
            key,
        };
        if self.keys.len() < MOST {
            self.keys.push(cached);
        } else {
            self.keys[self.next] = cached;
            self.next = (self.next + 1) % MOST;
        }
    }
}

/// Shows how many there are.
impl std::fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyCache({})", self.keys.len())
    }
}

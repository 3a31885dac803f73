//! What requests are signed with: each worker's own copy of what a provider has yielded.
//!
//! A request costs one atomic load. When the number that it reads has changed, the worker copies
//! what was published, once, and derives signing keys from it, once for each day, region and
//! service.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use aws_credentials::Material;
use aws_sealing::{Identity, Key, KeyCache, Version};
use aws_signing::{CredentialScope, ScopeError, SigningKey, v2};

use crate::renewal::Renewal;

/// A provider's credentials, seen by this worker.
pub(crate) struct Store {
    renewal: Rc<Renewal>,
    seen: Cell<u64>,
    snapshot: RefCell<Option<Snapshot>>,
    /// The scope of the snapshot's first signing key, to be read while a signature is made.
    scope: RefCell<Option<CredentialScope>>,
}

/// Why nothing can be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// Nothing has been fetched yet.
    NotYet,
    /// What was fetched last has expired.
    Expired,
    /// There is no signing key for today.
    NoKeyToday,
    /// The signing keys are for another region or service than the location's.
    OtherScope,
    /// There are signing keys, and Version 2 is asked for.
    DerivedForV2,
    /// The location names no region.
    NoRegion,
    /// Region and service make no scope.
    Scope,
    /// There is no memory for a signing key.
    OutOfMemory,
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotYet => "has no credentials yet",
            Self::Expired => "has only credentials that have expired",
            Self::NoKeyToday => "has no signing key for today (UTC)",
            Self::OtherScope => {
                "has signing keys of another region or service than \"aws_region\" and \
                 \"aws_service\" say"
            }
            Self::DerivedForV2 => {
                "has signing keys, and \"aws_signature_version 2\" needs a secret key"
            }
            Self::NoRegion => "has a secret key, which needs \"aws_region\"",
            Self::OutOfMemory => "has a secret key, and there is not enough memory to sign with it",
            Self::Scope => "cannot sign for this region and service",
        })
    }
}

impl From<ScopeError> for Unavailable {
    fn from(error: ScopeError) -> Self {
        match error {
            ScopeError::OutOfMemory => Self::OutOfMemory,
            _ => Self::Scope,
        }
    }
}

/// When it is, where to, and how.
#[derive(Clone, Copy)]
pub(crate) struct Occasion<'a> {
    pub(crate) version: Version,
    /// Unix time in seconds.
    pub(crate) unix_time: i64,
    /// The UTC day, `yyyymmdd`.
    pub(crate) date: &'a str,
    /// `None` where the location leaves it to the signing keys.
    pub(crate) region: Option<&'a str>,
    pub(crate) service: Option<&'a str>,
}

impl Store {
    pub(crate) fn new(renewal: Rc<Renewal>) -> Self {
        Self {
            renewal,
            seen: Cell::new(0),
            snapshot: RefCell::new(None),
            scope: RefCell::new(None),
        }
    }

    /// What this worker signs with now, as a number; see
    /// [`SlotRef::generation`](crate::ffi::memory::shm::SlotRef::generation).
    pub(crate) fn generation(&self) -> u64 {
        self.seen.get()
    }

    /// Takes over what was published since the last look. What this worker has stays where the
    /// slot holds nothing.
    fn look(&self) {
        // While a signature is made its keys stay as they are.
        let Ok(mut snapshot) = self.snapshot.try_borrow_mut() else {
            return;
        };
        if let Some(material) = self.renewal.news(&self.seen) {
            let new = Snapshot::new(material);
            self.scope
                .replace(new.derived.first().map(|(scope, _)| scope.clone()));
            *snapshot = Some(new);
        }
    }

    /// Why requests cannot be signed at `unix_time`; `None` where they can.
    pub(crate) fn unavailable(&self, unix_time: i64) -> Option<Unavailable> {
        self.look();
        match &*self.snapshot.borrow() {
            Some(snapshot) => snapshot.is_usable(unix_time).err(),
            None => Some(Unavailable::NotYet),
        }
    }

    /// Calls `sign` with who signs on this occasion.
    pub(crate) fn identify<T>(
        &self,
        occasion: Occasion<'_>,
        sign: impl FnOnce(&Identity<'_>) -> T,
    ) -> Result<T, Unavailable> {
        self.look();
        let mut snapshot = self.snapshot.borrow_mut();
        let snapshot = snapshot.as_mut().ok_or(Unavailable::NotYet)?;
        snapshot.is_usable(occasion.unix_time)?;
        snapshot.identify(occasion, sign)
    }

    /// The scope of the first signing key, where this provider yields such: all have its region and
    /// service.
    pub(crate) fn derived_scope(&self) -> Option<CredentialScope> {
        self.look();
        self.scope.borrow().clone()
    }
}

/// Material, and what has been derived from it.
struct Snapshot {
    material: Material,
    keys: KeyCache,
    /// The keys of `material`, where it has such, ready for signing.
    derived: Vec<(CredentialScope, SigningKey)>,
}

impl Snapshot {
    fn new(material: Material) -> Self {
        let derived = match &material {
            Material::Derived(keys) => keys
                .keys()
                .iter()
                .map(|key| (key.scope.clone(), SigningKey::from_bytes(&key.key)))
                .collect(),
            Material::Keys(_) | Material::Token(_) => Vec::new(),
        };
        Self {
            material,
            keys: KeyCache::default(),
            derived,
        }
    }

    fn is_usable(&self, unix_time: i64) -> Result<(), Unavailable> {
        let expired = self
            .material
            .expires_at()
            .is_some_and(|end| end <= unix_time);
        if expired && !self.material.outlives_expiry() {
            return Err(Unavailable::Expired);
        }
        Ok(())
    }

    fn identify<T>(
        &mut self,
        occasion: Occasion<'_>,
        sign: impl FnOnce(&Identity<'_>) -> T,
    ) -> Result<T, Unavailable> {
        match &self.material {
            Material::Keys(credentials) if occasion.version == Version::V2 => {
                let secret = credentials.secret_access_key.expose().as_bytes();
                let token = credentials.session_token.as_ref();
                Ok(sign(&Identity {
                    access_key: credentials.access_key_id.as_bytes(),
                    session_token: token.map(|token| token.expose().as_bytes()),
                    expires_at: credentials.expires_at,
                    key: Key::V2(&v2::SecretKey::new(secret)),
                }))
            }
            Material::Derived(_) if occasion.version == Version::V2 => {
                Err(Unavailable::DerivedForV2)
            }
            Material::Keys(credentials) => {
                let region = occasion.region.ok_or(Unavailable::NoRegion)?;
                let service = occasion.service.unwrap_or("s3");
                let secret = credentials.secret_access_key.expose().as_bytes();
                let (scope, key) = self.keys.get(secret, occasion.date, region, service)?;
                let token = credentials.session_token.as_ref();
                Ok(sign(&Identity {
                    access_key: credentials.access_key_id.as_bytes(),
                    session_token: token.map(|token| token.expose().as_bytes()),
                    expires_at: credentials.expires_at,
                    key: Key::V4 { scope, key },
                }))
            }
            Material::Derived(keys) => {
                let (scope, key) = self
                    .derived
                    .iter()
                    .find(|(scope, _)| scope.date() == occasion.date)
                    .ok_or(Unavailable::NoKeyToday)?;
                let differs = |set: Option<&str>, is: &str| set.is_some_and(|set| set != is);
                if differs(occasion.region, scope.region())
                    || differs(occasion.service, scope.service())
                {
                    return Err(Unavailable::OtherScope);
                }
                Ok(sign(&Identity {
                    access_key: keys.access_key_id().as_bytes(),
                    session_token: None,
                    // AWS keeps what a day's key has signed in a query.
                    expires_at: None,
                    key: Key::V4 { scope, key },
                }))
            }
            // A provider's slot never holds one: it is found by what the provider is.
            Material::Token(_) => Err(Unavailable::NotYet),
        }
    }
}

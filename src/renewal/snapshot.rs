//! Each worker's snapshot of a provider's credentials, which requests are signed with.
//!
//! A request costs one atomic load. When the number that it reads has changed, the worker copies
//! the published credentials once, and derives signing keys from them, once for each day, region,
//! and service.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use aws_credentials::Material;
use aws_sealing::{Identity, Key, KeyCache, Version};
use aws_signing::{CredentialScope, ScopeError, SigningKey, v2};

use crate::renewal::Refreshable;

/// A worker's copy of a provider's credentials.
pub(crate) struct Snapshot {
    refreshable: Rc<Refreshable>,
    seen: Cell<u64>,
    material: RefCell<Option<SigningMaterial>>,
    /// The scope of the material's first signing key, to be read while a signature is made.
    scope: RefCell<Option<CredentialScope>>,
}

/// Why nothing can be signed; completes the sentence `provider "x" ...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnavailableReason {
    #[error("has no credentials yet")]
    NotYet,
    #[error("has only expired credentials")]
    Expired,
    #[error("has no signing key for today (UTC)")]
    NoKeyToday,
    #[error(
        "has signing keys for a region or service other than those in \"aws_region\" and \
         \"aws_service\""
    )]
    OtherScope,
    #[error("has only signing keys, but \"aws_signature_version 2\" requires a secret key")]
    DerivedForV2,
    #[error("has a secret key, which requires \"aws_region\"")]
    NoRegion,
    /// Region and service do not form a valid scope.
    #[error("cannot sign for this region and service")]
    Scope,
    #[error("has a secret key, and there is not enough memory to sign with it")]
    OutOfMemory,
}

impl From<ScopeError> for UnavailableReason {
    fn from(error: ScopeError) -> Self {
        match error {
            ScopeError::OutOfMemory => Self::OutOfMemory,
            _ => Self::Scope,
        }
    }
}

/// What a signature is made for: when, where, and of which version.
#[derive(Clone, Copy)]
pub(crate) struct SigningContext<'a> {
    pub(crate) version: Version,
    /// Unix time in seconds.
    pub(crate) unix_time: i64,
    /// The UTC day, `yyyymmdd`.
    pub(crate) date: &'a str,
    /// `None` if the signing keys determine it.
    pub(crate) region: Option<&'a str>,
    pub(crate) service: Option<&'a str>,
}

impl Snapshot {
    pub(crate) fn new(refreshable: Rc<Refreshable>) -> Self {
        Self {
            refreshable,
            seen: Cell::new(0),
            material: RefCell::new(None),
            scope: RefCell::new(None),
        }
    }

    /// The number of the credentials that this worker signs with; see
    /// [`SlotRef::generation`](crate::ffi::memory::shm::SlotRef::generation).
    pub(crate) fn generation(&self) -> u64 {
        self.seen.get()
    }

    /// Copies what was published since the last look. If the slot holds nothing, this worker keeps
    /// what it has.
    fn look(&self) {
        // While a signature is made, its keys do not change.
        let Ok(mut material) = self.material.try_borrow_mut() else {
            return;
        };
        if let Some(published) = self.refreshable.news(&self.seen) {
            let new = SigningMaterial::new(published);
            self.scope
                .replace(new.derived.first().map(|(scope, _)| scope.clone()));
            *material = Some(new);
        }
    }

    /// Why requests cannot be signed at `unix_time`; `None` if they can.
    pub(crate) fn unavailable(&self, unix_time: i64) -> Option<UnavailableReason> {
        self.look();
        match &*self.material.borrow() {
            Some(material) => material.is_usable(unix_time).err(),
            None => Some(UnavailableReason::NotYet),
        }
    }

    /// Calls `sign` with the identity that signs in this context.
    pub(crate) fn identify<T>(
        &self,
        context: SigningContext<'_>,
        sign: impl FnOnce(&Identity<'_>) -> T,
    ) -> Result<T, UnavailableReason> {
        self.look();
        let mut material = self.material.borrow_mut();
        let material = material.as_mut().ok_or(UnavailableReason::NotYet)?;
        material.is_usable(context.unix_time)?;
        material.identify(context, sign)
    }

    /// The scope of the first signing key, if this provider provides signing keys: all of them have
    /// the same region and service.
    pub(crate) fn derived_scope(&self) -> Option<CredentialScope> {
        self.look();
        self.scope.borrow().clone()
    }
}

/// Material, and what has been derived from it.
struct SigningMaterial {
    material: Material,
    keys: KeyCache,
    /// The keys of `material`, if it has any, prepared for signing.
    derived: Vec<(CredentialScope, SigningKey)>,
}

impl SigningMaterial {
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

    fn is_usable(&self, unix_time: i64) -> Result<(), UnavailableReason> {
        let expired = self
            .material
            .expires_at()
            .is_some_and(|end| end <= unix_time);
        if expired && !self.material.outlives_expiry() {
            return Err(UnavailableReason::Expired);
        }
        Ok(())
    }

    fn identify<T>(
        &mut self,
        context: SigningContext<'_>,
        sign: impl FnOnce(&Identity<'_>) -> T,
    ) -> Result<T, UnavailableReason> {
        match &self.material {
            Material::Keys(credentials) if context.version == Version::V2 => {
                let secret = credentials.secret_access_key.expose().as_bytes();
                let token = credentials.session_token.as_ref();
                Ok(sign(&Identity {
                    access_key: credentials.access_key_id.as_bytes(),
                    session_token: token.map(|token| token.expose().as_bytes()),
                    expires_at: credentials.expires_at,
                    key: Key::V2(&v2::SecretKey::new(secret)),
                }))
            }
            Material::Derived(_) if context.version == Version::V2 => {
                Err(UnavailableReason::DerivedForV2)
            }
            Material::Keys(credentials) => {
                let region = context.region.ok_or(UnavailableReason::NoRegion)?;
                let service = context.service.unwrap_or("s3");
                let secret = credentials.secret_access_key.expose().as_bytes();
                let (scope, key) = self.keys.get(secret, context.date, region, service)?;
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
                    .find(|(scope, _)| scope.date() == context.date)
                    .ok_or(UnavailableReason::NoKeyToday)?;
                let differs = |set: Option<&str>, is: &str| set.is_some_and(|set| set != is);
                if differs(context.region, scope.region())
                    || differs(context.service, scope.service())
                {
                    return Err(UnavailableReason::OtherScope);
                }
                Ok(sign(&Identity {
                    access_key: keys.access_key_id().as_bytes(),
                    session_token: None,
                    // A signature in the query outlives the day of its key at AWS.
                    expires_at: None,
                    key: Key::V4 { scope, key },
                }))
            }
            // A provider's slot never holds one: it is found by the provider's definition.
            Material::Token(_) => Err(UnavailableReason::NotYet),
        }
    }
}

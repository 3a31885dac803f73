//! Credentials of a location: keys in the configuration, or a provider's.
//!
//! Credentials form groups: the nearest block that has any directive of a group overrides the whole
//! group, so that a secret key never signs for another block's access key. As in the C module,
//! however, a signing key and its scope can be used with an inherited access key.

mod key_files;
mod keys;
mod provided;

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use aws_sealing::{Identity, Version};
use aws_signing::{CredentialScope, Timestamp};

use crate::ffi::conf::Position;
use crate::ffi::http::request::Request;
use crate::ffi::http::value::Value;
use crate::renewal::providers::{Provider, Providers};
use crate::renewal::snapshot::UnavailableReason;
pub(super) use key_files::KeyFiles;
pub(super) use keys::checked;
pub(crate) use keys::{DerivedKey, SecretValue};
use keys::{KeySource, Keys};
use provided::{Provided, Shown};

/// A block's credential directives.
#[derive(Clone, Default)]
pub(crate) struct CredentialDirectives {
    pub(crate) access_key: Option<Value>,
    pub(crate) key_scope: Option<Rc<CredentialScope>>,
    pub(crate) signing_key: Option<DerivedKey>,
    pub(crate) secret_key: Option<SecretValue>,
    pub(crate) session_token: Option<SecretValue>,
    /// The name in `aws_credentials`.
    pub(crate) provider: Option<Value>,
    /// Where the last of them is written.
    pub(crate) position: Option<Position>,
}

impl CredentialDirectives {
    /// Whether the group includes a pre-derived key or its scope, the C module's directives.
    pub(crate) fn names_signing_key(&self) -> bool {
        self.signing_key.is_some() || self.key_scope.is_some()
    }

    /// Whether a value contains a variable that distinguishes clients, so that their keys differ.
    pub(super) fn are_variable(&self) -> bool {
        let is_variable = |value: &Option<Value>| {
            let value = value.as_ref();
            value.is_some_and(|value| value.as_text().is_none())
        };
        is_variable(&self.access_key)
            || is_variable(&self.provider)
            || self
                .secret_key
                .as_ref()
                .is_some_and(SecretValue::is_variable)
    }

    /// Inherits from the outer block what this one can inherit.
    pub(super) fn inherit(&mut self, outer: &Self, _is_condition: bool) {
        if self.position.is_none() {
            *self = outer.clone();
            return;
        }
        if self.provider.is_some()
            || self.secret_key.is_some()
            || (self.session_token.is_some() && !self.names_signing_key())
        {
            return;
        }
        if self.names_signing_key() && self.access_key.is_none() {
            self.access_key = outer.access_key.clone();
            // A token belongs to its access key.
            self.session_token = self.session_token.take().or(outer.session_token.clone());
        }
        if outer.secret_key.is_none() {
            self.key_scope = self.key_scope.take().or(outer.key_scope.clone());
            self.signing_key = self.signing_key.take().or(outer.signing_key.clone());
        }
    }

    /// The credentials, if they are complete.
    pub(super) fn resolve(
        &self,
        region: Option<&Value>,
        service: Option<&Value>,
        version: Version,
        providers: &Rc<Providers>,
    ) -> Result<Credentials, Incomplete> {
        if let Some(name) = &self.provider {
            return Provided::new(name, providers, region, service, version)
                .map(Credentials::Provided);
        }
        if version == Version::V2 {
            return self.resolve_v2(region);
        }
        let access_key = self.access_key.clone();
        if let Some(secret_key) = &self.secret_key {
            return Ok(Credentials::Static(Keys {
                access_key: access_key.ok_or(Incomplete::AccessKey)?,
                session_token: self.session_token.clone(),
                source: KeySource::Secret {
                    secret_key: secret_key.clone(),
                    region: region.cloned().ok_or(Incomplete::Region)?,
                    service: service.cloned(),
                    keys: RefCell::default(),
                },
            }));
        }
        match (access_key, &self.signing_key, &self.key_scope) {
            (Some(access_key), Some(key), Some(scope)) => Ok(Credentials::Static(Keys {
                access_key,
                session_token: self.session_token.clone(),
                source: KeySource::Derived {
                    key: key.clone(),
                    scope: scope.clone(),
                },
            })),
            (None, None, None) => Err(Incomplete::Nothing),
            (None, ..) => Err(Incomplete::AccessKey),
            (_, Some(_), None) => Err(Incomplete::KeyScope),
            (_, None, Some(_)) => Err(Incomplete::SigningKey),
            (_, None, None) => Err(Incomplete::SecretKey),
        }
    }

    fn resolve_v2(&self, region: Option<&Value>) -> Result<Credentials, Incomplete> {
        match (&self.access_key, &self.secret_key) {
            _ if self.names_signing_key() => Err(Incomplete::DerivedForV2),
            (None, None) => Err(Incomplete::Nothing),
            (None, _) => Err(Incomplete::AccessKey),
            (_, None) => Err(Incomplete::SecretKeyForV2),
            (Some(access_key), Some(secret_key)) => Ok(Credentials::Static(Keys {
                access_key: access_key.clone(),
                session_token: self.session_token.clone(),
                source: KeySource::SecretV2 {
                    secret_key: secret_key.clone(),
                    region: region.cloned(),
                },
            })),
        }
    }
}

/// What is missing. The text says what to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Incomplete {
    Nothing,
    AccessKey,
    SecretKey,
    SigningKey,
    KeyScope,
    Region,
    SecretKeyForV2,
    DerivedForV2,
    /// There was no memory to put them together.
    Memory,
}

impl Incomplete {
    /// Whether it is always an error, and not only if requests are signed with it.
    pub(super) fn is_contradiction(self) -> bool {
        matches!(self, Self::Region | Self::DerivedForV2)
    }
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => {
                "there are no credentials: add \"aws_access_key\", \"aws_secret_key_file\" and \
                 \"aws_region\", or \"aws_credentials\""
            }
            Self::AccessKey => "\"aws_access_key\" is missing in the block of the key",
            Self::SecretKey => {
                "the key is missing: add \"aws_secret_key_file\", or \"aws_signing_key\" and \
                 \"aws_key_scope\", to the block of \"aws_access_key\""
            }
            Self::SigningKey => "\"aws_key_scope\" requires \"aws_signing_key\" in the same block",
            Self::KeyScope => "\"aws_signing_key\" requires \"aws_key_scope\" in the same block",
            Self::Region => {
                "\"aws_region\" is missing: a secret key signs for a region, such as eu-west-1"
            }
            Self::SecretKeyForV2 => {
                "the key is missing: add \"aws_secret_key_file\" to the block of \"aws_access_key\""
            }
            Self::Memory => "not enough memory",
            Self::DerivedForV2 => {
                "\"aws_signature_version 2\" requires the secret key, and a signing key can be \
                 used only with version 4: use \"aws_secret_key_file\", or remove \
                 \"aws_signature_version\""
            }
        })
    }
}

/// Complete credentials of a location.
pub(crate) enum Credentials {
    /// Keys in the configuration.
    Static(Keys),
    /// A provider's credentials, which change.
    Provided(Provided),
}

/// Why a request cannot be signed with these credentials.
#[derive(Debug)]
pub(crate) enum CredentialsError {
    /// The request's pool has no memory.
    OutOfMemory,
    /// The value of a variable is not valid for the directive.
    Invalid {
        directive: &'static str,
        reason: &'static str,
    },
    /// The variable in `aws_credentials` names no provider.
    UnknownProvider(Shown),
    /// The provider has nothing to sign with.
    Unavailable {
        provider: Rc<Provider>,
        reason: UnavailableReason,
    },
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("not enough memory for the credentials"),
            Self::Invalid { directive, reason } => {
                write!(
                    f,
                    "the variable in \"{directive}\" has an invalid value: {reason}"
                )
            }
            Self::UnknownProvider(name) => write!(
                f,
                "the variable in \"aws_credentials\" names \"{name}\", and there is no \
                 \"aws_credentials_provider\" of that name"
            ),
            Self::Unavailable { provider, reason } => {
                write!(f, "provider \"{}\" {reason}", provider.name())
            }
        }
    }
}

impl Credentials {
    /// The version of the signatures that are made with them.
    pub(crate) fn version(&self) -> Version {
        match self {
            Self::Static(keys) => keys.version(),
            Self::Provided(provided) => provided.version(),
        }
    }

    /// Whether they differ from request to request.
    pub(super) fn are_variable(&self) -> bool {
        match self {
            Self::Static(keys) => keys.are_variable(),
            Self::Provided(provided) => provided.is_variable(),
        }
    }

    /// Whether the key was derived outside of nginx, as for the C module.
    pub(super) fn are_derived(&self) -> bool {
        matches!(self, Self::Static(keys) if keys.are_derived())
    }

    /// Calls `sign` with who signs `request` now, `unix_time` seconds after the epoch.
    pub(crate) fn identify<T>(
        &self,
        request: &Request,
        now: &Timestamp,
        unix_time: i64,
        sign: impl FnOnce(&Identity<'_>) -> T,
    ) -> Result<T, CredentialsError> {
        match self {
            Self::Static(keys) => keys.identify(request, now, unix_time, sign),
            Self::Provided(provided) => provided.identify(request, now, unix_time, sign),
        }
    }

    /// The service that requests are signed for, checked.
    pub(crate) fn service<'a>(
        &'a self,
        request: &'a Request,
    ) -> Result<Cow<'a, str>, CredentialsError> {
        match self {
            Self::Static(keys) => keys.service(request).map(Cow::Borrowed),
            Self::Provided(provided) => provided.service(request),
        }
    }

    /// The service, if it is the same for all signatures.
    pub(super) fn static_service(&self) -> Option<&[u8]> {
        match self {
            Self::Static(keys) => keys.static_service(),
            Self::Provided(provided) => provided.static_service(),
        }
    }

    /// The region that requests are signed for, checked.
    pub(crate) fn region<'a>(
        &'a self,
        request: &'a Request,
    ) -> Result<Cow<'a, str>, CredentialsError> {
        match self {
            Self::Static(keys) => keys.region(request).map(Cow::Borrowed),
            Self::Provided(provided) => provided.region(request),
        }
    }
}

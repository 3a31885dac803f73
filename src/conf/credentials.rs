//! Credentials that stand in the configuration.
//!
//! They form groups: the nearest block that names any of them wins as a whole, so that a secret
//! key never signs for another block's access key. As with the C module, though, a signing key
//! and its scope may stand under an inherited access key.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use aws_sealing::{Identity, KeyCache, value};
use aws_signing::{CredentialScope, SigningKey, Timestamp};
use zeroize::Zeroizing;

use crate::ffi::conf::Position;
use crate::ffi::log::{Level, Log};
use crate::ffi::request::Request;
use crate::ffi::value::{Template, Value};

/// A secret key: never shown, wiped when it is dropped.
#[derive(Clone)]
pub(crate) enum SecretValue {
    Text(Zeroizing<Vec<u8>>),
    Template(Template),
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

/// A signing key that was derived elsewhere, good for the day of its scope.
#[derive(Clone)]
pub(crate) struct DerivedKey {
    key: SigningKey,
    /// When this worker last warned that it is not that day, as Unix time. Shared by all blocks
    /// that inherit the key.
    warned: Rc<Cell<Option<i64>>>,
}

impl DerivedKey {
    pub(crate) fn new(key: SigningKey) -> Self {
        Self {
            key,
            warned: Rc::default(),
        }
    }
}

/// A block's credential directives.
#[derive(Clone, Default)]
pub(crate) struct CredentialDirectives {
    pub(crate) access_key: Option<Value>,
    pub(crate) key_scope: Option<CredentialScope>,
    pub(crate) signing_key: Option<DerivedKey>,
    pub(crate) secret_key: Option<SecretValue>,
    pub(crate) session_token: Option<SecretValue>,
    /// Where the last of them stands.
    pub(crate) position: Option<Position>,
}

impl CredentialDirectives {
    /// Whether one of the C module's own kind, a pre-derived key or its scope, is named.
    pub(crate) fn names_signing_key(&self) -> bool {
        self.signing_key.is_some() || self.key_scope.is_some()
    }

    /// Takes from the outer block what this one may inherit.
    pub(super) fn inherit(&mut self, outer: &Self) {
        if self.position.is_none() {
            *self = outer.clone();
            return;
        }
        if self.secret_key.is_some() || (self.session_token.is_some() && !self.names_signing_key())
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

    /// The credentials, where they are complete.
    pub(super) fn resolve(
        &self,
        region: Option<&Value>,
        service: Option<&Value>,
    ) -> Result<Credentials, Incomplete> {
        let access_key = self.access_key.clone();
        if let Some(secret_key) = &self.secret_key {
            return Ok(Credentials {
                access_key: access_key.ok_or(Incomplete::AccessKey)?,
                session_token: self.session_token.clone(),
                source: KeySource::Secret {
                    secret_key: secret_key.clone(),
                    region: region.cloned().ok_or(Incomplete::Region)?,
                    service: service.cloned().unwrap_or(Value::Text((*b"s3").into())),
                    keys: RefCell::default(),
                },
            });
        }
        match (access_key, &self.signing_key, &self.key_scope) {
            (Some(access_key), Some(key), Some(scope)) => Ok(Credentials {
                access_key,
                session_token: self.session_token.clone(),
                source: KeySource::Derived {
                    key: key.clone(),
                    scope: scope.clone(),
                },
            }),
            (None, None, None) => Err(Incomplete::Nothing),
            (None, ..) => Err(Incomplete::AccessKey),
            (_, Some(_), None) => Err(Incomplete::KeyScope),
            (_, None, Some(_)) => Err(Incomplete::SigningKey),
            (_, None, None) => Err(Incomplete::SecretKey),
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
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => {
                "there are no credentials: add \"aws_access_key\", \"aws_secret_key_file\" and \
                 \"aws_region\""
            }
            Self::AccessKey => "\"aws_access_key\" is missing in the block of the key",
            Self::SecretKey => {
                "the key is missing: add \"aws_secret_key_file\", or \"aws_signing_key\" and \
                 \"aws_key_scope\", to the block of \"aws_access_key\""
            }
            Self::SigningKey => "\"aws_signing_key\" is missing beside \"aws_key_scope\"",
            Self::KeyScope => "\"aws_key_scope\" is missing beside \"aws_signing_key\"",
            Self::Region => {
                "\"aws_region\" is missing: a secret key signs for a region, such as eu-west-1"
            }
        })
    }
}

/// Complete credentials of a location.
pub(crate) struct Credentials {
    access_key: Value,
    session_token: Option<SecretValue>,
    source: KeySource,
}

/// Where signing keys come from.
enum KeySource {
    /// A key of the configuration.
    Derived {
        key: DerivedKey,
        scope: CredentialScope,
    },
    /// A secret key, from which each day's signing key is derived.
    Secret {
        secret_key: SecretValue,
        region: Value,
        service: Value,
        keys: RefCell<KeyCache>,
    },
}

/// Why a request cannot be signed with these credentials.
#[derive(Debug)]
pub(crate) enum CredentialsError {
    /// The request's pool has no memory.
    OutOfMemory,
    /// A variable's value is not what the directive takes.
    Invalid {
        directive: &'static str,
        reason: &'static str,
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
        }
    }
}

/// How long a worker keeps silent about a signing key of another day, in seconds.
const WARNING_INTERVAL: i64 = 3600;

impl Credentials {
    /// Whether they differ from request to request.
    pub(super) fn are_variable(&self) -> bool {
        self.access_key.as_text().is_none()
            || matches!(
                &self.source,
                KeySource::Secret {
                    secret_key: SecretValue::Template(_),
                    ..
                }
            )
    }

    /// Region and service where each signature has the same.
    pub(super) fn static_region(&self) -> Option<&[u8]> {
        match &self.source {
            KeySource::Derived { .. } => None,
            KeySource::Secret { region, .. } => region.as_text(),
        }
    }

    /// Whether the key was derived elsewhere, as with the C module.
    pub(super) fn are_derived(&self) -> bool {
        matches!(self.source, KeySource::Derived { .. })
    }

    /// Calls `sign` with who signs `request` now, `unix_time` seconds after the epoch.
    pub(crate) fn identify<T>(
        &self,
        request: &Request,
        now: &Timestamp,
        unix_time: i64,
        sign: impl FnOnce(&Identity<'_>) -> T,
    ) -> Result<T, CredentialsError> {
        let access_key = checked(
            &self.access_key,
            request,
            "aws_access_key",
            value::access_key,
        )?;
        let session_token = match &self.session_token {
            Some(token) => Some(secret(token, request, "aws_session_token")?),
            None => None,
        };

        match &self.source {
            KeySource::Derived { key, scope } => {
                if scope.date() != now.date() {
                    warn_of_stale_key(scope, now, unix_time, &key.warned, request.log());
                }
                Ok(sign(&Identity {
                    access_key,
                    session_token,
                    scope,
                    key: &key.key,
                }))
            }
            KeySource::Secret {
                secret_key,
                region,
                service,
                keys,
            } => {
                let secret_key = secret(secret_key, request, "aws_secret_key")?;
                let region = checked_str(region, request, "aws_region", value::region)?;
                let service = checked_str(service, request, "aws_service", value::service)?;
                let mut keys = keys.borrow_mut();
                let (scope, key) =
                    keys.get(secret_key, now.date(), region, service)
                        .map_err(|_| CredentialsError::Invalid {
                            directive: "aws_region",
                            reason: "it makes no credential scope",
                        })?;
                Ok(sign(&Identity {
                    access_key,
                    session_token,
                    scope,
                    key,
                }))
            }
        }
    }

    /// The service that requests are signed for, checked.
    pub(crate) fn service<'a>(&'a self, request: &'a Request) -> Result<&'a str, CredentialsError> {
        match &self.source {
            KeySource::Derived { scope, .. } => Ok(scope.service()),
            KeySource::Secret { service, .. } => {
                checked_str(service, request, "aws_service", value::service)
            }
        }
    }

    /// The service, where each signature has the same.
    pub(super) fn static_service(&self) -> Option<&[u8]> {
        match &self.source {
            KeySource::Derived { scope, .. } => Some(scope.service().as_bytes()),
            KeySource::Secret { service, .. } => service.as_text(),
        }
    }

    /// The region that requests are signed for, checked.
    pub(crate) fn region<'a>(&'a self, request: &'a Request) -> Result<&'a str, CredentialsError> {
        match &self.source {
            KeySource::Derived { scope, .. } => Ok(scope.region()),
            KeySource::Secret { region, .. } => {
                checked_str(region, request, "aws_region", value::region)
            }
        }
    }
}

fn warn_of_stale_key(
    scope: &CredentialScope,
    now: &Timestamp,
    unix_time: i64,
    warned: &Cell<Option<i64>>,
    log: Log,
) {
    if warned
        .get()
        .is_some_and(|last| (0..WARNING_INTERVAL).contains(&(unix_time - last)))
    {
        return;
    }
    warned.set(Some(unix_time));
    log.write(
        Level::Warn,
        format_args!(
            "the key in \"aws_signing_key\" was made for {}, but today is {} (UTC), so AWS \
             refuses it: put today's in place (generate_signing_key), or use \
             \"aws_secret_key_file\"",
            scope.date(),
            now.date()
        ),
    );
}

/// The value for this request. What is constant has been checked when it was read.
pub(crate) fn checked<'a>(
    value: &'a Value,
    request: &'a Request,
    directive: &'static str,
    check: fn(&[u8]) -> Result<(), value::ValueError>,
) -> Result<&'a [u8], CredentialsError> {
    let text = value
        .evaluate(request)
        .ok_or(CredentialsError::OutOfMemory)?;
    if value.as_text().is_none() {
        check(text).map_err(|reason| CredentialsError::Invalid { directive, reason })?;
    }
    Ok(text)
}

fn checked_str<'a>(
    value: &'a Value,
    request: &'a Request,
    directive: &'static str,
    check: fn(&[u8]) -> Result<(), value::ValueError>,
) -> Result<&'a str, CredentialsError> {
    let text = checked(value, request, directive, check)?;
    // The checks let ASCII through only.
    std::str::from_utf8(text).map_err(|_| CredentialsError::Invalid {
        directive,
        reason: "it is not ASCII",
    })
}

fn secret<'a>(
    value: &'a SecretValue,
    request: &'a Request,
    directive: &'static str,
) -> Result<&'a [u8], CredentialsError> {
    match value {
        SecretValue::Text(text) => Ok(text),
        SecretValue::Template(template) => {
            let text = template
                .evaluate(request)
                .ok_or(CredentialsError::OutOfMemory)?;
            value::secret(text)
                .map_err(|reason| CredentialsError::Invalid { directive, reason })?;
            Ok(text)
        }
    }
}

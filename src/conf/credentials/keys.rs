//! Keys in the configuration.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use aws_sealing::{Identity, Key, KeyCache, Version, value};
use aws_signing::{CredentialScope, ScopeError, SigningKey, Timestamp, v2};

use super::CredentialsError;
use super::key_files::{Secret, Variable};
use crate::ffi::http::request::Request;
use crate::ffi::http::value::{Template, Value};
use crate::ffi::process::log::{Level, Log};

/// A secret key: never shown, wiped when it is dropped.
#[derive(Clone)]
pub(crate) enum SecretValue {
    Text(Secret),
    Template(Template),
    /// In a file that a variable names.
    File(Variable),
}

impl SecretValue {
    /// Whether it differs from request to request.
    pub(super) fn is_variable(&self) -> bool {
        !matches!(self, Self::Text(_))
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

/// A signing key that was derived outside of nginx, valid for the day of its scope.
#[derive(Clone)]
pub(crate) struct DerivedKey {
    key: SigningKey,
    /// When this worker last warned that today is not that day, as Unix time. Shared by all blocks
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

/// Keys in the configuration.
pub(crate) struct Keys {
    pub(super) access_key: Value,
    pub(super) session_token: Option<SecretValue>,
    pub(super) source: KeySource,
}

/// Where signing keys come from.
pub(super) enum KeySource {
    /// A key in the configuration.
    Derived {
        key: DerivedKey,
        scope: Rc<CredentialScope>,
    },
    /// A secret key, from which each day's signing key is derived.
    Secret {
        secret_key: SecretValue,
        region: Value,
        /// S3 if it is not set.
        service: Option<Value>,
        keys: RefCell<KeyCache>,
    },
    /// A secret key that signs directly, with Version 2.
    SecretV2 {
        secret_key: SecretValue,
        region: Option<Value>,
    },
}

/// How long a worker does not repeat the warning about a signing key of another day, in seconds.
const WARNING_INTERVAL: i64 = 3600;

impl Keys {
    /// Whether the key was derived outside of nginx.
    pub(super) fn are_derived(&self) -> bool {
        matches!(self.source, KeySource::Derived { .. })
    }

    /// The version of the signatures.
    pub(super) fn version(&self) -> Version {
        match self.source {
            KeySource::Derived { .. } | KeySource::Secret { .. } => Version::V4,
            KeySource::SecretV2 { .. } => Version::V2,
        }
    }

    /// Whether they differ from request to request.
    pub(super) fn are_variable(&self) -> bool {
        let secret_is_variable = match &self.source {
            KeySource::Derived { .. } => false,
            KeySource::Secret { secret_key, .. } | KeySource::SecretV2 { secret_key, .. } => {
                secret_key.is_variable()
            }
        };
        secret_is_variable || self.access_key.as_text().is_none()
    }

    pub(super) fn identify<T>(
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
                    expires_at: None,
                    key: Key::V4 {
                        scope,
                        key: &key.key,
                    },
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
                let service = checked_service(service.as_ref(), request)?;
                let mut keys = keys.borrow_mut();
                let (scope, key) = keys.get(secret_key, now.date(), region, service).map_err(
                    |error| match error {
                        ScopeError::OutOfMemory => CredentialsError::OutOfMemory,
                        _ => CredentialsError::Invalid {
                            directive: "aws_region",
                            reason: "it does not make a valid credential scope",
                        },
                    },
                )?;
                Ok(sign(&Identity {
                    access_key,
                    session_token,
                    expires_at: None,
                    key: Key::V4 { scope, key },
                }))
            }
            KeySource::SecretV2 { secret_key, .. } => {
                let secret_key = secret(secret_key, request, "aws_secret_key")?;
                Ok(sign(&Identity {
                    access_key,
                    session_token,
                    expires_at: None,
                    key: Key::V2(&v2::SecretKey::new(secret_key)),
                }))
            }
        }
    }

    /// The service that requests are signed for, checked.
    pub(super) fn service<'a>(&'a self, request: &'a Request) -> Result<&'a str, CredentialsError> {
        match &self.source {
            KeySource::Derived { scope, .. } => Ok(scope.service()),
            KeySource::Secret { service, .. } => checked_service(service.as_ref(), request),
            KeySource::SecretV2 { .. } => Ok("s3"),
        }
    }

    /// The service, if it is the same for all signatures.
    pub(super) fn static_service(&self) -> Option<&[u8]> {
        match &self.source {
            KeySource::Derived { scope, .. } => Some(scope.service().as_bytes()),
            KeySource::Secret { service, .. } => match service {
                Some(service) => service.as_text(),
                None => Some(b"s3"),
            },
            KeySource::SecretV2 { .. } => Some(b"s3"),
        }
    }

    pub(super) fn region<'a>(&'a self, request: &'a Request) -> Result<&'a str, CredentialsError> {
        match &self.source {
            KeySource::Derived { scope, .. } => Ok(scope.region()),
            KeySource::Secret { region, .. }
            | KeySource::SecretV2 {
                region: Some(region),
                ..
            } => checked_str(region, request, "aws_region", value::region),
            // If there is none, the endpoint has been chosen without a region.
            KeySource::SecretV2 { region: None, .. } => Err(CredentialsError::Invalid {
                directive: "aws_region",
                reason: "there is none",
            }),
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
             rejects it: replace it with the key of today (generate_signing_key), or use \
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

pub(super) fn checked_str<'a>(
    value: &'a Value,
    request: &'a Request,
    directive: &'static str,
    check: fn(&[u8]) -> Result<(), value::ValueError>,
) -> Result<&'a str, CredentialsError> {
    let text = checked(value, request, directive, check)?;
    // The checks accept ASCII only.
    std::str::from_utf8(text).map_err(|_| CredentialsError::Invalid {
        directive,
        reason: "it is not ASCII",
    })
}

/// `aws_service`, by default S3.
fn checked_service<'a>(
    service: Option<&'a Value>,
    request: &'a Request,
) -> Result<&'a str, CredentialsError> {
    match service {
        Some(service) => checked_str(service, request, "aws_service", value::service),
        None => Ok("s3"),
    }
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
        SecretValue::File(variable) => {
            let name = variable
                .template()
                .evaluate(request)
                .ok_or(CredentialsError::OutOfMemory)?;
            let key = variable.key(name).ok_or(CredentialsError::Invalid {
                directive: "aws_secret_key_file",
                reason: "it is not a file name in its \"map\"",
            })?;
            Ok(key)
        }
    }
}

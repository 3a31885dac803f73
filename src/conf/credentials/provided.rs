//! Credentials of a provider: `aws_credentials`.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use aws_sealing::{Identity, Version, value};
use aws_signing::Timestamp;

use super::keys::checked_str;
use super::{CredentialsError, Incomplete};
use crate::ffi::http::request::Request;
use crate::ffi::http::value::Value;
use crate::renewal::providers::{Provider, Providers};
use crate::renewal::snapshot::SigningContext;

/// A location's `aws_credentials`, with the service and region to sign for.
pub(crate) struct Provided {
    name: Value,
    providers: Rc<Providers>,
    region: Option<Value>,
    service: Option<Value>,
    version: Version,
}

impl Provided {
    /// A constant `name` has been looked up.
    pub(super) fn new(
        name: &Value,
        providers: &Rc<Providers>,
        region: Option<&Value>,
        service: Option<&Value>,
        version: Version,
    ) -> Result<Self, Incomplete> {
        let found = name.as_text().and_then(|name| providers.find(name));
        match (
            version,
            found.map(|provider| provider.yields_signing_keys()),
        ) {
            (Version::V4, Some(false)) if region.is_none() => return Err(Incomplete::Region),
            (Version::V2, Some(true)) => return Err(Incomplete::DerivedForV2),
            _ => {}
        }
        Ok(Self {
            name: name.clone(),
            providers: Rc::clone(providers),
            region: region.cloned(),
            service: service.cloned(),
            version,
        })
    }

    /// Whether the provider differs from request to request.
    pub(super) fn is_variable(&self) -> bool {
        self.name.as_text().is_none()
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// The provider of this request.
    pub(crate) fn provider(&self, request: &Request) -> Result<&Rc<Provider>, CredentialsError> {
        let name = self.name.evaluate(request);
        let name = name.ok_or(CredentialsError::OutOfMemory)?;
        self.providers
            .find(name)
            .ok_or_else(|| CredentialsError::UnknownProvider(Shown::new(name)))
    }

    /// Calls `sign` with who signs `request` now, `unix_time` seconds after the epoch.
    pub(super) fn identify<T>(
        &self,
        request: &Request,
        now: &Timestamp,
        unix_time: i64,
        sign: impl FnOnce(&Identity<'_>) -> T,
    ) -> Result<T, CredentialsError> {
        let provider = self.provider(request)?;
        let region = self.region.as_ref();
        let service = self.service.as_ref();
        let context = SigningContext {
            version: self.version,
            unix_time,
            date: now.date(),
            region: region
                .map(|region| checked_str(region, request, "aws_region", value::region))
                .transpose()?,
            service: service
                .map(|service| checked_str(service, request, "aws_service", value::service))
                .transpose()?,
        };
        let signed = provider.snapshot().identify(context, sign);
        signed.map_err(|reason| CredentialsError::Unavailable {
            provider: Rc::clone(provider),
            reason,
        })
    }

    /// The service that requests are signed for, as far as it is known.
    pub(super) fn service<'a>(
        &'a self,
        request: &'a Request,
    ) -> Result<Cow<'a, str>, CredentialsError> {
        if self.version == Version::V2 {
            return Ok(Cow::Borrowed("s3"));
        }
        if let Some(service) = &self.service {
            return checked_str(service, request, "aws_service", value::service).map(Cow::Borrowed);
        }
        let scope = self.provider(request)?.snapshot().derived_scope();
        Ok(scope.map_or(Cow::Borrowed("s3"), |scope| {
            Cow::Owned(scope.service().to_owned())
        }))
    }

    /// The service, if it is the same for all signatures.
    pub(super) fn static_service(&self) -> Option<&[u8]> {
        match &self.service {
            _ if self.version == Version::V2 => Some(b"s3"),
            Some(service) => service.as_text(),
            // Signing keys have their own.
            None => self.region.is_some().then_some(b"s3"),
        }
    }

    /// The region that requests are signed for.
    pub(super) fn region<'a>(
        &'a self,
        request: &'a Request,
    ) -> Result<Cow<'a, str>, CredentialsError> {
        if let Some(region) = &self.region {
            return checked_str(region, request, "aws_region", value::region).map(Cow::Borrowed);
        }
        let provider = self.provider(request)?;
        let scope = provider.snapshot().derived_scope();
        scope
            .map(|scope| Cow::Owned(scope.region().to_owned()))
            .ok_or_else(|| CredentialsError::Unavailable {
                provider: Rc::clone(provider),
                reason: crate::renewal::snapshot::UnavailableReason::NotYet,
            })
    }
}

/// A name from a variable, short and printable, for a log line.
#[derive(Debug)]
pub(crate) struct Shown(String);

impl Shown {
    /// How many bytes are shown.
    const LENGTH: usize = 64;

    fn new(name: &[u8]) -> Self {
        let shown = &name[..name.len().min(Self::LENGTH)];
        Self(shown.escape_ascii().to_string())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

//! Waiting for the first credentials, and for the first tokens.
//!
//! A provider may not have been asked yet, or not have answered: the first requests wait for it,
//! but not for long. Those that come when the last credentials have expired and renewing them fails
//! do not wait. Where a cache may answer they neither wait nor are refused; what has to be fetched after
//! all is refused when it is about to be sent.

use std::fmt;
use std::rc::Rc;

use nginx_sys::{
    NGX_AGAIN, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_HTTP_SERVICE_UNAVAILABLE, ngx_int_t,
};

use crate::conf::{Credentials, CredentialsError, Plan, RequiredTokens};
use crate::ffi::http::phase::PhaseRequest;
use crate::ffi::http::request::Request;
use crate::ffi::http::waiting::Waiting;
use crate::ffi::process::log::Level;
use crate::renewal::providers::Provider;
use crate::renewal::snapshot::UnavailableReason;
use crate::renewal::tokens::{Missing, Token};

/// What a client is told to wait before it comes again, in seconds.
const RETRY_AFTER: &[u8] = b"1";

/// What a request cannot do without.
#[derive(Clone, Copy)]
struct Needed<'a> {
    tokens: &'a [Rc<Token>],
    provider: Option<&'a Rc<Provider>>,
}

/// What is not there.
enum Lack {
    Credentials(Rc<Provider>, UnavailableReason),
    Token(Rc<Token>, Missing),
}

/// Answers where credentials or tokens are missing, and where the request is to wait for them.
pub(super) fn await_needed(
    request: &PhaseRequest<'_>,
    required: Option<&RequiredTokens>,
    plan: Option<&Plan>,
) -> Option<ngx_int_t> {
    let mut needed = Needed {
        tokens: &[],
        provider: None,
    };
    let mut timeout = 0;
    // No cache may answer a request that bypasses it.
    let bypasses = plan.is_some_and(|plan| plan.has_cache && plan.bypasses_cache(request));
    if let Some(required) = required.filter(|required| !required.has_cache || bypasses) {
        needed.tokens = &required.tokens;
        timeout = required.timeout;
    }
    if let Some(plan) = plan.filter(|plan| !plan.has_cache || bypasses) {
        timeout = plan.credentials_timeout;
        let provider = match &plan.credentials {
            Ok(Credentials::Provided(provided)) => provided.provider(request).map(Some),
            Ok(Credentials::Static(_)) => Ok(None),
            Err(missing) => {
                let line = format_args!("nothing can be signed: {missing}");
                return refuse(request, line, false);
            }
        };
        match provider {
            Ok(provider) => needed.provider = provider,
            Err(error) => {
                let line = format_args!("nothing can be signed: {error}");
                return refuse(request, line, false);
            }
        }
    }
    if needed.tokens.is_empty() && needed.provider.is_none() {
        return None;
    }

    let Some(lack) = needed.first_lack() else {
        request.stop_waiting();
        return None;
    };
    match request.waiting() {
        Waiting::Yes => Some(NGX_AGAIN as ngx_int_t),
        Waiting::TooLong => {
            request.stop_waiting();
            refuse(request, format_args!("{lack}"), true)
        }
        Waiting::No if timeout == 0 || lack.may_last() => {
            refuse(request, format_args!("{lack}"), true)
        }
        Waiting::No => {
            let tokens = needed.tokens.to_vec();
            let provider = needed.provider.cloned();
            let ready = move || {
                let needed = Needed {
                    tokens: &tokens,
                    provider: provider.as_ref(),
                };
                needed.first_lack().is_none()
            };
            Some(if request.wait(timeout, ready) {
                NGX_AGAIN as ngx_int_t
            } else {
                NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t
            })
        }
    }
}

impl Needed<'_> {
    fn first_lack(self) -> Option<Lack> {
        let now = nginx_sys::ngx_time();
        let missing = |token: &Rc<Token>| {
            let why = token.missing(now)?;
            Some(Lack::Token(Rc::clone(token), why))
        };
        self.tokens.iter().find_map(missing).or_else(|| {
            let provider = self.provider?;
            let reason = provider.snapshot().unavailable(now)?;
            Some(Lack::Credentials(Rc::clone(provider), reason))
        })
    }
}

impl Lack {
    /// Nothing is at hand any more, and nothing new can be had.
    fn may_last(&self) -> bool {
        match self {
            Self::Credentials(_, UnavailableReason::NotYet) | Self::Token(_, Missing::NotYet) => {
                false
            }
            Self::Credentials(provider, _) => provider.refreshable().is_failing(),
            Self::Token(token, Missing::Expired) => token.refreshable().is_failing(),
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials(provider, reason) => {
                let error = CredentialsError::Unavailable {
                    provider: Rc::clone(provider),
                    reason: *reason,
                };
                write!(f, "nothing can be signed: {error}")
            }
            Self::Token(token, why) => {
                let name = token.name();
                write!(
                    f,
                    "nothing can be sent: token \"{name}\" is required, and {why}"
                )
            }
        }
    }
}

fn refuse(request: &Request, reason: fmt::Arguments<'_>, may_pass: bool) -> Option<ngx_int_t> {
    request.log().write(Level::Error, reason);
    if may_pass && !request.add_response_header("Retry-After", RETRY_AFTER) {
        return Some(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t);
    }
    Some(NGX_HTTP_SERVICE_UNAVAILABLE as ngx_int_t)
}

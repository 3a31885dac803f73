//! Waiting for the first credentials and the first tokens.
//!
//! If a provider has not been asked yet, or has not responded, the first requests wait for it for a
//! short time. Requests do not wait when the last credentials have expired and refreshing them
//! fails. If a cache can respond, they neither wait nor are rejected; what has to be fetched after
//! all is rejected when it is about to be sent.

use std::rc::Rc;

use nginx_sys::{NGX_AGAIN, ngx_int_t};

use super::counting::count_wait;
use super::not_ready::NotReady;
use super::rejection::Rejection;
use crate::conf::{Credentials, Plan, RequiredTokens};
use crate::ffi::http::phase::PhaseRequest;
use crate::ffi::http::waiting::Waiting;
use crate::renewal::providers::Provider;
use crate::renewal::tokens::Token;

/// What nginx does next with a request that is not rejected.
pub(super) enum Step {
    GoOn,
    /// nginx runs the request's phases again later. The phase handler returns this code.
    Suspend(ngx_int_t),
}

/// What a request requires.
#[derive(Clone, Copy)]
struct Needed<'a> {
    tokens: &'a [Rc<Token>],
    provider: Option<&'a Rc<Provider>>,
}

/// Has the request wait for credentials or tokens that are missing, and rejects it if that takes
/// too long or cannot succeed.
pub(super) fn await_needed(
    request: &PhaseRequest<'_>,
    required: Option<&RequiredTokens>,
    plan: Option<&Plan>,
) -> Result<Step, Rejection<'static>> {
    let mut needed = Needed {
        tokens: &[],
        provider: None,
    };
    let mut timeout = 0;
    // No cache may respond to a request that bypasses it.
    let bypasses = plan.is_some_and(|plan| plan.has_cache && plan.bypasses_cache(request));
    if let Some(required) = required.filter(|required| !required.has_cache || bypasses) {
        needed.tokens = &required.tokens;
        timeout = required.timeout;
    }
    if let Some(plan) = plan.filter(|plan| !plan.has_cache || bypasses) {
        timeout = plan.credentials_timeout;
        needed.provider = match &plan.credentials {
            Ok(Credentials::Provided(provided)) => Some(provided.provider(request)?),
            Ok(Credentials::Static(_)) => None,
            Err(missing) => return Err(Rejection::NoCredentials(*missing)),
        };
    }
    if needed.tokens.is_empty() && needed.provider.is_none() {
        return Ok(Step::GoOn);
    }

    let Some(missing) = needed.first_missing() else {
        stop_waiting(request);
        return Ok(Step::GoOn);
    };
    match request.waiting() {
        Waiting::Yes => Ok(Step::Suspend(NGX_AGAIN as ngx_int_t)),
        Waiting::TooLong => {
            stop_waiting(request);
            Err(Rejection::NotReady(missing))
        }
        Waiting::No if timeout == 0 || missing.may_last() => Err(Rejection::NotReady(missing)),
        Waiting::No => {
            let tokens = needed.tokens.to_vec();
            let provider = needed.provider.cloned();
            let ready = move || {
                let needed = Needed {
                    tokens: &tokens,
                    provider: provider.as_ref(),
                };
                needed.first_missing().is_none()
            };
            match request.wait(timeout, ready) {
                true => Ok(Step::Suspend(NGX_AGAIN as ngx_int_t)),
                false => Err(Rejection::OutOfMemory),
            }
        }
    }
}

fn stop_waiting(request: &PhaseRequest<'_>) {
    if let Some(waited) = request.stop_waiting() {
        count_wait(request, waited);
    }
}

impl Needed<'_> {
    fn first_missing(self) -> Option<NotReady> {
        let now = nginx_sys::ngx_time();
        let missing = |token: &Rc<Token>| {
            let why = token.missing(now)?;
            Some(NotReady::Token(Rc::clone(token), why))
        };
        self.tokens.iter().find_map(missing).or_else(|| {
            let provider = self.provider?;
            let reason = provider.snapshot().unavailable(now)?;
            Some(NotReady::Credentials(Rc::clone(provider), reason))
        })
    }
}

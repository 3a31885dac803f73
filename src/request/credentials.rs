//! Waiting for the first credentials.
//!
//! A provider may not have been asked yet, or not have answered: the first requests wait for it,
//! but not for long. Those that come when the last credentials have expired and renewing them fails
//! do not wait. Where a cache may answer they neither wait nor are refused; seal refuses what
//! has to be fetched after all.

use std::rc::Rc;

use nginx_sys::{
    NGX_AGAIN, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_HTTP_SERVICE_UNAVAILABLE, ngx_int_t,
};

use crate::conf::{Credentials, CredentialsError, Plan};
use crate::ffi::log::Level;
use crate::ffi::request::Request;
use crate::ffi::waiting::Waiting;
use crate::store::Unavailable;

/// What a client is told to wait before it comes again, in seconds.
const RETRY_AFTER: &[u8] = b"1";

/// Answers where there are no credentials and where the request is to wait for them.
pub(super) fn await_credentials(request: &Request, plan: &Plan) -> Option<ngx_int_t> {
    if plan.has_cache {
        return None;
    }
    let provided = match &plan.credentials {
        Ok(Credentials::Provided(provided)) => provided,
        Ok(Credentials::Static(_)) => return None,
        Err(missing) => return refuse(request, format_args!("{missing}"), false),
    };
    let provider = match provided.provider(request) {
        Ok(provider) => provider,
        Err(error) => return refuse(request, format_args!("{error}"), false),
    };

    let Some(reason) = provider.store().unavailable(nginx_sys::ngx_time()) else {
        request.stop_waiting();
        return None;
    };
    let refuse_for_now = || {
        let provider = Rc::clone(provider);
        let error = CredentialsError::Unavailable { provider, reason };
        refuse(request, format_args!("{error}"), true)
    };
    match request.waiting() {
        Waiting::Yes => Some(NGX_AGAIN as ngx_int_t),
        Waiting::TooLong => {
            request.stop_waiting();
            refuse_for_now()
        }
        Waiting::No if plan.credentials_timeout == 0 => refuse_for_now(),
        // Nothing is at hand any more, and nothing new can be had: that may last.
        Waiting::No if reason != Unavailable::NotYet && provider.renewal().is_failing() => {
            refuse_for_now()
        }
        Waiting::No => {
            let awaited = Rc::clone(provider);
            let ready = move || awaited.store().unavailable(nginx_sys::ngx_time()).is_none();
            Some(if request.wait(plan.credentials_timeout, Box::new(ready)) {
                NGX_AGAIN as ngx_int_t
            } else {
                NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t
            })
        }
    }
}

fn refuse(request: &Request, reason: std::fmt::Arguments<'_>, may_pass: bool) -> Option<ngx_int_t> {
    request.log().write(
        Level::Error,
        format_args!("nothing can be signed: {reason}"),
    );
    if may_pass && !request.add_response_header("Retry-After", RETRY_AFTER) {
        return Some(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t);
    }
    Some(NGX_HTTP_SERVICE_UNAVAILABLE as ngx_int_t)
}

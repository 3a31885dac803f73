//! The module's filters for heads, early hints, and bodies of responses.

use std::cell::RefCell;

use nginx_sys::{NGX_ERROR, ngx_int_t, ngx_module_t};

use super::{location_conf, location_plan, ngx_http_aws_auth_module, plan};
use crate::conf::{LocationConf, Plans};
use crate::ffi::http::request::Request;
use crate::ffi::http::response::{Response, ResponseContext};
use crate::ffi::http::response_body::Chain;
use crate::ffi::http::response_filters::HeadIs;
use crate::request::{self, ErrorResponse};

// SAFETY: this module has no other contexts.
unsafe impl ResponseContext for ErrorResponse {
    fn module() -> *const ngx_module_t {
        &raw const ngx_http_aws_auth_module
    }
}

/// Processes the head of a response.
pub(super) fn head(request: &Request) -> Result<HeadIs, ()> {
    let response = Response(request);
    if location_conf(request).is_some_and(LocationConf::may_reject) {
        response.close_unless_body_comes();
    }
    request::redact_headers(request).map_err(|_| ())?;
    if !response.is_error() {
        return Ok(HeadIs::Passed);
    }
    // A response that may contain secrets is not sent.
    let plan = plan(request, Plans::for_sent);
    let Some(error) = request::filter_error_head(request, plan)? else {
        return Ok(HeadIs::Passed);
    };
    let head = match error.holds_head() {
        true => HeadIs::Held,
        false => HeadIs::Passed,
    };
    response.set_context(error).ok_or(())?;
    Ok(head)
}

/// Processes early hints, which come before the head of a response.
pub(super) fn early_hints(request: &Request) -> Result<(), ()> {
    request::redact_headers(request).map_err(|_| ())
}

/// Processes the body of a response.
pub(super) fn body(request: &Request, chain: Chain<'_>) -> ngx_int_t {
    let response = Response(request);
    if response.may_have_signed_target() && request::redact_trailers(request, &chain).is_err() {
        return NGX_ERROR as ngx_int_t;
    }
    let Some(error) = response
        .context::<ErrorResponse>()
        .filter(|_| !chain.is_empty())
    else {
        return chain.pass();
    };
    // The filters that this one calls do not call it again, except for a response of nginx's own,
    // which has no such context.
    let Ok(mut error) = RefCell::try_borrow_mut(error) else {
        return NGX_ERROR as ngx_int_t;
    };
    let plan = location_plan(request, Plans::for_sent);
    request::filter_error_body(request, plan, &mut error, &chain)
}

//! Precontent phase: the client is authenticated, and its request is about to be served. What can
//! be refused with a proper status is refused here; seal can only let a request fail.
//!
//! Does admit's work once more, since the access phase is skipped in subrequests and cut short by
//! `satisfy any`.

use aws_sealing::{deputy, method};
use nginx_sys::{
    NGX_DECLINED, NGX_HTTP_FORBIDDEN, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_HTTP_NOT_IMPLEMENTED,
    NGX_HTTP_SERVICE_UNAVAILABLE, ngx_int_t,
};

use super::admit::refuse_method;
use crate::conf::Plan;
use crate::ffi::log::Level;
use crate::ffi::request::Request;

pub(crate) fn prepare(request: &Request, plan: &Plan) -> ngx_int_t {
    refuse_method(request, plan)
        .or_else(|| refuse_header(request, plan))
        .or_else(|| refuse_body(request))
        .or_else(|| refuse_without_credentials(request, plan))
        .unwrap_or(NGX_DECLINED as ngx_int_t)
}

/// Dropping a header from a request that writes would change what the client asked for.
fn refuse_header(request: &Request, plan: &Plan) -> Option<ngx_int_t> {
    if method::is_safe(request.method()) {
        return None;
    }
    let Some(headers) = request.client_headers() else {
        return Some(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t);
    };
    let names = headers.iter().map(|header| header.name);
    let name = deputy::first_refused(names, &plan.policy.pass_headers)?;
    request.log().write(
        Level::Error,
        format_args!(
            "the client's header \"{}\" is not passed on: list it in \"aws_pass_headers\", or \
             have the client leave it out",
            name.escape_ascii()
        ),
    );
    Some(NGX_HTTP_FORBIDDEN as ngx_int_t)
}

fn refuse_body(request: &Request) -> Option<ngx_int_t> {
    if !request.announces_body() {
        return None;
    }
    if request.method_was_replaced() {
        // Another method's body: nobody asks for it.
        return request.discard_body().err();
    }
    request.log().write(
        Level::Error,
        format_args!(
            "{} with a body: bodies cannot be signed yet, so the request is refused",
            request.method().escape_ascii()
        ),
    );
    Some(NGX_HTTP_NOT_IMPLEMENTED as ngx_int_t)
}

/// A cached object can be served without credentials; seal refuses what has to be fetched.
fn refuse_without_credentials(request: &Request, plan: &Plan) -> Option<ngx_int_t> {
    let missing = plan
        .credentials
        .as_ref()
        .err()
        .filter(|_| !plan.has_cache)?;
    request.log().write(
        Level::Error,
        format_args!("nothing can be signed: {missing}"),
    );
    Some(NGX_HTTP_SERVICE_UNAVAILABLE as ngx_int_t)
}

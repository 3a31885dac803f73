//! Access phase: may this method be signed at all?
//!
//! Policy only. The answer is never NGX_OK, which under `satisfy any` would let in whom
//! `auth_basic` keeps out; and nothing is done that costs anything, since a dynamic module's
//! access handler runs before nginx's own, that is before the client is known.

use nginx_sys::{NGX_DECLINED, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_HTTP_NOT_ALLOWED, ngx_int_t};

use crate::conf::Plan;
use crate::ffi::http::request::Request;

pub(crate) fn admit(request: &Request, plan: &Plan) -> ngx_int_t {
    refuse_method(request, plan).unwrap_or(NGX_DECLINED as ngx_int_t)
}

/// 405 with an Allow header, for a method that is not signed here.
pub(super) fn refuse_method(request: &Request, plan: &Plan) -> Option<ngx_int_t> {
    let methods = plan.policy.methods;
    if methods.contains(request.method()) {
        return None;
    }
    Some(
        if request.add_response_header("Allow", methods.to_string().as_bytes()) {
            NGX_HTTP_NOT_ALLOWED as ngx_int_t
        } else {
            NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t
        },
    )
}

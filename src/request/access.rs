//! Access phase: rejects methods that are not signed here.
//!
//! Policy only. The handler never returns NGX_OK, which under `satisfy any` would admit clients
//! that `auth_basic` rejects. It does no costly work, since a dynamic module's access handler runs
//! before nginx's own, when the client is not authenticated yet.

use nginx_sys::{NGX_DECLINED, ngx_int_t};

use super::rejection::Rejection;
use crate::conf::Plan;
use crate::ffi::http::request::Request;

/// The access phase of a request that is to be signed.
pub(crate) fn check_access(request: &Request, plan: &Plan) -> ngx_int_t {
    match check_method(request, plan) {
        Ok(()) => NGX_DECLINED as ngx_int_t,
        Err(rejection) => rejection.reject(request),
    }
}

/// Rejects a method that is not signed here: 405 with an Allow header.
pub(super) fn check_method(request: &Request, plan: &Plan) -> Result<(), Rejection<'static>> {
    let methods = plan.policy.methods;
    match methods.contains(request.method()) {
        true => Ok(()),
        false => Err(Rejection::Method(methods)),
    }
}

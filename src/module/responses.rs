//! What nginx calls with a response on its way to a client: our filters of heads, early hints and bodies.

use nginx_sys::{NGX_ERROR, NGX_OK, ngx_chain_t, ngx_http_request_t, ngx_int_t};

use super::{location_conf, location_plan, plan};
use crate::conf::{LocationConf, Plans};
use crate::ffi;
use crate::ffi::http::request::Request;
use crate::ffi::http::response::Response;
use crate::ffi::http::response_body::Chain;
use crate::ffi::process::guard::guard;
use crate::ffi::this_module::this_module;
use crate::request::{self, Refusal};

/// Sees the head of an answer.
///
/// # Safety
/// Called by nginx only.
pub(super) unsafe extern "C" fn response_header(r: *mut ngx_http_request_t) -> ngx_int_t {
    let clean = guard(Err(()), || {
        // SAFETY: live during this call, and so below.
        let request = unsafe { Request::from_ptr(r) }.ok_or(())?;
        if location_conf(&request).is_some_and(LocationConf::may_reject) {
            Response(&request).close_unless_body_comes();
        }
        request::remove_echo(&request).map_err(|_| ())
    });
    if clean.is_err() {
        return NGX_ERROR as ngx_int_t;
    }
    // SAFETY: as above.
    unsafe {
        if !ffi::http::response::is_error(r) {
            return ffi::http::response::pass_head(r);
        }
    }
    let refusal = guard(Err(()), || {
        // SAFETY: as above.
        let request = unsafe { Request::from_ptr(r) }.ok_or(())?;
        let plan = plan(&request, Plans::of_sent);
        let Some(refusal) = request::filter_refusal(&request, plan)? else {
            return Ok(false);
        };
        let holds_head = refusal.holds_head();
        let refusal = request.keep(refusal).ok_or(())?;
        Response(&request).set_context(this_module(), refusal);
        Ok(holds_head)
    });
    match refusal {
        Ok(true) => NGX_OK as ngx_int_t,
        // SAFETY: as above.
        Ok(false) => unsafe { ffi::http::response::pass_head(r) },
        // What may hold secrets is not sent.
        Err(()) => NGX_ERROR as ngx_int_t,
    }
}

/// Sees early hints, which come before the head of an answer.
///
/// # Safety
/// Called by nginx only.
pub(super) unsafe extern "C" fn early_hints(r: *mut ngx_http_request_t) -> ngx_int_t {
    let clean = guard(Err(()), || {
        // SAFETY: live during this call, and so below.
        let request = unsafe { Request::from_ptr(r) }.ok_or(())?;
        request::remove_echo(&request).map_err(|_| ())
    });
    match clean {
        // SAFETY: as above.
        Ok(()) => unsafe { ffi::http::response::pass_early_hints(r) },
        Err(()) => NGX_ERROR as ngx_int_t,
    }
}

/// Sees the body of an answer.
///
/// # Safety
/// Called by nginx only.
pub(super) unsafe extern "C" fn response_body(
    r: *mut ngx_http_request_t,
    chain: *mut ngx_chain_t,
) -> ngx_int_t {
    // SAFETY: live during this call; our contexts are refusals. Nobody else refers to this one: the
    // filters that we call do not come back here, but for an answer of nginx's own, which has none.
    let refusal = unsafe { ffi::http::response::context::<Refusal>(r, this_module()) };
    let clean = guard(Err(()), || {
        // SAFETY: as above.
        let request = unsafe { Request::from_ptr(r) }.ok_or(())?;
        if !Response(&request).may_have_signed_target() {
            return Ok(());
        }
        // SAFETY: as nginx hands it over.
        let chain = unsafe { Chain::new(Response(&request), chain) };
        request::remove_echo_from_trailers(&request, &chain).map_err(|_| ())
    });
    if clean.is_err() {
        return NGX_ERROR as ngx_int_t;
    }
    let refusal = match refusal {
        Some(refusal) if !chain.is_null() => refusal,
        // SAFETY: as above.
        _ => return unsafe { ffi::http::response::pass_body(r, chain) },
    };
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY: as above.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else {
            return NGX_ERROR as ngx_int_t;
        };
        // SAFETY: as nginx hands it over.
        let chain = unsafe { Chain::new(Response(&request), chain) };
        let plan = location_plan(&request, Plans::of_sent);
        request::filter_refusal_body(&request, plan, refusal, &chain)
    })
}

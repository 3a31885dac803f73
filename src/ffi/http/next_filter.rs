//! The response filters after the module's own.

use std::cell::Cell;

use nginx_sys::{NGX_ERROR, ngx_chain_t, ngx_http_request_t, ngx_int_t};

thread_local! {
    /// The filters after ours.
    pub(super) static NEXT_HEAD: Cell<Option<HeadFilter>> = const { Cell::new(None) };
    pub(super) static NEXT_BODY: Cell<Option<BodyFilter>> = const { Cell::new(None) };
    pub(super) static NEXT_EARLY_HINTS: Cell<Option<HeadFilter>> = const { Cell::new(None) };
}

pub(super) type HeadFilter = unsafe extern "C" fn(*mut ngx_http_request_t) -> ngx_int_t;
pub(super) type BodyFilter =
    unsafe extern "C" fn(*mut ngx_http_request_t, *mut ngx_chain_t) -> ngx_int_t;

/// Passes the head of the response to the next filter.
///
/// # Safety
/// `r` must be the live request that nginx handed to a filter of the module.
pub(super) unsafe fn pass_head(r: *mut ngx_http_request_t) -> ngx_int_t {
    match NEXT_HEAD.get() {
        // SAFETY: called as nginx would have called it.
        Some(next) => unsafe { next(r) },
        None => NGX_ERROR as ngx_int_t,
    }
}

/// Passes buffers of the body to the next filter.
///
/// # Safety
/// As [`pass_head`]; `chain` must be a chain of live buffers, or null.
pub(super) unsafe fn pass_body(r: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t {
    match NEXT_BODY.get() {
        // SAFETY: as above.
        Some(next) => unsafe { next(r, chain) },
        None => NGX_ERROR as ngx_int_t,
    }
}

//! The filters that process a response on its way to the client.
//!
//! A dynamic module without a configured place comes after all of nginx's modules, so its filters
//! run before theirs: before compression, ranges, and SSI, and before files are read into memory.
//! They see what the upstream has sent.

use nginx_sys::{
    NGX_ERROR, NGX_OK, ngx_chain_t, ngx_http_request_t, ngx_http_top_body_filter,
    ngx_http_top_header_filter, ngx_int_t,
};

use crate::ffi::conf::merged::MergedConf;
use crate::ffi::http::next_filter::{
    HeadFilter, NEXT_BODY, NEXT_EARLY_HINTS, NEXT_HEAD, pass_head,
};
use crate::ffi::http::request::Request;
use crate::ffi::http::response::Response;
use crate::ffi::http::response_body::Chain;
use crate::ffi::process::function::Function;
use crate::ffi::process::guard::guard;

unsafe extern "C" {
    /// Where nginx keeps its first filter of early hints; null if it has none. In `flags.c`.
    fn aws_auth_top_early_hints_filter() -> *mut Option<HeadFilter>;
}

/// What happens to the head of a response.
pub(crate) enum HeadIs {
    /// It is passed to the next filter.
    Passed,
    /// The body filter will send it, see [`Response::send_head`].
    Held,
}

/// Installs the filters before the existing ones. `head` and `early_hints` return whether what they
/// see may be sent; `body` returns what nginx's filters return.
pub(crate) fn install<H, B, E>(_conf: &MergedConf<'_>, head: H, body: B, early_hints: E)
where
    H: Fn(&Request) -> Result<HeadIs, ()> + Copy + 'static,
    B: Fn(&Request, Chain<'_>) -> ngx_int_t + Copy + 'static,
    E: Fn(&Request) -> Result<(), ()> + Copy + 'static,
{
    Function::of(head);
    Function::of(body);
    Function::of(early_hints);
    // SAFETY: nginx is single-threaded, and changes the chains at this time only; its own modules have
    // set their filters.
    unsafe {
        NEXT_HEAD.set(ngx_http_top_header_filter);
        ngx_http_top_header_filter = Some(take_head::<H>);
        NEXT_BODY.set(ngx_http_top_body_filter);
        ngx_http_top_body_filter = Some(take_body::<B>);
        if let Some(top) = aws_auth_top_early_hints_filter().as_mut() {
            NEXT_EARLY_HINTS.set(top.replace(take_early_hints::<E>));
        }
    }
}

/// # Safety
/// Called by nginx only, once [`install`] has been given the same function, as are the next two.
unsafe extern "C" fn take_head<F>(r: *mut ngx_http_request_t) -> ngx_int_t
where
    F: Fn(&Request) -> Result<HeadIs, ()> + Copy + 'static,
{
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY: live during this call; the function was handed over before.
        let head = unsafe {
            Request::from_ptr(r).map_or(Err(()), |request| Function::<F>::get()(&request))
        };
        match head {
            // SAFETY: live, in a filter.
            Ok(HeadIs::Passed) => unsafe { pass_head(r) },
            Ok(HeadIs::Held) => NGX_OK as ngx_int_t,
            Err(()) => NGX_ERROR as ngx_int_t,
        }
    })
}

unsafe extern "C" fn take_body<F>(r: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t
where
    F: Fn(&Request, Chain<'_>) -> ngx_int_t + Copy + 'static,
{
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY: live during this call, as is the chain; the function was handed over before.
        unsafe {
            let Some(request) = Request::from_ptr(r) else {
                return NGX_ERROR as ngx_int_t;
            };
            let chain = Chain::new(Response(&request), chain);
            Function::<F>::get()(&request, chain)
        }
    })
}

unsafe extern "C" fn take_early_hints<F>(r: *mut ngx_http_request_t) -> ngx_int_t
where
    F: Fn(&Request) -> Result<(), ()> + Copy + 'static,
{
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY: live during this call; the function was handed over before.
        let hints = unsafe {
            Request::from_ptr(r).map_or(Err(()), |request| Function::<F>::get()(&request))
        };
        match (hints, NEXT_EARLY_HINTS.get()) {
            // SAFETY: called as nginx would have called it.
            (Ok(()), Some(next)) => unsafe { next(r) },
            _ => NGX_ERROR as ngx_int_t,
        }
    })
}

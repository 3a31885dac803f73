//! The hook that decides whether a cache can respond to a request, and store its response.
//!
//! nginx evaluates `proxy_cache_bypass` before it looks into the cache and before it serializes the
//! request, and `proxy_no_cache` when the response has arrived. [`install`] gives a location copies
//! of both lists, which begin with a value of the module, which calls [`CacheHook::bypasses`]. This
//! value is first since nginx stops at the first value that says yes, and it has side effects.

use std::ptr::NonNull;

use nginx_sys::{
    ngx_array_create, ngx_array_t, ngx_http_complex_value_t, ngx_http_request_t, ngx_pool_t,
};

use crate::ffi::conf::upstream_conf::MergedUpstreamConf;
use crate::ffi::http::flags;
use crate::ffi::http::request::Request;
use crate::ffi::http::script::{self, Yields};
use crate::ffi::process::guard::guard;

/// The function that the hook calls.
pub(crate) trait CacheHook {
    /// Whether no cache may respond to this request, or store its response.
    fn bypasses(&self, request: &Request) -> bool;
}

/// Installs `hook` in the upstream configuration of one location.
pub(crate) fn install(
    location: MergedUpstreamConf<'_>,
    hook: impl CacheHook + 'static,
) -> Result<(), ()> {
    let pool = location.block().pool();
    let hook: Box<dyn CacheHook> = Box::new(hook);
    // SAFETY: the pool is live, and the configuration has it.
    let value = unsafe { script::compile(pool, Predicate(hook)) }.ok_or(())?;
    // SAFETY: the configuration is merged, so that each list is null or an array of complex values. Other blocks
    // may refer to the same arrays, which stay as they are.
    unsafe {
        let conf = &mut *location.as_ptr();
        let bypass = with_first(pool, value, conf.cache_bypass).ok_or(())?;
        let no_cache = with_first(pool, value, conf.no_cache).ok_or(())?;
        (conf.cache_bypass, conf.no_cache) = (bypass.as_ptr(), no_cache.as_ptr());
    }
    Ok(())
}

/// A new array of `first` and the elements of `rest`.
///
/// # Safety
/// The pool must be live; `rest` null, or a live array of complex values.
unsafe fn with_first(
    pool: *mut ngx_pool_t,
    first: ngx_http_complex_value_t,
    rest: *const ngx_array_t,
) -> Option<NonNull<ngx_array_t>> {
    // SAFETY: by this function's contract; the new array has room for all of them.
    unsafe {
        let rest: &[ngx_http_complex_value_t] = match rest.as_ref() {
            Some(rest) if rest.nelts > 0 => {
                std::slice::from_raw_parts(rest.elts.cast(), rest.nelts)
            }
            _ => &[],
        };
        let size = size_of::<ngx_http_complex_value_t>();
        let mut array = NonNull::new(ngx_array_create(pool, rest.len() + 1, size))?;
        let place = array.as_ref().elts.cast::<ngx_http_complex_value_t>();
        place.write(first);
        place
            .add(1)
            .copy_from_nonoverlapping(rest.as_ptr(), rest.len());
        array.as_mut().nelts = rest.len() + 1;
        Some(array)
    }
}

/// The first value in both lists.
struct Predicate(Box<dyn CacheHook>);

impl Yields for Predicate {
    unsafe fn value(&self, r: *mut ngx_http_request_t) -> &[u8] {
        let bypasses = guard(true, || {
            // SAFETY: live during this call.
            let request = unsafe { Request::from_ptr(r) };
            request.is_none_or(|request| self.0.bypasses(&request))
        });
        if !bypasses {
            return b"";
        }
        // nginx has decided by now that the response is cacheable, has made a GET of a HEAD, and would
        // serialize the request without Range and conditions.
        // SAFETY: live; both lists are evaluated for requests with an upstream only.
        unsafe { flags::leave_cache(r) };
        b"1"
    }
}

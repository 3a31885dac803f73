//! The hook that decides whether a request may be answered from a cache, and its response kept in one.
//!
//! nginx evaluates `proxy_cache_bypass` before it looks into the cache, and before it serializes the
//! request; `proxy_no_cache` when the response has come. [`install`] gives a location copies of both
//! lists, which begin with a value of ours. Its script codes call [`CacheHook::bypasses`]. It is
//! first, since nginx stops at the first value that says yes, and ours does more than to say it.

use std::ffi::c_void;
use std::ptr::NonNull;

use nginx_sys::{
    ngx_array_create, ngx_array_t, ngx_http_complex_value_t, ngx_http_script_engine_t, ngx_pool_t,
};

use crate::ffi::conf::upstream_conf::MergedUpstreamConf;
use crate::ffi::http::flags;
use crate::ffi::http::request::Request;
use crate::ffi::http::seal_hook::answer;
use crate::ffi::process::guard::guard;

/// What the hook calls.
pub(crate) trait CacheHook {
    /// Whether no cache may answer this request, nor keep its response.
    fn bypasses(&self, request: &Request) -> bool;
}

/// Installs `hook` in the upstream configuration of one location.
pub(crate) fn install(
    location: MergedUpstreamConf<'_>,
    hook: impl CacheHook + 'static,
) -> Result<(), ()> {
    let pool = location.block().pool();
    let predicate = Predicate {
        codes: [[0; 3]; 2],
        hook: Box::new(hook),
    };
    // SAFETY: the pool is live and keeps the predicate until the configuration goes.
    let mut predicate = unsafe { crate::ffi::memory::allocate(pool, predicate) }.ok_or(())?;
    let place = predicate.as_ptr() as usize;
    // SAFETY: ours alone until it is installed below; a script is code and argument, then a null
    // word that ends it.
    let value = unsafe {
        let predicate = predicate.as_mut();
        let length: unsafe extern "C" fn(*mut ngx_http_script_engine_t) -> usize = length_code;
        let value: unsafe extern "C" fn(*mut ngx_http_script_engine_t) = value_code;
        predicate.codes = [[length as usize, place, 0], [value as usize, place, 0]];
        let mut compiled: ngx_http_complex_value_t = std::mem::zeroed();
        compiled.lengths = (&raw mut predicate.codes[0]).cast::<c_void>();
        compiled.values = (&raw mut predicate.codes[1]).cast::<c_void>();
        compiled
    };
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

/// A new array of `first` and what `rest` holds.
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

/// What a script of ours has for its argument.
struct Predicate {
    codes: [[usize; 3]; 2],
    hook: Box<dyn CacheHook>,
}

impl Predicate {
    /// Takes the code's argument from the script and moves the script on.
    ///
    /// # Safety
    /// `engine` must be running one of the scripts of [`install`], at a code's own word.
    unsafe fn take<'a>(engine: *mut ngx_http_script_engine_t) -> &'a Self {
        // SAFETY: the words are code, place of the predicate, end.
        unsafe {
            let words = (*engine).ip.cast::<usize>();
            (*engine).ip = words.add(2).cast::<u8>();
            &*(words.add(1).read() as *const Self)
        }
    }
}

/// # Safety
/// Called by nginx only, which runs the script of [`install`].
unsafe extern "C" fn length_code(engine: *mut ngx_http_script_engine_t) -> usize {
    // SAFETY: this is that script.
    unsafe { Predicate::take(engine) };
    // The buffer that nginx allocates for it is not used: `value_code` brings its own text.
    1
}

/// # Safety
/// As [`length_code`].
unsafe extern "C" fn value_code(engine: *mut ngx_http_script_engine_t) {
    // SAFETY: this is that script; a script runs for a request.
    let (predicate, r) = unsafe { (Predicate::take(engine), (*engine).request) };
    let bypasses = guard(true, || {
        // SAFETY: live during this call.
        let request = unsafe { Request::from_ptr(r) };
        request.is_none_or(|request| predicate.hook.bypasses(&request))
    });
    // SAFETY: the engine and the request are nginx's own, live during this call; both lists are
    // evaluated for requests with an upstream only.
    unsafe {
        if bypasses {
            // nginx has decided by now that the response is cacheable, has made a GET of a HEAD, and
            // would serialize the request without Range and conditions.
            flags::leave_cache(r);
        }
        answer(&mut *engine, if bypasses { b"1" } else { b"" });
    }
}

//! A response body on its way into a cache. nginx reads it from the upstream even if no client gets
//! it, so a response filter does not see everything that a cache stores.
//!
//! nginx calls `u->input_filter_init` when it has decided to cache a response, and then
//! `u->pipe->input_filter` for each buffer that it reads, which appends the parts of the body to
//! `p->in`. [`watch`] replaces the former, and then the latter. Until the whole body has been
//! searched without a match, the response counts as not cacheable, so no cache stores it, whatever
//! happens in between.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr;

use nginx_sys::{
    NGX_ERROR, NGX_OK, ngx_buf_t, ngx_event_pipe_t, ngx_http_request_t, ngx_http_upstream_t,
    ngx_int_t,
};

use crate::ffi::http::body::pieces::memory;
use crate::ffi::http::flags;
use crate::ffi::http::request::Request;
use crate::ffi::process::guard::guard;

/// Whether a cache may store a body.
pub(crate) type IsClean = fn(&Request, &[u8]) -> bool;

type Init = unsafe extern "C" fn(*mut c_void) -> ngx_int_t;
type Filter = unsafe extern "C" fn(*mut ngx_event_pipe_t, *mut ngx_buf_t) -> ngx_int_t;

/// What is known of one response, in the request's pool.
struct Watch {
    upstream: *const ngx_http_upstream_t,
    init: Init,
    filter: Cell<Option<Filter>>,
    /// How long a body may be, in bytes.
    limit: usize,
    is_clean: IsClean,
    /// What has been found in the body; `None` once it is decided.
    body: RefCell<Option<Vec<u8>>>,
}

/// Prevents caches from storing the response to `request` unless its body has at most `limit` bytes
/// and an announced end, and is clean. To be called before the head is sent.
pub(crate) fn watch(request: &Request, limit: usize, is_clean: IsClean) {
    // SAFETY: live; an upstream lives as long as its request.
    unsafe {
        let Some(upstream) = (*request.as_ptr()).upstream.as_mut() else {
            return;
        };
        if !flags::cacheable(request.as_ptr()) {
            return;
        }
        // The proxy module makes nginx call its filters with the request.
        let is_known = upstream
            .pipe
            .as_ref()
            .is_some_and(|pipe| ptr::eq(pipe.input_ctx.cast_const(), request.as_ptr().cast()));
        let kept = upstream
            .input_filter_init
            .filter(|_| is_known)
            .and_then(|init| {
                request.keep(Watch {
                    upstream,
                    init,
                    filter: Cell::new(None),
                    limit,
                    is_clean,
                    body: RefCell::new(Some(Vec::new())),
                })
            });
        match kept {
            Some(_) => upstream.input_filter_init = Some(begin),
            None => flags::keep_out_of_cache(request.as_ptr()),
        }
    }
}

impl Watch {
    /// The watch of a request's response.
    fn of(request: &Request) -> Option<&Self> {
        // SAFETY: live.
        let upstream = unsafe { (*request.as_ptr()).upstream }.cast_const();
        request.kept(|watch: &Self| ptr::eq(watch.upstream, upstream))
    }

    /// Examines a part of the body.
    fn take(&self, data: &[u8]) {
        let mut kept = self.body.borrow_mut();
        let Some(body) = &mut *kept else { return };
        if body.len() + data.len() > self.limit || body.try_reserve(data.len()).is_err() {
            *kept = None;
        } else {
            body.extend_from_slice(data);
        }
    }

    /// The response is not cached.
    fn give_up(&self) {
        self.body.take();
    }

    /// The body is complete.
    fn decide(&self, request: &Request) {
        let Some(body) = self.body.take() else {
            return;
        };
        if (self.is_clean)(request, &body) {
            // SAFETY: live, with the upstream of this watch.
            unsafe { flags::return_to_cache(request.as_ptr()) };
        }
    }
}

/// # Safety
/// Called by nginx only, with the request of a [`Watch`].
unsafe extern "C" fn begin(data: *mut c_void) -> ngx_int_t {
    guard(NGX_ERROR as ngx_int_t, || {
        let r = data.cast::<ngx_http_request_t>();
        // SAFETY: live during this call, by this function's contract.
        unsafe {
            let Some(request) = Request::from_ptr(r) else {
                return NGX_ERROR as ngx_int_t;
            };
            let Some(watch) = Watch::of(&request) else {
                return NGX_ERROR as ngx_int_t;
            };
            let code = (watch.init)(data);
            if code != NGX_OK as ngx_int_t || !flags::cacheable(r) {
                return code;
            }
            flags::keep_out_of_cache(r);
            let pipe = &mut *(*(*r).upstream).pipe;
            if pipe.length == 0 {
                watch.decide(&request);
            } else {
                watch.filter.set(pipe.input_filter);
                pipe.input_filter = Some(filter);
            }
            code
        }
    })
}

/// # Safety
/// Called by nginx only, with a pipe for which [`begin`] has been called.
unsafe extern "C" fn filter(pipe: *mut ngx_event_pipe_t, buffer: *mut ngx_buf_t) -> ngx_int_t {
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY:
        // - live during this call, by this function's contract;
        // - `last_in` is where the next link goes, inside the list `in`, if that has any;
        // - nginx's own filter appends links with buffers in memory, which are written to a file, or
        //   sent, after it has returned.
        unsafe {
            let Some(request) = Request::from_ptr((*pipe).input_ctx.cast()) else {
                return NGX_ERROR as ngx_int_t;
            };
            let Some(watch) = Watch::of(&request) else {
                return NGX_ERROR as ngx_int_t;
            };
            let Some(next) = watch.filter.get() else {
                return NGX_ERROR as ngx_int_t;
            };
            let end = (!(*pipe).in_.is_null()).then_some((*pipe).last_in);
            let code = next(pipe, buffer);
            let mut link = match end {
                Some(end) => *end,
                None => (*pipe).in_,
            };
            while let Some(part) = link.as_ref() {
                match part.buf.as_ref().and_then(|buffer| memory(buffer)) {
                    Some(data) => watch.take(data),
                    None => watch.give_up(),
                }
                link = part.next;
            }
            if (*pipe).length == 0 || (*pipe).upstream_done() != 0 {
                watch.decide(&request);
            }
            code
        }
    })
}

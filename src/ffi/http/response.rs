//! The answer that a client gets: the filters that see it, and its head.
//!
//! A dynamic module that asks for no place of its own is configured after all of nginx's modules, so
//! that its filters run before theirs: before compression, ranges, SSI, and before files are read
//! into memory. What they see is what the store has sent.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

use nginx_sys::{
    NGX_ERROR, NGX_HTTP_NOT_MODIFIED, NGX_HTTP_SPECIAL_RESPONSE, NGX_OK, ngx_chain_t,
    ngx_http_request_t, ngx_http_top_body_filter, ngx_http_top_header_filter, ngx_int_t,
    ngx_list_part_t, ngx_list_t, ngx_module_t, ngx_str_t, ngx_table_elt_t, off_t,
};

use crate::ffi::http::flags;
use crate::ffi::http::request::Request;
use crate::ffi::http::response_body::Chain;
use crate::ffi::module::MergedConf;
use crate::ffi::process::function::Function;
use crate::ffi::process::guard::guard;

thread_local! {
    /// The filters behind ours.
    static NEXT_HEAD: Cell<Option<HeadFilter>> = const { Cell::new(None) };
    static NEXT_BODY: Cell<Option<BodyFilter>> = const { Cell::new(None) };
    static NEXT_EARLY_HINTS: Cell<Option<HeadFilter>> = const { Cell::new(None) };
}

unsafe extern "C" {
    /// Where nginx keeps its first filter of early hints; null if it has none. In `flags.c`.
    fn aws_auth_top_early_hints_filter() -> *mut Option<HeadFilter>;
}

type HeadFilter = unsafe extern "C" fn(*mut ngx_http_request_t) -> ngx_int_t;
type BodyFilter = unsafe extern "C" fn(*mut ngx_http_request_t, *mut ngx_chain_t) -> ngx_int_t;

/// What becomes of the head of a response.
pub(crate) enum HeadIs {
    /// It goes to the next filter.
    Passed,
    /// The body filter will send it, see [`Response::send_head`].
    Held,
}

/// Puts the filters before those that are there. `head` and `early_hints` say whether what they see may be
/// sent; `body` returns what nginx's filters do.
pub(crate) fn install_filters<H, B, E>(_conf: &MergedConf<'_>, head: H, body: B, early_hints: E)
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
/// Called by nginx only, once [`install_filters`] has been given the same function, as are the next two.
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

/// Hands the head of the answer to the next filter.
///
/// # Safety
/// `r` must be the live request that nginx handed to a filter of ours.
unsafe fn pass_head(r: *mut ngx_http_request_t) -> ngx_int_t {
    match NEXT_HEAD.get() {
        // SAFETY: called as nginx would have called it.
        Some(next) => unsafe { next(r) },
        None => NGX_ERROR as ngx_int_t,
    }
}

/// Hands buffers of the body to the next filter.
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

/// What this module keeps with a response. An internal redirect, which leads to another response, loses
/// it.
///
/// # Safety
/// The contexts of requests that the module [`Self::module`] has must all be set by
/// [`Response::set_context`] with this type.
pub(crate) unsafe trait ResponseContext: 'static {
    /// The module, a static that nginx writes to only while it starts.
    fn module() -> *const ngx_module_t;
}

/// The answer of an upstream to a request, on its way to the client.
#[derive(Clone, Copy)]
pub(crate) struct Response<'r>(pub(crate) &'r Request);

impl<'r> Response<'r> {
    pub(super) fn raw(self) -> *mut ngx_http_request_t {
        self.0.as_ptr()
    }

    /// Ends the connection with this response if the client expects 100 Continue, has not been sent
    /// it, and therefore need not send the body that nginx would wait for. To be called before the
    /// head is sent.
    pub(crate) fn close_unless_body_comes(self) {
        // SAFETY: live, in a filter.
        unsafe { flags::close_unless_body_comes(self.raw()) }
    }

    /// Whether the head that is about to be sent is that of an upstream's redirect or error: status 3xx,
    /// 4xx or 5xx, from the upstream itself or from a cache. Not what nginx sends in its place
    /// (`proxy_intercept_errors`). This is all that any other response costs.
    pub(crate) fn is_error(self) -> bool {
        // SAFETY: live; the upstream lives as long. While nginx reads its response the upstream has a
        // cleanup, which it loses before a response of nginx's own is sent.
        unsafe {
            let Some(upstream) = (*self.raw()).upstream.as_ref() else {
                return false;
            };
            let status = upstream.headers_in.status_n;
            (NGX_HTTP_SPECIAL_RESPONSE as usize..600).contains(&status)
                && status != NGX_HTTP_NOT_MODIFIED as usize
                && (!upstream.cleanup.is_null() || flags::cached(self.raw()))
                && !flags::filter_finalize(self.raw())
        }
    }

    /// This module's place among the contexts of the request.
    fn context_place<T: ResponseContext>(self) -> *mut *mut c_void {
        // SAFETY: live; a request has a place for the context of each HTTP module.
        unsafe { (*self.raw()).ctx.add((*T::module()).ctx_index) }
    }

    /// What is kept with the response.
    pub(crate) fn context<T: ResponseContext>(self) -> Option<&'r RefCell<T>> {
        // SAFETY: null, or what `set_context` has put there, which stays as long as the request.
        unsafe { (*self.context_place::<T>()).cast::<RefCell<T>>().as_ref() }
    }

    /// Keeps `value` with the response. `None` if there is no memory.
    pub(crate) fn set_context<T: ResponseContext>(self, value: T) -> Option<()> {
        let value = std::ptr::from_ref(self.0.keep(RefCell::new(value))?);
        // SAFETY: this module's place.
        unsafe { *self.context_place::<T>() = value.cast_mut().cast() };
        Some(())
    }

    /// The status that the upstream has sent; 0 where it is not known.
    pub(crate) fn upstream_status(self) -> usize {
        // SAFETY: live as long as the request.
        unsafe { (*self.raw()).upstream.as_ref() }.map_or(0, |u| u.headers_in.status_n)
    }

    /// Whether it comes from a cache.
    pub(crate) fn is_cached(self) -> bool {
        // SAFETY: live.
        unsafe { flags::cached(self.raw()) }
    }

    /// Whether nobody will see its body: HEAD, or a subrequest that asks for the status only.
    pub(crate) fn is_head_only(self) -> bool {
        // SAFETY: live.
        unsafe { flags::header_only(self.raw()) || self.0.method() == b"HEAD" }
    }

    /// Whether its body is compressed, or encoded in another way.
    pub(crate) fn is_encoded(self) -> bool {
        self.upstream_headers().any(|(name, value)| {
            name.eq_ignore_ascii_case(b"content-encoding")
                && !value.is_empty()
                && !value.eq_ignore_ascii_case(b"identity")
        })
    }

    /// Has no cache keep it. The request must have an upstream.
    pub(crate) fn keep_out_of_cache(self) {
        // SAFETY: live; it has an upstream.
        unsafe {
            debug_assert!(!(*self.raw()).upstream.is_null());
            flags::keep_out_of_cache(self.raw());
        }
    }

    /// The headers as the upstream has sent them, also those that are not passed on.
    pub(crate) fn upstream_headers(self) -> impl Iterator<Item = (&'r [u8], &'r [u8])> {
        // SAFETY: live as long as the request, in whose pool names and values stand.
        unsafe {
            let upstream = (*self.raw()).upstream.as_ref();
            upstream
                .map(|upstream| entries(&upstream.headers_in.headers))
                .into_iter()
                .flatten()
                .map(|entry| {
                    let entry = entry.as_ref();
                    (
                        crate::ffi::memory::bytes(entry.key),
                        crate::ffi::memory::bytes(entry.value),
                    )
                })
        }
    }

    /// The type that the client will be told.
    pub(crate) fn content_type(self) -> &'r [u8] {
        // SAFETY: stands in the request's pool, or in the configuration.
        unsafe { crate::ffi::memory::bytes((*self.raw()).headers_out.content_type) }
    }

    /// Has the head announce another body: of `length` bytes, and of `content_type` where that is
    /// given. Headers of the old one that `dropped` names are not sent.
    pub(crate) fn announce(
        self,
        length: usize,
        content_type: Option<&'static str>,
        dropped: impl Fn(&[u8]) -> bool,
    ) {
        // SAFETY: live; a header whose hash is 0 is not sent. The static text outlives the request.
        unsafe {
            flags::set_allow_ranges(self.raw(), false);
            let head = &mut (*self.raw()).headers_out;
            for mut entry in entries(&head.headers) {
                let entry = entry.as_mut();
                if dropped(crate::ffi::memory::bytes(entry.key)) {
                    entry.hash = 0;
                }
            }
            for entry in [
                &mut head.content_length,
                &mut head.content_encoding,
                &mut head.last_modified,
                &mut head.etag,
                &mut head.accept_ranges,
            ] {
                if let Some(entry) = entry.as_mut() {
                    entry.hash = 0;
                }
                *entry = null_mut();
            }
            head.content_length_n = length as off_t;
            head.last_modified_time = -1;
            if let Some(content_type) = content_type {
                head.content_type = ngx_str_t {
                    len: content_type.len(),
                    data: content_type.as_ptr().cast_mut(),
                };
                head.content_type_len = content_type.len();
                head.content_type_lowcase = null_mut();
            }
        }
    }

    /// Hands a head that was held back to the next filter. Whether a body may follow it.
    pub(crate) fn send_head(self) -> Result<bool, SendError> {
        // SAFETY: live, in a filter.
        let code = unsafe { pass_head(self.raw()) };
        // As nginx's own filters that hold heads back do. (A slow client is no error.)
        if code == NGX_ERROR as ngx_int_t || code > NGX_OK as ngx_int_t {
            return Err(SendError::Head);
        }
        // SAFETY: live. A status that `error_page` sets may be one without a body.
        Ok(unsafe { !flags::header_only(self.raw()) })
    }

    /// The length of the body, where the upstream has announced it.
    pub(super) fn length(self) -> Option<usize> {
        // SAFETY: live.
        usize::try_from(unsafe { (*self.raw()).headers_out.content_length_n }).ok()
    }

    /// Whether nginx has done with the upstream. Where that has broken off, a flush is the last that
    /// comes.
    pub(super) fn is_upstream_done(self) -> bool {
        // SAFETY: live.
        unsafe { (*self.raw()).upstream.as_ref() }.is_none_or(|upstream| upstream.cleanup.is_null())
    }
}

/// The entries of one of nginx's header lists.
///
/// # Safety
/// The list must stay as it is meanwhile.
pub(super) unsafe fn entries(
    list: &ngx_list_t,
) -> impl Iterator<Item = NonNull<ngx_table_elt_t>> + use<> {
    let mut part: *const ngx_list_part_t = &list.part;
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            // SAFETY: each part has `nelts` entries at `elts`, and a next part or none.
            unsafe {
                let list = part.as_ref()?;
                if at < list.nelts {
                    at += 1;
                    return NonNull::new(list.elts.cast::<ngx_table_elt_t>().add(at - 1));
                }
                (part, at) = (list.next, 0);
            }
        }
    })
}

/// Why an answer is not sent on; its connection is closed then. nginx has logged why.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SendError {
    OutOfMemory,
    /// A file with a part of the body cannot be read.
    Read,
    /// A filter behind ours does not take the head.
    Head,
}

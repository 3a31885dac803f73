//! The response of an upstream, on its way to the client.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::null_mut;

use nginx_sys::{
    NGX_ERROR, NGX_HTTP_NOT_MODIFIED, NGX_HTTP_SPECIAL_RESPONSE, NGX_OK, ngx_http_request_t,
    ngx_int_t, ngx_module_t, ngx_parse_http_time, ngx_str_t, off_t,
};

use crate::ffi::http::flags;
use crate::ffi::http::header_list::entries;
use crate::ffi::http::next_filter::pass_head;
use crate::ffi::http::request::Request;

/// What this module keeps with a response. An internal redirect, which leads to another response,
/// clears it.
///
/// # Safety
/// The contexts of requests that the module [`Self::module`] has must all be set by
/// [`Response::set_context`] with this type.
pub(crate) unsafe trait ResponseContext: 'static {
    /// The module, a static that nginx writes to only while it starts.
    fn module() -> *const ngx_module_t;
}

/// The response of an upstream to a request, on its way to the client.
#[derive(Clone, Copy)]
pub(crate) struct Response<'r>(pub(crate) &'r Request);

impl<'r> Response<'r> {
    pub(super) fn raw(self) -> *mut ngx_http_request_t {
        self.0.as_ptr()
    }

    /// Ends the connection with this response if the client expects 100 Continue and has not
    /// received it. In this case the client need not send the body that nginx would wait for. To be
    /// called before the head is sent.
    pub(crate) fn close_unless_body_comes(self) {
        // SAFETY: live, in a filter.
        unsafe { flags::close_unless_body_comes(self.raw()) }
    }

    /// Whether the head that is about to be sent is that of an upstream's redirect or error: status
    /// 3xx, 4xx, or 5xx, from the upstream itself or from a cache. A response of nginx
    /// (`proxy_intercept_errors`) does not count. This check is the only cost for all other
    /// responses.
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

    /// The status that the upstream has sent; 0 if it is not known.
    pub(crate) fn upstream_status(self) -> usize {
        // SAFETY: live as long as the request.
        unsafe { (*self.raw()).upstream.as_ref() }.map_or(0, |u| u.headers_in.status_n)
    }

    /// Whether it comes from a cache.
    pub(crate) fn is_cached(self) -> bool {
        // SAFETY: live.
        unsafe { flags::cached(self.raw()) }
    }

    /// Whether nobody will see its body: HEAD, or a subrequest that needs the status only.
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

    /// When the upstream says that it sent the response, as Unix time in seconds.
    pub(crate) fn date(self) -> Option<i64> {
        let mut headers = self.upstream_headers();
        let (_, date) = headers.find(|(name, _)| name.eq_ignore_ascii_case(b"date"))?;
        // SAFETY: nginx reads the text, and nothing else.
        let time = unsafe { ngx_parse_http_time(date.as_ptr().cast_mut(), date.len()) };
        (time > 0).then_some(time)
    }

    /// Prevents caches from storing it. The request must have an upstream.
    pub(crate) fn keep_out_of_cache(self) {
        // SAFETY: live; it has an upstream.
        unsafe {
            debug_assert!(!(*self.raw()).upstream.is_null());
            flags::keep_out_of_cache(self.raw());
        }
    }

    /// The headers as the upstream has sent them, including those that are not forwarded.
    pub(crate) fn upstream_headers(self) -> impl Iterator<Item = (&'r [u8], &'r [u8])> {
        // SAFETY: live as long as the request, whose pool contains names and values.
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

    /// The type that the client will receive.
    pub(crate) fn content_type(self) -> &'r [u8] {
        // SAFETY: is in the request's pool, or in the configuration.
        unsafe { crate::ffi::memory::bytes((*self.raw()).headers_out.content_type) }
    }

    /// Makes the head announce another body: of `length` bytes and, if it is given, of
    /// `content_type`. Headers of the old body that `dropped` names are not sent.
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

    /// Passes a head that was held back to the next filter. Returns whether a body may follow it.
    pub(crate) fn send_head(self) -> Result<bool, SendError> {
        // SAFETY: live, in a filter.
        let code = unsafe { pass_head(self.raw()) };
        // As nginx's own filters do that hold heads back. (A slow client is not an error.)
        if code == NGX_ERROR as ngx_int_t || code > NGX_OK as ngx_int_t {
            return Err(SendError::Head);
        }
        // SAFETY: live. A status that `error_page` sets can be one without a body.
        Ok(unsafe { !flags::header_only(self.raw()) })
    }

    /// The length of the body, if the upstream has announced it.
    pub(super) fn length(self) -> Option<usize> {
        // SAFETY: live.
        usize::try_from(unsafe { (*self.raw()).headers_out.content_length_n }).ok()
    }

    /// Whether nginx has finished with the upstream. If the upstream has closed the connection
    /// early, a flush is the last event.
    pub(super) fn is_upstream_done(self) -> bool {
        // SAFETY: live.
        unsafe { (*self.raw()).upstream.as_ref() }.is_none_or(|upstream| upstream.cleanup.is_null())
    }
}

/// Why a response is not forwarded; its connection is closed then. nginx has logged why.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SendError {
    OutOfMemory,
    /// A file with a part of the body cannot be read.
    Read,
    /// The next filter has failed on the head.
    Head,
}

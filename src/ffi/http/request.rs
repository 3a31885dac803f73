//! A request that nginx is serving.

use std::ptr::NonNull;

use nginx_sys::{
    ngx_http_core_loc_conf_t, ngx_http_handler_pt, ngx_http_request_body_t, ngx_http_request_t,
    ngx_list_push, ngx_pnalloc, ngx_str_t, ngx_table_elt_t,
};

use crate::ffi::conf::core::core_module;
use crate::ffi::conf::module_conf::{ModuleConf, OfLocation, find_complete};
use crate::ffi::http::body::pieces::Pieces;
use crate::ffi::http::flags;
use crate::ffi::http::header_list::entries;
use crate::ffi::process::log::Log;

/// Distinguishes bodies: subrequests can share their main request's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BodyId(NonNull<ngx_http_request_body_t>);

/// Distinguishes requests of the same pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(NonNull<ngx_http_request_t>);

/// A line of a client's header, as it was sent.
pub(crate) struct ClientLine<'r> {
    pub(crate) name: &'r [u8],
    pub(crate) value: &'r [u8],
    /// nginx's hash of the name in lower case.
    pub(crate) hash: usize,
}

/// A request. Borrowed from nginx for the duration of one callback.
pub(crate) struct Request(NonNull<ngx_http_request_t>);

impl Request {
    /// # Safety
    /// `r` must be the live request that nginx handed to the callback in which this is used.
    pub(crate) unsafe fn from_ptr(r: *mut ngx_http_request_t) -> Option<Self> {
        NonNull::new(r).map(Self)
    }

    pub(crate) fn as_ptr(&self) -> *mut ngx_http_request_t {
        self.0.as_ptr()
    }

    pub(crate) fn id(&self) -> RequestId {
        RequestId(self.0)
    }

    fn get(&self) -> &ngx_http_request_t {
        // SAFETY: live during the callback. nginx changes it only in calls that we make, and no
        // reference of the module is held across these calls.
        unsafe { self.0.as_ref() }
    }

    /// The log of the request's connection.
    pub(crate) fn log(&self) -> Log {
        // SAFETY: a request has a connection, and that has a log.
        unsafe { Log::from_ptr((*self.get().connection).log) }
    }

    /// The method, as the client or an internal redirect has it.
    pub(crate) fn method(&self) -> &[u8] {
        // SAFETY: is in the request's header buffer, or in nginx's constants.
        unsafe { crate::ffi::memory::bytes(self.get().method_name) }
    }

    /// The URI without arguments, decoded and normalized, as `$uri` shows it.
    pub(crate) fn uri(&self) -> &[u8] {
        // SAFETY: is in the request's buffers or in its pool.
        unsafe { crate::ffi::memory::bytes(self.get().uri) }
    }

    /// The URI as the client sent it, encoded, as `$request_uri` shows it.
    pub(crate) fn unparsed_uri(&self) -> &[u8] {
        // SAFETY: as above.
        unsafe { crate::ffi::memory::bytes(self.get().unparsed_uri) }
    }

    /// The query, as `$args` shows it.
    pub(crate) fn args(&self) -> &[u8] {
        // SAFETY: is in the request's buffers or in its pool.
        unsafe { crate::ffi::memory::bytes(self.get().args) }
    }

    /// Whether the client has sent a header whose name passes `test`. Allocates nothing.
    pub(crate) fn has_client_header(&self, test: impl Fn(&[u8]) -> bool) -> bool {
        // SAFETY: the list stays as it is meanwhile; names are in the request's header buffers.
        unsafe {
            entries(&self.get().headers_in.headers)
                .any(|header| test(crate::ffi::memory::bytes(header.as_ref().key)))
        }
    }

    /// The parts of the key under which a cache would store the response; none before nginx has
    /// made it.
    pub(crate) fn cache_key(&self) -> impl Iterator<Item = &[u8]> {
        // SAFETY: an array of strings of the request's pool.
        let parts: &[ngx_str_t] = unsafe {
            match flags::cache_key(self.as_ptr()).as_ref() {
                Some(keys) if keys.nelts > 0 => {
                    std::slice::from_raw_parts(keys.elts.cast(), keys.nelts)
                }
                _ => &[],
            }
        };
        // SAFETY: as above.
        parts
            .iter()
            .map(|part| unsafe { crate::ffi::memory::bytes(*part) })
    }

    /// The part of the URI after what the location matches, which nginx appends to the URI of
    /// `proxy_pass`. All of it, if a rewrite has changed it.
    pub(crate) fn uri_behind_location(&self) -> &[u8] {
        let core = self.core_location();
        // SAFETY: live, see `get`.
        let skipped = match (core, unsafe { flags::valid_location(self.as_ptr()) }) {
            (Some(core), true) => core.name.len,
            _ => 0,
        };
        self.uri().get(skipped..).unwrap_or_default()
    }

    /// Whether nginx would send the client's URI unchanged.
    pub(crate) fn sends_client_uri(&self) -> bool {
        // SAFETY: live, see `get`.
        unsafe { flags::valid_unparsed_uri(self.as_ptr()) }
    }

    /// This module's configuration of the request's location.
    pub(crate) fn location<T: ModuleConf<Of = OfLocation>>(&self) -> Option<&T> {
        // SAFETY: a request has the configurations of its location, which outlive it.
        unsafe { find_complete(self.get().loc_conf) }
    }

    /// The core module's configuration of the request's location.
    fn core_location(&self) -> Option<&ngx_http_core_loc_conf_t> {
        // SAFETY: as above; nginx's core has this configuration for each location.
        unsafe {
            (*self.get().loc_conf.add(core_module().ctx_index))
                .cast::<ngx_http_core_loc_conf_t>()
                .as_ref()
        }
    }

    /// The content handler of this request.
    pub(crate) fn content_handler(&self) -> ngx_http_handler_pt {
        self.get().content_handler
    }

    /// Whether the client announced a body that is not empty.
    pub(crate) fn announces_body(&self) -> bool {
        let headers = &self.get().headers_in;
        headers.content_length_n > 0 || headers.chunked() != 0
    }

    /// Whether an internal redirect or a subrequest has changed the client's method: nginx uses GET
    /// for an error page, an X-Accel-Redirect, an auth_request, or an SSI include. In this case the
    /// client's body does not belong to this request.
    pub(crate) fn method_was_replaced(&self) -> bool {
        if self.has_own_body() {
            return false;
        }
        // SAFETY: the request line is in the main request's header buffer.
        let line = unsafe { crate::ffi::memory::bytes(self.get().request_line) };
        let method = self.method();
        !(line.starts_with(method) && line.get(method.len()) == Some(&b' '))
    }

    /// Whether nginx forwards the body while it receives it (`proxy_request_buffering off`).
    pub(crate) fn streams_body(&self) -> bool {
        // SAFETY: live, see `get`.
        unsafe {
            flags::request_body_no_buffering(self.as_ptr()) && flags::reading_body(self.as_ptr())
        }
    }

    /// Whether this is a subrequest whose body is not the client's, but made by a script. An empty
    /// one is the placeholder that auth_request uses instead of the client's.
    pub(crate) fn has_own_body(&self) -> bool {
        let body = self.get().request_body;
        // SAFETY: a request's main request, and a body, live as long.
        unsafe {
            body != (*self.get().main).request_body
                && body.as_ref().is_some_and(|body| !body.bufs.is_null())
        }
    }

    /// Whether this is a subrequest with another body than the client's, or with an empty one so
    /// that it has none.
    pub(crate) fn has_other_body(&self) -> bool {
        let body = self.get().request_body;
        // SAFETY: as above.
        !body.is_null() && body != unsafe { (*self.get().main).request_body }
    }

    /// Whether this is the client's request itself, and not a subrequest.
    pub(crate) fn is_main(&self) -> bool {
        self.get().main == self.as_ptr()
    }

    /// The length of the body as the client announced it; `None` if it did not.
    pub(crate) fn announced_length(&self) -> Option<u64> {
        let headers = &self.get().headers_in;
        // With HTTP chunked encoding, the number is what has been received so far.
        if headers.chunked() != 0 {
            return None;
        }
        u64::try_from(headers.content_length_n).ok()
    }

    /// The body is now `length` bytes long. nginx announces this to the next recipient.
    pub(crate) fn set_body_length(&self, length: u64) {
        if let Ok(length) = i64::try_from(length) {
            // SAFETY: live, and so is the body, if any; nginx has counted it by then. HTTP/2 keeps
            // a separate count, from which it takes the length of a body that was not announced.
            unsafe {
                let request = &mut *self.as_ptr();
                request.headers_in.content_length_n = length;
                if let Some(body) = request.request_body.as_mut() {
                    body.received = length;
                }
            }
        }
    }

    /// The body that nginx has read, or is reading.
    pub(crate) fn body(&self) -> Option<BodyId> {
        NonNull::new(self.get().request_body).map(BodyId)
    }

    /// Whether nginx forwards the body without buffering if it continues to read it now.
    pub(crate) fn reads_unbuffered(&self) -> bool {
        // SAFETY: live, see `get`.
        unsafe { flags::request_body_no_buffering(self.as_ptr()) }
    }

    /// The parts of the body that nginx has read.
    pub(crate) fn body_pieces(&self) -> Pieces<'_> {
        let first = self
            .body()
            // SAFETY: live as long as the request.
            .map_or(std::ptr::null_mut(), |body| unsafe { body.0.as_ref() }.bufs);
        // SAFETY: nginx's own chain, which changes while the body is read only.
        unsafe { Pieces::new(first) }
    }

    /// Whether a body of `length` bytes can be written to a temporary file.
    pub(crate) fn body_may_be_in_file(&self, length: Option<u64>) -> bool {
        // SAFETY: live, see `get`.
        if unsafe { flags::request_body_in_file_only(self.as_ptr()) } {
            return true;
        }
        let core = self.core_location();
        core.is_none_or(|core| {
            core.client_body_in_file_only != 0
                || length.is_none_or(|length| length > core.client_body_buffer_size as u64)
        })
    }

    /// The bytes after the part of the body that was read are not the next request. After the
    /// response, nginx continues to read and discards what arrives; otherwise a client that is
    /// still sending would see a connection reset, and not the response.
    pub(crate) fn give_up_body(&self) {
        // SAFETY: live; flags that nginx reads after the response. `lingering_close` alone would
        // not do: nginx clears it with status 400, and sets it while a body is being read.
        unsafe {
            flags::set_keepalive(self.as_ptr(), false);
            flags::set_reading_body(self.as_ptr(), true);
            // Nothing more of it is forwarded.
            flags::set_request_body_no_buffering(self.as_ptr(), false);
        }
    }

    /// A value that was kept for this request, or for another one in the same pool.
    pub(crate) fn kept<T: 'static>(&self, wanted: impl Fn(&T) -> bool) -> Option<&T> {
        // SAFETY: the pool is live, and so are its values; they are handed out as shared references only.
        // What `wanted` may add to the pool comes before the entries that are still to be looked at.
        unsafe {
            let values = crate::ffi::memory::allocated::<T>(self.get().pool);
            values
                .map(|value| &*value.as_ptr())
                .find(|value| wanted(value))
        }
    }

    /// Keeps a value as long as the request; what changes is in a cell. `None` if the pool has no
    /// memory.
    pub(crate) fn keep<T: 'static>(&self, value: T) -> Option<&T> {
        // SAFETY: the pool is live; subrequests share it.
        let place = unsafe { crate::ffi::memory::allocate(self.get().pool, value) };
        // SAFETY: lives as long as the request.
        place.map(|place| unsafe { &*place.as_ptr() })
    }

    /// The lines of the client's header, in their original order.
    pub(crate) fn client_lines(&self) -> impl Iterator<Item = ClientLine<'_>> + Clone {
        let headers = &self.get().headers_in.headers;
        // SAFETY: nginx's list of ngx_table_elt_t, to which nothing is added any more.
        let entries = unsafe { entries(headers) };
        entries.map(|entry| {
            // SAFETY: name and value are in the request's header buffers.
            unsafe {
                ClientLine {
                    name: crate::ffi::memory::bytes(entry.as_ref().key),
                    value: crate::ffi::memory::bytes(entry.as_ref().value),
                    hash: entry.as_ref().hash,
                }
            }
        })
    }

    /// Adds a header to the response. False if the pool has no memory.
    pub(crate) fn add_response_header(&self, name: &'static str, value: &[u8]) -> bool {
        let Some(value) = self.copy(&[value]) else {
            return false;
        };
        // SAFETY: the list lives in the request; a pushed entry is zeroed below before nginx can
        // see it.
        unsafe {
            let entry =
                ngx_list_push(&mut (*self.as_ptr()).headers_out.headers).cast::<ngx_table_elt_t>();
            let Some(entry) = NonNull::new(entry) else {
                return false;
            };
            entry.write(std::mem::zeroed());
            let entry = &mut *entry.as_ptr();
            entry.hash = 1;
            entry.key = ngx_str_t {
                len: name.len(),
                data: name.as_ptr().cast_mut(),
            };
            entry.value = value;
        }
        true
    }

    /// A copy of `parts`, one after the other, in the request's pool.
    pub(crate) fn copy(&self, parts: &[&[u8]]) -> Option<ngx_str_t> {
        let len = parts.iter().map(|part| part.len()).sum();
        // SAFETY: the pool lives as long as the request; the fresh memory is `len` bytes, which the
        // parts fill.
        unsafe {
            let place = NonNull::new(ngx_pnalloc(self.get().pool, len).cast::<u8>())?;
            let mut at = place;
            for part in parts {
                at.copy_from_nonoverlapping(NonNull::from(*part).cast::<u8>(), part.len());
                at = at.add(part.len());
            }
            Some(ngx_str_t {
                len,
                data: place.as_ptr(),
            })
        }
    }
}

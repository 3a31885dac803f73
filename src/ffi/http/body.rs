//! A request's body, as nginx's request body filters receive its buffers.

pub(in crate::ffi) mod pieces;

use std::cell::Cell;
use std::ptr::null_mut;

use nginx_sys::{
    NGX_ERROR, NGX_HTTP_INTERNAL_SERVER_ERROR, ngx_alloc_chain_link, ngx_buf_t, ngx_chain_t,
    ngx_http_request_body_save_filter, ngx_http_request_t, ngx_http_top_request_body_filter,
    ngx_int_t, ngx_palloc,
};

use pieces::memory;
pub(crate) use pieces::{Piece, ReadError};

use crate::ffi::conf::merged::MergedConf;
use crate::ffi::http::request::Request;
use crate::ffi::process::function::Function;
use crate::ffi::process::guard::guard;

thread_local! {
    /// The filter after ours.
    static NEXT: Cell<Option<Filter>> = const { Cell::new(None) };
}

type Filter = unsafe extern "C" fn(*mut ngx_http_request_t, *mut ngx_chain_t) -> ngx_int_t;

/// Puts `filter` before the request body filters that are there. It returns what nginx's filters do.
pub(crate) fn install_filter<F>(_conf: &MergedConf<'_>, filter: F)
where
    F: Fn(&Request, Incoming<'_>) -> ngx_int_t + Copy + 'static,
{
    Function::of(filter);
    // SAFETY: nginx is single-threaded, and changes the chain at this time only.
    unsafe {
        NEXT.set(ngx_http_top_request_body_filter);
        ngx_http_top_request_body_filter = Some(take::<F>);
    }
}

/// # Safety
/// Called by nginx only, once [`install_filter`] has been given the same function.
unsafe extern "C" fn take<F>(r: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t
where
    F: Fn(&Request, Incoming<'_>) -> ngx_int_t + Copy + 'static,
{
    guard(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t, || {
        // SAFETY: live during this call.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else {
            return NGX_ERROR as ngx_int_t;
        };
        let incoming = Incoming {
            request: &request,
            first: chain,
            changed: false,
        };
        // SAFETY: handed over before.
        unsafe { Function::<F>::get()(&request, incoming) }
    })
}

/// Whether nginx keeps the body as the module's filter forwards it: no other module's filter is in
/// between.
pub(crate) fn filter_is_last() -> bool {
    let save: Filter = ngx_http_request_body_save_filter;
    NEXT.get()
        .is_some_and(|next| std::ptr::fn_addr_eq(next, save))
}

/// The buffers of one call of a request body filter.
pub(crate) struct Incoming<'r> {
    request: &'r Request,
    first: *mut ngx_chain_t,
    changed: bool,
}

impl Incoming<'_> {
    /// Calls `take` with each buffer. Its error ends the body.
    pub(crate) fn for_each<E>(
        &mut self,
        mut take: impl FnMut(&mut Buffer<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut link = self.first;
        // SAFETY: nginx's chain, which nobody else touches during the call.
        while let Some(part) = unsafe { link.as_ref() } {
            // SAFETY: each link has a buffer.
            let buffer = unsafe { &mut *part.buf };
            let mut buffer = Buffer {
                request: self.request,
                buffer,
                changed: false,
            };
            take(&mut buffer)?;
            self.changed |= buffer.changed;
            link = part.next;
        }
        Ok(())
    }

    /// Hands the buffers to the next filter.
    pub(crate) fn pass_on(self) -> ngx_int_t {
        let request = self.request.as_ptr();
        let Some(next) = NEXT.get() else {
            return NGX_ERROR as ngx_int_t;
        };
        if !self.changed {
            // SAFETY: as nginx would have called it.
            return unsafe { next(request, self.first) };
        }
        let Some(chain) = self.without_empty() else {
            return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
        };
        // SAFETY: a chain of the request's pool. The next filter copies its links.
        unsafe { next(request, chain) }
    }

    /// A chain of the buffers that still have content or marks. nginx's own chain is not changed:
    /// nginx searches it for buffers that are free again.
    fn without_empty(&self) -> Option<*mut ngx_chain_t> {
        let mut first = null_mut();
        let mut last: *mut *mut ngx_chain_t = &raw mut first;
        let mut link = self.first;
        // SAFETY: nginx's chain; the new links are the pool's and written before they are read.
        unsafe {
            while let Some(part) = link.as_ref() {
                link = part.next;
                let buffer = &mut *part.buf;
                if buffer.pos == buffer.last {
                    if buffer.last_buf() == 0 && buffer.flush() == 0 {
                        continue;
                    }
                    // An empty buffer is forwarded only as a mark.
                    buffer.set_temporary(0);
                }
                let copy = ngx_alloc_chain_link((*self.request.as_ptr()).pool).as_mut()?;
                copy.buf = part.buf;
                copy.next = null_mut();
                *last = copy;
                last = &raw mut copy.next;
            }
        }
        Some(first)
    }
}

/// A buffer of an incoming body.
pub(crate) struct Buffer<'a> {
    request: &'a Request,
    buffer: &'a mut ngx_buf_t,
    changed: bool,
}

impl Buffer<'_> {
    /// Its bytes; none if it is a mark.
    pub(crate) fn data(&self) -> &[u8] {
        // SAFETY: nginx reads bodies into memory; a mark has null pointers.
        unsafe { memory(self.buffer) }.unwrap_or_default()
    }

    /// Its bytes, to be changed in place. `None` if the memory is not the buffer's own.
    pub(crate) fn data_mut(&mut self) -> Option<&mut [u8]> {
        let length = self.data().len();
        if length == 0 {
            return Some(&mut []);
        }
        // SAFETY: as above; temporary memory may be written to, and holds this request's body only.
        (self.buffer.temporary() != 0)
            .then(|| unsafe { std::slice::from_raw_parts_mut(self.buffer.pos, length) })
    }

    /// Whether it ends the body.
    pub(crate) fn is_last(&self) -> bool {
        self.buffer.last_buf() != 0
    }

    /// Leaves it its first `length` bytes.
    pub(crate) fn truncate(&mut self, length: usize) {
        let keeps = length.min(self.data().len());
        if keeps < self.data().len() {
            // SAFETY: inside the buffer.
            self.buffer.last = unsafe { self.buffer.pos.add(keeps) };
            self.changed = true;
        }
    }

    /// Appends a byte. False if there is no memory for it.
    pub(crate) fn push(&mut self, byte: u8) -> bool {
        let buffer = &mut *self.buffer;
        // SAFETY: pool memory; a mark becomes a buffer of one byte. The data of a shortened one had
        // a byte more.
        unsafe {
            if buffer.pos.is_null() || buffer.last == buffer.end {
                if buffer.pos != buffer.last {
                    return false;
                }
                let place = ngx_palloc((*self.request.as_ptr()).pool, 1).cast::<u8>();
                if place.is_null() {
                    return false;
                }
                (buffer.start, buffer.pos, buffer.last) = (place, place, place);
                buffer.end = place.add(1);
            }
            buffer.last.write(byte);
            buffer.last = buffer.last.add(1);
        }
        buffer.set_temporary(1);
        self.changed = true;
        true
    }
}

//! The request that the proxy module has serialized and is about to send.

use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::ptr::{NonNull, null_mut};

use nginx_sys::{ngx_buf_t, ngx_buf_tag_t, ngx_chain_t, ngx_http_upstream_t, ngx_pcalloc};

use crate::ffi::http::body::pieces::Pieces;
use crate::ffi::http::flags;
use crate::ffi::http::output::{self, BodyTransform};
use crate::ffi::http::request::Request;
use crate::ffi::http::signed_target;

/// Marks the head of a request that has been sealed: the tag of its buffer.
static SEALED: u8 = 0;

/// The name that nginx looks up among its upstreams, if `proxy_pass` contains variables.
#[derive(Clone, Copy)]
pub(crate) struct UpstreamName<'r> {
    pub(crate) host: &'r [u8],
    pub(crate) port: u16,
    /// Whether there was no port.
    pub(crate) no_port: bool,
}

impl Request {
    /// The request that nginx sends upstream.
    pub(crate) fn upstream(&self) -> Option<Upstream<'_>> {
        Upstream::of(self)
    }
}

/// The serialized request of one `proxy_pass`.
pub(crate) struct Upstream<'r> {
    raw: NonNull<ngx_http_upstream_t>,
    request: PhantomData<&'r Request>,
}

impl<'r> Upstream<'r> {
    pub(super) fn of(request: &'r Request) -> Option<Self> {
        // SAFETY: the request is live; its upstream lives as long.
        let upstream = unsafe { (*request.as_ptr()).upstream };
        Some(Self {
            raw: NonNull::new(upstream)?,
            request: PhantomData,
        })
    }

    /// The name that nginx looks up among its upstreams; `None` if the configuration names the
    /// upstream.
    pub(crate) fn name(&self) -> Option<UpstreamName<'r>> {
        // SAFETY: live, see `of`; so is what the proxy module has found in its value.
        unsafe {
            let resolved = self.raw.as_ref().resolved.as_ref()?;
            Some(UpstreamName {
                host: crate::ffi::memory::bytes(resolved.host),
                port: resolved.port,
                no_port: resolved.no_port != 0,
            })
        }
    }

    /// Whether its head is one that [`Self::replace_head`] has put there.
    pub(crate) fn is_sealed(&self) -> bool {
        // SAFETY: a live chain link and its buffer.
        self.head_link()
            .is_some_and(|link| unsafe { (*link.as_ref().buf).tag } == Self::sealed_tag())
    }

    fn sealed_tag() -> ngx_buf_tag_t {
        (&raw const SEALED).cast_mut().cast()
    }

    fn head_link(&self) -> Option<NonNull<ngx_chain_t>> {
        // SAFETY: live, see `of`.
        let link = NonNull::new(unsafe { self.raw.as_ref() }.request_bufs)?;
        // SAFETY: a chain link of the request's pool.
        (!unsafe { link.as_ref() }.buf.is_null()).then_some(link)
    }
}

/// A request that nginx has serialized and is about to send: the time at which it can be changed.
pub(crate) struct Unsent<'r> {
    request: &'r Request,
    upstream: Upstream<'r>,
}

impl<'r> Deref for Unsent<'r> {
    type Target = Upstream<'r>;

    fn deref(&self) -> &Upstream<'r> {
        &self.upstream
    }
}

impl<'r> Unsent<'r> {
    /// `None` if the request has no upstream.
    ///
    /// # Safety
    /// nginx must have serialized the request and not have begun to send it, for as long as this is used.
    pub(super) unsafe fn new(request: &'r Request) -> Option<Self> {
        let upstream = Upstream::of(request)?;
        Some(Self { request, upstream })
    }

    /// The request that nginx has serialized.
    pub(crate) fn request(&self) -> &'r Request {
        self.request
    }

    /// The bytes of the head. `None` if they are not in one buffer in memory.
    pub(crate) fn head(&self) -> Option<&'r [u8]> {
        // SAFETY: link and buffer live in the request's pool; `pos..last` is initialized memory,
        // which nobody writes to any more.
        unsafe {
            let buffer = &*self.head_link()?.as_ref().buf;
            let length = usize::try_from(buffer.last.offset_from(buffer.pos)).ok()?;
            Some(std::slice::from_raw_parts(buffer.pos, length))
        }
    }

    /// Where the request target is in `head`; empty if it is not there.
    pub(crate) fn target(&self, head: &[u8]) -> Range<usize> {
        // SAFETY: live, see `of`.
        let uri = unsafe { self.raw.as_ref() }.uri;
        let start = (uri.data as usize).wrapping_sub(head.as_ptr() as usize);
        match start.checked_add(uri.len) {
            Some(end) if end <= head.len() => start..end,
            _ => 0..0,
        }
    }

    /// The parts of a body after the head's buffer.
    pub(crate) fn body_pieces(&self) -> Pieces<'r> {
        let first = self
            .head_link()
            // SAFETY: a live chain link.
            .map_or(null_mut(), |head| unsafe { head.as_ref() }.next);
        // SAFETY: a chain of the request's pool, which nobody changes before it is sent.
        unsafe { Pieces::new(first) }
    }

    /// Whether the request is sent over TLS.
    pub(crate) fn uses_tls(&self) -> bool {
        // SAFETY: live, see `of`; the schema is part of the configuration or of the pool.
        unsafe { crate::ffi::memory::bytes(self.raw.as_ref().schema) }
            .eq_ignore_ascii_case(b"https://")
    }

    /// Installs `stream` to transform the body while it is sent; the head must be in place. `None`
    /// if the request's pool has no memory.
    pub(crate) fn frame_body(&self, stream: impl BodyTransform) -> Option<()> {
        // SAFETY: a live chain link.
        let head = NonNull::new(unsafe { self.head_link()?.as_ref() }.buf)?;
        // SAFETY: the request has been created and not been sent: this is the hook's time.
        unsafe { output::install(self.request.as_ptr(), head, stream) }
    }

    /// Keeps the target that is about to be sent, with its signature, until the response has
    /// arrived. `None` if the request's pool has no memory.
    pub(crate) fn keep_target(&self, target: &[u8]) -> Option<()> {
        signed_target::keep_target(self.request, self.raw, target)
    }

    /// Whether a cache may store the response.
    pub(crate) fn is_cacheable(&self) -> bool {
        // SAFETY: live, and it has this upstream.
        unsafe { flags::cacheable(self.request.as_ptr()) }
    }

    /// Prevents nginx from storing a copy of the response (`proxy_store`).
    pub(crate) fn leave_store(&self) {
        // SAFETY: as above; the request is about to be sent.
        unsafe { flags::leave_store(self.request.as_ptr()) }
    }

    /// Sends the body without HTTP chunked encoding, which nginx applies to a body whose client has
    /// not announced its length.
    pub(crate) fn send_plain(&self) {
        // SAFETY: live; nginx takes its own writer if there is no filter.
        unsafe { (*self.raw.as_ptr()).output.output_filter = None };
    }

    /// Replaces the head, and a body after it in the same buffer, by `sealed` and that `body`; if
    /// `drop_body` is set, removes what follows. Returns false, and replaces nothing, if the
    /// request's pool has no memory.
    ///
    /// The new buffer starts at `start`, since a retry rewinds `pos` to it. `u->uri` still points
    /// into the old buffer, which is what error.log shows.
    pub(crate) fn replace_head(&self, sealed: &[u8], body: &[u8], drop_body: bool) -> bool {
        let Some(mut link) = self.head_link() else {
            return false;
        };
        let Some(text) = self.request.copy(&[sealed, body]) else {
            return false;
        };
        // SAFETY: the pool is live; the memory is zeroed and large enough.
        let fresh = unsafe {
            ngx_pcalloc((*self.request.as_ptr()).pool, size_of::<ngx_buf_t>()).cast::<ngx_buf_t>()
        };
        let Some(mut fresh) = NonNull::new(fresh) else {
            return false;
        };
        // SAFETY: the link and its old buffer are live; the fresh buffer is ours alone.
        unsafe {
            let link = link.as_mut();
            let buffer = fresh.as_mut();
            // Flags such as `flush` stay as the proxy module set them.
            *buffer = *link.buf;
            buffer.tag = Upstream::sealed_tag();
            buffer.start = text.data;
            buffer.pos = text.data;
            buffer.last = text.data.add(text.len);
            buffer.end = buffer.last;
            if drop_body && !link.next.is_null() {
                link.next = null_mut();
                buffer.set_flush(1);
            }
            link.buf = fresh.as_ptr();
        }
        true
    }
}

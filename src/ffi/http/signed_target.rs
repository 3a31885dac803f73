//! The target that was sent to the upstream, kept as long as the response can repeat it.
//!
//! It is stored separately, because nginx frees the links of `u->request_bufs` while it sends a
//! body without buffering.

use std::cell::Cell;
use std::ptr::NonNull;

use nginx_sys::{ngx_http_upstream_t, ngx_list_t, ngx_str_t};

use crate::ffi::http::flags;
use crate::ffi::http::header_list::entries;
use crate::ffi::http::request::Request;
use crate::ffi::http::response::Response;

/// The target of a request whose signature is in it.
struct SignedTarget {
    upstream: *const ngx_http_upstream_t,
    /// In the request's pool.
    text: ngx_str_t,
}

thread_local! {
    /// Whether this worker has kept any target. If not, no response needs to be examined.
    static KEPT: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the target that `request` is about to send. `None` if the request's pool has no memory.
pub(super) fn keep_target(
    request: &Request,
    upstream: NonNull<ngx_http_upstream_t>,
    target: &[u8],
) -> Option<()> {
    let text = request.copy(&[target])?;
    let upstream = upstream.as_ptr().cast_const();
    request.keep(SignedTarget { upstream, text })?;
    KEPT.set(true);
    Some(())
}

/// What to do with a header of a response.
pub(crate) enum Change {
    Keep,
    Replace(ngx_str_t),
    Remove,
}

impl<'r> Response<'r> {
    /// The target that was sent for this response, if it contains the signature.
    pub(crate) fn signed_target(self) -> Option<&'r [u8]> {
        if !KEPT.get() {
            return None;
        }
        // SAFETY: live.
        let upstream = unsafe { (*self.raw()).upstream }.cast_const();
        if upstream.is_null() {
            return None;
        }
        let kept = self
            .0
            .kept(|sent: &SignedTarget| std::ptr::eq(sent.upstream, upstream))?;
        // SAFETY: lives in the request's pool, and nobody changes it.
        Some(unsafe { crate::ffi::memory::bytes(kept.text) })
    }

    /// Whether any response of this worker may have to be changed: for all others, this costs one
    /// load.
    pub(crate) fn may_have_signed_target(self) -> bool {
        KEPT.get()
    }

    /// Changes headers: those that are forwarded, and nginx's copies of the upstream's headers,
    /// which variables show. If one of the upstream's headers is changed, no cache stores the
    /// response.
    pub(crate) fn change_headers<E>(
        self,
        change: impl Fn(&[u8]) -> Result<Change, E>,
    ) -> Result<(), E> {
        // SAFETY: live; the lists stay as they are meanwhile. The upstream is not null where
        // `signed_target` has found one.
        unsafe {
            change_list(&(*self.raw()).headers_out.headers, &change)?;
            if let Some(upstream) = (*self.raw()).upstream.as_ref()
                && change_list(&upstream.headers_in.headers, &change)?
            {
                flags::keep_out_of_cache(self.raw());
            }
        }
        Ok(())
    }

    /// The same as [`Self::change_headers`] for trailers.
    pub(crate) fn change_trailers<E>(
        self,
        change: impl Fn(&[u8]) -> Result<Change, E>,
    ) -> Result<(), E> {
        // SAFETY: as above.
        unsafe {
            change_list(&(*self.raw()).headers_out.trailers, &change)?;
            if let Some(upstream) = (*self.raw()).upstream.as_ref() {
                change_list(&upstream.headers_in.trailers, &change)?;
            }
        }
        Ok(())
    }
}

/// Changes the entries of a list; returns whether any has changed.
///
/// # Safety
/// The list must be live and stay as it is meanwhile.
unsafe fn change_list<E>(
    list: &ngx_list_t,
    change: &impl Fn(&[u8]) -> Result<Change, E>,
) -> Result<bool, E> {
    let mut changed = false;
    // SAFETY: by this function's contract.
    for mut entry in unsafe { entries(list) } {
        // SAFETY: an entry of a live list; nobody else refers to it now.
        let entry = unsafe { entry.as_mut() };
        // Not sent and not shown; if nginx had no memory for it, not even written.
        if entry.hash == 0 {
            continue;
        }
        // SAFETY: is in the request's pool.
        match change(unsafe { crate::ffi::memory::bytes(entry.value) })? {
            Change::Keep => continue,
            Change::Replace(value) => entry.value = value,
            // A header whose hash is 0 is not sent.
            Change::Remove => (entry.value.len, entry.hash) = (0, 0),
        }
        changed = true;
    }
    Ok(changed)
}

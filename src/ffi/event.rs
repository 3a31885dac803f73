//! Work that goes on in the next turn of the event loop, after others had theirs.

use std::ptr::NonNull;

use nginx_sys::{
    ngx_delete_posted_event, ngx_event_t, ngx_http_core_run_phases, ngx_http_request_t,
    ngx_http_run_posted_requests, ngx_post_event, ngx_posted_next_events,
};

use super::guard::guard;
use super::request::Request;

/// Has a suspended request's phases run again in the event loop's next turn.
pub(crate) struct Continuation {
    event: ngx_event_t,
}

impl Continuation {
    pub(crate) fn new() -> Self {
        Self {
            // SAFETY: all zero is how nginx itself begins an event.
            event: unsafe { std::mem::zeroed() },
        }
    }

    /// Posts the continuation of `request`, once.
    ///
    /// # Safety
    /// `this` must stay where it is until it is dropped, which must happen before the request is
    /// freed: a value that [`super::allocate`] put into the request's pool.
    pub(crate) unsafe fn post(this: NonNull<Self>, request: &Request) {
        // SAFETY: live and ours by this function's contract; the queue is nginx's own. A posted
        // event is in one queue only, which `ngx_post_event` sees to.
        unsafe {
            let event = &raw mut (*this.as_ptr()).event;
            (*event).data = request.as_ptr().cast();
            (*event).handler = Some(run);
            (*event).log = (*(*request.as_ptr()).connection).log;
            ngx_post_event(event, &raw mut ngx_posted_next_events);
        }
    }
}

impl Drop for Continuation {
    fn drop(&mut self) {
        if self.event.posted() != 0 {
            // SAFETY: in nginx's queue, and live.
            unsafe { ngx_delete_posted_event(&mut self.event) };
        }
    }
}

/// # Safety
/// Called by nginx only, with an event that [`Continuation::post`] has posted.
unsafe extern "C" fn run(event: *mut ngx_event_t) {
    guard((), || {
        // SAFETY: the request lives as long as its pool, which holds the event.
        unsafe {
            let request = (*event).data.cast::<ngx_http_request_t>();
            let connection = (*request).connection;
            ngx_http_core_run_phases(request);
            // The request may be gone; its connection is still there for this.
            ngx_http_run_posted_requests(connection);
        }
    });
}

//! A request that continues in the next turn of the event loop, after others had their turn.

use std::cell::UnsafeCell;
use std::marker::PhantomPinned;

use nginx_sys::{
    ngx_delete_posted_event, ngx_event_t, ngx_http_core_run_phases, ngx_http_request_t,
    ngx_http_run_posted_requests, ngx_post_event, ngx_posted_next_events,
};

use crate::ffi::http::phase::PhaseRequest;
use crate::ffi::http::request::RequestId;
use crate::ffi::process::guard::guard;

/// Runs a suspended request's phases again in the event loop's next turn. Each request has one,
/// since several can wait for the same body.
struct Continuation {
    request: RequestId,
    /// In nginx's queue while it is posted.
    event: UnsafeCell<ngx_event_t>,
    _pinned: PhantomPinned,
}

impl PhaseRequest<'_> {
    /// Runs the phases of this request again in the next turn of the event loop. Its phase handler
    /// must return NGX_AGAIN. False if the request's pool has no memory.
    pub(crate) fn continue_later(&self) -> bool {
        let continuation = self.continuation().or_else(|| {
            self.keep(Continuation {
                request: self.id(),
                // SAFETY: all zero is how nginx itself begins an event.
                event: UnsafeCell::new(unsafe { std::mem::zeroed() }),
                _pinned: PhantomPinned,
            })
        });
        let Some(continuation) = continuation else {
            return false;
        };
        // SAFETY: the continuation stays where it is until the pool of the request drops it. The event
        // is reached by raw pointers only, as nginx's queue does. One that is posted already stays so:
        // `ngx_post_event` looks.
        unsafe {
            let event = continuation.event.get();
            (*event).data = self.as_ptr().cast();
            (*event).handler = Some(run);
            (*event).log = (*(*self.as_ptr()).connection).log;
            ngx_post_event(event, &raw mut ngx_posted_next_events);
        }
        true
    }

    /// The request continues now: something else may have run its phases before the event.
    pub(crate) fn stop_continuing(&self) {
        if let Some(continuation) = self.continuation() {
            continuation.cancel();
        }
    }

    fn continuation(&self) -> Option<&Continuation> {
        self.kept(|continuation: &Continuation| continuation.request == self.id())
    }
}

impl Continuation {
    fn cancel(&self) {
        let event = self.event.get();
        // SAFETY: live; in nginx's queue, if it is posted.
        unsafe {
            if (*event).posted() != 0 {
                ngx_delete_posted_event(event);
            }
        }
    }
}

impl Drop for Continuation {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// # Safety
/// Called by nginx only, with an event that [`PhaseRequest::continue_later`] has posted.
unsafe extern "C" fn run(event: *mut ngx_event_t) {
    guard((), || {
        // SAFETY: the request lives as long as its pool, which holds the event.
        unsafe {
            let request = (*event).data.cast::<ngx_http_request_t>();
            let connection = (*request).connection;
            ngx_http_core_run_phases(request);
            // The request can be destroyed by now; its connection still exists for this.
            ngx_http_run_posted_requests(connection);
        }
    });
}

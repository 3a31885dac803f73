//! Requests that wait for an external event.
//!
//! The return value of a phase handler suspends a request, and a timer continues it, which runs
//! while requests wait. If its client closes the connection meanwhile, a cleanup of the request's
//! pool removes the request from the list.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

use nginx_sys::{
    NGX_OK, ngx_add_timer, ngx_del_timer, ngx_event_t, ngx_handle_read_event,
    ngx_http_block_reading, ngx_http_core_run_phases, ngx_http_request_empty_handler,
    ngx_http_request_t, ngx_http_run_posted_requests, ngx_http_test_reading, ngx_int_t, ngx_msec_t,
    ngx_pool_cleanup_add,
};

use crate::ffi::http::flags;
use crate::ffi::http::phase::PhaseRequest;
use crate::ffi::process::guard::guard;
use crate::ffi::process::log::Log;

/// The maximum delay before a request continues after the event that it waited for.
const INTERVAL: ngx_msec_t = 20;

struct Waiter {
    /// Returns whether the request should continue. In the request's pool, whose cleanup removes
    /// the waiter from the list.
    ready: NonNull<dyn Fn() -> bool>,
    since: u64,
    deadline: u64,
    /// The deadline has passed.
    late: bool,
}

struct Waiters {
    requests: HashMap<*mut ngx_http_request_t, Waiter>,
    timer: *mut ngx_event_t,
}

thread_local! {
    static WAITERS: RefCell<Waiters> = RefCell::new(Waiters {
        requests: HashMap::new(),
        timer: null_mut(),
    });
}

/// The state of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// It has not been suspended.
    No,
    /// It is suspended.
    Yes,
    /// Its time limit has passed.
    TooLong,
}

impl PhaseRequest<'_> {
    /// Whether this request waits.
    pub(crate) fn waiting(&self) -> Waiting {
        WAITERS.with_borrow(|waiters| match waiters.requests.get(&self.as_ptr()) {
            None => Waiting::No,
            Some(waiter) if waiter.late => Waiting::TooLong,
            Some(_) => Waiting::Yes,
        })
    }

    /// The request waits no more. For how many milliseconds it did, if it did.
    pub(crate) fn stop_waiting(&self) -> Option<u64> {
        let waiter = WAITERS.with_borrow_mut(|waiters| waiters.remove(self.as_ptr()))?;
        Some(crate::ffi::process::clock().saturating_sub(waiter.since))
    }

    /// Suspends the request until `ready` returns true, but for at most `limit` milliseconds. Its
    /// phase handler must return NGX_AGAIN and will be called again. False if there is no memory.
    pub(crate) fn wait(&self, limit: u64, ready: impl Fn() -> bool + 'static) -> bool {
        let r = self.as_ptr();
        let Some(ready) = self.keep(ready) else {
            return false;
        };
        let ready: &(dyn Fn() -> bool + 'static) = ready;
        let is_room = WAITERS.with_borrow_mut(|waiters| waiters.requests.try_reserve(1).is_ok());
        if !is_room {
            return false;
        }
        // SAFETY: the request is live. Its pool runs the clean-up before the request goes.
        unsafe {
            let Some(cleanup) = ngx_pool_cleanup_add((*r).pool, 0).as_mut() else {
                return false;
            };
            cleanup.data = r.cast::<c_void>();
            cleanup.handler = Some(forget);
            if std::ptr::eq((*r).main, r) && !flags::reading_body(r) {
                // Notices when the client closes the connection.
                (*r).read_event_handler = Some(ngx_http_test_reading);
                if ngx_handle_read_event((*(*r).connection).read, 0) != NGX_OK as ngx_int_t {
                    return false;
                }
            }
            (*r).write_event_handler = Some(ngx_http_request_empty_handler);
        }
        let now = crate::ffi::process::clock();
        let waiter = Waiter {
            ready: NonNull::from(ready),
            since: now,
            deadline: now + limit,
            late: false,
        };
        WAITERS.with_borrow_mut(|waiters| {
            waiters.requests.insert(r, waiter);
            waiters.set_timer();
        });
        true
    }
}

impl Waiters {
    fn remove(&mut self, r: *mut ngx_http_request_t) -> Option<Waiter> {
        let waiter = self.requests.remove(&r);
        if self.requests.is_empty() && !self.timer.is_null() {
            // SAFETY: the event is ours, and lives as long as the worker.
            unsafe {
                if (*self.timer).timer_set() != 0 {
                    ngx_del_timer(self.timer);
                }
            }
        }
        waiter
    }

    fn set_timer(&mut self) {
        if self.timer.is_null() {
            // SAFETY: all zero is a valid value of this plain C structure, which is never freed:
            // a worker has one.
            let mut event: ngx_event_t = unsafe { std::mem::zeroed() };
            event.handler = Some(tick);
            event.data = (&raw const IDENTITY).cast_mut().cast::<c_void>();
            self.timer = Box::into_raw(Box::new(event));
        }
        // SAFETY: the event is ours. The log of a configuration that has gone must not stay.
        unsafe {
            (*self.timer).log = Log::of_cycle().as_ptr();
            if (*self.timer).timer_set() == 0 {
                ngx_add_timer(self.timer, INTERVAL);
            }
        }
    }

    fn set_timer_if_needed(&mut self) {
        if self.requests.values().any(|waiter| !waiter.late) {
            self.set_timer();
        }
    }

    /// The requests that continue now; those whose time limit has passed are marked.
    fn take_ready(&mut self) -> Vec<*mut ngx_http_request_t> {
        let now = crate::ffi::process::clock();
        let mut ready = Vec::new();
        if ready.try_reserve(self.requests.len()).is_err() {
            // There may be memory at the next tick.
            return ready;
        }
        for (r, waiter) in &mut self.requests {
            if waiter.late {
                continue;
            }
            // One that panics must not keep the others waiting: its own deadline ends it.
            // SAFETY: in the pool of a request that is on the list, and so live.
            let goes_on = guard(false, || unsafe { waiter.ready.as_ref() }());
            waiter.late = !goes_on && now >= waiter.deadline;
            if goes_on || waiter.late {
                ready.push(*r);
            }
        }
        ready
    }
}

/// The number of a timer in nginx's debug log, which is the descriptor of a connection.
static IDENTITY: [usize; 4] = [0, 0, 0, 0x4157_5341];

/// # Safety
/// Called by nginx only, for the timer.
unsafe extern "C" fn tick(_event: *mut ngx_event_t) {
    guard((), || {
        // Before anything that can panic: waiting requests depend on the next tick.
        WAITERS.with_borrow_mut(Waiters::set_timer_if_needed);
        let ready = WAITERS.with_borrow_mut(Waiters::take_ready);
        for r in ready {
            // A request that was continued earlier can have ended this one.
            if !WAITERS.with_borrow(|waiters| waiters.requests.contains_key(&r)) {
                continue;
            }
            // SAFETY: on the list, so the request is live. The connection is asked for first:
            // the request may be gone afterwards.
            guard((), || unsafe {
                let c = (*r).connection;
                if std::ptr::eq((*r).main, r) && !flags::reading_body(r) {
                    (*r).read_event_handler = Some(ngx_http_block_reading);
                }
                (*r).write_event_handler = Some(ngx_http_core_run_phases);
                ngx_http_core_run_phases(r);
                ngx_http_run_posted_requests(c);
            });
        }
    });
}

/// # Safety
/// Called by nginx only, as it destroys the request's pool.
unsafe extern "C" fn forget(r: *mut c_void) {
    guard((), || {
        WAITERS.with_borrow_mut(|waiters| waiters.remove(r.cast::<ngx_http_request_t>()));
    });
}

//! Work that continues in the next turn of the event loop, after others had their turn.

use std::cell::Cell;
use std::ptr::null_mut;

use nginx_sys::{ngx_event_t, ngx_post_event, ngx_posted_next_events};

use crate::ffi::process::guard::guard;
use crate::ffi::process::log::Log;

/// Calls `work` in the next turn of the event loop, in a process that has one.
pub(crate) fn in_next_turn(work: fn()) {
    struct Turn {
        event: Cell<*mut ngx_event_t>,
        work: Cell<fn()>,
    }
    thread_local! {
        static TURN: Turn = const {
            Turn {
                event: Cell::new(null_mut()),
                work: Cell::new(|| ()),
            }
        };
    }
    unsafe extern "C" fn run(_event: *mut ngx_event_t) {
        guard((), || TURN.with(|turn| turn.work.get())());
    }

    TURN.with(|turn| {
        turn.work.set(work);
        if turn.event.get().is_null() {
            // SAFETY: all zero is how nginx itself begins an event. It is never freed: a process has one.
            let mut event: ngx_event_t = unsafe { std::mem::zeroed() };
            event.handler = Some(run);
            turn.event.set(Box::into_raw(Box::new(event)));
        }
        // SAFETY: the event is ours. The log is the one of the configuration in use.
        unsafe {
            let event = turn.event.get();
            (*event).log = Log::of_cycle().as_ptr();
            ngx_post_event(event, &raw mut ngx_posted_next_events);
        }
    });
}

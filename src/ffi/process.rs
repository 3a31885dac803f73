//! The kind of process, nginx's clocks, and what runs besides requests: events, programs, log
//! lines.

pub(crate) mod child;
pub(crate) mod cycle;
pub(crate) mod event;
pub(in crate::ffi) mod function;
pub(crate) mod guard;
pub(crate) mod log;
pub(crate) mod user;

use nginx_sys::{NGX_PROCESS_SINGLE, NGX_PROCESS_WORKER, ngx_cycle_t, ngx_pid_t, ngx_uint_t};

/// Whether this process is the one worker that fetches credentials: the first of them, or the only
/// process. (The cache manager and loader have number 0 too, but are helpers.)
pub(crate) fn is_first_worker() -> bool {
    // SAFETY: nginx sets both before a process of its runs modules, and this is its only thread.
    let (kind, number) = unsafe { (nginx_sys::ngx_process, nginx_sys::ngx_worker) };
    let works =
        kind == NGX_PROCESS_WORKER as ngx_uint_t || kind == NGX_PROCESS_SINGLE as ngx_uint_t;
    works && number == 0
}

/// Whether this process has been told to shut down gracefully.
pub(crate) fn is_finishing() -> bool {
    // SAFETY: set by nginx in this thread.
    unsafe { nginx_sys::ngx_exiting != 0 }
}

/// Distinguishes the configuration that this process uses from others that are alive at the same
/// time. A process without a master continues with requests of an earlier one after it was
/// replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CycleId(*const ngx_cycle_t);

impl CycleId {
    /// The configuration that this process uses now.
    pub(crate) fn in_use() -> Self {
        // SAFETY: nginx sets it in this thread.
        Self(unsafe { nginx_sys::ngx_cycle.cast_const() })
    }

    /// # Safety
    /// `cycle` must be a cycle of nginx's. It is not dereferenced.
    pub(super) unsafe fn of(cycle: *const ngx_cycle_t) -> Self {
        Self(cycle)
    }
}

/// nginx's clock for timers: milliseconds from an arbitrary start, the same in all processes.
pub(crate) fn clock() -> u64 {
    // SAFETY: kept by nginx in this thread.
    unsafe { nginx_sys::ngx_current_msec as u64 }
}

/// The time of day in milliseconds since 1970, as of this turn of the event loop.
pub(crate) fn time_of_day() -> i64 {
    // SAFETY: nginx keeps a pointer to its current time, which is whole in this thread.
    let time = unsafe { &*nginx_sys::ngx_cached_time.cast_const() };
    time.sec * 1000 + time.msec as i64
}

/// This process.
pub(crate) fn id() -> i32 {
    // SAFETY: set by nginx when the process starts.
    unsafe { nginx_sys::ngx_pid as ngx_pid_t }
}

/// The size of a page of memory.
pub(crate) fn page_size() -> usize {
    // SAFETY: set by nginx as it starts.
    unsafe { nginx_sys::ngx_pagesize }
}

/// Whether there is a process with this number.
pub(crate) fn is_alive(process: i32) -> bool {
    // SAFETY: signal 0 is not delivered.
    process > 0
        && (unsafe { libc::kill(process, 0) } == 0
            || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH))
}

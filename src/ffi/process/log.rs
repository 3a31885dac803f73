//! Lines in nginx's error log. Each starts with `aws_auth: `, so that one search finds them all.

use std::fmt;
use std::mem::MaybeUninit;

use nginx_sys::{NGX_LOG_DEBUG_HTTP, ngx_log_t, ngx_uint_t};
use ngx::log::{LOG_BUFFER_SIZE, log_error, write_fmt};

/// The severity of a line. The levels are nginx's own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Emerg = nginx_sys::NGX_LOG_EMERG as isize,
    Error = nginx_sys::NGX_LOG_ERR as isize,
    Warn = nginx_sys::NGX_LOG_WARN as isize,
    Notice = nginx_sys::NGX_LOG_NOTICE as isize,
    Info = nginx_sys::NGX_LOG_INFO as isize,
}

/// An nginx log: a connection's, or the one of the configuration being read.
#[derive(Clone, Copy)]
pub(crate) struct Log(*mut ngx_log_t);

impl Log {
    /// # Safety
    /// `log` must be live for as long as this value is used.
    pub(crate) unsafe fn from_ptr(log: *mut ngx_log_t) -> Self {
        Self(log)
    }

    /// The log of the cycle that this process runs, for what happens outside of requests.
    pub(crate) fn of_cycle() -> Self {
        // SAFETY: nginx has a cycle with a log from its start to its end; it is asked for again
        // each time, since reading the configuration again replaces it.
        Self(unsafe { (*nginx_sys::ngx_cycle).log })
    }

    pub(in crate::ffi) fn as_ptr(self) -> *mut ngx_log_t {
        self.0
    }

    /// Writes a line, if the log accepts lines of `level`. (A debug log's level is a mask, which is
    /// larger than any level.)
    pub(crate) fn write(self, level: Level, line: fmt::Arguments<'_>) {
        let level = level as ngx_uint_t;
        // SAFETY: the log is live by the constructor's contract.
        if level > unsafe { (*self.0).log_level } {
            return;
        }
        self.write_always(level, line);
    }

    /// Writes a line for developers, if the log is a debug log of nginx's HTTP part.
    pub(crate) fn debug(self, line: impl FnOnce(&dyn Fn(fmt::Arguments<'_>))) {
        // SAFETY: as above.
        if ngx::log::DEBUG && unsafe { (*self.0).log_level } & NGX_LOG_DEBUG_HTTP as usize != 0 {
            line(&|text| self.write_always(nginx_sys::NGX_LOG_DEBUG as ngx_uint_t, text));
        }
    }

    fn write_always(self, level: ngx_uint_t, line: fmt::Arguments<'_>) {
        let mut buffer = [const { MaybeUninit::<u8>::uninit() }; LOG_BUFFER_SIZE];
        let line = write_fmt(&mut buffer, format_args!("aws_auth: {line}"));
        // SAFETY: the log is live; the line is a valid slice.
        unsafe { log_error(level, self.0, 0, line) };
    }
}

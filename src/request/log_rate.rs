//! How often a line is logged that a client can cause at will.

use std::cell::RefCell;

use aws_sealing::DeniedOperations;

use crate::ffi::process::log::Level;

/// The level at which a denied operation is logged. A client can repeat it at will: for each
/// operation, one line per second informs the operator.
pub(super) fn level_of(denied: &DeniedOperations) -> Level {
    level_of_line(denied.operation().index(), Level::Error)
}

/// The line about forms, in addition to those about operations.
pub(super) const FORM_LINE: usize = LINES - 1;

/// How many kinds of lines there are: one for each operation, and one more.
const LINES: usize = 129;

/// `level` for the first line of a kind in a second.
pub(super) fn level_of_line(kind: usize, level: Level) -> Level {
    thread_local! {
        static LAST: RefCell<[i64; LINES]> = const { RefCell::new([0; LINES]) };
    }
    let now = nginx_sys::ngx_time();
    LAST.with_borrow_mut(|last| match last.get_mut(kind) {
        Some(last) if *last == now => Level::Info,
        Some(last) => {
            *last = now;
            level
        }
        None => level,
    })
}

//! Prevents panics from reaching C.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body`; if it panics, the panic ends here and `fallback` is the result. By then, the panic
/// message has been written to nginx's standard error, which is its error log.
///
/// Unwind safety: the caller's state is a request, which fails in this case, or buffers that are
/// cleared before they are used again.
pub(crate) fn guard<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

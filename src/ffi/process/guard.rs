//! Prevents panics from reaching C.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body`; where it panics, the panic ends here and `fallback` is the answer. What panicked
/// has been printed by then, to nginx's standard error, which is its error log.
///
/// Unwind safety: a caller's state is a request, which is failed then, or buffers that are emptied
/// before they are used again.
pub(crate) fn guard<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

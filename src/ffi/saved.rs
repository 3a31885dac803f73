//! What is remembered of nginx while a configuration is read, for as long as the process lives: the
//! filters behind ours, a setter that is stood in for.

use std::cell::Cell;

/// A place for one such thing.
pub(super) struct Saved<T>(Cell<Option<T>>);

// SAFETY: nginx is single-threaded, see `ffi`: nobody shares a static with another thread.
unsafe impl<T> Sync for Saved<T> {}

impl<T: Copy> Saved<T> {
    pub(super) const fn nothing() -> Self {
        Self(Cell::new(None))
    }

    pub(super) fn get(&self) -> Option<T> {
        self.0.get()
    }

    pub(super) fn set(&self, value: Option<T>) {
        self.0.set(value);
    }

    pub(super) fn take(&self) -> Option<T> {
        self.0.take()
    }
}

//! Functions that C calls by a pointer without an argument that says which one is meant.

use std::marker::PhantomData;
use std::ptr::NonNull;

/// A function that is identified by its type alone: a `fn` item, or a closure that captures
/// nothing. So the C function that calls it is generic, and there is one for each.
pub(in crate::ffi) struct Function<F>(PhantomData<F>);

impl<F: Copy + 'static> Function<F> {
    /// Registers a function: after this, [`Self::get`] can be called.
    pub(in crate::ffi) const fn of(_function: F) {
        const { assert!(size_of::<F>() == 0, "the function captures something") }
    }

    /// The function.
    ///
    /// # Safety
    /// It must have been handed to [`Self::of`].
    pub(in crate::ffi) const unsafe fn get() -> &'static F {
        const { assert!(size_of::<F>() == 0, "the function captures something") }
        // SAFETY: a value of no bytes is at any aligned address. That there are values of this type, and
        // that they may be copied, is known from the one that was handed over.
        unsafe { NonNull::<F>::dangling().as_ref() }
    }
}

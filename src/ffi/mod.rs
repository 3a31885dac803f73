//! Every raw pointer of nginx is wrapped here, once; the rest of the crate works with references
//! and slices.
//!
//! nginx is single-threaded: configuration is read and merged in the master process, requests are
//! served by one thread in each worker. Nothing here is `Send` or `Sync`, nor needs to be.

pub(crate) mod conf;
pub(crate) mod guard;
pub(crate) mod handlers;
pub(crate) mod log;
pub(crate) mod request;
pub(crate) mod upstream;
pub(crate) mod value;

use std::ptr::NonNull;

use nginx_sys::{ngx_pool_cleanup_add, ngx_pool_t, ngx_str_t};

/// The bytes of an nginx string.
///
/// # Safety
/// `text` must describe readable memory (or be empty) that outlives `'a`.
pub(crate) unsafe fn bytes<'a>(text: ngx_str_t) -> &'a [u8] {
    if text.len == 0 || text.data.is_null() {
        return &[];
    }
    // SAFETY: non-null, and readable for `len` bytes during 'a by this function's contract.
    unsafe { std::slice::from_raw_parts(text.data, text.len) }
}

/// Moves `value` into memory of `pool`, which drops it when the pool is destroyed. `None` where
/// the pool has no memory.
///
/// # Safety
/// `pool` must be a live pool; the caller decides how long the pointer may be used (no longer
/// than the pool lives).
pub(crate) unsafe fn allocate<T>(pool: *mut ngx_pool_t, value: T) -> Option<NonNull<T>> {
    const {
        assert!(
            align_of::<T>() <= align_of::<usize>(),
            "pool memory is word-aligned"
        )
    };

    // SAFETY: the pool is live. The cleanup record comes with `size_of::<T>()` bytes, aligned for
    // a word (ngx_palloc), so that one allocation holds both and neither can fail alone.
    let cleanup = unsafe { ngx_pool_cleanup_add(pool, size_of::<T>()).as_mut() }?;
    let place = NonNull::new(cleanup.data.cast::<T>())?;

    // SAFETY: fresh memory of the right size and alignment.
    unsafe { place.write(value) };
    cleanup.handler = Some(drop_in_pool::<T>);
    Some(place)
}

/// # Safety
/// `value` must be a `T` that nobody uses any more: nginx calls this once, as it destroys the
/// pool.
unsafe extern "C" fn drop_in_pool<T>(value: *mut std::ffi::c_void) {
    // SAFETY: `allocate` wrote a T there, and the pool runs each cleanup once.
    guard::guard((), || unsafe { std::ptr::drop_in_place(value.cast::<T>()) });
}

//! Memory: values in nginx's pools, its strings, and zones that processes share.

pub(crate) mod counters;
pub(crate) mod memo;
pub(crate) mod shm;

use std::any::TypeId;
use std::ffi::c_void;
use std::ptr::NonNull;

use nginx_sys::{ngx_pool_cleanup_add, ngx_pool_t, ngx_str_t};

use crate::ffi::process::guard::guard;

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

/// A value in a pool, after what is needed to find and to drop it.
#[repr(C)]
struct Allocated<T> {
    header: Header,
    value: T,
}

/// What comes before each value that is put into a pool.
#[repr(C)]
struct Header {
    /// [`Header::MAGIC`]. The linker may merge functions of equal code, so the handler's address
    /// alone does not prove whose cleanup it is.
    magic: u64,
    kind: TypeId,
    drop: unsafe fn(*mut c_void),
}

impl Header {
    const MAGIC: u64 = u64::from_ne_bytes(*b"aws_auth");
}

/// Moves `value` into memory of `pool`, which drops it when the pool is destroyed. `None` if the
/// pool has no memory.
///
/// # Safety
/// `pool` must be a live pool; the caller decides how long the pointer may be used (no longer
/// than the pool lives).
pub(crate) unsafe fn allocate<T: 'static>(pool: *mut ngx_pool_t, value: T) -> Option<NonNull<T>> {
    const {
        assert!(
            align_of::<Allocated<T>>() <= align_of::<usize>(),
            "pool memory is word-aligned"
        )
    };

    // SAFETY: the pool is live. The cleanup record comes with its memory, aligned for a word
    // (ngx_palloc), so that one allocation holds both and neither can fail alone.
    let cleanup = unsafe { ngx_pool_cleanup_add(pool, size_of::<Allocated<T>>()).as_mut() }?;
    let place = NonNull::new(cleanup.data.cast::<Allocated<T>>())?;

    // SAFETY: fresh memory of the right size and alignment.
    unsafe {
        place.write(Allocated {
            header: Header {
                magic: Header::MAGIC,
                kind: TypeId::of::<T>(),
                drop: drop_allocated::<T>,
            },
            value,
        });
    }
    cleanup.handler = Some(drop_in_pool);
    // SAFETY: the place of a field of what was just written.
    NonNull::new(unsafe { &raw mut (*place.as_ptr()).value })
}

/// The values of type `T` that [`allocate`] has put into `pool`, the last one first.
///
/// A module's context of a request is lost in an internal redirect; the pool's list is not.
///
/// # Safety
/// `pool` must be a live pool, to which nothing is added meanwhile.
pub(crate) unsafe fn allocated<T: 'static>(
    pool: *mut ngx_pool_t,
) -> impl Iterator<Item = NonNull<T>> {
    // SAFETY: live; its cleanups are a list that ends with null.
    let mut next = unsafe { (*pool).cleanup };
    std::iter::from_fn(move || {
        // SAFETY: as above.
        let cleanup = unsafe { next.as_ref() }?;
        next = cleanup.next;
        Some(cleanup)
    })
    .filter(|cleanup| {
        cleanup
            .handler
            .is_some_and(|handler| std::ptr::fn_addr_eq(handler, drop_in_pool as CleanupHandler))
    })
    .filter_map(|cleanup| {
        let place = cleanup.data.cast::<Allocated<T>>();
        let header = cleanup.data.cast::<Header>();
        // SAFETY: the data of a cleanup with this handler's address is never null and has at least
        // a word. The magic word says that `allocate` wrote it, so that a whole header is there.
        let kind = unsafe {
            if (*header).magic != Header::MAGIC {
                return None;
            }
            (*header).kind
        };
        // SAFETY: of the type that was asked for.
        (kind == TypeId::of::<T>()).then(|| unsafe { NonNull::new(&raw mut (*place).value) })?
    })
}

type CleanupHandler = unsafe extern "C" fn(*mut c_void);

/// # Safety
/// `value` must begin with a [`Header`] and be used by nobody any more: nginx calls this once, as
/// it destroys the pool.
unsafe extern "C" fn drop_in_pool(value: *mut c_void) {
    // SAFETY: `allocate` wrote it, and the pool runs each cleanup once.
    guard((), || unsafe { ((*value.cast::<Header>()).drop)(value) });
}

/// # Safety
/// `value` must be an `Allocated<T>` that nobody uses any more.
unsafe fn drop_allocated<T>(value: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { std::ptr::drop_in_place(value.cast::<Allocated<T>>()) };
}

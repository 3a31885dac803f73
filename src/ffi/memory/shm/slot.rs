//! A provider's slot in a zone of shared memory.
//!
//! A slot has two buffers. A publication fills the one that nobody reads and then switches to it
//! with one store, so that the previous publication stays intact until the new one is complete, at
//! whatever point a worker is killed.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU64, Ordering};

use nginx_sys::{ngx_slab_alloc_locked, ngx_slab_calloc_locked, ngx_slab_free_locked};
use zeroize::{Zeroize, Zeroizing};

use crate::ffi::memory::shm::{Lock, Memory};

/// The initial size of each buffer of a slot: temporary credentials with a token of the usual
/// length.
const BUFFER_SIZE: usize = 2048;

/// How much of a note is kept.
const MAX_NOTE_SIZE: usize = 1024;

/// The maximum size of a buffer.
const MAX_BUFFER_SIZE: usize = 64 * 1024;

/// One provider's slot. All zero is a vacant one.
///
/// Processes share it, so there is never a `&mut Slot`: `generation` is read without the lock at
/// any time, and everything else is reached through the lock.
#[repr(C)]
pub(super) struct Slot<S> {
    /// The number of publications here. Its lowest bit says which buffer is current.
    generation: AtomicU64,
    guarded: UnsafeCell<Guarded<S>>,
}

/// What only the holder of the zone's lock may access.
#[repr(C)]
pub(super) struct Guarded<S> {
    pub(super) next: *mut Slot<S>,
    /// The key of the provider; all zero: none.
    pub(super) key: [u8; 32],
    halves: [Buffer; 2],
    /// Something for people to read, such as an error.
    note: Buffer,
    /// Whether the configuration in use has no such provider: not 0.
    pub(super) retired: u32,
    state: S,
}

/// What workers share about a provider, in addition to its credentials.
///
/// # Safety
/// - All zero must be a value, and so must anything that a process leaves that is killed while it
///   writes: integers only.
/// - The tag must be the address of a static that is no other type's.
pub(crate) unsafe trait SharedState: Copy + Default + 'static {
    /// Marks the zones that hold states of this type.
    fn tag() -> *const u8;
}

#[repr(C)]
struct Buffer {
    place: *mut u8,
    capacity: usize,
    length: usize,
}

impl<S: SharedState> Slot<S> {
    /// A slot with buffers, on no list yet. `None` if there is no room.
    pub(super) fn create(lock: &Lock<'_>, key: &[u8; 32]) -> Option<NonNull<Self>> {
        // SAFETY: the pool is locked. Zeroed memory is a slot without buffers.
        let place = unsafe { ngx_slab_calloc_locked(lock.pool.as_ptr(), size_of::<Self>()) };
        let place = NonNull::new(place.cast::<Self>())?;
        // SAFETY: ours alone until it is on the list.
        let guarded = unsafe { &mut *place.as_ref().guarded.get() };
        guarded.key = *key;
        let mut halves = guarded.halves.iter_mut();
        if halves.all(|half| half.reserve(lock, BUFFER_SIZE)) {
            return Some(place);
        }
        for half in &mut guarded.halves {
            half.release(lock);
        }
        // SAFETY: the pool is locked, and nobody has seen the slot.
        unsafe { ngx_slab_free_locked(lock.pool.as_ptr(), place.as_ptr().cast::<c_void>()) };
        None
    }

    /// What the lock guards. The borrow of `lock` keeps a second one from being made.
    pub(super) fn guarded<'l>(&'l self, _lock: &'l mut Lock<'_>) -> &'l mut Guarded<S> {
        // SAFETY: the lock is held, which keeps other processes out, and borrowed, which keeps this
        // one from holding a second reference to a slot's guarded part.
        unsafe { &mut *self.guarded.get() }
    }

    /// The slot after the one with this guarded part.
    pub(super) fn after<'m>(guarded: &Guarded<S>, _memory: &'m Memory<S>) -> Option<&'m Self> {
        // SAFETY: a link of the list, read under the lock. Slots are never freed while their zone is
        // mapped.
        unsafe { guarded.next.as_ref() }
    }

    /// Wipes what is published, and the state. The generation continues, so that nobody mistakes
    /// the next provider's material for this one's.
    pub(super) fn vacate(&self, lock: &mut Lock<'_>) {
        let guarded = self.guarded(lock);
        for half in &mut guarded.halves {
            half.wipe();
        }
        guarded.note.wipe();
        guarded.key = [0; 32];
        guarded.retired = 0;
        guarded.state = S::default();
        self.generation.fetch_add(2, Ordering::Release);
    }
}

impl<S> Guarded<S> {
    pub(super) fn is_vacant(&self) -> bool {
        self.key == [0; 32]
    }
}

impl Buffer {
    /// False if there is no room; what was in it may be lost then.
    fn reserve(&mut self, lock: &Lock<'_>, size: usize) -> bool {
        if self.capacity >= size {
            return true;
        }
        self.release(lock);
        // SAFETY: the pool is locked.
        let place = unsafe { ngx_slab_alloc_locked(lock.pool.as_ptr(), size) };
        self.place = place.cast::<u8>();
        self.capacity = if place.is_null() { 0 } else { size };
        self.capacity >= size
    }

    fn release(&mut self, lock: &Lock<'_>) {
        self.wipe();
        let place = std::mem::replace(&mut self.place, null_mut());
        self.capacity = 0;
        if !place.is_null() {
            // SAFETY: the pool is locked, and nobody refers to the buffer any more.
            unsafe { ngx_slab_free_locked(lock.pool.as_ptr(), place.cast::<c_void>()) };
        }
    }

    fn wipe(&mut self) {
        self.length = 0;
        if !self.place.is_null() {
            // SAFETY: `capacity` bytes of the zone, which are this buffer's; the zone is mapped
            // zeroed, and a slab's bytes stay initialized.
            unsafe { std::slice::from_raw_parts_mut(self.place, self.capacity) }.zeroize();
        }
    }

    fn bytes(&self) -> &[u8] {
        if self.place.is_null() {
            return &[];
        }
        // SAFETY: as above; `length` is at most `capacity`.
        unsafe { std::slice::from_raw_parts(self.place, self.length) }
    }

    /// False, and nothing held, if there is no room.
    fn fill(&mut self, lock: &Lock<'_>, bytes: &[u8]) -> bool {
        if bytes.len() > MAX_BUFFER_SIZE || !self.reserve(lock, bytes.len()) {
            return false;
        }
        // SAFETY: `reserve` made room for them.
        unsafe {
            self.place
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len())
        };
        self.length = bytes.len();
        true
    }
}

/// A slot, seen by one process. To be used while the configuration that has the zone is.
pub(crate) struct SlotRef<S> {
    slot: NonNull<Slot<S>>,
    memory: Memory<S>,
}

impl<S> Clone for SlotRef<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for SlotRef<S> {}

impl<S: SharedState> SlotRef<S> {
    pub(super) fn new(slot: NonNull<Slot<S>>, memory: Memory<S>) -> Self {
        Self { slot, memory }
    }

    pub(super) fn refers_to(&self, slot: &Slot<S>) -> bool {
        std::ptr::eq(self.slot.as_ptr(), slot)
    }

    fn slot(&self) -> &Slot<S> {
        // SAFETY: slots are never freed while their zone is mapped, and shared references are all
        // there is of them.
        unsafe { self.slot.as_ref() }
    }

    /// The number of publications: one atomic load. 0: never.
    pub(crate) fn generation(&self) -> u64 {
        self.slot().generation.load(Ordering::Acquire)
    }

    /// What is published, with its generation. `None` if nothing is, or if the slot now belongs to
    /// another provider than the one with `key`.
    pub(crate) fn read(&self, key: &[u8; 32]) -> Option<(u64, Zeroizing<Vec<u8>>)> {
        let mut lock = self.memory.lock();
        let generation = self.generation();
        let slot = self.slot().guarded(&mut lock);
        let bytes = slot.halves[(generation & 1) as usize].bytes();
        (slot.key == *key && !bytes.is_empty())
            .then(|| (generation, Zeroizing::new(bytes.to_vec())))
    }

    /// Publishes `bytes`, and wipes what was published before. False if the zone has no room for
    /// them; the previous publication then stays.
    pub(crate) fn publish(&self, bytes: &[u8]) -> bool {
        let lock = self.memory.lock();
        let generation = self.slot().generation.load(Ordering::Relaxed) + 1;
        let at = (generation & 1) as usize;
        // SAFETY: the lock is held, and this is the only reference; `fill` needs the lock as well.
        let slot = unsafe { &mut *self.slot().guarded.get() };
        if !slot.halves[at].fill(&lock, bytes) {
            return false;
        }
        self.slot().generation.store(generation, Ordering::Release);
        slot.halves[1 - at].wipe();
        true
    }

    /// Reads or changes the state, under the lock. `change` must be short and must not block.
    pub(crate) fn with_state<T>(&self, change: impl FnOnce(&mut S) -> T) -> T {
        let mut lock = self.memory.lock();
        change(&mut self.slot().guarded(&mut lock).state)
    }

    /// Keeps a text for people, as far as there is room for it.
    pub(crate) fn set_note(&self, text: &[u8]) {
        let lock = self.memory.lock();
        // SAFETY: the lock is held, and this is the only reference; `fill` needs the lock as well.
        let slot = unsafe { &mut *self.slot().guarded.get() };
        slot.note
            .fill(&lock, &text[..text.len().min(MAX_NOTE_SIZE)]);
    }

    /// The text that was kept last, and the state, at one moment.
    pub(crate) fn note(&self) -> (Vec<u8>, S) {
        let mut lock = self.memory.lock();
        let slot = self.slot().guarded(&mut lock);
        (slot.note.bytes().to_vec(), slot.state)
    }

    /// Copies the contents of `other`, a slot of another zone, and its state as `inherit` converts
    /// it.
    pub(crate) fn copy_from(&self, other: &Self, key: &[u8; 32], inherit: impl FnOnce(S) -> S) {
        let Some((_, bytes)) = other.read(key) else {
            return;
        };
        let state = other.with_state(|state| *state);
        if self.publish(&bytes) {
            self.with_state(|own| *own = inherit(state));
        }
    }
}

//! A zone of shared memory with slots for secrets.
//!
//! nginx maps a zone before it starts its workers, so that all of them see it at one address, and
//! keeps it when the configuration is read again. A worker can be killed at any instruction: the
//! zone's lock is the mutex of nginx's slab pool, which the master releases when the worker that
//! holds it has died.

mod slot;

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::rc::Rc;

use nginx_sys::{
    NGX_ERROR, NGX_OK, ngx_int_t, ngx_list_part_t, ngx_shared_memory_add, ngx_shm_zone_t,
    ngx_shmtx_lock, ngx_shmtx_unlock, ngx_slab_calloc_locked, ngx_slab_pool_t,
};

use slot::{Guarded, Slot};
pub(crate) use slot::{SharedState, SlotRef};

use crate::ffi::conf::Conf;
use crate::ffi::memory::allocate;
use crate::ffi::process::guard::guard;
use crate::ffi::process::log::{Level, Log};

/// The owner of a zone.
pub(crate) trait ZoneOwner: 'static {
    type State: SharedState;

    /// The zone has its memory: the master calls this before there are workers. Returns the reason
    /// if the zone cannot be used.
    fn zone_is_ready(&self, memory: Memory<Self::State>) -> Result<(), String>;
}

/// Declares a zone, whose owner the configuration keeps. The error has been logged by nginx.
pub(crate) fn declare<T: ZoneOwner>(
    conf: &Conf,
    name: &[u8],
    size: usize,
    owner: Rc<T>,
) -> Result<(), ()> {
    let mut name = conf.copy_c_string(name).ok_or(())?;
    let tag = T::State::tag().cast_mut().cast::<c_void>();
    // SAFETY: the configuration is being read; nginx keeps the name and the owner, which live in its
    // pool.
    unsafe {
        let owner = allocate(conf.pool(), owner).ok_or(())?;
        let zone = ngx_shared_memory_add(conf.as_ptr(), &mut name, size, tag);
        let zone = zone.as_mut().ok_or(())?;
        zone.data = owner.as_ptr().cast::<c_void>();
        zone.init = Some(init::<T>);
    }
    Ok(())
}

/// # Safety
/// Called by nginx only, for a zone of [`declare`] with the same `T`.
unsafe extern "C" fn init<T: ZoneOwner>(zone: *mut ngx_shm_zone_t, old: *mut c_void) -> ngx_int_t {
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx has allocated the zone and put a slab pool at its start; `data` is the
        // owner that `declare` was given.
        unsafe {
            let zone = &mut *zone;
            let Some(pool) = NonNull::new(zone.shm.addr.cast::<ngx_slab_pool_t>()) else {
                return NGX_ERROR as ngx_int_t;
            };
            keep_out_of_core_dumps(zone);
            let memory = if old.is_null() {
                Memory::create(pool, zone)
            } else {
                Some(Memory::at(pool))
            };
            let ready = match memory {
                Some(memory) => (*zone.data.cast::<Rc<T>>()).zone_is_ready(memory),
                None => Err("it has no room for anything".to_owned()),
            };
            match ready {
                Ok(()) => NGX_OK as ngx_int_t,
                Err(reason) => {
                    Log::from_ptr(zone.shm.log).write(
                        Level::Emerg,
                        format_args!(
                            "\"aws_auth_zone\" \"{}\" is too small: {reason}",
                            String::from_utf8_lossy(crate::ffi::memory::bytes(zone.shm.name))
                        ),
                    );
                    NGX_ERROR as ngx_int_t
                }
            }
        }
    })
}

/// Best effort: nothing else depends on it.
fn keep_out_of_core_dumps(zone: &ngx_shm_zone_t) {
    #[cfg(target_os = "linux")]
    // SAFETY: the zone is a separate mapping of this size.
    unsafe {
        libc::madvise(zone.shm.addr.cast(), zone.shm.size, libc::MADV_DONTDUMP);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = zone;
}

/// A zone's memory. It stays mapped as long as the configuration that declared the zone, or one
/// that took it over, is in use.
pub(crate) struct Memory<S> {
    pool: ZonePool,
    slots: PhantomData<Slot<S>>,
}

impl<S> Clone for Memory<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Memory<S> {}

/// The allocator in a zone, with the zone's lock.
#[derive(Clone, Copy)]
pub(crate) struct ZonePool(NonNull<ngx_slab_pool_t>);

impl ZonePool {
    /// Waits for the lock, for as long as others do something short.
    pub(in crate::ffi::memory) fn lock(&self) -> Lock<'_> {
        // SAFETY: the zone is mapped.
        unsafe { ngx_shmtx_lock(&raw mut (*self.0.as_ptr()).mutex) };
        Lock {
            pool: self.0,
            memory: PhantomData,
        }
    }

    /// What [`Self::set_extra`] has put into the zone; null if nothing.
    pub(in crate::ffi::memory) fn extra(&self, _lock: &Lock<'_>) -> *mut c_void {
        // SAFETY: the root was made with the zone, and the lock is held.
        unsafe { (*(*self.0.as_ptr()).data.cast::<Extra>()).0 }
    }

    /// Keeps what the zone holds beside its slots.
    pub(in crate::ffi::memory) fn set_extra(&self, _lock: &Lock<'_>, extra: NonNull<c_void>) {
        // SAFETY: as in `extra`.
        unsafe { (*(*self.0.as_ptr()).data.cast::<Extra>()).0 = extra.as_ptr() };
    }

    /// How large the zone is, and how much of it is in use, in bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        let _lock = self.lock();
        // SAFETY: nginx's allocator, under its lock.
        unsafe {
            let pool = self.0.as_ref();
            let size = pool.end as usize - self.0.as_ptr() as usize;
            let free = pool.pfree * crate::ffi::process::page_size();
            (size as u64, size.saturating_sub(free) as u64)
        }
    }
}

/// What is at the start of a zone's memory.
#[repr(C)]
struct Root<S> {
    extra: Extra,
    first: *mut Slot<S>,
}

/// What the zone holds beside its slots, if anything.
#[repr(C)]
struct Extra(*mut c_void);

impl<S: SharedState> Memory<S> {
    fn at(pool: NonNull<ngx_slab_pool_t>) -> Self {
        Self {
            pool: ZonePool(pool),
            slots: PhantomData,
        }
    }

    /// # Safety
    /// `pool` must be the fresh slab pool of `zone`.
    unsafe fn create(pool: NonNull<ngx_slab_pool_t>, _zone: &ngx_shm_zone_t) -> Option<Self> {
        let memory = Self::at(pool);
        let _lock = memory.lock();
        // SAFETY: the pool is locked; the fresh memory is zeroed, which is an empty list.
        unsafe {
            let pool = pool.as_ptr();
            // The module reports what does not fit.
            (*pool).set_log_nomem(0);
            (*pool).data = ngx_slab_calloc_locked(pool, size_of::<Root<S>>());
            (!(*pool).data.is_null()).then_some(memory)
        }
    }

    /// Waits for the lock, which others hold for a short time only.
    pub(super) fn lock(&self) -> Lock<'_> {
        self.pool.lock()
    }

    /// The allocator in the zone.
    pub(crate) fn pool(&self) -> ZonePool {
        self.pool
    }

    /// The slot with this key; a new one if there is none. `None` if there is no room.
    pub(crate) fn slot(&self, key: &[u8; 32]) -> Option<SlotRef<S>> {
        let mut lock = self.lock();
        if let Some(slot) = self.find(&mut lock, |slot| slot.key == *key) {
            return Some(self.refer(slot));
        }
        let vacant = self.find(&mut lock, |slot| {
            let vacant = slot.is_vacant();
            if vacant {
                slot.key = *key;
            }
            vacant
        });
        if let Some(slot) = vacant {
            return Some(self.refer(slot));
        }
        let slot = Slot::create(&lock, key)?;
        // SAFETY: the list, under the lock; slots are never freed while the zone is mapped.
        let slot = unsafe {
            let root = (*self.pool.0.as_ptr()).data.cast::<Root<S>>();
            slot.as_ref().guarded(&mut lock).next = (*root).first;
            (*root).first = slot.as_ptr();
            slot.as_ref()
        };
        Some(self.refer(slot))
    }

    /// The slot with this key, if there is one.
    pub(crate) fn existing(&self, key: &[u8; 32]) -> Option<SlotRef<S>> {
        let mut lock = self.lock();
        let slot = self.find(&mut lock, |slot| slot.key == *key)?;
        Some(self.refer(slot))
    }

    /// Wipes slots that are not in `used`, when they are missing for the second time: by then the
    /// workers that knew them have been replaced twice.
    pub(crate) fn retire_others(&self, used: &[SlotRef<S>]) {
        let mut lock = self.lock();
        let mut place = self.first(&lock);
        while let Some(slot) = place {
            let guarded = slot.guarded(&mut lock);
            place = Slot::after(guarded, self);
            let is_used = used.iter().any(|used| used.refers_to(slot));
            match (is_used, guarded.retired) {
                (true, _) => guarded.retired = 0,
                (false, 0) => guarded.retired = 1,
                (false, _) => slot.vacate(&mut lock),
            }
        }
    }

    fn refer(&self, slot: &Slot<S>) -> SlotRef<S> {
        SlotRef::new(NonNull::from(slot), *self)
    }

    fn first(&self, _lock: &Lock<'_>) -> Option<&Slot<S>> {
        // SAFETY: under the lock the list is whole. Its slots are never freed while the zone is
        // mapped.
        unsafe {
            let root = (*self.pool.0.as_ptr()).data.cast::<Root<S>>();
            (*root).first.as_ref()
        }
    }

    fn find(
        &self,
        lock: &mut Lock<'_>,
        mut matches: impl FnMut(&mut Guarded<S>) -> bool,
    ) -> Option<&Slot<S>> {
        let mut place = self.first(lock);
        while let Some(slot) = place {
            let guarded = slot.guarded(lock);
            if matches(guarded) {
                return Some(slot);
            }
            place = Slot::after(guarded, self);
        }
        None
    }
}

/// The zones with states of this type in the configuration that is in use while another one is read.
pub(crate) fn zones_in_use<S: SharedState>() -> Vec<Memory<S>> {
    let mut found = Vec::new();
    // SAFETY: nginx's list of zones: each part has `nelts` of them at `elts`, and a next part or
    // none. Those in use have been initialized, the ones with this tag by `init`, with states of this type.
    unsafe {
        if nginx_sys::ngx_cycle.is_null() {
            return found;
        }
        let mut part: *const ngx_list_part_t =
            &raw const (*nginx_sys::ngx_cycle).shared_memory.part;
        while let Some(list) = part.as_ref() {
            for at in 0..list.nelts {
                let zone = &*list.elts.cast::<ngx_shm_zone_t>().add(at);
                if std::ptr::eq(zone.tag.cast::<u8>(), S::tag())
                    && let Some(pool) = NonNull::new(zone.shm.addr.cast::<ngx_slab_pool_t>())
                    && !pool.as_ref().data.is_null()
                {
                    found.push(Memory::at(pool));
                }
            }
            part = list.next;
        }
    }
    found
}

/// The zone's lock, held.
pub(super) struct Lock<'a> {
    pub(super) pool: NonNull<ngx_slab_pool_t>,
    memory: PhantomData<&'a ngx_slab_pool_t>,
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // SAFETY: locked by `Memory::lock`.
        unsafe { ngx_shmtx_unlock(&raw mut (*self.pool.as_ptr()).mutex) };
    }
}

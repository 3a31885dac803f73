//! A zone of shared memory with slots for secrets.
//!
//! nginx maps a zone before it starts its workers, so that all of them see it at one address, and
//! hands it on when the configuration is read again. A worker may be killed at any instruction: the
//! zone's lock is the mutex of nginx's slab pool, which the master opens when the worker that holds
//! it has died.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::NonNull;

use nginx_sys::{
    NGX_ERROR, NGX_OK, ngx_int_t, ngx_list_part_t, ngx_module_t, ngx_shared_memory_add,
    ngx_shm_zone_t, ngx_shmtx_lock, ngx_shmtx_unlock, ngx_slab_calloc_locked, ngx_slab_pool_t,
};

use super::conf::Conf;
use super::guard::guard;
use super::log::{Level, Log};
use super::slot::Slot;
pub(crate) use super::slot::{SlotRef, State};

/// Who has a zone.
pub(crate) trait ZoneOwner {
    /// The zone has its memory: the master calls this before there are workers. Returns the
    /// reason where the zone cannot be used.
    fn zone_is_ready(&self, memory: Memory) -> Result<(), String>;
}

/// Declares a zone. The error has been logged by nginx.
///
/// # Safety
/// `owner` must live as long as the configuration.
pub(crate) unsafe fn declare<T: ZoneOwner>(
    conf: &Conf,
    name: &[u8],
    size: usize,
    module: &'static ngx_module_t,
    owner: NonNull<T>,
) -> Result<(), ()> {
    let mut name = conf.copy_c_string(name).ok_or(())?;
    let tag = std::ptr::from_ref(module).cast_mut().cast::<c_void>();
    // SAFETY: the configuration is being read; nginx keeps the name, which lives in its pool.
    unsafe {
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
                Some(Memory { pool })
            };
            let ready = match memory {
                Some(memory) => (*zone.data.cast::<T>()).zone_is_ready(memory),
                None => Err("it has no room for anything".to_owned()),
            };
            match ready {
                Ok(()) => NGX_OK as ngx_int_t,
                Err(reason) => {
                    Log::from_ptr(zone.shm.log).write(
                        Level::Emerg,
                        format_args!(
                            "\"aws_auth_zone\" \"{}\" is too small: {reason}",
                            String::from_utf8_lossy(super::bytes(zone.shm.name))
                        ),
                    );
                    NGX_ERROR as ngx_int_t
                }
            }
        }
    })
}

/// Best effort: where the system cannot, nothing is lost but this.
fn keep_out_of_core_dumps(zone: &ngx_shm_zone_t) {
    #[cfg(target_os = "linux")]
    // SAFETY: the zone is a mapping of its own, of this size.
    unsafe {
        libc::madvise(zone.shm.addr.cast(), zone.shm.size, libc::MADV_DONTDUMP);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = zone;
}

/// A zone's memory. It stays mapped as long as the configuration that declared the zone, or one
/// that took it over, is in use.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pool: NonNull<ngx_slab_pool_t>,
}

/// What stands at the start of a zone's memory.
#[repr(C)]
struct Root {
    first: *mut Slot,
}

impl Memory {
    /// # Safety
    /// `pool` must be the fresh slab pool of `zone`.
    unsafe fn create(pool: NonNull<ngx_slab_pool_t>, _zone: &ngx_shm_zone_t) -> Option<Self> {
        let memory = Self { pool };
        let _lock = memory.lock();
        // SAFETY: the pool is locked; the fresh memory is zeroed, which is an empty list.
        unsafe {
            let pool = pool.as_ptr();
            // What does not fit is reported by us.
            (*pool).set_log_nomem(0);
            (*pool).data = ngx_slab_calloc_locked(pool, size_of::<Root>());
            (!(*pool).data.is_null()).then_some(memory)
        }
    }

    /// Waits for the lock, for as long as others do something short.
    pub(super) fn lock(&self) -> Lock<'_> {
        // SAFETY: the zone is mapped.
        unsafe { ngx_shmtx_lock(&raw mut (*self.pool.as_ptr()).mutex) };
        Lock {
            pool: self.pool,
            memory: PhantomData,
        }
    }

    /// The slot with this key; a new one where there is none. `None` where there is no room.
    pub(crate) fn slot(&self, key: &[u8; 32]) -> Option<SlotRef> {
        let lock = self.lock();
        if let Some(slot) = self.find(&lock, |slot| slot.key == *key) {
            return Some(self.refer(slot));
        }
        if let Some(slot) = self.find(&lock, |slot| slot.is_vacant()) {
            // SAFETY: found under the lock, which is still held.
            unsafe { (*slot.as_ptr()).key = *key };
            return Some(self.refer(slot));
        }
        let slot = Slot::create(&lock, key)?;
        // SAFETY: the slot is ours alone so far, and the list, under the lock.
        unsafe {
            let root = (*self.pool.as_ptr()).data.cast::<Root>();
            (*slot.as_ptr()).next = (*root).first;
            (*root).first = slot.as_ptr();
        }
        Some(self.refer(slot))
    }

    /// The slot with this key, where there is one.
    pub(crate) fn existing(&self, key: &[u8; 32]) -> Option<SlotRef> {
        let lock = self.lock();
        let slot = self.find(&lock, |slot| slot.key == *key)?;
        Some(self.refer(slot))
    }

    /// Slots that are none of `used` lose their content the second time this is said of them: by
    /// then the workers that knew them have been replaced twice.
    pub(crate) fn retire_others(&self, used: &[SlotRef]) {
        let lock = self.lock();
        let _ = self.find(&lock, |slot| {
            let is_used = used.iter().any(|used| used.refers_to(slot));
            match (is_used, slot.state.retired) {
                (true, _) => slot.state.retired = 0,
                (false, 0) => slot.state.retired = 1,
                (false, _) => slot.vacate(),
            }
            false
        });
    }

    fn refer(&self, slot: NonNull<Slot>) -> SlotRef {
        SlotRef::new(slot, *self)
    }

    fn find(
        &self,
        _lock: &Lock<'_>,
        mut matches: impl FnMut(&mut Slot) -> bool,
    ) -> Option<NonNull<Slot>> {
        // SAFETY: under the lock the list is whole and nobody else touches its slots, their
        // generation aside, which is atomic.
        unsafe {
            let root = (*self.pool.as_ptr()).data.cast::<Root>();
            let mut place = (*root).first;
            while let Some(slot) = place.as_mut() {
                if matches(slot) {
                    return NonNull::new(place);
                }
                place = slot.next;
            }
        }
        None
    }
}

/// The zones of `module` in the configuration that is in use while another one is read.
pub(crate) fn zones_in_use(module: &'static ngx_module_t) -> Vec<Memory> {
    let mut found = Vec::new();
    // SAFETY: nginx's list of zones: each part has `nelts` of them at `elts`, and a next part or
    // none. Those in use have been initialised, the ones with our tag by `init`.
    unsafe {
        if nginx_sys::ngx_cycle.is_null() {
            return found;
        }
        let mut part: *const ngx_list_part_t =
            &raw const (*nginx_sys::ngx_cycle).shared_memory.part;
        while let Some(list) = part.as_ref() {
            for at in 0..list.nelts {
                let zone = &*list.elts.cast::<ngx_shm_zone_t>().add(at);
                if std::ptr::eq(zone.tag.cast::<ngx_module_t>(), module)
                    && let Some(pool) = NonNull::new(zone.shm.addr.cast::<ngx_slab_pool_t>())
                    && !pool.as_ref().data.is_null()
                {
                    found.push(Memory { pool });
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
    memory: PhantomData<&'a Memory>,
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // SAFETY: locked by `Memory::lock`.
        unsafe { ngx_shmtx_unlock(&raw mut (*self.pool.as_ptr()).mutex) };
    }
}

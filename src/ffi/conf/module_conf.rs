//! This module's own configurations, found by their types.
//!
//! nginx keeps an untyped configuration for each module: one for http{} itself, one for each
//! server{} and upstream{}, one for each location. With [`ModuleConf`], a type declares once where
//! it is kept. After that, no code names a module or casts a pointer.

use std::cell::{Ref, RefCell, RefMut};
use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

use nginx_sys::{ngx_conf_t, ngx_module_t};

use crate::ffi::memory::allocate;
use crate::ffi::process::guard::guard;

/// The configuration of http{} itself.
pub(crate) enum OfMain {}

/// The configuration of a server{} or an upstream{}.
pub(crate) enum OfServer {}

/// The configuration of a location, or of another block in which requests are served.
pub(crate) enum OfLocation {}

/// A configuration of this module.
///
/// # Safety
/// All configurations that the module [`Self::module`] has for the blocks of this kind must have been
/// made by [`create`] with this type.
pub(crate) unsafe trait ModuleConf: Default + 'static {
    /// The kind of blocks that have one.
    type Of;

    /// The module, a static that nginx writes to only while it starts.
    fn module() -> *const ngx_module_t;
}

/// The place of `T` in nginx's arrays of configurations.
fn index<T: ModuleConf>() -> usize {
    // SAFETY: a module; nginx has set its indices before it calls anything of the module.
    unsafe { (*T::module()).ctx_index }
}

/// Makes a configuration; null if there is no memory.
///
/// # Safety
/// Called by nginx only, while it reads a configuration.
pub(in crate::ffi) unsafe extern "C" fn create<T: ModuleConf>(cf: *mut ngx_conf_t) -> *mut c_void {
    guard(null_mut(), || {
        // SAFETY: the configuration that is being read has a pool.
        let place = unsafe { allocate((*cf).pool, RefCell::new(T::default())) };
        place.map_or(null_mut(), |place| place.as_ptr().cast())
    })
}

/// A configuration as nginx hands it to a callback.
///
/// # Safety
/// `place` must be null or come from [`create`] with the same type, and stay for `'a`.
pub(in crate::ffi) unsafe fn from_ptr<'a, T: ModuleConf>(
    place: *mut c_void,
) -> Option<&'a RefCell<T>> {
    // SAFETY: by this function's contract.
    unsafe { place.cast::<RefCell<T>>().as_ref() }
}

/// The configuration of type `T` in one of nginx's arrays.
///
/// # Safety
/// `array` must be null or the array of the kind `T::Of` of a configuration that stays for `'a`.
pub(in crate::ffi) unsafe fn find<'a, T: ModuleConf>(
    array: *mut *mut c_void,
) -> Option<&'a RefCell<T>> {
    let array = NonNull::new(array)?;
    // SAFETY: an array has an entry for each HTTP module; ours is a `T`, which its trait promises.
    unsafe { from_ptr(*array.as_ptr().add(index::<T>())) }
}

/// As [`find`], for requests that are served by a configuration. Nobody can change that any more: it
/// takes a `Conf` to do so, which exists only while a configuration is read.
///
/// # Safety
/// As [`find`].
pub(in crate::ffi) unsafe fn find_complete<'a, T: ModuleConf>(
    array: *mut *mut c_void,
) -> Option<&'a T> {
    // SAFETY: as above; it stays as it is for 'a.
    unsafe { find::<T>(array)?.try_borrow_unguarded().ok() }
}

/// To read a configuration; `None` if there is none, or if it is being changed.
pub(in crate::ffi) fn read<T>(place: Option<&RefCell<T>>) -> Option<Ref<'_, T>> {
    place?.try_borrow().ok()
}

/// To change a configuration; `None` if there is none, or if it is in use.
pub(in crate::ffi) fn change<T>(place: Option<&RefCell<T>>) -> Option<RefMut<'_, T>> {
    place?.try_borrow_mut().ok()
}

//! What stands behind `proxy_pass`.
//!
//! nginx keeps its value to itself, and it cannot be read from what is public of a location. So the
//! directive's setter is stood in for while http{} is read, by one that calls the setter and looks at
//! the argument.

use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::ptr::NonNull;

use nginx_sys::{ngx_command_t, ngx_conf_t};

use super::conf::Conf;
use super::guard::guard;
use super::handlers::PassModule;

type Set = unsafe extern "C" fn(*mut ngx_conf_t, *mut ngx_command_t, *mut c_void) -> *mut c_char;

/// Called when a `proxy_pass` has been read, with that directive.
pub(crate) type Observer = fn(&Conf);

/// A directive whose setter is stood in for.
#[derive(Clone, Copy)]
struct Observed {
    command: NonNull<ngx_command_t>,
    setter: Set,
    observer: Observer,
}

thread_local! {
    static OBSERVED: Cell<Option<Observed>> = const { Cell::new(None) };
}

/// Has `observer` called at each `proxy_pass` of the configuration being read, until [`forget`] is
/// called, or the reading fails.
pub(crate) fn observe(conf: &Conf, proxy: &PassModule, observer: Observer) {
    let Some(mut command) = proxy.command() else {
        return;
    };
    // SAFETY: the table of a module of this nginx, which is read by this thread only, and later in
    // time. The pool that undoes it goes before this module does, where the reading fails.
    unsafe {
        let (Some(setter), Some(_)) = (command.as_ref().set, super::allocate(conf.pool(), Undo))
        else {
            return;
        };
        OBSERVED.set(Some(Observed {
            command,
            setter,
            observer,
        }));
        command.as_mut().set = Some(set);
    }
}

/// Puts the directive's own setter back.
pub(crate) fn forget() {
    if let Some(mut observed) = OBSERVED.take() {
        // SAFETY: as in `observe`.
        unsafe { observed.command.as_mut().set = Some(observed.setter) };
    }
}

/// Where the configuration is refused, nothing else ends the observation.
struct Undo;

impl Drop for Undo {
    fn drop(&mut self) {
        forget();
    }
}

/// # Safety
/// Called by nginx only, in the place of the setter that [`observe`] found.
unsafe extern "C" fn set(
    cf: *mut ngx_conf_t,
    command: *mut ngx_command_t,
    block: *mut c_void,
) -> *mut c_char {
    // The setter is put back together with what is forgotten.
    let Some(observed) = OBSERVED.get() else {
        return ngx::core::NGX_CONF_ERROR;
    };
    // SAFETY: called as nginx would have called it.
    let refused = unsafe { (observed.setter)(cf, command, block) };
    if refused.is_null() {
        guard((), || {
            // SAFETY: the configuration being read.
            if let Some(conf) = unsafe { Conf::from_ptr(cf) } {
                (observed.observer)(&conf);
            }
        });
    }
    refused
}

//! The arguments of `proxy_pass` and of `map`.
//!
//! nginx keeps these values private, and they cannot be derived from what is public in a location.
//! So while http{} is read, the setters of such directives are replaced by one that calls the
//! original setter and looks at the arguments.

use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::ptr::NonNull;

use nginx_sys::{ngx_command_t, ngx_conf_t};

use crate::ffi::conf::Conf;
use crate::ffi::process::guard::guard;

type Set = unsafe extern "C" fn(*mut ngx_conf_t, *mut ngx_command_t, *mut c_void) -> *mut c_char;

/// Called when an observed directive has been read, with its arguments. By then, reading a block
/// has overwritten the arguments in `Conf`.
pub(crate) type Observer = fn(&Conf, &[&[u8]]);

/// A directive whose setter has been replaced.
#[derive(Clone, Copy)]
struct Observed {
    command: NonNull<ngx_command_t>,
    setter: Set,
    observer: Observer,
}

thread_local! {
    static OBSERVED: RefCell<Vec<Observed>> = const { RefCell::new(Vec::new()) };
}

/// Calls `observer` at each `command` of the configuration being read, until [`forget`] is called,
/// or reading fails.
pub(crate) fn observe(conf: &Conf, command: Option<NonNull<ngx_command_t>>, observer: Observer) {
    let Some(mut command) = command else {
        return;
    };
    // SAFETY: the table of a module of this nginx, which is read by this thread only, and later in
    // time. The pool that undoes it goes before this module does, if reading fails.
    unsafe {
        let (Some(setter), Some(_)) = (
            command.as_ref().set,
            crate::ffi::memory::allocate(conf.pool(), Undo),
        ) else {
            return;
        };
        OBSERVED.with_borrow_mut(|observed| {
            observed.push(Observed {
                command,
                setter,
                observer,
            });
        });
        command.as_mut().set = Some(set);
    }
}

/// Restores the directives' original setters.
pub(crate) fn forget() {
    for mut observed in OBSERVED.take() {
        // SAFETY: as in `observe`.
        unsafe { observed.command.as_mut().set = Some(observed.setter) };
    }
}

/// If the configuration is rejected, nothing else ends the observation.
struct Undo;

impl Drop for Undo {
    fn drop(&mut self) {
        forget();
    }
}

/// # Safety
/// Called by nginx only, instead of the setter that [`observe`] found.
unsafe extern "C" fn set(
    cf: *mut ngx_conf_t,
    command: *mut ngx_command_t,
    block: *mut c_void,
) -> *mut c_char {
    // The setter is restored when the observation is forgotten.
    let observed = guard(None, || {
        OBSERVED.with_borrow(|all| {
            let mut all = all.iter();
            all.find(|observed| observed.command.as_ptr() == command)
                .copied()
        })
    });
    let Some(observed) = observed else {
        return ngx::core::NGX_CONF_ERROR;
    };
    // SAFETY: the configuration being read. Words are in its pool.
    let conf = unsafe { Conf::from_ptr(cf) };
    let words = guard(Vec::new(), || {
        let conf = conf.as_ref();
        conf.map_or_else(Vec::new, |conf| conf.kept_args().collect())
    });
    // SAFETY: called as nginx would have called it.
    let refused = unsafe { (observed.setter)(cf, command, block) };
    if refused.is_null() {
        guard((), || {
            if let Some(conf) = &conf {
                (observed.observer)(conf, &words);
            }
        });
    }
    refused
}

//! What stands behind `proxy_pass`.
//!
//! nginx keeps its value to itself, and it cannot be read from what is public of a location. So the
//! directive's setter is stood in for while http{} is read, by one that looks at the argument and
//! calls the setter.

use std::ffi::{c_char, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use nginx_sys::{ngx_command_t, ngx_conf_t};

use super::conf::Conf;
use super::guard::guard;
use super::handlers::PassModule;

type Set = unsafe extern "C" fn(*mut ngx_conf_t, *mut ngx_command_t, *mut c_void) -> *mut c_char;

/// Called with the current block and the argument of its `proxy_pass`.
pub(crate) type Observer = fn(&Conf, &[u8]);

static COMMAND: AtomicPtr<ngx_command_t> = AtomicPtr::new(std::ptr::null_mut());
static SETTER: AtomicUsize = AtomicUsize::new(0);
static OBSERVER: AtomicUsize = AtomicUsize::new(0);

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
        COMMAND.store(command.as_ptr(), Ordering::Relaxed);
        SETTER.store(setter as usize, Ordering::Relaxed);
        OBSERVER.store(observer as usize, Ordering::Relaxed);
        command.as_mut().set = Some(set);
    }
}

/// Puts the directive's own setter back.
pub(crate) fn forget() {
    let command = COMMAND.swap(std::ptr::null_mut(), Ordering::Relaxed);
    if let (Some(mut command), Some(setter)) = (NonNull::new(command), setter()) {
        // SAFETY: as in `observe`.
        unsafe { command.as_mut().set = Some(setter) };
    }
}

fn setter() -> Option<Set> {
    let setter = SETTER.load(Ordering::Relaxed);
    // SAFETY: what `observe` stored.
    (setter != 0).then(|| unsafe { std::mem::transmute::<usize, Set>(setter) })
}

fn observer() -> Option<Observer> {
    let observer = OBSERVER.load(Ordering::Relaxed);
    // SAFETY: what `observe` stored.
    (observer != 0).then(|| unsafe { std::mem::transmute::<usize, Observer>(observer) })
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
    guard((), || {
        // SAFETY: the configuration being read.
        if let (Some(conf), Some(observer)) = (unsafe { Conf::from_ptr(cf) }, observer()) {
            observer(&conf, conf.arg(0));
        }
    });
    match setter() {
        // SAFETY: called as nginx would have called it.
        Some(setter) => unsafe { setter(cf, command, block) },
        None => ngx::core::NGX_CONF_ERROR,
    }
}

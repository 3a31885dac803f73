//! This module as nginx knows it, and nginx's core: by them configurations are looked up.

use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use nginx_sys::{
    ngx_cycle_t, ngx_http_conf_ctx_t, ngx_http_core_module, ngx_http_module, ngx_module_t,
};

/// The module is made of callbacks, which stand above this folder: it is registered from there.
static THIS_MODULE: AtomicPtr<ngx_module_t> = AtomicPtr::new(null_mut());

/// Says which module this is: to be called before anything else.
pub(crate) fn register(module: &'static ngx_module_t) {
    THIS_MODULE.store(std::ptr::from_ref(module).cast_mut(), Ordering::Relaxed);
}

/// This module, as nginx's lookups want it.
///
/// # Panics
/// If it has not been registered.
pub(crate) fn this_module() -> &'static ngx_module_t {
    let module = THIS_MODULE.load(Ordering::Relaxed);
    // SAFETY: null, or a static that nginx writes to (indices) only while it starts, before anything
    // of ours runs.
    unsafe { module.as_ref() }.expect("each entry into the module registers it first")
}

/// nginx's HTTP core, as a module.
pub(crate) fn core_module() -> &'static ngx_module_t {
    let module = &raw const ngx_http_core_module;
    // SAFETY: nginx writes to it (indices) while it starts, before anything of ours runs.
    unsafe { &*module }
}

/// The main configuration of `module` in a cycle; `None` where that has no http{}.
///
/// # Safety
/// `cycle` must be a live cycle, and `module` an HTTP module whose main configuration is a `T`.
pub(crate) unsafe fn main_conf_of<T>(
    cycle: *const ngx_cycle_t,
    module: &ngx_module_t,
) -> Option<NonNull<T>> {
    // SAFETY: the http module's entry is null or the context of http{}, which has an entry for each
    // HTTP module.
    unsafe {
        let http = ngx_http_module.index;
        let context = (*(*cycle).conf_ctx.add(http)).cast::<ngx_http_conf_ctx_t>();
        NonNull::new((*context.as_ref()?.main_conf.add(module.ctx_index)).cast::<T>())
    }
}

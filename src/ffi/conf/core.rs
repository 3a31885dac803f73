//! nginx's HTTP core.

use nginx_sys::{ngx_http_core_module, ngx_module_t};

/// nginx's HTTP core, as a module.
pub(in crate::ffi) fn core_module() -> &'static ngx_module_t {
    let module = &raw const ngx_http_core_module;
    // SAFETY: nginx writes to it (indices) while it starts, before anything of the module runs.
    unsafe { &*module }
}

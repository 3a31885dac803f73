//! Handlers of the phases that a request goes through.

use std::ptr::NonNull;

use nginx_sys::{
    NGX_ERROR, ngx_array_push, ngx_http_core_main_conf_t, ngx_http_handler_pt, ngx_http_request_t,
    ngx_int_t,
};

use crate::ffi::http::request::Request;
use crate::ffi::module::{MergedConf, core_module};
use crate::ffi::process::function::Function;
use crate::ffi::process::guard::guard;

impl MergedConf<'_> {
    /// Has `handler` called in the phase of this number. `None` if there is no memory.
    pub(crate) fn add_phase_handler<F>(&self, phase: u32, handler: F) -> Option<()>
    where
        F: Fn(&Request) -> ngx_int_t + Copy + 'static,
    {
        Function::of(handler);
        // SAFETY: nginx's own module, whose main configuration has the phases, arrays of
        // handlers. The pushed entry is written before anybody reads it.
        unsafe {
            let mut core = self.main_conf_of::<ngx_http_core_main_conf_t>(core_module())?;
            let handlers = &mut core.as_mut().phases[phase as usize].handlers;
            let place = NonNull::new(ngx_array_push(handlers).cast::<ngx_http_handler_pt>())?;
            place.write(Some(handle::<F>));
        }
        Some(())
    }
}

/// # Safety
/// Called by nginx only, once `add_phase_handler` has been given the same function.
unsafe extern "C" fn handle<F>(r: *mut ngx_http_request_t) -> ngx_int_t
where
    F: Fn(&Request) -> ngx_int_t + Copy + 'static,
{
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY: live during this call; the function was handed over before.
        unsafe {
            match Request::from_ptr(r) {
                Some(request) => Function::<F>::get()(&request),
                None => NGX_ERROR as ngx_int_t,
            }
        }
    })
}

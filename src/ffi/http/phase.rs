//! Handlers of the phases that a request goes through.

use std::ops::Deref;
use std::ptr::NonNull;

use nginx_sys::{
    NGX_DONE, NGX_ERROR, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_HTTP_SPECIAL_RESPONSE, NGX_OK,
    ngx_array_push, ngx_http_complex_value_t, ngx_http_core_main_conf_t, ngx_http_core_run_phases,
    ngx_http_discard_request_body, ngx_http_finalize_request, ngx_http_handler_pt,
    ngx_http_read_client_request_body, ngx_http_request_t, ngx_http_send_response, ngx_int_t,
    ngx_str_t, ngx_uint_t,
};

use crate::ffi::conf::Conf;
use crate::ffi::conf::core::core_module;
use crate::ffi::conf::merged::MergedConf;
use crate::ffi::http::flags;
use crate::ffi::http::request::Request;
use crate::ffi::process::function::Function;
use crate::ffi::process::guard::guard;

/// A request in one of its phases. It can be suspended there: then its handler must return NGX_AGAIN.
pub(crate) struct PhaseRequest<'r>(&'r Request);

impl Deref for PhaseRequest<'_> {
    type Target = Request;

    fn deref(&self) -> &Request {
        self.0
    }
}

impl PhaseRequest<'_> {
    /// Makes nginx read the whole body, and then run this request's phases again. An error is the
    /// status of the response; otherwise the phase handler returns the returned code.
    pub(crate) fn read_body(&self) -> Result<ngx_int_t, ngx_int_t> {
        // SAFETY: as ngx_http_mirror_module does it: reading counts as a user of the request, whom
        // `ngx_http_finalize_request` counts off again.
        unsafe {
            flags::set_request_body_no_buffering(self.as_ptr(), false);
            let code = ngx_http_read_client_request_body(self.as_ptr(), Some(body_read));
            if code >= NGX_HTTP_SPECIAL_RESPONSE as ngx_int_t {
                return Err(code);
            }
            ngx_http_finalize_request(self.as_ptr(), NGX_DONE as ngx_int_t);
        }
        Ok(NGX_DONE as ngx_int_t)
    }

    /// Answers the request with this status and body, as a content handler does: what it returns is for
    /// nginx.
    pub(crate) fn respond(
        &self,
        status: u32,
        content_type: &'static str,
        body: &[u8],
    ) -> ngx_int_t {
        let Some(text) = self.copy(&[body]) else {
            return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
        };
        let mut content_type = ngx_str_t {
            len: content_type.len(),
            data: content_type.as_ptr().cast_mut(),
        };
        // SAFETY: the request is in its content phase. All zero is a value without variables, as which
        // nginx takes the text, in the request's pool. nginx copies the type's pointer, which is static.
        unsafe {
            let mut value: ngx_http_complex_value_t = std::mem::zeroed();
            value.value = text;
            ngx_http_send_response(
                self.as_ptr(),
                status as ngx_uint_t,
                &mut content_type,
                &mut value,
            )
        }
    }

    /// Makes nginx read and discard the body, if it has not been read.
    pub(crate) fn discard_body(&self) -> Result<(), ngx_int_t> {
        if !self.is_main() || self.body().is_some() {
            return Ok(());
        }
        // SAFETY: the main request, whose body nobody has read.
        let code = unsafe { ngx_http_discard_request_body(self.as_ptr()) };
        if code == NGX_OK as ngx_int_t {
            Ok(())
        } else {
            Err(code)
        }
    }
}

/// # Safety
/// Called by nginx only, with a request whose body has been read.
unsafe extern "C" fn body_read(r: *mut ngx_http_request_t) {
    guard((), || {
        // SAFETY: by this function's contract; the phases go on where the reader suspended them.
        unsafe {
            (*r).write_event_handler = Some(ngx_http_core_run_phases);
            ngx_http_core_run_phases(r);
        }
    });
}

impl MergedConf<'_> {
    /// Calls `handler` in the phase of this number. `None` if there is no memory.
    pub(crate) fn add_phase_handler<F>(&self, phase: u32, handler: F) -> Option<()>
    where
        F: Fn(&PhaseRequest<'_>) -> ngx_int_t + Copy + 'static,
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

impl Conf {
    /// Has `handler` answer the requests of the location whose directive is read. `None` if there is no
    /// location.
    pub(crate) fn set_content_handler<F>(&self, handler: F) -> Option<()>
    where
        F: Fn(&PhaseRequest<'_>) -> ngx_int_t + Copy + 'static,
    {
        Function::of(handler);
        let mut location = self.core_location_conf()?;
        // SAFETY: nginx's own configuration of the location; nobody else refers to it meanwhile.
        unsafe { location.as_mut() }.handler = Some(handle::<F>);
        Some(())
    }
}

/// # Safety
/// Called by nginx only, once `add_phase_handler` or `set_content_handler` has been given the same function.
unsafe extern "C" fn handle<F>(r: *mut ngx_http_request_t) -> ngx_int_t
where
    F: Fn(&PhaseRequest<'_>) -> ngx_int_t + Copy + 'static,
{
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY: live during this call; the function was handed over before.
        unsafe {
            match Request::from_ptr(r) {
                Some(request) => Function::<F>::get()(&PhaseRequest(&request)),
                None => NGX_ERROR as ngx_int_t,
            }
        }
    })
}

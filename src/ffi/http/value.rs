//! Values of directives that can contain variables.

use std::ptr::NonNull;
use std::rc::Rc;

use nginx_sys::{
    NGX_OK, ngx_conf_t, ngx_http_compile_complex_value, ngx_http_compile_complex_value_t,
    ngx_http_complex_value, ngx_http_complex_value_t, ngx_http_request_t, ngx_int_t, ngx_pcalloc,
    ngx_str_t,
};

use crate::ffi::http::request::Request;

/// A directive's value: text, or a template that nginx fills in for each request. A clone needs no
/// memory.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// The value as it is in the configuration.
    Text(Rc<[u8]>),
    /// A value with variables.
    Template(Template),
}

impl Value {
    /// The text, if it does not depend on the request.
    pub(crate) fn as_text(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text),
            Self::Template(_) => None,
        }
    }

    /// The value for this request. `None` if the request's pool has no memory.
    pub(crate) fn evaluate<'a>(&'a self, request: &'a Request) -> Option<&'a [u8]> {
        match self {
            Self::Text(text) => Some(text),
            Self::Template(template) => template.evaluate(request),
        }
    }
}

type Evaluate = unsafe extern "C" fn(
    *mut ngx_http_request_t,
    *mut ngx_http_complex_value_t,
    *mut ngx_str_t,
) -> ngx_int_t;

/// A compiled `ngx_http_complex_value_t` in the configuration's pool.
///
/// It lives as long as the configuration, as does every value of this type: configurations are
/// dropped with the pool's other contents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Template(NonNull<ngx_http_complex_value_t>);

impl Template {
    /// # Safety
    /// `value` must be a compiled value that outlives this one.
    pub(crate) unsafe fn from_ptr(value: NonNull<ngx_http_complex_value_t>) -> Self {
        Self(value)
    }

    /// The text for this request. `None` if the request's pool has no memory.
    pub(crate) fn evaluate<'a>(&self, request: &'a Request) -> Option<&'a [u8]> {
        self.evaluate_by(ngx_http_complex_value, request)
    }

    /// The same as [`Self::evaluate`], before nginx does it itself and without side effects on
    /// variables and captures.
    pub(crate) fn evaluate_aside<'a>(&self, request: &'a Request) -> Option<&'a [u8]> {
        self.evaluate_by(aws_auth_evaluate_aside, request)
    }

    fn evaluate_by<'a>(&self, evaluate: Evaluate, request: &'a Request) -> Option<&'a [u8]> {
        let mut text = ngx_str_t {
            len: 0,
            data: std::ptr::null_mut(),
        };
        // SAFETY: both live; nginx is single-threaded and the value is only read.
        let code = unsafe { evaluate(request.as_ptr(), self.0.as_ptr(), &mut text) };
        // SAFETY: the text is in the request's pool, or in the configuration, which outlives the
        // request.
        (code == NGX_OK as ngx_int_t).then(|| unsafe { crate::ffi::memory::bytes(text) })
    }
}

unsafe extern "C" {
    /// In `aside.c`.
    fn aws_auth_evaluate_aside(
        r: *mut ngx_http_request_t,
        value: *mut ngx_http_complex_value_t,
        text: *mut ngx_str_t,
    ) -> ngx_int_t;
}

/// Compiles `text`. The error has been logged by nginx, which names an unknown variable.
///
/// # Safety
/// `cf` must be the configuration being read; `text` must live in its pool.
pub(in crate::ffi) unsafe fn compile(cf: *mut ngx_conf_t, text: ngx_str_t) -> Result<Value, ()> {
    let mut text = text;
    // SAFETY: all zero is a valid value of this plain C structure.
    let mut compile: ngx_http_compile_complex_value_t = unsafe { std::mem::zeroed() };
    // SAFETY: `cf` is live, and so is its pool.
    let place = unsafe {
        ngx_pcalloc((*cf).pool, size_of::<ngx_http_complex_value_t>())
            .cast::<ngx_http_complex_value_t>()
    };
    let place = NonNull::new(place).ok_or(())?;

    compile.cf = cf;
    compile.value = &mut text;
    compile.complex_value = place.as_ptr();
    // SAFETY: the structure is complete; nginx copies the text's pointer, not our ngx_str_t.
    if unsafe { ngx_http_compile_complex_value(&mut compile) } != NGX_OK as ngx_int_t {
        return Err(());
    }

    // SAFETY: just compiled.
    let constant = unsafe { (*place.as_ptr()).lengths }.is_null();
    Ok(if constant {
        // SAFETY: the text of a constant value is the directive's own.
        Value::Text(unsafe { crate::ffi::memory::bytes((*place.as_ptr()).value) }.into())
    } else {
        Value::Template(Template(place))
    })
}

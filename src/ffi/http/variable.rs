//! The module's variables.

use std::ptr::NonNull;

use nginx_sys::{
    NGX_HTTP_VAR_NOCACHEABLE, NGX_OK, ngx_http_add_variable, ngx_http_request_t,
    ngx_http_variable_value_t, ngx_int_t, ngx_str_t, ngx_uint_t,
};

use crate::ffi::conf::Conf;
use crate::ffi::http::request::Request;
use crate::ffi::process::guard::guard;

/// The longest value that nginx can keep, in bytes.
const LONGEST: usize = (1 << 28) - 1;

/// A function that computes a variable's value.
pub(crate) trait Variable {
    /// The value for this request; `None` if there is none: the variable is empty then, and the
    /// implementation has logged why.
    ///
    /// It is computed each time the variable is used, since after an internal redirect another
    /// location can have another value.
    fn evaluate(&self, request: &Request) -> Option<ngx_str_t>;
}

/// Defines the variable `name`, without `$`. An error has been logged by nginx: another module, or a
/// `set`, has defined it.
pub(crate) fn define<V: Variable + 'static>(
    conf: &Conf,
    name: &[u8],
    variable: V,
) -> Result<(), ()> {
    let mut name = ngx_str_t {
        len: name.len(),
        data: name.as_ptr().cast_mut(),
    };
    // SAFETY: the configuration is being read; nginx copies the name.
    let added = unsafe {
        ngx_http_add_variable(
            conf.as_ptr(),
            &mut name,
            NGX_HTTP_VAR_NOCACHEABLE as ngx_uint_t,
        )
    };
    // SAFETY: the pool keeps the value as long as the configuration, and so the variable, is in use.
    let place = unsafe { crate::ffi::memory::allocate(conf.pool(), variable) };
    let (Some(mut added), Some(place)) = (NonNull::new(added), place) else {
        return Err(());
    };
    // SAFETY: nginx's own entry, in the pool of the configuration.
    unsafe {
        let added = added.as_mut();
        added.get_handler = Some(get::<V>);
        added.data = place.as_ptr() as usize;
    }
    Ok(())
}

/// # Safety
/// Called by nginx only, for a variable that [`define`] has defined with a `V`.
unsafe extern "C" fn get<V: Variable + 'static>(
    r: *mut ngx_http_request_t,
    value: *mut ngx_http_variable_value_t,
    data: usize,
) -> ngx_int_t {
    let text = guard(None, || {
        // SAFETY: live during this call; the variable as long as the configuration.
        let (request, variable) = unsafe { (Request::from_ptr(r)?, (data as *const V).as_ref()?) };
        variable.evaluate(&request)
    });
    let text = text
        .filter(|text| text.len <= LONGEST)
        .unwrap_or(ngx_str_t {
            len: 0,
            // Regular expressions need an address even for an empty text.
            data: c"".as_ptr().cast_mut().cast(),
        });
    // SAFETY: nginx's own value, live during this call.
    unsafe {
        let value = &mut *value;
        value.set_len(text.len as u32);
        value.set_valid(1);
        value.set_no_cacheable(0);
        value.set_not_found(0);
        value.data = text.data;
    }
    NGX_OK as ngx_int_t
}

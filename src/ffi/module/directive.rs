//! A directive in the module's table.

use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

use nginx_sys::{ngx_command_t, ngx_conf_t, ngx_str_t, ngx_uint_t};

use super::{conf_code, with_conf};
use crate::ffi::conf::Conf;
use crate::ffi::process::function::Function;

/// The directive `name`, with what nginx calls its type: the blocks in which it is allowed, and the
/// number of its arguments. `read` reads it; an `Err` has been logged.
pub(crate) const fn directive<F>(name: ngx_str_t, kind: u32, read: F) -> ngx_command_t
where
    F: Fn(&Conf) -> Result<(), ()> + Copy + 'static,
{
    Function::of(read);
    ngx_command_t {
        name,
        type_: kind as ngx_uint_t,
        set: Some(set::<F>),
        // Which configuration nginx passes: none is used.
        conf: 0,
        offset: 0,
        post: null_mut(),
    }
}

/// # Safety
/// Called by nginx only, for a directive that [`directive`] has made with the same function.
unsafe extern "C" fn set<F>(
    cf: *mut ngx_conf_t,
    _command: *mut ngx_command_t,
    _block: *mut c_void,
) -> *mut c_char
where
    F: Fn(&Conf) -> Result<(), ()> + Copy + 'static,
{
    // SAFETY: the configuration being read; the function was handed over before.
    conf_code(unsafe { with_conf(cf, |conf| Function::<F>::get()(conf)) })
}

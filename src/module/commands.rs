//! The table of directives.

use std::ffi::{c_char, c_void};
use std::ptr::{NonNull, null_mut};

use nginx_sys::{
    NGX_CONF_1MORE, NGX_CONF_2MORE, NGX_CONF_NOARGS, NGX_CONF_TAKE1, NGX_CONF_TAKE2,
    NGX_HTTP_LIF_CONF, NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET, NGX_HTTP_MAIN_CONF,
    NGX_HTTP_MAIN_CONF_OFFSET, NGX_HTTP_SRV_CONF, NGX_HTTP_UPS_CONF, ngx_command_t, ngx_conf_t,
    ngx_uint_t,
};
use ngx::core::NGX_CONF_ERROR;

use crate::conf::{LocationConf, MainConf, UpstreamConf};
use crate::directives::{self, DirectiveError, MainSetter, Setter};
use crate::ffi::conf::Conf;
use crate::ffi::process::guard::guard;
use crate::ffi::process::log::Level;

/// Makes nginx's table of [the declarations](../conf/declarations.rs).
macro_rules! directives {
    (
        groups { $($group:ident: $group_type:ty, inherited by $inherit_group:path;)* }
        $(
            $(#[doc = $text:literal])+
            $name:literal {
                contexts: $contexts:ident,
                arguments: $arguments:ident,
                default: $default:literal,
                setter: $setter:ident,
                $(field: $field:ident: $type:ty, inherited by $inherit:path,)?
                $(group: $in_group:ident,)?
            }
        )*
    ) => {
        /// All directives, and the empty one that ends the table.
        pub(super) static mut COMMANDS: [ngx_command_t; [$($name),*].len() + 1] = [
            $(command!($contexts, $name, arguments!($arguments), directives::$setter),)*
            ngx_command_t::empty(),
        ];
    };
}

macro_rules! arguments {
    (one) => {
        NGX_CONF_TAKE1
    };
    (none_or_one) => {
        NGX_CONF_NOARGS | NGX_CONF_TAKE1
    };
    (one_or_two) => {
        NGX_CONF_TAKE1 | NGX_CONF_TAKE2
    };
    (one_or_more) => {
        NGX_CONF_1MORE
    };
    (two_or_more) => {
        NGX_CONF_2MORE
    };
}

/// Where a directive about requests is allowed that nginx has not yet sent.
const NOT_IN_UPSTREAM: u32 =
    NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_HTTP_LIF_CONF;

/// Where the other ones are allowed.
const ANYWHERE: u32 = NOT_IN_UPSTREAM | NGX_HTTP_UPS_CONF;

macro_rules! command {
    (http, $name:literal, $arguments:expr, $setter:path) => {
        command!(
            $name,
            $arguments,
            take_in_main($setter),
            NGX_HTTP_MAIN_CONF,
            NGX_HTTP_MAIN_CONF_OFFSET
        )
    };
    (not_in_upstream, $name:literal, $arguments:expr, $setter:path) => {
        command!(
            $name,
            $arguments,
            take_in_block($setter),
            NOT_IN_UPSTREAM,
            NGX_HTTP_LOC_CONF_OFFSET
        )
    };
    (anywhere, $name:literal, $arguments:expr, $setter:path) => {
        command!(
            $name,
            $arguments,
            take_in_block($setter),
            ANYWHERE,
            NGX_HTTP_LOC_CONF_OFFSET
        )
    };
    ($name:literal, $arguments:expr, $take:ident($setter:path), $context:expr, $offset:expr) => {{
        /// # Safety
        /// Called by nginx only, as it reads this directive.
        unsafe extern "C" fn read(
            cf: *mut ngx_conf_t,
            _command: *mut ngx_command_t,
            block: *mut c_void,
        ) -> *mut c_char {
            // SAFETY: nginx hands over the configuration being read, and this module's
            // configuration that the offset names.
            unsafe { $take($name, $setter, cf, block) }
        }
        ngx_command_t {
            name: ngx::ngx_string!($name),
            type_: ($context | $arguments) as ngx_uint_t,
            set: Some(read),
            conf: $offset,
            offset: 0,
            post: null_mut(),
        }
    }};
}

include!("../conf/declarations.rs");

/// Runs the setter of a directive of http{} itself.
///
/// # Safety
/// `cf` must be the configuration being read, `block` this module's main configuration.
unsafe fn take_in_main(
    name: &str,
    setter: MainSetter,
    cf: *mut ngx_conf_t,
    block: *mut c_void,
) -> *mut c_char {
    let set = |conf: &Conf| {
        // SAFETY: by this function's contract; nobody else refers to it meanwhile.
        let main = unsafe { block.cast::<MainConf>().as_mut() }?;
        Some(setter(main, conf))
    };
    // SAFETY: by this function's contract.
    unsafe { take(name, cf, set) }
}

/// Runs the setter of a directive that may stand in any block.
///
/// # Safety
/// `cf` must be the configuration being read, `block` this module's location configuration there.
unsafe fn take_in_block(
    name: &str,
    setter: Setter,
    cf: *mut ngx_conf_t,
    block: *mut c_void,
) -> *mut c_char {
    let set = |conf: &Conf| {
        let mut block = NonNull::new(block.cast::<LocationConf>())?;
        // SAFETY: by this function's contract; nobody else refers to it meanwhile.
        unsafe {
            if conf.in_upstream() {
                UpstreamConf::note(conf, block)?;
            }
            Some(setter(block.as_mut().written_mut(), conf))
        }
    };
    // SAFETY: by this function's contract.
    unsafe { take(name, cf, set) }
}

/// Calls `set`, and logs what it refuses.
///
/// # Safety
/// `cf` must be the configuration being read.
unsafe fn take(
    name: &str,
    cf: *mut ngx_conf_t,
    set: impl FnOnce(&Conf) -> Option<Result<(), DirectiveError>>,
) -> *mut c_char {
    guard(NGX_CONF_ERROR, || {
        // SAFETY: by this function's contract.
        let Some(conf) = (unsafe { Conf::from_ptr(cf) }) else {
            return NGX_CONF_ERROR;
        };
        match set(&conf) {
            Some(Ok(())) => null_mut(),
            None | Some(Err(DirectiveError::Logged)) => NGX_CONF_ERROR,
            Some(Err(error)) => {
                conf.log(
                    Level::Emerg,
                    &conf.position(),
                    format_args!("\"{name}\" {error}"),
                );
                NGX_CONF_ERROR
            }
        }
    })
}

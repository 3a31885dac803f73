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

/// All directives stand in these blocks.
const ANYWHERE: u32 = NGX_HTTP_MAIN_CONF
    | NGX_HTTP_SRV_CONF
    | NGX_HTTP_UPS_CONF
    | NGX_HTTP_LOC_CONF
    | NGX_HTTP_LIF_CONF;

macro_rules! command {
    // A directive of http{} itself.
    (http $name:literal, $arguments:expr, $setter:path) => {
        command!(
            $name,
            $arguments,
            take_in_main($setter),
            NGX_HTTP_MAIN_CONF,
            NGX_HTTP_MAIN_CONF_OFFSET
        )
    };
    // One about requests that are not sent yet: nothing of an upstream's.
    (location $name:literal, $arguments:expr, $setter:path) => {
        command!(
            $name,
            $arguments,
            take_in_block($setter),
            ANYWHERE & !NGX_HTTP_UPS_CONF,
            NGX_HTTP_LOC_CONF_OFFSET
        )
    };
    ($name:literal, $arguments:expr, $setter:path) => {
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

/// All directives, and the empty one that ends the table.
pub(super) static mut COMMANDS: [ngx_command_t; 30] = [
    command!("aws_access_key", NGX_CONF_TAKE1, directives::access_key),
    command!("aws_key_scope", NGX_CONF_TAKE1, directives::key_scope),
    command!("aws_signing_key", NGX_CONF_TAKE1, directives::signing_key),
    command!("aws_secret_key", NGX_CONF_TAKE1, directives::secret_key),
    command!(
        "aws_secret_key_file",
        NGX_CONF_TAKE1,
        directives::secret_key_file
    ),
    command!(
        "aws_session_token",
        NGX_CONF_TAKE1,
        directives::session_token
    ),
    command!("aws_credentials", NGX_CONF_TAKE1, directives::credentials),
    command!(
        "aws_credentials_timeout",
        NGX_CONF_TAKE1,
        directives::credentials_timeout
    ),
    command!(http "aws_credentials_provider", NGX_CONF_2MORE, directives::provider),
    command!(http "aws_auth_zone", NGX_CONF_TAKE1, directives::zone),
    command!(http "aws_presigned_url", NGX_CONF_2MORE, directives::presigned_url),
    command!(http "aws_trusted_certificate", NGX_CONF_TAKE1, directives::trusted_certificate),
    command!(http "aws_token", NGX_CONF_2MORE, directives::token),
    command!(location "aws_token_required", NGX_CONF_1MORE, directives::token_required),
    command!("aws_s3_bucket", NGX_CONF_TAKE1, directives::s3_bucket),
    command!("aws_endpoint", NGX_CONF_TAKE1, directives::endpoint),
    command!("aws_region", NGX_CONF_TAKE1, directives::region),
    command!("aws_service", NGX_CONF_TAKE1, directives::service),
    command!(
        "aws_sign",
        NGX_CONF_NOARGS | NGX_CONF_TAKE1,
        directives::sign
    ),
    command!("aws_sign_methods", NGX_CONF_1MORE, directives::sign_methods),
    command!(
        "aws_sign_operations",
        NGX_CONF_1MORE,
        directives::sign_operations
    ),
    command!(
        "aws_addressing_style",
        NGX_CONF_TAKE1,
        directives::addressing_style
    ),
    command!(
        "aws_signed_headers",
        NGX_CONF_1MORE,
        directives::signed_headers
    ),
    command!("aws_pass_headers", NGX_CONF_1MORE, directives::pass_headers),
    command!(
        "aws_response_overrides",
        NGX_CONF_TAKE1,
        directives::response_overrides
    ),
    command!("aws_payload", NGX_CONF_TAKE1, directives::payload),
    command!(
        "aws_hide_auth_errors",
        NGX_CONF_TAKE1,
        directives::hide_auth_errors
    ),
    command!(
        "aws_signature_version",
        NGX_CONF_TAKE1,
        directives::signature_version
    ),
    command!(
        "aws_signature_in",
        NGX_CONF_TAKE1 | NGX_CONF_TAKE2,
        directives::signature_in
    ),
    ngx_command_t::empty(),
];

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

//! The table of directives.

use nginx_sys::{
    NGX_CONF_1MORE, NGX_CONF_2MORE, NGX_CONF_NOARGS, NGX_CONF_TAKE1, NGX_CONF_TAKE2,
    NGX_HTTP_LIF_CONF, NGX_HTTP_LOC_CONF, NGX_HTTP_MAIN_CONF, NGX_HTTP_SRV_CONF, NGX_HTTP_UPS_CONF,
    ngx_command_t,
};

use crate::conf::{LocationConf, MainConf, UpstreamConf};
use crate::directives::{self, DirectiveError, MainSetter, Setter};
use crate::ffi::conf::Conf;
use crate::ffi::module::directive;
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
    (none) => {
        NGX_CONF_NOARGS
    };
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

/// Where a directive about requests that nginx has not yet sent is allowed.
const NOT_IN_UPSTREAM: u32 =
    NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_HTTP_LIF_CONF;

/// Where the other ones are allowed.
const ANYWHERE: u32 = NOT_IN_UPSTREAM | NGX_HTTP_UPS_CONF;

macro_rules! command {
    (http, $name:literal, $arguments:expr, $setter:path) => {
        command!($name, $arguments, take_in_main($setter), NGX_HTTP_MAIN_CONF)
    };
    (location, $name:literal, $arguments:expr, $setter:path) => {
        command!($name, $arguments, take_in_main($setter), NGX_HTTP_LOC_CONF)
    };
    (not_in_upstream, $name:literal, $arguments:expr, $setter:path) => {
        command!($name, $arguments, take_in_block($setter), NOT_IN_UPSTREAM)
    };
    (anywhere, $name:literal, $arguments:expr, $setter:path) => {
        command!($name, $arguments, take_in_block($setter), ANYWHERE)
    };
    ($name:literal, $arguments:expr, $take:ident($setter:path), $context:expr) => {
        directive(ngx::ngx_string!($name), $context | $arguments, |conf| {
            report(conf, $name, $take(conf, $setter))
        })
    };
}

include!("../conf/declarations.rs");

/// Runs the setter of a directive of http{} itself.
fn take_in_main(conf: &Conf, setter: MainSetter) -> Result<(), DirectiveError> {
    let main = conf.change_main::<MainConf>();
    setter(&mut *main.ok_or(DirectiveError::Logged)?, conf)
}

/// Runs the setter of a directive that is allowed in any block.
fn take_in_block(conf: &Conf, setter: Setter) -> Result<(), DirectiveError> {
    if conf.in_upstream() {
        let upstream = conf.change_server::<UpstreamConf>();
        return setter(upstream.ok_or(DirectiveError::Logged)?.written_mut(), conf);
    }
    let block = conf.change_location::<LocationConf>();
    setter(block.ok_or(DirectiveError::Logged)?.written_mut(), conf)
}

/// Logs the error in the directive `name`.
fn report(conf: &Conf, name: &str, result: Result<(), DirectiveError>) -> Result<(), ()> {
    result.map_err(|error| {
        if !matches!(error, DirectiveError::Logged) {
            conf.log(
                Level::Emerg,
                &conf.position(),
                format_args!("\"{name}\" {error}"),
            );
        }
    })
}

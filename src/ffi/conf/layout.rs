//! Checks that nginx's structures have the layout of the sources that the module was built with.
//!
//! nginx rejects a module of another version. But distributions patch nginx, including its
//! structures, and keep its version; with such a patch, the module would read and write the wrong
//! memory. nginx's own tables, by which it reads its configuration and its headers, contain many
//! offsets. These are compared with the offsets that the module was built with.

use std::fmt;
use std::mem::offset_of;
use std::ptr::NonNull;

use nginx_sys::{
    ngx_hash_key_t, ngx_http_core_loc_conf_t, ngx_http_core_main_conf_t, ngx_http_core_srv_conf_t,
    ngx_http_header_t, ngx_http_headers_in, ngx_http_headers_in_t, ngx_http_request_t,
    ngx_http_upstream_conf_t, ngx_http_variable_t, ngx_module_t,
};

use crate::ffi::conf::Conf;
use crate::ffi::conf::core::core_module;
use crate::ffi::conf::pass_module::{find_command, find_module};

/// An nginx structure member that is not at the offset that the module expects.
#[derive(Debug)]
pub(crate) struct Mismatch {
    /// Its name, as users of nginx know it.
    what: &'static str,
    expected: usize,
    found: usize,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "this nginx has the module's version, but was built from other sources, in which {} is at {} and not at {}: \
             build the module with the sources of this nginx",
            self.what, self.found, self.expected
        )
    }
}

/// A name in one of nginx's tables, and the offset that the module expects for it.
type Place = (&'static str, usize);

macro_rules! places {
    ($of:ty: $($name:literal = $($field:ident).+),+ $(,)?) => {
        &[$(($name, offset_of!($of, $($field).+))),+]
    };
}

/// Lines of a request's head.
const HEADERS: &[Place] = places!(ngx_http_headers_in_t:
    "Host" = host, "Authorization" = authorization, "Content-Length" = content_length,
    "Transfer-Encoding" = transfer_encoding, "Keep-Alive" = keep_alive,
);

/// Variables, for members of a request.
const VARIABLES: &[Place] = places!(ngx_http_request_t:
    "http_host" = headers_in.host, "uri" = uri, "args" = args,
    "request_uri" = unparsed_uri, "server_protocol" = http_protocol,
);

const MAIN: &[Place] = places!(ngx_http_core_main_conf_t:
    "server_names_hash_bucket_size" = server_names_hash_bucket_size,
    "variables_hash_bucket_size" = variables_hash_bucket_size,
);

const SERVER: &[Place] = places!(ngx_http_core_srv_conf_t:
    "client_header_timeout" = client_header_timeout, "merge_slashes" = merge_slashes,
    "underscores_in_headers" = underscores_in_headers,
);

const LOCATION: &[Place] = places!(ngx_http_core_loc_conf_t:
    "client_max_body_size" = client_max_body_size, "client_body_buffer_size" = client_body_buffer_size,
    "resolver_timeout" = resolver_timeout, "recursive_error_pages" = recursive_error_pages,
    "types_hash_bucket_size" = types_hash_bucket_size,
);

/// The proxy module's location configuration, which begins with the part that all upstream modules
/// share.
const PROXY: &[Place] = places!(ngx_http_upstream_conf_t:
    "proxy_connect_timeout" = connect_timeout, "proxy_buffer_size" = buffer_size,
    "proxy_request_buffering" = request_buffering, "proxy_pass_request_body" = pass_request_body,
    "proxy_intercept_errors" = intercept_errors, "proxy_next_upstream_tries" = next_upstream_tries,
    "proxy_bind" = local,
);

/// Compares offsets. To be called inside http{}, before anything else uses nginx's structures.
pub(crate) fn check(conf: &Conf) -> Result<(), Mismatch> {
    let core = NonNull::from(core_module());
    for places in [MAIN, SERVER, LOCATION] {
        commands(core, places)?;
    }
    if let Some(proxy) = find_module(conf, c"ngx_http_proxy_module") {
        commands(proxy, PROXY)?;
    }
    for place in HEADERS {
        compare(place, header(place.0))?;
    }
    for place in VARIABLES {
        compare(place, variable(conf, place.0))?;
    }
    Ok(())
}

/// Checks that the directives of `module` write to the offsets in `places`.
fn commands(module: NonNull<ngx_module_t>, places: &[Place]) -> Result<(), Mismatch> {
    for place in places {
        // SAFETY: a module of this nginx.
        let command = unsafe { find_command(module, place.0.as_bytes()) };
        // SAFETY: an entry of the module's table.
        compare(place, command.map(|command| unsafe { (*command).offset }))?;
    }
    Ok(())
}

/// What this nginx does not have cannot be compared.
fn compare(&(what, expected): &Place, found: Option<usize>) -> Result<(), Mismatch> {
    match found {
        Some(found) if found != expected => Err(Mismatch {
            what,
            expected,
            found,
        }),
        _ => Ok(()),
    }
}

/// Where nginx keeps a header of a client, in `ngx_http_headers_in_t`.
fn header(name: &str) -> Option<usize> {
    // SAFETY: the table ends with an empty name; its names are constants.
    unsafe {
        let mut entry = (&raw const ngx_http_headers_in).cast::<ngx_http_header_t>();
        while (*entry).name.len > 0 {
            if crate::ffi::memory::bytes((*entry).name) == name.as_bytes() {
                return Some((*entry).offset);
            }
            entry = entry.add(1);
        }
    }
    None
}

/// Where the variable `name` is kept in a request.
fn variable(conf: &Conf, name: &str) -> Option<usize> {
    // SAFETY: the core's main configuration, whose members up to the variables have been compared; the
    // variables are an array of keys, and each value is a variable.
    unsafe {
        let main = conf.main_conf_of::<ngx_http_core_main_conf_t>(core_module())?;
        let keys = &main.as_ref().variables_keys.as_ref()?.keys;
        let keys = std::slice::from_raw_parts(keys.elts.cast::<ngx_hash_key_t>(), keys.nelts);
        let key = keys
            .iter()
            .find(|key| crate::ffi::memory::bytes(key.key) == name.as_bytes())?;
        let variable = key.value.cast::<ngx_http_variable_t>().as_ref()?;
        Some(variable.data)
    }
}

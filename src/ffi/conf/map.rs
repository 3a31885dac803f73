//! The values of a `map` block.
//!
//! nginx keeps the contents of a map in private structures. The hash tables in them are public; the
//! rest has been the same from nginx 1.18 to 1.31.

use std::collections::BTreeSet;
use std::ptr::NonNull;

use nginx_sys::{
    ngx_command_t, ngx_hash_combined_t, ngx_hash_elt_t, ngx_hash_t, ngx_hash_wildcard_t,
    ngx_http_complex_value_t, ngx_http_core_main_conf_t, ngx_http_map_t, ngx_http_variable_t,
    ngx_http_variable_value_t,
};

use crate::ffi::conf::Conf;
use crate::ffi::conf::core::core_module;
use crate::ffi::conf::pass_module::{find_command, find_module};
use crate::ffi::conf::proxy_pass;
use crate::ffi::process::function::Function;

/// A `map` of the configuration being read.
#[derive(Clone, Copy)]
pub(crate) struct Map(NonNull<Context>);

/// What the variable of a map refers to: `ngx_http_map_ctx_t`, which is private.
#[repr(C)]
struct Context {
    map: ngx_http_map_t,
    value: ngx_http_complex_value_t,
    default_value: *const ngx_http_variable_value_t,
}

/// An entry of `ngx_http_map_t.regex`, which exists only if nginx has regular expressions.
#[repr(C)]
struct Regex {
    regex: *const u8,
    value: *const ngx_http_variable_value_t,
}

/// One of the values.
pub(crate) enum MapValue {
    Constant(&'static [u8]),
    /// A value with variables.
    Variable,
}

/// Calls `observer` with the name of each map of the configuration being read, with its `$`, and
/// with the map. This ends with [`proxy_pass::forget`].
pub(crate) fn observe<F>(conf: &Conf, observer: F)
where
    F: Fn(&Conf, &[u8], Map) + Copy + 'static,
{
    Function::of(observer);
    proxy_pass::observe(conf, command(conf), |conf, words| {
        let [_, name] = words else { return };
        // SAFETY: this is called when nginx has read a map of this name; the observer was handed over
        // before.
        unsafe {
            if let Some(map) = Map::just_read(conf, name) {
                Function::<F>::get()(conf, name, map);
            }
        }
    });
}

/// The directive that begins a map; `None` if this nginx has no maps.
fn command(conf: &Conf) -> Option<NonNull<ngx_command_t>> {
    let module = find_module(conf, c"ngx_http_map_module")?;
    // SAFETY: one of this nginx's modules.
    unsafe { find_command(module, b"map") }.and_then(NonNull::new)
}

impl Map {
    /// The map that has just been read, by the name of its variable with the `$`.
    ///
    /// # Safety
    /// A `map` must have this name, and nginx must have accepted it.
    unsafe fn just_read(conf: &Conf, name: &[u8]) -> Option<Self> {
        let name = name.strip_prefix(b"$")?.to_ascii_lowercase();
        // SAFETY: the core's main configuration keeps the variables while the configuration is read,
        // each with its name; that of a map refers to the map's context.
        unsafe {
            let main = conf.main_conf_of::<ngx_http_core_main_conf_t>(core_module())?;
            let keys = &main.as_ref().variables_keys.as_ref()?.keys;
            let keys = std::slice::from_raw_parts(
                keys.elts.cast::<nginx_sys::ngx_hash_key_t>(),
                keys.nelts,
            );
            let key = keys
                .iter()
                .find(|key| crate::ffi::memory::bytes(key.key) == name)?;
            let variable = key.value.cast::<ngx_http_variable_t>().as_ref()?;
            NonNull::new(variable.data as *mut Context).map(Self)
        }
    }

    /// All values that the map can return, without repetitions, including the empty text of a map
    /// without a default.
    pub(crate) fn values(self) -> Vec<MapValue> {
        let mut found = BTreeSet::new();
        // SAFETY: complete, and in the pool of the configuration.
        unsafe {
            let context = self.0.as_ref();
            let map = &raw const context.map;
            let tables: &ngx_hash_combined_t = &*map.cast();
            of_hash(&tables.hash, &mut |value| {
                found.insert(value as usize);
            });
            for wildcards in [tables.wc_head, tables.wc_tail] {
                of_wildcards(wildcards, &mut |value| {
                    found.insert(value as usize);
                });
            }
            if size_of::<ngx_http_map_t>() > size_of::<ngx_hash_combined_t>() {
                let after = map.cast::<ngx_hash_combined_t>().add(1);
                let first = after.cast::<*const Regex>().read();
                let count = after.cast::<usize>().add(1).read();
                for nth in 0..if first.is_null() { 0 } else { count } {
                    found.insert((*first.add(nth)).value as usize);
                }
            }
            found.insert(context.default_value as usize);
            let values = found.into_iter().filter(|value| *value != 0);
            values
                .map(|value| {
                    let value = &*(value as *const ngx_http_variable_value_t);
                    match value.valid() {
                        0 if !value.data.is_null() => MapValue::Variable,
                        _ if value.len() == 0 => MapValue::Constant(b""),
                        _ => MapValue::Constant(std::slice::from_raw_parts(
                            value.data,
                            value.len() as usize,
                        )),
                    }
                })
                .collect()
        }
    }
}

/// # Safety
/// `hash` must be one of nginx's, complete.
unsafe fn of_hash(hash: &ngx_hash_t, each: &mut dyn FnMut(*const ngx_http_variable_value_t)) {
    if hash.buckets.is_null() {
        return;
    }
    for bucket in 0..hash.size {
        // SAFETY: a bucket is a row of elements, each aligned for a pointer, up to one without a
        // value.
        unsafe {
            let mut element: *const ngx_hash_elt_t = *hash.buckets.add(bucket);
            while !element.is_null() && !(*element).value.is_null() {
                each((*element).value.cast_const().cast());
                let end = (&raw const (*element).name)
                    .cast::<u8>()
                    .add(usize::from((*element).len));
                let padding = end.align_offset(align_of::<usize>());
                element = end.add(padding).cast();
            }
        }
    }
}

/// # Safety
/// `wildcards` must be null or nginx's, complete.
unsafe fn of_wildcards(
    wildcards: *const ngx_hash_wildcard_t,
    each: &mut dyn FnMut(*const ngx_http_variable_value_t),
) {
    /// Of a pointer to a further table instead of a value; and all bits that are no part of a pointer.
    const TABLE: usize = 2;
    const MARKS: usize = 3;

    // SAFETY: an element refers to a value, or to a table, which can have a value itself; the
    // lowest bits of the pointer tell.
    unsafe {
        let Some(table) = wildcards.as_ref() else {
            return;
        };
        if !table.value.is_null() {
            each(table.value.cast_const().cast());
        }
        of_hash(&table.hash, &mut |value| {
            let address = value as usize;
            let target = address & !MARKS;
            if address & TABLE != 0 {
                of_wildcards(target as *const ngx_hash_wildcard_t, each);
            } else {
                each(target as *const ngx_http_variable_value_t);
            }
        });
    }
}

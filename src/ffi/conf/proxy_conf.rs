//! Settings of the proxy module that are not public.
//!
//! The proxy module's location configuration is private, except for its beginning. But a directive
//! names the place that it is written to, and its setter tells the type that is kept there.

use std::ptr::NonNull;

use nginx_sys::{
    ngx_array_t, ngx_command_t, ngx_conf_set_enum_slot, ngx_conf_set_flag_slot,
    ngx_conf_set_keyval_slot, ngx_conf_set_str_slot, ngx_conf_t, ngx_flag_t,
    ngx_http_upstream_conf_t, ngx_keyval_t, ngx_str_t, ngx_uint_t,
};
use std::ffi::{c_char, c_void};

use crate::ffi::conf::handlers::PassModule;

/// HTTP/1.1, as `proxy_http_version` keeps it.
const HTTP_11: ngx_uint_t = 1001;

type Setter = unsafe extern "C" fn(*mut ngx_conf_t, *mut ngx_command_t, *mut c_void) -> *mut c_char;

/// The list of `proxy_set_header` that holds in a location. Locations that inherit it share it.
#[derive(Clone, Copy, Default)]
pub(crate) struct SetHeaders(&'static [ngx_keyval_t]);

impl SetHeaders {
    /// Tells the list from others of the same configuration.
    pub(crate) fn id(self) -> usize {
        self.0.as_ptr() as usize
    }

    /// Names and values, as they were written.
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'static [u8], &'static [u8])> + Clone {
        // SAFETY: words of the configuration, which live in its pool.
        self.0.iter().map(|pair| unsafe {
            (
                crate::ffi::memory::bytes(pair.key),
                crate::ffi::memory::bytes(pair.value),
            )
        })
    }
}

impl PassModule {
    /// Whether `proxy_set_body` is set in a location, so that the client's body is not forwarded.
    ///
    /// # Safety
    /// `conf` must be the merged configuration of this module for the location.
    pub(crate) unsafe fn sets_body(&self, conf: NonNull<ngx_http_upstream_conf_t>) -> bool {
        let place = self.place::<ngx_str_t>(conf, b"proxy_set_body", ngx_conf_set_str_slot);
        // SAFETY: a string of the configuration, by its setter. nginx, too, tells by the pointer
        // whether the directive was used.
        place.is_some_and(|text| unsafe { !text.as_ref().data.is_null() })
    }

    /// Whether a location sends HTTP/1.1, in which a body needs no length.
    ///
    /// # Safety
    /// As [`Self::sets_body`].
    pub(crate) unsafe fn sends_http11(&self, conf: NonNull<ngx_http_upstream_conf_t>) -> bool {
        let place = self.place::<ngx_uint_t>(conf, b"proxy_http_version", ngx_conf_set_enum_slot);
        // SAFETY: a number of the configuration, by its setter.
        place.is_some_and(|version| unsafe { *version.as_ref() == HTTP_11 })
    }

    /// The list of `proxy_set_header` in a location; `None` if this nginx keeps it in another way.
    ///
    /// # Safety
    /// As [`Self::sets_body`].
    pub(crate) unsafe fn set_headers(
        &self,
        conf: NonNull<ngx_http_upstream_conf_t>,
    ) -> Option<SetHeaders> {
        let place =
            self.place::<*const ngx_array_t>(conf, b"proxy_set_header", ngx_conf_set_keyval_slot)?;
        // SAFETY:
        // - an array of names and values, by its setter;
        // - once merged, the pointer is null if nothing is set here or further out;
        // - it lives as long as the configuration, and so does all that is made of it.
        unsafe {
            Some(SetHeaders(match place.as_ref().as_ref() {
                Some(list) if list.nelts > 0 => {
                    std::slice::from_raw_parts(list.elts.cast::<ngx_keyval_t>(), list.nelts)
                }
                _ => &[],
            }))
        }
    }

    /// Whether a location verifies the certificates of https servers; `None` if this nginx cannot.
    ///
    /// # Safety
    /// As [`Self::sets_body`].
    pub(crate) unsafe fn verifies_peer(
        &self,
        conf: NonNull<ngx_http_upstream_conf_t>,
    ) -> Option<bool> {
        let place = self.place::<ngx_flag_t>(conf, b"proxy_ssl_verify", ngx_conf_set_flag_slot)?;
        // SAFETY: a flag of the configuration, by its setter.
        Some(unsafe { *place.as_ref() } == 1)
    }

    /// Where `directive` is kept; `None` if this nginx reads it in another way.
    fn place<T>(
        &self,
        conf: NonNull<ngx_http_upstream_conf_t>,
        directive: &[u8],
        setter: Setter,
    ) -> Option<NonNull<T>> {
        let command = self.find_command(directive)?;
        // SAFETY: an entry of the module's table.
        let (set, offset) = unsafe { (command.as_ref().set?, command.as_ref().offset) };
        // SAFETY: the offset lies inside the configuration, which nginx's own setter relies on.
        std::ptr::fn_addr_eq(set, setter).then(|| unsafe { conf.cast::<u8>().add(offset).cast() })
    }
}

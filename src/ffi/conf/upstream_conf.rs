//! The configuration of a module with a `*_pass` directive in a location.
//!
//! Its location configuration begins with a public structure. The rest is private, but a directive
//! names the place that it is written to, and its setter tells the type of the value.

use std::ffi::{c_char, c_void};
use std::ptr::NonNull;

use nginx_sys::{
    NGX_HTTP_LOC_CONF_OFFSET, NGX_HTTP_UPSTREAM_CREATE, ngx_array_t, ngx_command_t,
    ngx_conf_set_enum_slot, ngx_conf_set_flag_slot, ngx_conf_set_keyval_slot,
    ngx_conf_set_str_slot, ngx_conf_t, ngx_flag_t, ngx_http_set_complex_value_slot,
    ngx_http_upstream_conf_t, ngx_http_upstream_srv_conf_t, ngx_keyval_t, ngx_str_t, ngx_uint_t,
};

use crate::ffi::conf::merged::MergedBlock;
use crate::ffi::conf::pass_module::PassModule;
use crate::ffi::conf::upstream_block::UpstreamBlock;

/// HTTP/1.1, as `proxy_http_version` keeps it.
const HTTP_11: ngx_uint_t = 1001;

type Setter = unsafe extern "C" fn(*mut ngx_conf_t, *mut ngx_command_t, *mut c_void) -> *mut c_char;

/// The list of `proxy_set_header` that applies in a location. Locations that inherit it share it.
#[derive(Clone, Copy, Default)]
pub(crate) struct SetHeaders(&'static [ngx_keyval_t]);

impl SetHeaders {
    /// Distinguishes lists of the same configuration.
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

/// The configuration of a location for a module with a `*_pass` directive, merged by that module.
#[derive(Clone, Copy)]
pub(crate) struct MergedUpstreamConf<'c> {
    block: &'c MergedBlock<'c>,
    module: &'c PassModule,
    conf: NonNull<ngx_http_upstream_conf_t>,
}

impl PassModule {
    /// The settings of this module in a block.
    pub(crate) fn upstream_conf<'c>(
        &'c self,
        block: &'c MergedBlock<'c>,
    ) -> Option<MergedUpstreamConf<'c>> {
        // SAFETY: each of these modules begins its location configuration with this structure.
        let conf = unsafe { block.location_conf_of(self.as_ref()) }?;
        Some(MergedUpstreamConf {
            block,
            module: self,
            conf,
        })
    }
}

impl<'c> MergedUpstreamConf<'c> {
    /// The block.
    pub(in crate::ffi) fn block(&self) -> &'c MergedBlock<'c> {
        self.block
    }

    pub(in crate::ffi) fn as_ptr(&self) -> *mut ngx_http_upstream_conf_t {
        self.conf.as_ptr()
    }

    fn get(&self) -> &'c ngx_http_upstream_conf_t {
        // SAFETY: in the pool of the configuration. Only hooks of the module are put into it, and
        // no reference to it is held meanwhile.
        unsafe { self.conf.as_ref() }
    }

    /// Whether it has a cache.
    pub(crate) fn caches(&self) -> bool {
        self.get().cache() > 0
    }

    /// Whether it stores copies of responses (`proxy_store`).
    pub(crate) fn stores_responses(&self) -> bool {
        self.get().store() != 0
    }

    /// Whether a body is received as a whole before it is forwarded.
    pub(crate) fn buffers_requests(&self) -> bool {
        self.get().request_buffering != 0
    }

    /// Whether the client's body is forwarded, as far as `proxy_pass_request_body` says.
    pub(crate) fn passes_body(&self) -> bool {
        self.get().pass_request_body != 0
    }

    /// Whether the client's headers are forwarded.
    pub(crate) fn passes_headers(&self) -> bool {
        self.get().pass_request_headers != 0
    }

    fn upstream(&self) -> Option<&'c ngx_http_upstream_srv_conf_t> {
        // SAFETY: null, or a part of the configuration.
        unsafe { self.get().upstream.as_ref() }
    }

    /// The host, or the name of the `upstream{}`, in `*_pass`; `None` if it is in a variable, or
    /// missing.
    pub(crate) fn host(&self) -> Option<&'c [u8]> {
        // SAFETY: in the pool of the configuration.
        self.upstream()
            .map(|upstream| unsafe { crate::ffi::memory::bytes(upstream.host) })
    }

    /// Whether [`Self::host`] names an `upstream{}`.
    pub(crate) fn names_upstream_block(&self) -> bool {
        self.upstream()
            .is_some_and(|upstream| upstream.flags & NGX_HTTP_UPSTREAM_CREATE as usize != 0)
    }

    /// The `upstream{}` that `*_pass` names.
    pub(crate) fn upstream_block(&self) -> Option<UpstreamBlock> {
        // SAFETY: the upstream of a location is nginx's own.
        unsafe { UpstreamBlock::from_ptr(self.get().upstream) }
    }

    /// Whether `proxy_set_body` is set, so that the client's body is not forwarded.
    pub(crate) fn sets_body(&self) -> bool {
        let place = self.place::<ngx_str_t>(b"proxy_set_body", ngx_conf_set_str_slot);
        // SAFETY: a string of the configuration, by its setter. nginx, too, tells by the pointer
        // whether the directive was used.
        place.is_some_and(|text| unsafe { !text.as_ref().data.is_null() })
    }

    /// Whether requests are sent with HTTP/1.1, in which a body needs no length.
    pub(crate) fn sends_http11(&self) -> bool {
        let place = self.place::<ngx_uint_t>(b"proxy_http_version", ngx_conf_set_enum_slot);
        // SAFETY: a number of the configuration, by its setter.
        place.is_some_and(|version| unsafe { *version.as_ref() == HTTP_11 })
    }

    /// The list of `proxy_set_header`; `None` if this nginx keeps it in another way.
    pub(crate) fn set_headers(&self) -> Option<SetHeaders> {
        let place =
            self.place::<*const ngx_array_t>(b"proxy_set_header", ngx_conf_set_keyval_slot)?;
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

    /// Whether the certificates of https servers are verified; `None` if this nginx cannot.
    pub(crate) fn verifies_peer(&self) -> Option<bool> {
        let place = self.place::<ngx_flag_t>(b"proxy_ssl_verify", ngx_conf_set_flag_slot)?;
        // SAFETY: a flag of the configuration, by its setter.
        Some(unsafe { *place.as_ref() } == 1)
    }

    /// Whether `proxy_method` is set; also true if this cannot be determined.
    pub(crate) fn sets_method(&self) -> bool {
        let setter: Setter = ngx_http_set_complex_value_slot;
        let Some(place) = self.place::<*const c_void>(b"proxy_method", setter) else {
            return true;
        };
        let is_private =
            place.addr().get() - self.conf.addr().get() >= size_of::<ngx_http_upstream_conf_t>();
        if !is_private {
            return true;
        }
        // SAFETY: a pointer to a complex value, by its setter, or null; only its address is looked at.
        let method = unsafe { *place.as_ref() };
        // NGX_CONF_UNSET_PTR, if nginx has not merged it.
        !method.is_null() && method as usize != usize::MAX
    }

    /// Where `directive` is kept; `None` if this nginx reads it in another way.
    fn place<T>(&self, directive: &[u8], setter: Setter) -> Option<NonNull<T>> {
        let command = self.module.find_command(directive)?;
        // SAFETY: an entry of the module's table.
        let command = unsafe { command.as_ref() };
        let is_known = std::ptr::fn_addr_eq(command.set?, setter)
            && command.conf == NGX_HTTP_LOC_CONF_OFFSET
            && command.offset % align_of::<T>() == 0;
        // SAFETY: the offset lies inside the configuration, which nginx's own setter relies on.
        is_known.then(|| unsafe { self.conf.byte_add(command.offset).cast() })
    }
}

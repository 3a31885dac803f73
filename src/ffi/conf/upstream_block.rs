//! An `upstream{}` block.

use std::ptr::NonNull;

use nginx_sys::{
    NGX_HTTP_UPSTREAM_CREATE, ngx_http_request_t, ngx_http_upstream_conf_t,
    ngx_http_upstream_main_conf_t, ngx_http_upstream_module, ngx_http_upstream_srv_conf_t,
    ngx_int_t, ngx_module_t,
};

use crate::ffi::conf::Conf;
use crate::ffi::http::upstream::Wanted;

/// What chooses a peer for a request: `uscf->peer.init`.
pub(crate) type InitPeer =
    unsafe extern "C" fn(*mut ngx_http_request_t, *mut ngx_http_upstream_srv_conf_t) -> ngx_int_t;

/// An `upstream{}` block of a configuration; lives as long as that.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct UpstreamBlock(NonNull<ngx_http_upstream_srv_conf_t>);

impl UpstreamBlock {
    /// # Safety
    /// `upstream` must be null or one of nginx's, with what keeps it alive longer than this value.
    pub(crate) unsafe fn from_ptr(upstream: *mut ngx_http_upstream_srv_conf_t) -> Option<Self> {
        // A host in a `proxy_pass` makes one without a block, and without configurations.
        NonNull::new(upstream)
            // SAFETY: by this function's contract.
            .filter(|upstream| unsafe {
                let upstream = upstream.as_ref();
                upstream.flags & NGX_HTTP_UPSTREAM_CREATE as usize != 0
                    && !upstream.srv_conf.is_null()
            })
            .map(Self)
    }

    /// The block that a location's `*_pass` names.
    pub(crate) fn of(conf: NonNull<ngx_http_upstream_conf_t>) -> Option<Self> {
        // SAFETY: the configuration of a location, and its upstream, are nginx's own.
        unsafe { Self::from_ptr(conf.as_ref().upstream) }
    }

    /// Those that have been read, in their order.
    pub(crate) fn all(conf: &Conf) -> impl Iterator<Item = Self> {
        let module = &raw const ngx_http_upstream_module;
        // SAFETY: nginx writes to its module (indices) while it starts, before anything of ours runs;
        // its main configuration has an array of pointers, which is complete.
        let upstreams = unsafe {
            conf.main_conf::<ngx_http_upstream_main_conf_t>(&*module)
                .map(|main| main.as_ref().upstreams)
        };
        let count = upstreams.map_or(0, |upstreams| upstreams.nelts);
        (0..count).filter_map(move |nth| {
            let first = upstreams?.elts.cast::<*mut ngx_http_upstream_srv_conf_t>();
            // SAFETY: as above.
            unsafe { Self::from_ptr(*first.add(nth)) }
        })
    }

    pub(crate) fn name(self) -> String {
        String::from_utf8_lossy(self.host()).into_owned()
    }

    /// Its name, which stands for a host in a URL.
    pub(crate) fn host<'a>(self) -> &'a [u8] {
        // SAFETY: in the pool of the configuration, which outlives what refers to its blocks.
        unsafe { crate::ffi::memory::bytes(self.0.as_ref().host) }
    }

    /// Whether this is the one that nginx finds by what it looks for.
    pub(crate) fn is(self, wanted: Wanted<'_>) -> bool {
        // SAFETY: as above.
        let (host, port) = unsafe {
            (
                crate::ffi::memory::bytes(self.0.as_ref().host),
                self.0.as_ref().port,
            )
        };
        ((port == 0 && wanted.no_port) || port == wanted.port)
            && host.eq_ignore_ascii_case(wanted.host)
    }

    /// The server configuration of `module` for the block.
    ///
    /// # Safety
    /// `module` must be an HTTP module whose server configuration is a `T`.
    pub(crate) unsafe fn conf<T>(self, module: &ngx_module_t) -> Option<NonNull<T>> {
        // SAFETY: a block has an entry for each HTTP module.
        NonNull::new(unsafe { *self.0.as_ref().srv_conf.add(module.ctx_index) }.cast::<T>())
    }

    /// Puts `init` in the place of what chooses a peer, and returns that. To be called when all
    /// modules have put theirs there.
    pub(crate) fn replace_init_peer(self, init: InitPeer) -> Option<InitPeer> {
        // SAFETY: nobody uses the block while the configuration is read.
        unsafe { (*self.0.as_ptr()).peer.init.replace(init) }
    }
}

//! An `upstream{}` block.

use std::cell::{Ref, RefMut};
use std::ptr::NonNull;

use nginx_sys::{
    NGX_HTTP_UPSTREAM_CREATE, ngx_http_request_t, ngx_http_upstream_main_conf_t,
    ngx_http_upstream_module, ngx_http_upstream_srv_conf_t, ngx_int_t,
};

use crate::ffi::conf::Conf;
use crate::ffi::conf::merged::MergedConf;
use crate::ffi::conf::module_conf::{ModuleConf, OfServer, change, find, find_complete, read};
use crate::ffi::http::no_peers::init_no_peer;
use crate::ffi::http::request::Request;
use crate::ffi::http::upstream::UpstreamName;
use crate::ffi::process::function::Function;
use crate::ffi::process::guard::guard;

type RawInitPeer =
    unsafe extern "C" fn(*mut ngx_http_request_t, *mut ngx_http_upstream_srv_conf_t) -> ngx_int_t;

/// The function that chooses a peer for a request: `uscf->peer.init`.
#[derive(Clone, Copy)]
pub(crate) struct InitPeer(RawInitPeer);

/// Returns the function that chooses a peer, for a request that may be sent to a block; `None` if
/// it may not.
pub(crate) trait PeerGuard:
    Fn(&Request, &UpstreamBlock) -> Option<InitPeer> + Copy + 'static
{
}

impl<F: Fn(&Request, &UpstreamBlock) -> Option<InitPeer> + Copy + 'static> PeerGuard for F {}

/// An `upstream{}` block of a configuration; lives as long as that.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct UpstreamBlock(NonNull<ngx_http_upstream_srv_conf_t>);

impl UpstreamBlock {
    /// # Safety
    /// `upstream` must be null or one of nginx's, with what keeps it alive longer than this value.
    pub(in crate::ffi) unsafe fn from_ptr(
        upstream: *mut ngx_http_upstream_srv_conf_t,
    ) -> Option<Self> {
        // A host in a `proxy_pass` makes an upstream without a block, and without configurations.
        NonNull::new(upstream)
            // SAFETY: by this function's contract.
            .filter(|upstream| unsafe {
                let upstream = upstream.as_ref();
                upstream.flags & NGX_HTTP_UPSTREAM_CREATE as usize != 0
                    && !upstream.srv_conf.is_null()
            })
            .map(Self)
    }

    /// Those that have been read, in their order.
    pub(crate) fn all(conf: &Conf) -> impl Iterator<Item = Self> {
        let module = &raw const ngx_http_upstream_module;
        // SAFETY: nginx writes to its module (indices) while it starts, before anything of the
        // module runs; its main configuration has an array of pointers, which is complete.
        let upstreams = unsafe {
            conf.main_conf_of::<ngx_http_upstream_main_conf_t>(&*module)
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

    /// Its name, which is used as a host in a URL.
    pub(crate) fn host<'a>(self) -> &'a [u8] {
        // SAFETY: in the pool of the configuration, which outlives what refers to its blocks.
        unsafe { crate::ffi::memory::bytes(self.0.as_ref().host) }
    }

    /// Whether nginx finds this block by this name.
    pub(crate) fn is(self, name: UpstreamName<'_>) -> bool {
        // SAFETY: as above.
        let (host, port) = unsafe {
            (
                crate::ffi::memory::bytes(self.0.as_ref().host),
                self.0.as_ref().port,
            )
        };
        ((port == 0 && name.no_port) || port == name.port) && host.eq_ignore_ascii_case(name.host)
    }

    /// This module's configuration of the block.
    pub(crate) fn conf<T: ModuleConf<Of = OfServer>>(&self) -> Option<Ref<'_, T>> {
        // SAFETY: the block's configurations, which live as long as it does.
        read(unsafe { find(self.0.as_ref().srv_conf) })
    }

    /// The same, for requests that are sent to it.
    pub(crate) fn complete_conf<T: ModuleConf<Of = OfServer>>(&self) -> Option<&T> {
        // SAFETY: as above.
        unsafe { find_complete(self.0.as_ref().srv_conf) }
    }

    /// The same, to change it while the configuration is read.
    pub(crate) fn change_conf<T: ModuleConf<Of = OfServer>>(
        &self,
        _conf: &MergedConf<'_>,
    ) -> Option<RefMut<'_, T>> {
        // SAFETY: as above.
        change(unsafe { find(self.0.as_ref().srv_conf) })
    }

    /// Calls `guard` for each request before a peer of the block is chosen for it, and returns the
    /// original function that chooses one.
    pub(crate) fn guard_peers<G: PeerGuard>(
        &self,
        _conf: &MergedConf<'_>,
        guard: G,
    ) -> Option<InitPeer> {
        Function::of(guard);
        // SAFETY: nobody uses the block while the configuration is read; all modules have put theirs
        // there.
        let init = unsafe { (*self.0.as_ptr()).peer.init.replace(init_peer::<G>) };
        init.map(InitPeer)
    }
}

/// # Safety
/// Called by nginx only, instead of what [`UpstreamBlock::guard_peers`] has returned for this block.
unsafe extern "C" fn init_peer<G: PeerGuard>(
    r: *mut ngx_http_request_t,
    upstream: *mut ngx_http_upstream_srv_conf_t,
) -> ngx_int_t {
    let init = guard(None, || {
        // SAFETY: both live during this call; the guard was handed over before.
        unsafe {
            let block = UpstreamBlock::from_ptr(upstream)?;
            Function::<G>::get()(&Request::from_ptr(r)?, &block)
        }
    });
    let init = init.map_or(init_no_peer as RawInitPeer, |init| init.0);
    // SAFETY: called as nginx would have called it.
    unsafe { init(r, upstream) }
}

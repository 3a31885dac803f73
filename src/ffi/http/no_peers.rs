//! Prevents nginx from sending a request: it finds no peer to send it to.

use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

use nginx_sys::{
    NGX_BUSY, NGX_OK, ngx_http_request_t, ngx_http_upstream_conf_t, ngx_http_upstream_srv_conf_t,
    ngx_int_t, ngx_peer_connection_t, ngx_uint_t,
};

/// An upstream configuration whose peers nginx cannot connect to. It is made with the
/// configuration, so that rejecting a request needs no memory and cannot fail.
pub(super) struct NoPeers {
    conf: ngx_http_upstream_conf_t,
    upstream: ngx_http_upstream_srv_conf_t,
}

impl NoPeers {
    pub(super) fn new(conf: &ngx_http_upstream_conf_t) -> Self {
        // SAFETY: all zero is a valid value of this plain C structure.
        let mut upstream: ngx_http_upstream_srv_conf_t = unsafe { std::mem::zeroed() };
        upstream.peer.init = Some(init_no_peer);
        Self {
            conf: *conf,
            upstream,
        }
    }

    /// # Safety
    /// `no_peers` must not move any more.
    pub(super) unsafe fn link(mut no_peers: NonNull<Self>) {
        // SAFETY: by this function's contract.
        unsafe {
            let no_peers = no_peers.as_mut();
            no_peers.conf.upstream = &raw mut no_peers.upstream;
            no_peers.conf.local = null_mut();
        }
    }

    /// Makes nginx respond as for an upstream without a live server: with 502, or with a stale
    /// object from the cache if `proxy_cache_use_stale error` allows it.
    ///
    /// # Safety
    /// `r` must be the live request whose proxy_bind value is being evaluated.
    pub(super) unsafe fn apply(no_peers: NonNull<Self>, r: *mut ngx_http_request_t) {
        // SAFETY: nginx reads `u->conf` again after the evaluation, and with `resolved` cleared it
        // takes the upstream from there.
        unsafe {
            if let Some(upstream) = (*r).upstream.as_mut() {
                upstream.conf = &raw mut (*no_peers.as_ptr()).conf;
                upstream.resolved = null_mut();
            }
        }
    }
}

/// Makes nginx find no live server for a request, instead of choosing a peer for it.
///
/// # Safety
/// To be called as nginx calls `peer.init`, with a live request and the upstream it goes to.
pub(in crate::ffi) unsafe extern "C" fn init_no_peer(
    r: *mut ngx_http_request_t,
    upstream: *mut ngx_http_upstream_srv_conf_t,
) -> ngx_int_t {
    // SAFETY: by this function's contract; the upstream outlives the request.
    unsafe {
        // nginx would cache its own 502 if the location caches `any` status.
        (*(*r).upstream).set_cacheable(0);
        let peer = &mut (*(*r).upstream).peer;
        peer.get = Some(get_no_peer);
        peer.free = Some(free_no_peer);
        peer.tries = 0;
        // As nginx's own balancers do. Since 1.27.3 it is read if the upstream has a zone; this one
        // has neither zone nor name.
        if (*upstream).host.len > 0 {
            peer.name = &raw mut (*upstream).host;
        }
    }
    NGX_OK as ngx_int_t
}

unsafe extern "C" fn get_no_peer(_peer: *mut ngx_peer_connection_t, _: *mut c_void) -> ngx_int_t {
    NGX_BUSY as ngx_int_t
}

unsafe extern "C" fn free_no_peer(
    _peer: *mut ngx_peer_connection_t,
    _: *mut c_void,
    _state: ngx_uint_t,
) {
}

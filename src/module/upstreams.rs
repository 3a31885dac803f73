//! The callbacks about `upstream{}` blocks.

use std::ffi::c_void;
use std::ptr::null_mut;

use nginx_sys::{ngx_conf_t, ngx_http_request_t, ngx_http_upstream_srv_conf_t, ngx_int_t};

use super::location_conf;
use crate::conf::UpstreamConf;
use crate::ffi;
use crate::ffi::conf::upstream_block::UpstreamBlock;
use crate::ffi::http::refusal::init_no_peer;
use crate::ffi::http::request::Request;
use crate::ffi::process::guard::guard;
use crate::ffi::this_module::this_module;
use crate::request;

/// # Safety
/// Called by nginx only.
pub(super) unsafe extern "C" fn create_server_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    // SAFETY: `cf` is the configuration being read.
    unsafe { ffi::memory::allocate((*cf).pool, UpstreamConf::default()) }
        .map_or(null_mut(), |conf| conf.as_ptr().cast())
}

/// Stands before what chooses a peer of an upstream that signs.
///
/// # Safety
/// Called by nginx only.
pub(super) unsafe extern "C" fn init_peer(
    r: *mut ngx_http_request_t,
    upstream: *mut ngx_http_upstream_srv_conf_t,
) -> ngx_int_t {
    let init = guard(None, || {
        // SAFETY: both live during this call; this module's server configuration is an UpstreamConf,
        // which nobody changes any more.
        let (request, conf) = unsafe {
            let block = UpstreamBlock::from_ptr(upstream)?;
            let conf = block.conf::<UpstreamConf>(this_module())?;
            (Request::from_ptr(r)?, conf.as_ref())
        };
        let guarded = conf.guarded.as_ref()?;
        let passes = request::may_pass(&request, location_conf(&request), guarded);
        passes.then_some(guarded.init_peer)
    });
    let init = init.unwrap_or(init_no_peer);
    // SAFETY: called as nginx would have called it.
    unsafe { init(r, upstream) }
}

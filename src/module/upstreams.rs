//! The guard of `upstream{}` blocks.

use super::location_conf;
use crate::conf::UpstreamConf;
use crate::ffi::conf::upstream_block::{InitPeer, UpstreamBlock};
use crate::ffi::http::request::Request;
use crate::request;

/// Called before a peer of an upstream that signs is chosen.
pub(super) fn init_peer(request: &Request, block: &UpstreamBlock) -> Option<InitPeer> {
    let guarded = block.complete_conf::<UpstreamConf>()?.guarded.as_ref()?;
    let passes = request::may_pass(request, location_conf(request), guarded);
    passes.then_some(guarded.init_peer)
}

//! Merged blocks, and the hooks that they have installed where nginx sends their requests.

use std::rc::Rc;

use crate::conf::{LocationConf, MainConf, ProxyPass, merge, require_tokens};
use crate::ffi::conf::merged::MergedBlock;
use crate::ffi::http::{cache_hook, seal_hook};
use crate::request::{CacheGuard, Seal, TokenGuard};

/// Merges `outer` into `inner`, and guards the requests that are sent from there. An error has been
/// logged.
pub(super) fn merge_and_guard(
    conf: &MergedBlock<'_>,
    main: &MainConf,
    outer: &LocationConf,
    inner: &mut LocationConf,
) -> Result<(), ()> {
    merge(conf, main, outer, inner)?;
    seal_what_is_sent(conf, main, inner)?;
    let senders = require_tokens(conf, main, inner)?;
    let Some(required) = &inner.required_tokens else {
        return Ok(());
    };
    for sender in senders {
        let guard = TokenGuard::new(required.tokens.clone());
        seal_hook::install(sender, guard)?;
    }
    Ok(())
}

/// Installs the seal in the `proxy_pass` of a block that signs, and the hook of its cache.
fn seal_what_is_sent(
    conf: &MergedBlock<'_>,
    main: &MainConf,
    block: &LocationConf,
) -> Result<(), ()> {
    let (Some(plans), Some(proxy)) = (&block.plans, main.proxy()) else {
        return Ok(());
    };
    let proxy_conf = proxy.upstream_conf(conf).ok_or(())?;
    let proxy_pass = block.proxy_pass.clone();
    let seal = Seal::new(
        Rc::clone(plans),
        proxy_pass.unwrap_or_else(ProxyPass::unknown),
    );
    if proxy_conf.caches() {
        cache_hook::install(proxy_conf, CacheGuard::new(Rc::clone(plans)))?;
    }
    seal_hook::install(proxy_conf, seal)
}

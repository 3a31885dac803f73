//! Merged blocks, and what they have installed where nginx sends their requests.

use std::rc::Rc;

use crate::conf::{LocationConf, MainConf, ProxyPass, merge, require_tokens};
use crate::ffi::conf::Conf;
use crate::ffi::http::{cache_hook, seal_hook};
use crate::request::{CacheGuard, Seal, TokenGuard};

/// Merges `outer` into `inner`, and guards what is sent from there. An error has been logged.
pub(super) fn merge_and_guard(
    conf: &Conf,
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
        // SAFETY: nginx's own modules have merged this block before us, see `merge`; the
        // configuration's pool keeps both alive.
        unsafe { seal_hook::install(conf.as_ptr(), sender, guard)? };
    }
    Ok(())
}

/// Puts the seal into the `proxy_pass` of a block that signs, and has its cache ask first.
fn seal_what_is_sent(conf: &Conf, main: &MainConf, block: &LocationConf) -> Result<(), ()> {
    let (Some(plans), Some(proxy)) = (&block.plans, main.proxy()) else {
        return Ok(());
    };
    let proxy_conf = proxy.upstream_conf(conf).ok_or(())?;
    let proxy_pass = block.proxy_pass.clone();
    let seal = Seal::new(
        Rc::clone(plans),
        proxy_pass.unwrap_or_else(ProxyPass::unknown),
    );
    // SAFETY: nginx's own modules have merged this block before us, see `merge`; the configuration's
    // pool keeps both alive.
    unsafe {
        if proxy_conf.as_ref().cache() > 0 {
            let guard = CacheGuard::new(Rc::clone(plans));
            cache_hook::install(conf.as_ptr(), proxy_conf, guard)?;
        }
        seal_hook::install(conf.as_ptr(), proxy_conf, seal)
    }
}

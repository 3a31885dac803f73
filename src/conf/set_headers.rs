//! What `proxy_set_header` can do to a signed request that the signature does not cover, or that a cache
//! does not know of: `nginx -t` says so.

use super::credentials::Credentials;
use super::ingredients::Ingredients;
use super::proxy_headers::ProxyHeaders;
use super::{MainConf, Plan, Sign};
use crate::ffi::conf::{Block, Conf};
use crate::ffi::process::log::Level;

/// The service whose WebSocket APIs need Upgrade.
const WITH_WEBSOCKETS: &[u8] = b"execute-api";

/// As [`warn_of`], where a variable in `proxy_pass` names the upstream: for the first one that signs.
pub(super) fn warn_of_by_upstream(
    conf: &Conf,
    main: &MainConf,
    block: &Block,
    ingredients: &Ingredients,
) {
    if !is_remarkable(&ingredients.headers) || ingredients.headers.warned.get() {
        return;
    }
    for upstream in main.upstreams.iter() {
        let held = ingredients.layers.for_upstream(Some(&upstream.written));
        if let Some(sign) = held.sign.as_ref().filter(|sign| sign.may_be_on()) {
            let plan = ingredients.plan_of(&held, &sign.switch);
            return warn_of(conf, block, &plan, sign);
        }
    }
}

/// Whether there may be something to warn of.
fn is_remarkable(headers: &ProxyHeaders) -> bool {
    headers.sets_upgrade || !headers.response_variables.is_empty()
}

/// Warns once for each list of `proxy_set_header`, at the `aws_sign` of the first location that has it.
pub(super) fn warn_of(conf: &Conf, block: &Block, plan: &Plan, sign: &Sign) {
    let headers = &plan.headers;
    if !is_remarkable(headers) || headers.warned.replace(true) {
        return;
    }
    let service = plan.credentials.as_ref().ok();
    let service = service.and_then(Credentials::static_service);
    if headers.sets_upgrade && service != Some(WITH_WEBSOCKETS) {
        conf.log(
            Level::Warn,
            &sign.position,
            format_args!(
                "\"proxy_set_header Upgrade\" in location \"{}\" lets clients switch protocols: after \
                 a 101 response nginx forwards what they send without a signature; remove it, except \
                 for WebSocket APIs of API Gateway (\"aws_service execute-api\")",
                block.name()
            ),
        );
    }
    if let (true, Some(name)) = (plan.has_cache, headers.response_variables.first()) {
        conf.log(
            Level::Warn,
            &sign.position,
            format_args!(
                "location \"{}\" has \"proxy_cache\", and \"proxy_set_header {}\" has variables: \
                 \"proxy_cache_key\" must hold them, or clients share cached objects",
                block.name(),
                String::from_utf8_lossy(name)
            ),
        );
    }
}

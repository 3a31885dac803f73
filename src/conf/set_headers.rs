//! What `proxy_set_header` can do to a signed request that the signature does not cover, or that a cache
//! does not know of: `nginx -t` says so.

use super::credentials::Credentials;
use super::{Plan, Sign};
use crate::ffi::conf::{Block, Conf};
use crate::ffi::log::Level;

/// The service whose WebSocket APIs need Upgrade.
const WITH_WEBSOCKETS: &[u8] = b"execute-api";

/// Warns once for each list of `proxy_set_header`, at the `aws_sign` of the first location that has it.
pub(super) fn warn_of(conf: &Conf, block: &Block, plan: &Plan, sign: &Sign) {
    let headers = &plan.headers;
    if headers.warned.replace(true) {
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

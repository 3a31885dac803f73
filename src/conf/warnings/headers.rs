//! Warnings about changes by `proxy_set_header` that the signature does not cover, or that a cache
//! does not know about.

use std::fmt;

use super::{SigningLocation, Warning};
use crate::conf::Plan;

/// The service whose WebSocket APIs need Upgrade.
const WITH_WEBSOCKETS: &[u8] = b"execute-api";

impl SigningLocation<'_> {
    /// Warns once for each list of `proxy_set_header`, at the `aws_sign` of the first location that has
    /// it.
    pub(in crate::conf) fn warn_of_headers(&self, plan: &Plan) {
        let headers = &plan.headers;
        let warn = |warning, line: fmt::Arguments<'_>| {
            let position = &self.sign.position;
            self.warnings()
                .of_headers(self.conf, warning, headers, position, line);
        };
        if headers.sets_upgrade && plan.static_service() != Some(WITH_WEBSOCKETS) {
            warn(
                Warning::UpgradeHeader,
                format_args!(
                    "\"proxy_set_header Upgrade\" in location \"{}\" lets clients switch protocols: after \
                     a 101 response nginx forwards what they send without a signature; remove it, except \
                     for WebSocket APIs of API Gateway (\"aws_service execute-api\")",
                    self.block.name()
                ),
            );
        }
        if let (true, Some(name)) = (plan.has_cache, headers.response_variables.first()) {
            warn(
                Warning::VariableHeader,
                format_args!(
                    "location \"{}\" has \"proxy_cache\", and \"proxy_set_header {}\" has \
                     variables: \"proxy_cache_key\" must contain them, or clients share cached \
                     objects",
                    self.block.name(),
                    String::from_utf8_lossy(name)
                ),
            );
        }
    }
}

//! Warnings about caches whose key does not distinguish whose object it is.

use super::{SigningLocation, Warning};
use crate::conf::{Credentials, Plan};
use crate::ffi::http::value::Value;

impl SigningLocation<'_> {
    /// Tenants that a variable distinguishes must not share cached objects. Returns whether they
    /// can.
    pub(in crate::conf) fn warn_of_cache_key(&self, plan: &Plan) -> bool {
        let has_variable = is_variable(&plan.bucket)
            || is_variable(&plan.endpoint)
            || plan
                .credentials
                .as_ref()
                .is_ok_and(Credentials::are_variable);
        let needed = plan.has_cache && has_variable;
        if needed {
            self.warnings().of_directive(
                self.conf,
                Warning::CacheKey,
                &self.sign.position,
                format_args!(
                    "location \"{}\" has \"proxy_cache\" and a variable bucket, endpoint or key: \
                     \"proxy_cache_key\" must contain that variable, or tenants share cached \
                     objects",
                    self.block.name()
                ),
            );
        }
        needed
    }
}

fn is_variable(value: &Option<Value>) -> bool {
    value
        .as_ref()
        .is_some_and(|value| value.as_text().is_none())
}

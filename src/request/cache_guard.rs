//! Caching: if the response depends on more than the cache key, no cache responds to the request,
//! and no cache stores its response.

use std::rc::Rc;

use crate::conf::Plans;
use crate::ffi::http::cache_hook::CacheHook;
use crate::ffi::http::request::Request;

/// The decision of one location that signs, before it looks into its cache.
pub(crate) struct CacheGuard {
    plans: Rc<Plans>,
}

impl CacheGuard {
    pub(crate) fn new(plans: Rc<Plans>) -> Self {
        Self { plans }
    }
}

impl CacheHook for CacheGuard {
    fn bypasses(&self, request: &Request) -> bool {
        self.plans
            .for_sent(request)
            .is_some_and(|plan| plan.signs(request) && plan.bypasses_cache(request))
    }
}

//! The counters of requests, for the status page.

use std::fmt;

use aws_status::{Counter, UpstreamError};

use crate::conf::{LocationConf, Plan};
use crate::ffi::http::request::Request;
use crate::renewal::counting::BlockCounters;

/// The counters of a request's server{}, and of the upstream{} that it is sent to. There are none in a
/// configuration without `aws_auth_status`.
pub(super) struct RequestCounters<'a> {
    server: Option<&'a BlockCounters>,
    upstream: Option<&'a BlockCounters>,
}

impl<'a> RequestCounters<'a> {
    /// Those of a request; `plan` is for the upstream.
    pub(super) fn of(request: &'a Request, plan: Option<&'a Plan>) -> Self {
        let server = request.location::<LocationConf>();
        Self {
            server: server.and_then(|conf| conf.counters.as_deref()),
            upstream: plan.and_then(|plan| plan.upstream_counters.as_deref()),
        }
    }

    /// Whether anything is counted.
    pub(super) fn exist(&self) -> bool {
        self.server.is_some() || self.upstream.is_some()
    }

    /// Adds to a counter of each.
    pub(super) fn add(&self, counter: Counter, count: u64) {
        for counters in self.each() {
            counters.add(counter, count);
        }
    }

    fn each(&self) -> impl Iterator<Item = &'a BlockCounters> {
        [self.server, self.upstream].into_iter().flatten()
    }
}

/// Counts one request.
pub(super) fn count(request: &Request, plan: Option<&Plan>, counter: Counter) {
    RequestCounters::of(request, plan).add(counter, 1);
}

/// Counts an error of the upstream, and keeps what was explained of it. `date` is the Date header of the
/// response, if the upstream has rejected the signature for its time.
pub(super) fn count_upstream_error(
    request: &Request,
    plan: &Plan,
    code: UpstreamError,
    date: Option<i64>,
    explanation: fmt::Arguments<'_>,
) {
    let counters = RequestCounters::of(request, Some(plan));
    counters.add(Counter::upstream_error(code), 1);
    if let Some(date) = date {
        let skew = (date - nginx_sys::ngx_time()) * 1000;
        counters.each().for_each(|one| one.set_clock_skew(skew));
    }
    if let Some(server) = counters.server {
        server.explain(explanation);
    }
}

/// Counts how long a request has waited, in milliseconds.
pub(super) fn count_wait(request: &Request, millis: u64) {
    let counters = RequestCounters::of(request, None);
    counters.add(Counter::waited(millis), 1);
    counters.add(Counter::WAITED_MILLIS, millis);
}

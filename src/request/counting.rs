//! The counters of requests, for the status page.

use std::fmt;

use aws_status::{Counter, UpstreamError};

use crate::conf::{LocationConf, Plan};
use crate::ffi::http::request::Request;
use crate::renewal::counting::BlockCounters;

/// Adds to a counter of the request's server{}, and of the upstream{} that `plan` is for.
pub(super) fn count(request: &Request, plan: Option<&Plan>, counter: Counter, count: u64) {
    for counters in block_counters(request, plan) {
        counters.add(counter, count);
    }
}

fn block_counters<'a>(
    request: &'a Request,
    plan: Option<&'a Plan>,
) -> impl Iterator<Item = &'a BlockCounters> {
    let server = request.location::<LocationConf>();
    let server = server.and_then(|conf| conf.counters.as_deref());
    let upstream = plan.and_then(|plan| plan.upstream_counters.as_deref());
    [server, upstream].into_iter().flatten()
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
    count(request, Some(plan), Counter::upstream_error(code), 1);
    for counters in block_counters(request, Some(plan)) {
        if let Some(date) = date {
            counters.set_clock_skew((date - nginx_sys::ngx_time()) * 1000);
        }
    }
    if let Some(counters) = block_counters(request, None).next() {
        counters.explain(explanation);
    }
}

/// Counts how long a request has waited, in milliseconds.
pub(super) fn count_wait(request: &Request, millis: u64) {
    count(request, None, Counter::waited(millis), 1);
    count(request, None, Counter::WAITED_MILLIS, millis);
}

//! The counters of requests, for the status page.

use std::fmt;

use aws_status::{Counter, Rejection as Reason, UpstreamError};

use super::body_fault::BodyFault;
use super::rejection::Rejection;
use super::waiting::NotReady;
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

impl Rejection<'_> {
    /// Counts a rejection. If the request is about to be sent, it cannot be sealed, unless something
    /// more particular is wrong.
    pub(super) fn count(&self, request: &Request, unsent_plan: Option<&Plan>) {
        let reason = match (self.counted_reason(), unsent_plan) {
            (Reason::Target | Reason::Body | Reason::Unsupported, Some(_)) => Reason::Unsealable,
            (reason, _) => reason,
        };
        count(request, unsent_plan, Counter::rejected(reason), 1);
    }

    fn counted_reason(&self) -> Reason {
        match self {
            Self::Method(_) => Reason::Method,
            Self::Operation(_) => Reason::Operation,
            Self::Header(_) => Reason::Header,
            Self::Unsignable(aws_sealing::SealError::HeaderNotPassed(_)) => Reason::Header,
            Self::Unsignable(aws_sealing::SealError::OutOfMemory) | Self::OutOfMemory => {
                Reason::Internal
            }
            Self::Unsignable(_) => Reason::Target,
            Self::NoCredentials(_) | Self::Credentials(_) => Reason::Credentials,
            Self::NotReady(NotReady::Credentials(..)) => Reason::Credentials,
            Self::NotReady(NotReady::Token(..)) => Reason::Token,
            Self::Body(BodyFault::Content(error)) => match error.status() {
                403 => Reason::Header,
                411 => Reason::Length,
                501 => Reason::Unsupported,
                _ if error.is_of_framing() => Reason::Framing,
                _ => Reason::Body,
            },
            Self::Body(BodyFault::LengthRequired) => Reason::Length,
            Self::Body(BodyFault::Credentials(_)) => Reason::Credentials,
            Self::Body(BodyFault::HashMismatch) | Self::IncompleteBody(_) => Reason::Body,
            Self::Body(BodyFault::ReadOnly | BodyFault::File(_) | BodyFault::OutOfMemory)
            | Self::ByNginx(_) => Reason::Internal,
            Self::ChunksLeft(_) => Reason::Unsupported,
            Self::BodyNotThere | Self::ChunksUnchecked | Self::NoHead => Reason::Unsealable,
        }
    }
}

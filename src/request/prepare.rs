//! Precontent phase: the client is authenticated, and nginx is about to process its request. What
//! can be rejected with a meaningful status is rejected here; seal can only prevent nginx from
//! sending a request.
//!
//! Checks the method again, since nginx skips the access phase in subrequests, and parts of it with
//! `satisfy any`.

use aws_sealing::body::Declared;
use aws_sealing::{Inbound, PayloadSigning, forwarding, method};
use aws_signing::EMPTY_PAYLOAD_SHA256;
use nginx_sys::{NGX_AGAIN, NGX_DECLINED, ngx_int_t};

use super::access::check_method;
use super::body_completeness;
use super::body_fault::BodyFault;
use super::body_form::{self, BodyForm};
use super::body_record::BodyRecord;
use super::body_scan::{Progress, scan_slice};
use super::client_headers::client_headers;
use super::operations::check_operation;
use super::rejection::{ChunksAdvice, Rejection};
use super::target::check_target;
use super::waiting::{Step, await_needed};
use crate::conf::{Plan, ProxyPass, RequiredTokens, SentQuery};
use crate::ffi::http::body::filter_is_last;
use crate::ffi::http::phase::PhaseRequest;
use crate::ffi::http::request::{BodyId, Request};

/// The precontent phase of a request that needs tokens, is to be signed, or both.
pub(crate) fn prepare(
    request: &PhaseRequest<'_>,
    required: Option<&RequiredTokens>,
    plan: Option<&Plan>,
    sent_query: &SentQuery,
    proxy_pass: Option<&ProxyPass>,
) -> ngx_int_t {
    let checked = match plan {
        Some(plan) => check(request, plan, sent_query, proxy_pass),
        None => Ok(()),
    };
    let ready = checked.and_then(|()| await_needed(request, required, plan));
    let prepared = ready.and_then(|step| match (step, plan) {
        (Step::GoOn, Some(plan)) => prepare_body(request, plan),
        (step, _) => Ok(step),
    });
    match prepared {
        Ok(Step::GoOn) => NGX_DECLINED as ngx_int_t,
        Ok(Step::Suspend(code)) => code,
        Err(rejection) => rejection.reject(request),
    }
}

/// Checks the head of the request.
fn check<'r>(
    request: &'r Request,
    plan: &Plan,
    sent_query: &SentQuery,
    proxy_pass: Option<&ProxyPass>,
) -> Result<(), Rejection<'r>> {
    check_method(request, plan)?;
    // First: an operation that a "?" of the path would ask for is not the client's.
    if let Some(proxy_pass) = proxy_pass {
        check_target(request, plan, proxy_pass)?;
    }
    check_operation(request, plan, sent_query)?;
    check_headers(request, plan)
}

/// Rejects a client header that is not listed. Dropping it from a request that writes would change
/// the meaning of the request.
fn check_headers<'r>(request: &'r Request, plan: &Plan) -> Result<(), Rejection<'r>> {
    if method::is_safe(request.method()) {
        return Ok(());
    }
    let names = client_headers(request).map(|header| header.name);
    match forwarding::first_not_listed(names, &plan.policy.pass_headers, plan.vendor) {
        Some(name) => Err(Rejection::Header(name)),
        None => Ok(()),
    }
}

/// Makes sure that the body can be signed when it is sent.
fn prepare_body(request: &PhaseRequest<'_>, plan: &Plan) -> Result<Step, Rejection<'static>> {
    if request.announces_body() && request.method_was_replaced() {
        // Another method's body is not sent.
        request.discard_body().map_err(Rejection::ByNginx)?;
        return Ok(Step::GoOn);
    }
    body_completeness::check_in_prepare(request, plan).map_err(Rejection::IncompleteBody)?;
    match request.body() {
        Some(body) => prepare_read_body(request, plan, body),
        None if request.announces_body() => prepare_coming_body(request, plan),
        None => {
            check_missing_body(request, plan)?;
            Ok(Step::GoOn)
        }
    }
}

/// Rejects a request whose client declares the hash of a body, and of which nothing has arrived.
fn check_missing_body(request: &Request, plan: &Plan) -> Result<(), BodyFault> {
    let is_checked_here = || {
        plan.payload_signing(request)
            .is_ok_and(|payload_signing| plan.payload.checks_client_hash(payload_signing))
    };
    if method::is_safe(request.method()) || !request.is_main() || !is_checked_here() {
        return Ok(());
    }
    match Declared::from_headers(client_headers(request)) {
        Ok(Declared::Hash(hash)) if hash[..] != *EMPTY_PAYLOAD_SHA256.as_bytes() => {
            Err(BodyFault::HashMismatch)
        }
        _ => Ok(()),
    }
}

/// The body has not been received yet: most work is done while it is.
fn prepare_coming_body(
    request: &PhaseRequest<'_>,
    plan: &Plan,
) -> Result<Step, Rejection<'static>> {
    let payload_signing = plan
        .payload_signing(request)
        .map_err(BodyFault::Credentials)?;
    // nginx would begin to send what must be hashed or verified first, or another module's filter
    // can change what is hashed.
    let read_first = if plan.streams_bodies {
        plan.payload.needs_whole_body(payload_signing)
            || body_form::holds_nothing_back(request, plan, payload_signing)
    } else {
        !filter_is_last()
    };
    if request.is_main() && read_first {
        return request
            .read_body()
            .map(Step::Suspend)
            .map_err(Rejection::ByNginx);
    }
    // The filter would see the body too late to report errors in the head to the client.
    let streams = match request.announced_length() {
        Some(_) => plan.streams_bodies && plan.passes_bodies,
        None => plan.streams_unannounced,
    };
    if streams && request.filters_come_late() {
        body_form::check_streamed_head(request, plan)?;
    }
    Ok(Step::GoOn)
}

/// The body has been read: by the module, by another module, before a redirect, or for another
/// request.
fn prepare_read_body(
    request: &PhaseRequest<'_>,
    plan: &Plan,
    body: BodyId,
) -> Result<Step, Rejection<'static>> {
    if request.streams_body() || request.body_pieces().next().is_none() {
        return Ok(Step::GoOn);
    }
    let record = match BodyRecord::of(request) {
        Some(record) => record,
        None => BodyRecord::begin(request, plan, body, false)?,
    };
    let record = &mut *record.borrow_mut();
    let too_late = match record.form() {
        BodyForm::Plain => None,
        // For a location with another payload mode, or another signature style.
        BodyForm::Inspected(..) => match plan.payload_signing(request) {
            Ok(payload_signing)
                if plan.payload.inbound_framed(payload_signing) == Inbound::Deframe =>
            {
                Some(payload_signing)
            }
            _ => None,
        },
        BodyForm::Deframed(..) => {
            (!record.whole && !record.is_checked()).then_some(PayloadSigning::Chunks)
        }
    };
    if let Some(payload_signing) = too_late {
        return Err(Rejection::ChunksLeft(advice(plan, payload_signing)));
    }
    match scan(request, plan, record) {
        Ok(Progress::GoesOn) => Ok(Step::Suspend(NGX_AGAIN as ngx_int_t)),
        scanned => {
            request.stop_continuing();
            scanned?;
            Ok(Step::GoOn)
        }
    }
}

/// Scans the body until everything that this plan needs is known: another request, with another
/// plan, may have begun the scan.
fn scan(
    request: &PhaseRequest<'_>,
    plan: &Plan,
    record: &mut BodyRecord,
) -> Result<Progress, BodyFault> {
    loop {
        record.resume(request, plan)?;
        if record.whole {
            return Ok(Progress::Done);
        }
        if let Progress::GoesOn = scan_slice(request, record)? {
            return Ok(Progress::GoesOn);
        }
    }
}

/// What to do if the client's aws-chunked encoding can no longer be removed.
fn advice(plan: &Plan, payload_signing: PayloadSigning) -> ChunksAdvice {
    match payload_signing {
        PayloadSigning::Hash | PayloadSigning::Chunks | PayloadSigning::Unsigned => {
            ChunksAdvice::UseAuto(plan.payload.as_str())
        }
        PayloadSigning::Optional | PayloadSigning::Nothing => ChunksAdvice::SameStyle,
    }
}

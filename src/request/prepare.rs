//! Precontent phase: the client is authenticated, and its request is about to be served. What can
//! be refused with a proper status is refused here; seal can only let a request fail.
//!
//! Does admit's work once more, since the access phase is skipped in subrequests and cut short by
//! `satisfy any`.

use aws_sealing::body::Declared;
use aws_sealing::{Inbound, PayloadSigning, forwarding, method};
use aws_signing::EMPTY_PAYLOAD_SHA256;
use nginx_sys::{
    NGX_AGAIN, NGX_DECLINED, NGX_HTTP_FORBIDDEN, NGX_HTTP_INTERNAL_SERVER_ERROR,
    NGX_HTTP_NOT_IMPLEMENTED, ngx_int_t,
};

use super::admit::refuse_method;
use super::client_headers::client_headers;
use super::ended;
use super::examine::{Progress, examine};
use super::intake::{self, Form, Intake};
use super::operations::refuse_operation;
use super::target::reject_target;
use super::waiting::await_needed;
use crate::conf::{Plan, ProxyPass, RequiredTokens, SentQuery};
use crate::ffi::http::body::filter_is_last;
use crate::ffi::http::phase::PhaseRequest;
use crate::ffi::http::request::{BodyId, Request};
use crate::ffi::process::log::Level;

/// Of a request that needs tokens, is to be signed, or both.
pub(crate) fn prepare(
    request: &PhaseRequest<'_>,
    required: Option<&RequiredTokens>,
    plan: Option<&Plan>,
    sent_query: &SentQuery,
    proxy_pass: Option<&ProxyPass>,
) -> ngx_int_t {
    let refuse = |plan| {
        refuse_method(request, plan)
            // First: an operation that a "?" of the path would ask for is not the client's.
            .or_else(|| reject_target(request, plan, proxy_pass?))
            .or_else(|| refuse_operation(request, plan, sent_query))
            .or_else(|| refuse_header(request, plan))
    };
    plan.and_then(refuse)
        .or_else(|| await_needed(request, required, plan))
        .or_else(|| plan.and_then(|plan| prepare_body(request, plan)))
        .unwrap_or(NGX_DECLINED as ngx_int_t)
}

/// Dropping a header from a request that writes would change what the client asked for.
fn refuse_header(request: &Request, plan: &Plan) -> Option<ngx_int_t> {
    if method::is_safe(request.method()) {
        return None;
    }
    let Some(headers) = client_headers(request) else {
        return Some(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t);
    };
    let names = headers.iter().map(|header| header.name);
    let name = forwarding::first_not_listed(names, &plan.policy.pass_headers, plan.vendor)?;
    // A client can repeat it at will.
    request.log().write(
        Level::Info,
        format_args!(
            "client header \"{}\" is not allowed: to forward it, list it in \"aws_pass_headers\"",
            name.escape_ascii()
        ),
    );
    Some(NGX_HTTP_FORBIDDEN as ngx_int_t)
}

/// Sees to it that the body can be signed when it is sent.
fn prepare_body(request: &PhaseRequest<'_>, plan: &Plan) -> Option<ngx_int_t> {
    if request.announces_body() && request.method_was_replaced() {
        // Another method's body: nobody asks for it.
        return request.discard_body().err();
    }
    if let Err(lost) = ended::check_in_prepare(request, plan) {
        return Some(lost.answer(request));
    }
    match request.body() {
        Some(body) => prepare_read_body(request, plan, body),
        None if request.announces_body() => prepare_coming_body(request, plan),
        None => refuse_lost_body(request, plan),
    }
}

/// A body whose hash the client declares, and of which nothing came.
fn refuse_lost_body(request: &Request, plan: &Plan) -> Option<ngx_int_t> {
    let checked_here = plan
        .payload_signing(request)
        .is_ok_and(|payload_signing| plan.payload.checks_client_hash(payload_signing));
    if !checked_here || !request.is_main() || method::is_safe(request.method()) {
        return None;
    }
    let refused = match client_headers(request) {
        None => intake::Refused::OutOfMemory,
        Some(headers) => match intake::declared(&headers) {
            Ok(Declared::Hash(hash)) if hash[..] != *EMPTY_PAYLOAD_SHA256.as_bytes() => {
                intake::Refused::HashMismatch
            }
            _ => return None,
        },
    };
    Some(refused.answer(request))
}

/// The body is still to come: most of what has to be done is done while it does.
fn prepare_coming_body(request: &PhaseRequest<'_>, plan: &Plan) -> Option<ngx_int_t> {
    let payload_signing = match plan.payload_signing(request) {
        Ok(payload_signing) => payload_signing,
        Err(error) => return Some(intake::Refused::Credentials(error).answer(request)),
    };
    // Where nginx would begin to send what has to be hashed or checked first, or another module's
    // filter may change what is hashed on its way in.
    let read_first = if plan.streams_bodies {
        plan.payload.needs_whole_body(payload_signing)
            || intake::holds_nothing_back(request, plan, payload_signing)
    } else {
        !filter_is_last()
    };
    if request.is_main() && read_first {
        return Some(request.read_body().unwrap_or_else(|status| status));
    }
    // Where the filter would see the body too late to tell the client what is wrong with its head.
    let streams = match request.announced_length() {
        Some(_) => plan.streams_bodies && plan.passes_bodies,
        None => plan.streams_unannounced,
    };
    if streams
        && request.filters_come_late()
        && let Err(refused) = Intake::foresee_streamed(request, plan)
    {
        return Some(refused.answer(request));
    }
    None
}

/// The body was read before: by us, by another module, before a redirect, or for another
/// request.
fn prepare_read_body(request: &PhaseRequest<'_>, plan: &Plan, body: BodyId) -> Option<ngx_int_t> {
    if request.streams_body() || request.body_pieces().next().is_none() {
        return None;
    }
    let intake = match Intake::of(request) {
        Some(intake) => intake,
        None => match Intake::begin(request, plan, body, false) {
            Ok(intake) => intake,
            Err(refused) => return Some(refused.answer(request)),
        },
    };
    let state = &mut *intake.borrow_mut();
    let refused = match state.form() {
        Form::Plain => None,
        // For a location with another mode, or another style of signatures.
        Form::Inspected(..) => match plan.payload_signing(request) {
            Ok(payload_signing)
                if plan.payload.inbound_framed(payload_signing) == Inbound::Deframe =>
            {
                Some(payload_signing)
            }
            _ => None,
        },
        Form::Deframed(..) => {
            (!state.whole && !state.is_checked()).then_some(PayloadSigning::Chunks)
        }
    };
    if let Some(payload_signing) = refused {
        return Some(refuse_framing(request, plan, payload_signing));
    }
    match examine_all(request, plan, state) {
        Ok(Progress::GoesOn) => Some(NGX_AGAIN as ngx_int_t),
        result => {
            request.stop_continuing();
            result.err().map(|refused| refused.answer(request))
        }
    }
}

/// Looks at the body until all that this plan asks for is known of it: another request, with a plan
/// of its own, may have begun to.
fn examine_all(
    request: &PhaseRequest<'_>,
    plan: &Plan,
    intake: &mut Intake,
) -> Result<Progress, intake::Refused> {
    loop {
        intake.resume(request, plan)?;
        if intake.whole {
            return Ok(Progress::Done);
        }
        if let Progress::GoesOn = examine(request, intake)? {
            return Ok(Progress::GoesOn);
        }
    }
}

/// Framing that has to come off, and cannot any more.
fn refuse_framing(request: &Request, plan: &Plan, payload_signing: PayloadSigning) -> ngx_int_t {
    let line = |advice: std::fmt::Arguments<'_>| {
        request.log().write(
            Level::Error,
            format_args!(
                "the client's aws-chunked body was read before this location could take its \
                 framing off{advice}"
            ),
        );
    };
    match payload_signing {
        PayloadSigning::Hash | PayloadSigning::Chunks | PayloadSigning::Unsigned => {
            line(format_args!(
                " (\"aws_payload {}\"): use \"aws_payload auto\" here",
                plan.payload.as_str()
            ))
        }
        PayloadSigning::Optional | PayloadSigning::Nothing => line(format_args!(
            ": have it read by a location with the same style of signatures"
        )),
    }
    NGX_HTTP_NOT_IMPLEMENTED as ngx_int_t
}

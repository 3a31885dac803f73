//! Which S3 operations are allowed, as far as this can be determined before nginx has serialized
//! the request, when the response can still be 403.
//!
//! Only what all ways to send the request have in common is checked here. The path can still
//! change, and with it whether it names a bucket or an object. The method can change in slices,
//! background updates, and caches. The request that is really sent is checked when it is sealed.

use aws_operations::{Headers, Levels, OperationSet, Parameters, Request as Asked};
use aws_sealing::{DeniedOperations, forwarding, is_form};
use aws_signing::query;

use super::advice_on_errors::FORM_ADVICE;
use super::client_headers::client_headers;
use super::log_rate;
use super::rejection::Rejection;
use crate::conf::{Plan, SentQuery};
use crate::ffi::http::request::Request;
use crate::ffi::process::log::Level;

/// Rejects an S3 operation that is not allowed here, wherever the request is sent.
pub(super) fn check_operation(
    request: &Request,
    plan: &Plan,
    sent_query: &SentQuery,
) -> Result<(), Rejection<'static>> {
    if plan.policy.operations == OperationSet::ALL {
        advise_about_form(request, plan);
        return Ok(());
    }
    if sent_query.method_is_replaced() {
        return Ok(());
    }
    let Some(denied) = denied(request, plan, request.args()) else {
        return Ok(());
    };
    // This is rare: expensive checks are done only now.
    if !plan.signs_for_s3(request) {
        return Ok(());
    }
    let denied = match sent_query.evaluate(request) {
        Some(query) if query == request.args() => Some(denied),
        query => self::denied(request, plan, query.unwrap_or_default()),
    };
    match denied {
        Some(denied) => Err(Rejection::Operation(Box::new(denied))),
        None => Ok(()),
    }
}

/// The denied operations of the request if `query` is sent, regardless of the rest.
fn denied(request: &Request, plan: &Plan, query: &[u8]) -> Option<DeniedOperations> {
    let overrides = plan.policy.response_overrides;
    let mut parameters = Parameters::default();
    for parameter in query::parameters(query) {
        if forwarding::forwards_parameter(&parameter, true, overrides) {
            parameters.note(parameter.name, parameter.value);
        }
    }
    let form = sends_form(request);
    let asked = |method, levels, has_headers| Asked {
        method,
        levels,
        parameters,
        headers: Headers {
            copy_source: has_headers,
            request_route: has_headers,
            form,
        },
    };
    let allowed = plan.policy.operations;
    let may_be_allowed = |method| {
        // Most requests ask for an object, and most locations allow it.
        plan.levels().each().rev().any(|level| {
            // The configuration can add or remove these headers.
            [false, true]
                .into_iter()
                .any(|has_headers| asked(method, level, has_headers).is_allowed(allowed))
        })
    };
    let method = request.method();
    // nginx asks for the whole object if it caches.
    if may_be_allowed(method) || (method == b"HEAD" && plan.has_cache && may_be_allowed(b"GET")) {
        return None;
    }
    DeniedOperations::of(&asked(method, likely_levels(request, plan), false), allowed)
}

/// What the path names, if it is sent unchanged: for the log.
fn likely_levels(request: &Request, plan: &Plan) -> Levels {
    let mut path = Vec::new();
    aws_signing::path::s3(request.uri(), &mut path);
    let in_host = Levels::of_path(&path, true);
    if plan.levels().contains(Levels::SERVICE) {
        in_host.or(Levels::of_path(&path, false))
    } else {
        in_host
    }
}

fn sends_form(request: &Request) -> bool {
    request.method() == b"POST"
        && client_headers(request)
            .any(|one| one.name.eq_ignore_ascii_case(b"content-type") && is_form(one.value))
}

/// Nothing that the module says of an HTML form makes S3 accept it.
fn advise_about_form(request: &Request, plan: &Plan) {
    if sends_form(request) && plan.signs_for_s3(request) {
        request.log().write(
            log_rate::level_of_line(log_rate::FORM_LINE, Level::Warn),
            format_args!("an HTML form is forwarded to S3: {FORM_ADVICE}"),
        );
    }
}

//! Advice: what the error log says if the upstream has rejected a signed request.

use std::fmt;

use aws_sealing::auth_error::{
    AuthError, Cause, canonical_request, unsigned_headers, wanted_region,
};
use aws_status::UpstreamError;

use super::canonical;
use super::counting::count_upstream_error;
use crate::conf::Plan;
use crate::ffi::http::response::Response;
use crate::ffi::process::log::Level;

/// Informs the operator, and the provider that can refresh the credentials.
pub(super) fn tell(response: Response<'_>, plan: &Plan, error: AuthError, body: &[u8]) {
    // What comes from a cache was logged when the upstream responded.
    if response.is_cached() {
        return;
    }
    let (code, status) = (error.code, response.upstream_status());
    let date = match code.cause {
        Cause::Clock => response.date(),
        _ => None,
    };
    let line = |advice: fmt::Arguments<'_>| {
        let line =
            format_args!("the upstream rejected the signed request with {status} {code}: {advice}");
        response.0.log().write(Level::Error, line);
        count_upstream_error(response.0, plan, UpstreamError::of(code.name()), date, line);
    };
    let wanted = wanted_region(body);
    match code.cause {
        Cause::Signature => line(format_args!(
            "the secret key does not belong to the access key, or the request was changed on its \
             way: compare both canonical requests in a debug log"
        )),
        Cause::Form | Cause::Scope if wanted.is_some() => line(format_args!(
            "it expects \"aws_region {}\"",
            wanted.unwrap_or_default()
        )),
        Cause::Form => line(format_args!(
            "it cannot parse the signature: check whether something between nginx and the \
             upstream changes or also signs the request"
        )),
        Cause::Scope => line(format_args!(
            "check \"aws_region\", \"aws_service\" and the access key"
        )),
        Cause::Expired => line(format_args!(
            "the session token has expired: provide current credentials"
        )),
        Cause::Unknown => line(format_args!(
            "it does not know the access key, or the session token is missing or belongs to \
             another key: check the credentials"
        )),
        Cause::Clock => line(format_args!(
            "the clocks of this machine and of the upstream differ: synchronize the clock of \
             this machine"
        )),
        Cause::Headers => line(format_args!(
            "it requires these headers to be signed: {}; list them in \"aws_signed_headers\", or \
             remove them with an empty \"proxy_set_header\"",
            unsigned_headers(body).unwrap_or("it does not say which")
        )),
        Cause::Version => line(format_args!(
            "it does not accept version 2 signatures: use \"aws_signature_version 4\""
        )),
    }
    if let Some(lines) = canonical_request(body) {
        canonical::log(response.0, "the upstream's canonical request", lines);
    }
    if matches!(code.cause, Cause::Expired | Cause::Unknown) {
        plan.credentials_refused(response.0, code.cause);
    }
}

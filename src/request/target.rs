//! Rejects a request that seal would reject for its target, while the response can still say so.
//!
//! nginx has not composed the target yet, and most targets need no check. Only if the request
//! contains something that seal can reject, the target is composed here, as nginx will do it.
//! Nothing depends on this: seal decides on the target that is sent.

use std::collections::TryReserveError;

use aws_sealing::{Form, SealError, TargetSource, proxy_url};

use super::rejection::Rejection;
use crate::conf::{Plan, ProxyPass};
use crate::ffi::http::request::Request;

/// Rejects a path or query that cannot be signed: 400.
pub(super) fn check_target(
    request: &Request,
    plan: &Plan,
    proxy_pass: &ProxyPass,
) -> Result<(), Rejection<'static>> {
    let source = proxy_pass.target_source(request);
    let s3 = plan.signs_for_s3(request);
    if !source.is_suspicious(s3) {
        return Ok(());
    }
    let target =
        predict_target(request, proxy_pass, &source).map_err(|_| Rejection::OutOfMemory)?;
    match source.check_target(&target, s3) {
        // Seal rejects the request, if this is still true.
        Err(SealError::TargetForm) => Ok(()),
        checked => Ok(checked?),
    }
}

/// The target that nginx will send, as far as it is known; escapes are left out.
fn predict_target(
    request: &Request,
    proxy_pass: &ProxyPass,
    source: &TargetSource<'_>,
) -> Result<Vec<u8>, TryReserveError> {
    let url = proxy_pass
        .target
        .and_then(|target| target.evaluate_aside(request));
    let written = match source.form {
        Form::Constant(uri) => uri,
        Form::Bare | Form::Template(_) => url.map_or(&b""[..], proxy_url::uri),
    };
    let (separator, args) = match source.args {
        b"" => (&b""[..], source.args),
        args => (&b"?"[..], args),
    };
    let parts = match source.form {
        Form::Template(_) if written.starts_with(b"?") => [b"/", written, b"", b""],
        Form::Template(_) if !written.is_empty() => [written, b"", b"", b""],
        Form::Constant(_) => [written, request.uri_behind_location(), separator, args],
        _ if request.sends_client_uri() => [source.request_uri, b"", b"", b""],
        _ => [source.uri, separator, args, b""],
    };
    let mut target = Vec::new();
    target.try_reserve(parts.iter().map(|part| part.len()).sum())?;
    parts.iter().for_each(|part| target.extend_from_slice(part));
    Ok(target)
}

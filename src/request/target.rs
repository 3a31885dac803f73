//! Rejects a request that seal would reject for its target, while a client can still be told so.
//!
//! nginx has not made the target yet, and most targets need no look: this one is made here, in the way
//! nginx will make it, only if the request has something in it that seal may reject. Nothing depends
//! on that: seal decides on the target that is sent.

use std::collections::TryReserveError;

use aws_sealing::{Form, SealError, TargetSource, proxy_url};
use nginx_sys::{NGX_HTTP_BAD_REQUEST, NGX_HTTP_INTERNAL_SERVER_ERROR, ngx_int_t};

use super::advice_on_errors::WithAdvice;
use crate::conf::{Plan, ProxyPass};
use crate::ffi::http::request::Request;
use crate::ffi::process::log::Level;

/// 400 for a path or query that cannot be signed.
pub(super) fn reject_target(
    request: &Request,
    plan: &Plan,
    proxy_pass: &ProxyPass,
) -> Option<ngx_int_t> {
    let source = proxy_pass.target_source(request);
    let s3 = plan.signs_for_s3(request);
    if !source.is_suspicious(s3) {
        return None;
    }
    let Ok(target) = foresee(request, proxy_pass, &source) else {
        return Some(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t);
    };
    match source.check_target(&target, s3) {
        // Seal says so, if it is still so.
        Ok(()) | Err(SealError::TargetForm) => None,
        Err(SealError::OutOfMemory) => Some(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t),
        Err(error) => {
            request.log().write(
                Level::Info,
                format_args!(
                    "the request is rejected, since it cannot be signed: {}",
                    WithAdvice(&error)
                ),
            );
            Some(NGX_HTTP_BAD_REQUEST as ngx_int_t)
        }
    }
}

/// The target that nginx will send, as far as that is known; escapes are left out.
fn foresee(
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

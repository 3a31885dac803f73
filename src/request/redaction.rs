//! Redaction: removes the request's signature from responses that repeat it.
//!
//! An upstream that responds with a redirect can repeat the request's target, including a signature
//! in its query. Anyone who can read this signature can use it.

use std::collections::TryReserveError;

use aws_sealing::redact::{Redaction, Secrets};

use crate::ffi::http::request::Request;
use crate::ffi::http::response::Response;
use crate::ffi::http::response_body::Chain;
use crate::ffi::http::signed_target::Change;
use crate::ffi::process::log::Level;

/// Out of memory: the response must not be sent.
pub(crate) struct OutOfMemory;

impl From<TryReserveError> for OutOfMemory {
    fn from(_: TryReserveError) -> Self {
        Self
    }
}

/// Removes the request's signature from the headers of a response.
pub(crate) fn redact_headers(request: &Request) -> Result<(), OutOfMemory> {
    let response = Response(request);
    redact(request, |change| response.change_headers(change))
}

/// Removes it from the trailers, if nginx is about to send them (`proxy_pass_trailers`).
pub(crate) fn redact_trailers(request: &Request, chain: &Chain<'_>) -> Result<(), OutOfMemory> {
    let response = Response(request);
    if !chain.parts().any(|part| part.ends()) {
        return Ok(());
    }
    redact(request, |change| response.change_trailers(change))
}

type Changing<'a> = &'a dyn Fn(&[u8]) -> Result<Change, OutOfMemory>;

fn redact(
    request: &Request,
    change_all: impl FnOnce(Changing<'_>) -> Result<(), OutOfMemory>,
) -> Result<(), OutOfMemory> {
    let Some(secrets) = Response(request).signed_target().and_then(Secrets::of) else {
        return Ok(());
    };
    let removed = change_all(&|value| match secrets.redact(value)? {
        Redaction::Unchanged => Ok(Change::Keep),
        Redaction::Redacted(left) => {
            // nginx terminates each value with a zero.
            let mut left = request.copy(&[&left, b"\0"]).ok_or(OutOfMemory)?;
            left.len -= 1;
            Ok(Change::Replace(left))
        }
        Redaction::Impossible => Ok(Change::Remove),
    });
    if removed.is_err() {
        let line = format_args!(
            "the response of the upstream is not sent to the client: not \
                                 enough memory"
        );
        request.log().write(Level::Error, line);
    }
    removed
}

//! Redaction: a store that answers with a redirect may repeat the request's target, and with it a
//! signature that stands in the query. It is good for whoever reads it.

use std::collections::TryReserveError;

use aws_sealing::redact::{Redaction, Secrets};

use crate::ffi::http::request::Request;
use crate::ffi::http::response::Response;
use crate::ffi::http::response_body::Chain;
use crate::ffi::http::signed_target::Change;
use crate::ffi::process::log::Level;

/// There is no memory: the answer must not be sent.
pub(crate) struct OutOfMemory;

impl From<TryReserveError> for OutOfMemory {
    fn from(_: TryReserveError) -> Self {
        Self
    }
}

/// Takes what the headers of an answer repeat of the request's signature out of them.
pub(crate) fn remove_echo(request: &Request) -> Result<(), OutOfMemory> {
    let response = Response(request);
    remove(request, |change| response.change_headers(change))
}

/// The same of its trailers, where nginx is about to send them (`proxy_pass_trailers`).
pub(crate) fn remove_echo_from_trailers(
    request: &Request,
    chain: &Chain<'_>,
) -> Result<(), OutOfMemory> {
    let response = Response(request);
    if !chain.parts().any(|part| part.ends()) {
        return Ok(());
    }
    remove(request, |change| response.change_trailers(change))
}

type Changing<'a> = &'a dyn Fn(&[u8]) -> Result<Change, OutOfMemory>;

fn remove(
    request: &Request,
    change_all: impl FnOnce(Changing<'_>) -> Result<(), OutOfMemory>,
) -> Result<(), OutOfMemory> {
    let Some(secrets) = Response(request).signed_target().and_then(Secrets::of) else {
        return Ok(());
    };
    let removed = change_all(&|value| match secrets.redact(value)? {
        Redaction::Unchanged => Ok(Change::Keep),
        Redaction::Redacted(left) => {
            // nginx puts a zero behind each value.
            let mut left = request.copy(&[&left, b"\0"]).ok_or(OutOfMemory)?;
            left.len -= 1;
            Ok(Change::Replace(left))
        }
        Redaction::Impossible => Ok(Change::Remove),
    });
    if removed.is_err() {
        let line = format_args!("the store's answer is not sent on: not enough memory");
        request.log().write(Level::Error, line);
    }
    removed
}

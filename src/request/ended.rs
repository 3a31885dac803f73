//! Whether the body that is about to be signed is the one that the client sent, to its end.
//!
//! What is signed of a body says how long it is. A part of a body, or an empty one in its place, would
//! be stored as the whole object, and the client told so.

use std::cell::RefCell;
use std::fmt;

use aws_sealing::method;
use nginx_sys::{NGX_HTTP_BAD_GATEWAY, NGX_HTTP_BAD_REQUEST, ngx_int_t};

use super::intake::Intake;
use crate::conf::Plan;
use crate::ffi::http::body::filter_is_last;
use crate::ffi::http::body_end::BodyEnd;
use crate::ffi::http::request::Request;
use crate::ffi::process::log::Level;

/// Why a body cannot be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    Incomplete,
    Discarded,
    Forwarded,
}

impl Lost {
    /// Logs the reason, and returns the status to answer with.
    pub(super) fn answer(self, request: &Request) -> ngx_int_t {
        request.log().write(
            Level::Error,
            format_args!("the request is rejected, since its body cannot be signed: {self}"),
        );
        if self == Self::Incomplete {
            request.give_up_body();
        }
        let status = match self {
            Self::Incomplete | Self::Discarded => NGX_HTTP_BAD_REQUEST,
            // The upstream that took it has failed. The client can send it again.
            Self::Forwarded => NGX_HTTP_BAD_GATEWAY,
        };
        status as ngx_int_t
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incomplete => "its end was not received",
            Self::Discarded => {
                "it was discarded before this location was reached, for example because of \
                 \"client_max_body_size\""
            }
            Self::Forwarded => {
                "another location with \"proxy_request_buffering off\" has begun to forward it"
            }
        })
    }
}

/// Checks a body before the request is served. It may be still to come.
pub(super) fn check_in_prepare(request: &Request, plan: &Plan) -> Result<(), Lost> {
    match find(request, plan)? {
        // What is forwarded before this location has begun is forwarded by another one.
        BodyEnd::Streams => Err(Lost::Forwarded),
        _ => Ok(()),
    }
}

/// Checks a body that is about to be sent, or to be sent while it is received.
pub(super) fn check_in_seal(request: &Request, plan: &Plan) -> Result<(), Lost> {
    match find(request, plan)? {
        // nginx has not read it for this request, and will not.
        BodyEnd::Unread => Err(Lost::Discarded),
        _ => Ok(()),
    }
}

fn find(request: &Request, plan: &Plan) -> Result<BodyEnd, Lost> {
    if !plan.passes_bodies || request.method_was_replaced() || request.has_other_body() {
        return Ok(BodyEnd::NotAnnounced);
    }
    let intake = Intake::of(request).map(RefCell::borrow);
    let intake = intake.as_deref();
    if intake.is_some_and(Intake::is_refused) {
        return Err(Lost::Incomplete);
    }
    let end = request.body_end();
    match end {
        BodyEnd::NotAnnounced | BodyEnd::Unread | BodyEnd::Streams => Ok(end),
        BodyEnd::Received => is_all_there(request, intake).map(|()| end),
        BodyEnd::Incomplete => Err(Lost::Incomplete),
        BodyEnd::Forwarded => Err(Lost::Forwarded),
        // A subrequest that reads, such as an include in the response to a GET, leaves the body of
        // the main request to that.
        BodyEnd::Discarded if !request.is_main() && method::is_safe(request.method()) => {
            Ok(BodyEnd::NotAnnounced)
        }
        BodyEnd::Discarded => Err(Lost::Discarded),
    }
}

/// Older versions do not tell whether an error has kept the last bytes from being saved; what was
/// discarded can be read again, as an empty body. So the bytes are counted.
fn is_all_there(request: &Request, intake: Option<&Intake>) -> Result<(), Lost> {
    if !filter_is_last() {
        // Another module's filter may have made the body longer or shorter.
        return Ok(());
    }
    let expected = intake
        .and_then(Intake::kept)
        .or_else(|| request.received_length());
    let length = request.body_pieces().map(|piece| piece.len()).sum::<u64>();
    if expected == Some(length) {
        Ok(())
    } else if length == 0 {
        Err(Lost::Discarded)
    } else {
        Err(Lost::Incomplete)
    }
}

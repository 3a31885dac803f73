//! Whether the body that is about to be signed is the complete body that the client has sent.
//!
//! The signature confirms the length of the body to the upstream. So a part of a body, or an empty
//! one, would be stored as the whole object, and the client would get a successful response.

use std::cell::RefCell;
use std::fmt;

use aws_sealing::method;

use super::body_record::BodyRecord;
use crate::conf::Plan;
use crate::ffi::http::body::filter_is_last;
use crate::ffi::http::body_end::BodyEnd;
use crate::ffi::http::request::Request;

/// Why a body is not the one that the client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IncompleteBody {
    /// Its end was not received.
    NotReceived,
    /// nginx has discarded it.
    Discarded,
    /// Another location has begun to forward it.
    Forwarded,
}

impl fmt::Display for IncompleteBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReceived => "its end was not received",
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

/// Checks a body before the request is processed. It may not have been received yet.
pub(super) fn check_in_prepare(request: &Request, plan: &Plan) -> Result<(), IncompleteBody> {
    match find(request, plan)? {
        // A body that is being forwarded at this time is forwarded by another location.
        BodyEnd::Streams => Err(IncompleteBody::Forwarded),
        _ => Ok(()),
    }
}

/// Checks a body that is about to be sent, or to be sent while it is received.
pub(super) fn check_in_seal(request: &Request, plan: &Plan) -> Result<(), IncompleteBody> {
    match find(request, plan)? {
        // nginx has not read it for this request, and will not.
        BodyEnd::Unread => Err(IncompleteBody::Discarded),
        _ => Ok(()),
    }
}

fn find(request: &Request, plan: &Plan) -> Result<BodyEnd, IncompleteBody> {
    if !plan.passes_bodies || request.method_was_replaced() || request.has_other_body() {
        return Ok(BodyEnd::NotAnnounced);
    }
    let record = BodyRecord::of(request).map(RefCell::borrow);
    let record = record.as_deref();
    if record.is_some_and(BodyRecord::is_rejected) {
        return Err(IncompleteBody::NotReceived);
    }
    let end = request.body_end();
    match end {
        BodyEnd::NotAnnounced | BodyEnd::Unread | BodyEnd::Streams => Ok(end),
        BodyEnd::Received => is_all_there(request, record).map(|()| end),
        BodyEnd::Incomplete => Err(IncompleteBody::NotReceived),
        BodyEnd::Forwarded => Err(IncompleteBody::Forwarded),
        // A subrequest that reads, such as an include in the response to a GET, leaves the main
        // request's body to the main request.
        BodyEnd::Discarded if !request.is_main() && method::is_safe(request.method()) => {
            Ok(BodyEnd::NotAnnounced)
        }
        BodyEnd::Discarded => Err(IncompleteBody::Discarded),
    }
}

/// Older versions do not record whether an error has prevented the last bytes from being saved, and
/// a discarded body can be read again, as an empty one. So the bytes are counted.
fn is_all_there(request: &Request, record: Option<&BodyRecord>) -> Result<(), IncompleteBody> {
    if !filter_is_last() {
        // Another module's filter can have made the body longer or shorter.
        return Ok(());
    }
    let expected = record
        .and_then(BodyRecord::kept)
        .or_else(|| request.received_length());
    let length = request.body_pieces().map(|piece| piece.len()).sum::<u64>();
    if expected == Some(length) {
        Ok(())
    } else if length == 0 {
        Err(IncompleteBody::Discarded)
    } else {
        Err(IncompleteBody::NotReceived)
    }
}

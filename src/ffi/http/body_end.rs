//! Whether nginx has received the body that a client announced to its end.
//!
//! A request continues after nginx has rejected or discarded its body: `error_page` sends it to
//! another location, which finds the rest of the body and cannot distinguish it from a complete
//! one.

use nginx_sys::ngx_http_request_body_t;

use crate::ffi::http::flags;
use crate::ffi::http::request::Request;

/// How far the body that the client announced has been received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// The client announced no body, or an empty one.
    NotAnnounced,
    /// nginx has not begun to read it.
    Unread,
    /// It is forwarded while it is received, by the request itself.
    Streams,
    /// It has been received to its end.
    Received,
    /// Its end has not been received.
    Incomplete,
    /// nginx has discarded it, or is discarding it.
    Discarded,
    /// An upstream has received a part of it or all of it, and nginx has kept no copy.
    Forwarded,
}

/// The length of a body, as the client announced it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Announced {
    Nothing,
    /// In bytes.
    Length(u64),
    /// It ends with its last chunk or frame.
    Open,
}

impl Request {
    /// What has happened to the client's body. The request must not have a body of its own.
    pub(crate) fn body_end(&self) -> BodyEnd {
        let announced = self.announced();
        if announced == Announced::Nothing {
            return BodyEnd::NotAnnounced;
        }
        // SAFETY: a request has a main request, which lives as long; so does its body, if any.
        let (main, body) = unsafe {
            (
                (*self.as_ptr()).main,
                (*self.as_ptr()).request_body.as_ref(),
            )
        };
        let left = self.length_left();
        // Discarding counts the header's length down, and keeps the header.
        let counted_down = matches!(announced, Announced::Length(length) if left != Some(length));

        // SAFETY: live, see above.
        unsafe {
            let Some(body) = body else {
                let discards = flags::discard_body(main) || flags::skips_data(main);
                // nginx reads no body for a subrequest.
                return if discards || counted_down || !self.is_main() {
                    BodyEnd::Discarded
                } else {
                    BodyEnd::Unread
                };
            };
            if self.streams_body() {
                return if counted_down {
                    BodyEnd::Discarded
                } else {
                    BodyEnd::Streams
                };
            }
            if flags::reading_body(main) {
                // The module has given it up, unless nginx is forwarding it.
                return if flags::request_body_no_buffering(main) {
                    BodyEnd::Forwarded
                } else {
                    BodyEnd::Incomplete
                };
            }
            // Nobody reads a body that nginx's parser of discarded chunks has made. HTTP/2 leaves a
            // body that it skips in the state before the first byte.
            if body.post_handler.is_none() || body.rest < 0 {
                return BodyEnd::Discarded;
            }
            // HTTP/2 counts a body without an announced length when it has ended.
            if body.rest > 0 || !flags::end_is_saved(main) {
                return BodyEnd::Incomplete;
            }
            if flags::discard_body(main) {
                return BodyEnd::Discarded;
            }
            if holds_nothing(body) {
                return BodyEnd::Forwarded;
            }
            if left.is_none() {
                return BodyEnd::Incomplete;
            }
        }
        BodyEnd::Received
    }

    /// The length of a body that has been received to its end, if no body filter has changed it.
    pub(crate) fn received_length(&self) -> Option<u64> {
        match self.announced() {
            Announced::Nothing => Some(0),
            Announced::Length(length) => Some(length),
            Announced::Open => self.length_left(),
        }
    }

    /// Whether a body without buffering reaches its filters only after the request was created.
    pub(crate) fn filters_come_late(&self) -> bool {
        // SAFETY: live during the callback.
        unsafe { flags::filters_come_late(self.as_ptr()) }
    }

    fn announced(&self) -> Announced {
        // SAFETY: live during the callback; header lines are kept in the request's pool.
        unsafe {
            let headers = &(*self.as_ptr()).headers_in;
            if headers.chunked() != 0 {
                return Announced::Open;
            }
            let Some(header) = headers.content_length.as_ref() else {
                return Announced::Nothing;
            };
            let length = std::str::from_utf8(crate::ffi::memory::bytes(header.value))
                .ok()
                .and_then(|text| text.parse().ok());
            match length {
                Some(0) => Announced::Nothing,
                // nginx rejects values that are not numbers.
                length => Announced::Length(length.unwrap_or(u64::MAX)),
            }
        }
    }

    /// nginx's own count of the body: the announced length without what was discarded, or what was
    /// received.
    fn length_left(&self) -> Option<u64> {
        // SAFETY: live during the callback.
        u64::try_from(unsafe { (*self.as_ptr()).headers_in.content_length_n }).ok()
    }
}

/// A body that was received has a buffer that marks its end, unless it was written to a file.
fn holds_nothing(body: &ngx_http_request_body_t) -> bool {
    body.bufs.is_null() && body.temp_file.is_null()
}

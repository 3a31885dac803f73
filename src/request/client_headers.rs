//! The client's header in the shapes that the pure crates want.

use aws_sealing::owner::ClientHeader;
use aws_signing::Header;

use crate::ffi::http::request::Request;

/// The headers as the client sent them, in order. `None` where there is no memory.
pub(super) fn client_headers(request: &Request) -> Option<Vec<Header<'_>>> {
    let mut headers = Vec::new();
    for line in request.client_lines() {
        headers.try_reserve(1).ok()?;
        headers.push(Header {
            name: line.name,
            value: line.value,
        });
    }
    Some(headers)
}

/// Calls `each` with each of them.
pub(super) fn each_client_header<'r>(request: &'r Request, each: &mut dyn FnMut(ClientHeader<'r>)) {
    for line in request.client_lines() {
        each(ClientHeader {
            name: line.name,
            value: line.value,
            hash: line.hash,
        });
    }
}

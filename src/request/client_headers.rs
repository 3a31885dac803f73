//! The client's headers in the form that the pure crates need. They are read where nginx keeps
//! them, without copying.

use aws_sealing::owner::ClientHeader;
use aws_signing::Header;

use crate::ffi::http::request::Request;

/// The headers as the client sent them, in order.
pub(super) fn client_headers(request: &Request) -> impl Iterator<Item = Header<'_>> + Clone {
    request.client_lines().map(|line| Header {
        name: line.name,
        value: line.value,
    })
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

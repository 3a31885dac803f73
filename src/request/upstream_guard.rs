//! Guard: a request is about to be sent to an `upstream{}` whose requests must be signed.
//!
//! If proxy_pass sends the request, seal has been called. Anything else, such as a `grpc_pass` with
//! a variable or another module, sends it unsigned, and is stopped here.

use aws_status::{Counter, Rejection as Reason};

use super::counting::count;
use crate::conf::{Guarded, LocationConf};
use crate::ffi::http::request::Request;
use crate::ffi::process::log::Level;

/// Whether the request may be sent to `upstream`: it is sealed, or its location or the block itself
/// disables signing.
pub(crate) fn may_pass(
    request: &Request,
    location: Option<&LocationConf>,
    upstream: &Guarded,
) -> bool {
    if request.upstream().is_some_and(|sent| sent.is_sealed()) {
        return true;
    }
    let own = location.and_then(LocationConf::own_sign);
    if !own.unwrap_or(&upstream.sign).switch.is_on(request) {
        return true;
    }
    request.log().write(
        Level::Error,
        format_args!(
            "the request is not sent, since it is not signed, and upstream \"{}\" has \
             \"aws_sign\"{}: only requests of \"proxy_pass\" can be signed; to send it unsigned, \
             set \"aws_sign off\" in the location",
            upstream.name, upstream.sign.position
        ),
    );
    count(request, None, Counter::rejected(Reason::Unsealable));
    false
}

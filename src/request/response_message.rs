//! What a client gets instead of the body of an upstream's response.

use aws_sealing::auth_error::{self, AuthError};
use aws_sealing::redact::Replacement;
use nginx_sys::ngx_str_t;

use crate::ffi::http::response::{Response, SendError};
use crate::ffi::process::log::Level;

/// What a client gets instead of a body.
pub(super) enum Message<'a> {
    /// A short error of the same code.
    AuthError(AuthError),
    /// The parts that can be sent of a body that repeats the signature in the query, or can repeat
    /// it.
    WithoutSignature(Replacement<'a>),
}

impl Message<'_> {
    /// Makes the head announce the message, and returns its text, in the request's pool. The
    /// content type is kept, unless one is given.
    pub(super) fn announce(
        &self,
        response: Response<'_>,
        content_type: Option<&'static str>,
    ) -> Result<ngx_str_t, SendError> {
        let parts = match self {
            Self::AuthError(error) => error.body().map(str::as_bytes),
            Self::WithoutSignature(replacement) => replacement.parts(),
        };
        let text = response.0.copy(&parts).ok_or(SendError::OutOfMemory)?;
        response.announce(text.len, content_type, auth_error::is_message_header);
        Ok(text)
    }
}

/// Logs that the body of a response is replaced because of a signature in the query.
pub(super) fn log_replaced(response: Response<'_>, reason: &str) {
    response.0.log().write(
        Level::Info,
        format_args!("the body of the response is replaced, since it {reason}"),
    );
}

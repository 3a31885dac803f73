//! Why a request is rejected, and how.
//!
//! All rejections of the module are here, whether nginx has not begun to send the request yet
//! ([`Rejection::reject`]) or is about to ([`Rejection::log_unsent`]).

use std::cell::Cell;
use std::fmt;

use aws_sealing::{DeniedOperations, MethodSet, SealError};
use aws_status::{Counter, Rejection as Reason};
use nginx_sys::{
    NGX_HTTP_BAD_GATEWAY, NGX_HTTP_BAD_REQUEST, NGX_HTTP_FORBIDDEN, NGX_HTTP_INTERNAL_SERVER_ERROR,
    NGX_HTTP_NOT_ALLOWED, NGX_HTTP_NOT_IMPLEMENTED, NGX_HTTP_SERVICE_UNAVAILABLE, ngx_int_t,
};

use super::advice_on_errors::WithAdvice;
use super::body_completeness::IncompleteBody;
use super::body_fault::BodyFault;
use super::counting::count;
use super::log_rate;
use super::not_ready::NotReady;
use crate::conf::{CredentialsError, Incomplete, Plan};
use crate::ffi::http::request::Request;
use crate::ffi::process::log::Level;

/// After how many seconds a client is told to try again.
const RETRY_AFTER: &[u8] = b"1";

/// Why a request is rejected.
pub(super) enum Rejection<'r> {
    /// `aws_sign_methods` lists only these methods.
    Method(MethodSet),
    /// `aws_sign_operations` does not allow the S3 operation.
    Operation(Box<DeniedOperations>),
    /// `aws_pass_headers` does not list the client's header of this name, and the method writes.
    Header(&'r [u8]),
    /// The target, or what nginx has made of the request, cannot be signed.
    Unsignable(SealError),
    /// The configuration has no complete credentials.
    NoCredentials(Incomplete),
    /// The credentials cannot be used for this request.
    Credentials(CredentialsError),
    /// Credentials or a token have not been fetched, and the request waits no longer.
    NotReady(NotReady),
    /// The body cannot be accepted.
    Body(BodyFault),
    /// The body was not received to its end.
    IncompleteBody(IncompleteBody),
    /// The body is not in memory or in a file as it was announced.
    BodyNotThere,
    /// The client's aws-chunked encoding must be removed, but the body has already been read. The
    /// advice says how to avoid this.
    ChunksLeft(ChunksAdvice),
    /// As `ChunksLeft`, found when the request is about to be sent.
    ChunksUnchecked,
    /// The serialized head is not in one buffer.
    NoHead,
    /// nginx could not read or discard the body, and has logged why. The response has this status.
    ByNginx(ngx_int_t),
    /// There is not enough memory.
    OutOfMemory,
}

/// How to make the module remove the client's aws-chunked encoding.
pub(super) enum ChunksAdvice {
    /// `aws_payload` has this value, which needs the plain body.
    UseAuto(&'static str),
    /// The location that reads the body signs in another style.
    SameStyle,
}

impl Rejection<'_> {
    /// Rejects a request that nginx has not begun to send: logs the reason, prepares the response,
    /// and returns its status.
    pub(super) fn reject(&self, request: &Request) -> ngx_int_t {
        self.log(request);
        self.count(request, None);
        let header = match self {
            Self::Method(methods) => {
                request.add_response_header("Allow", methods.to_string().as_bytes())
            }
            Self::NotReady(_) => request.add_response_header("Retry-After", RETRY_AFTER),
            _ => true,
        };
        let body_may_go_on = match self {
            Self::Body(_) => request.body().is_some(),
            Self::IncompleteBody(reason) => *reason == IncompleteBody::NotReceived,
            _ => false,
        };
        if body_may_go_on {
            // The rest of a body that is being read must not be parsed as a request.
            request.give_up_body();
        }
        match header {
            true => self.status(),
            false => NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t,
        }
    }

    /// Logs why a request that nginx has serialized is not sent. nginx itself responds, as if no
    /// upstream server were available.
    pub(super) fn log_unsent(&self, request: &Request) {
        let line = |reason: fmt::Arguments<'_>| {
            request.log().write(
                self.unsent_level(),
                format_args!("the request is not sent, since it cannot be signed: {reason}"),
            );
        };
        match self {
            Self::Body(_) | Self::IncompleteBody(_) => line(format_args!("its body: {self}")),
            _ => line(format_args!("{self}")),
        }
    }

    /// The status of the response.
    fn status(&self) -> ngx_int_t {
        let status = match self {
            Self::Method(_) => NGX_HTTP_NOT_ALLOWED,
            Self::Operation(_) | Self::Header(_) => NGX_HTTP_FORBIDDEN,
            Self::Unsignable(SealError::OutOfMemory) | Self::OutOfMemory => {
                NGX_HTTP_INTERNAL_SERVER_ERROR
            }
            Self::Unsignable(_) => NGX_HTTP_BAD_REQUEST,
            Self::NoCredentials(_) | Self::Credentials(_) | Self::NotReady(_) => {
                NGX_HTTP_SERVICE_UNAVAILABLE
            }
            Self::Body(fault) => return fault.status(),
            // The upstream that it was forwarded to has failed. The client can send it again.
            Self::IncompleteBody(IncompleteBody::Forwarded) => NGX_HTTP_BAD_GATEWAY,
            Self::IncompleteBody(_) => NGX_HTTP_BAD_REQUEST,
            Self::ChunksLeft(_) => NGX_HTTP_NOT_IMPLEMENTED,
            Self::BodyNotThere | Self::ChunksUnchecked | Self::NoHead => NGX_HTTP_BAD_GATEWAY,
            Self::ByNginx(status) => return *status,
        };
        status as ngx_int_t
    }

    fn log(&self, request: &Request) {
        let line = |level, text: fmt::Arguments<'_>| request.log().write(level, text);
        match self {
            // The access log shows it, or nginx has logged it.
            Self::Method(_) | Self::ByNginx(_) | Self::OutOfMemory => {}
            Self::Unsignable(SealError::OutOfMemory) => {}
            Self::Operation(denied) => line(log_rate::level_of(denied), format_args!("{self}")),
            // A client can repeat it at will.
            Self::Header(_) => line(Level::Info, format_args!("{self}")),
            Self::Unsignable(_) => line(
                Level::Info,
                format_args!("the request is rejected, since it cannot be signed: {self}"),
            ),
            Self::NoCredentials(_) | Self::Credentials(_) => {
                line(
                    Level::Error,
                    format_args!("the request cannot be signed: {self}"),
                );
            }
            Self::Body(fault) => line(
                fault.level(),
                format_args!("the request body is rejected: {self}"),
            ),
            Self::IncompleteBody(_) => line(
                Level::Error,
                format_args!("the request is rejected, since its body cannot be signed: {self}"),
            ),
            Self::NotReady(_)
            | Self::ChunksLeft(_)
            | Self::BodyNotThere
            | Self::ChunksUnchecked
            | Self::NoHead => line(Level::Error, format_args!("{self}")),
        }
    }

    /// The level at which a request that is not sent is logged. A client can repeat a forbidden
    /// request at will: one line per second is enough.
    fn unsent_level(&self) -> Level {
        thread_local! {
            static LAST: Cell<i64> = const { Cell::new(0) };
        }
        match self {
            Self::Operation(denied) => log_rate::level_of(denied),
            Self::Unsignable(SealError::HeaderNotPassed(_)) => {
                let now = nginx_sys::ngx_time();
                match LAST.replace(now) == now {
                    true => Level::Info,
                    false => Level::Error,
                }
            }
            _ => Level::Error,
        }
    }

    /// Counts a rejection. If the request is about to be sent, it cannot be sealed, unless something
    /// more particular is wrong.
    pub(super) fn count(&self, request: &Request, unsent_plan: Option<&Plan>) {
        let reason = match (self.counted_reason(), unsent_plan) {
            (Reason::Target | Reason::Body | Reason::Unsupported, Some(_)) => Reason::Unsealable,
            (reason, _) => reason,
        };
        count(request, unsent_plan, Counter::rejected(reason));
    }

    fn counted_reason(&self) -> Reason {
        match self {
            Self::Method(_) => Reason::Method,
            Self::Operation(_) => Reason::Operation,
            Self::Header(_) => Reason::Header,
            Self::Unsignable(SealError::HeaderNotPassed(_)) => Reason::Header,
            Self::Unsignable(SealError::OutOfMemory) | Self::OutOfMemory => Reason::Internal,
            Self::Unsignable(_) => Reason::Target,
            Self::NoCredentials(_) | Self::Credentials(_) => Reason::Credentials,
            Self::NotReady(NotReady::Credentials(..)) => Reason::Credentials,
            Self::NotReady(NotReady::Token(..)) => Reason::Token,
            Self::Body(BodyFault::Content(error)) => match error.status() {
                403 => Reason::Header,
                411 => Reason::Length,
                501 => Reason::Unsupported,
                _ if error.is_of_framing() => Reason::Framing,
                _ => Reason::Body,
            },
            Self::Body(BodyFault::LengthRequired) => Reason::Length,
            Self::Body(BodyFault::Credentials(_)) => Reason::Credentials,
            Self::Body(BodyFault::HashMismatch) | Self::IncompleteBody(_) => Reason::Body,
            Self::Body(BodyFault::ReadOnly | BodyFault::File(_) | BodyFault::OutOfMemory)
            | Self::ByNginx(_) => Reason::Internal,
            Self::ChunksLeft(_) => Reason::Unsupported,
            Self::BodyNotThere | Self::ChunksUnchecked | Self::NoHead => Reason::Unsealable,
        }
    }
}

/// The reason alone.
impl fmt::Display for Rejection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(methods) => write!(f, "only these methods are signed: {methods}"),
            Self::Operation(denied) => WithAdvice(&**denied).fmt(f),
            Self::Header(name) => write!(
                f,
                "client header \"{}\" is not allowed: to forward it, list it in \
                 \"aws_pass_headers\"",
                name.escape_ascii()
            ),
            Self::Unsignable(error) => WithAdvice(error).fmt(f),
            Self::NoCredentials(missing) => write!(f, "{missing}"),
            Self::Credentials(error) => write!(f, "{error}"),
            Self::NotReady(missing) => write!(f, "{missing}"),
            Self::Body(fault) => write!(f, "{fault}"),
            Self::IncompleteBody(reason) => write!(f, "{reason}"),
            Self::BodyNotThere => f.write_str("the announced request body is not available"),
            Self::ChunksLeft(advice) => write!(
                f,
                "the client's aws-chunked body was read before this location could decode \
                 it{advice}"
            ),
            Self::ChunksUnchecked => f.write_str(
                "the client's aws-chunked body was read by a location that neither checked nor \
                 decoded it",
            ),
            Self::NoHead => f.write_str("the request head is not in one buffer"),
            Self::ByNginx(status) => write!(f, "nginx cannot read its body ({status})"),
            Self::OutOfMemory => f.write_str("not enough memory"),
        }
    }
}

impl fmt::Display for ChunksAdvice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UseAuto(mode) => write!(
                f,
                " (\"aws_payload {mode}\"): use \"aws_payload auto\" here"
            ),
            Self::SameStyle => {
                f.write_str(": the location that reads it must have the same style of signatures")
            }
        }
    }
}

impl From<SealError> for Rejection<'_> {
    fn from(error: SealError) -> Self {
        match error {
            SealError::OperationDenied(denied) => Self::Operation(denied),
            error => Self::Unsignable(error),
        }
    }
}

impl From<BodyFault> for Rejection<'_> {
    fn from(fault: BodyFault) -> Self {
        Self::Body(fault)
    }
}

impl From<CredentialsError> for Rejection<'_> {
    fn from(error: CredentialsError) -> Self {
        Self::Credentials(error)
    }
}

//! Seal: nginx has serialised the request and is about to send it. What leaves is signed, or
//! nothing leaves.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;

use aws_sealing::head::{self, HeadError};
use aws_sealing::owner::Sources;
use aws_sealing::{Body, PayloadSigning, SealError, Sealer, TargetSource, Unsigned};
use aws_signing::Timestamp;

use super::advice_on_errors::WithAdvice;
use super::client_headers::each_client_header;
use super::payload::Sent;
use super::{canonical, ended, intake, operations};
use crate::conf::{CredentialsError, Plan, Plans, ProxyPass};
use crate::ffi::http::request::Request;
use crate::ffi::http::seal_hook::SealHook;
use crate::ffi::http::upstream::Unsent;
use crate::ffi::process::log::Level;

/// The seal of one location.
pub(crate) struct Seal {
    plans: Rc<Plans>,
    proxy_pass: ProxyPass,
}

impl Seal {
    pub(crate) fn new(plans: Rc<Plans>, proxy_pass: ProxyPass) -> Self {
        Self { plans, proxy_pass }
    }
}

impl SealHook for Seal {
    fn seal(&self, unsent: &Unsent<'_>) -> bool {
        let request = unsent.request();
        let Some(plan) = self
            .plans
            .for_sent(request)
            .filter(|plan| plan.signs(request))
        else {
            return true;
        };
        match seal(unsent, plan, self.proxy_pass.target_source(request)) {
            Ok(()) => true,
            Err(error) => {
                request.log().write(
                    level_of(&error),
                    format_args!("the request is not sent, since it cannot be signed: {error}"),
                );
                false
            }
        }
    }
}

/// The level at which a request that is not sent is logged. A client can repeat at will what it must
/// not send: one line a second is enough to see that.
fn level_of(error: &Refused) -> Level {
    thread_local! {
        static LAST: Cell<i64> = const { Cell::new(0) };
    }
    if let Refused::Seal(SealError::OperationDenied(denied)) = error {
        return operations::level_of(denied);
    }
    let is_clients = matches!(error, Refused::Seal(SealError::HeaderNotPassed(_)));
    let now = nginx_sys::ngx_time();
    if is_clients && LAST.replace(now) == now {
        Level::Info
    } else {
        Level::Error
    }
}

/// Why a request is not sent.
pub(super) enum Refused {
    NoCredentials(String),
    NoHead,
    /// What prepare should have seen to has not happened to the body.
    BodyNotThere,
    Lost(ended::Lost),
    Body(intake::Refused),
    FramingNotSeen,
    Values(CredentialsError),
    Seal(SealError),
    OutOfMemory,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredentials(missing) => f.write_str(missing),
            Self::NoHead => f.write_str("its head is not in one piece"),
            Self::BodyNotThere => f.write_str("its body is not there as it was announced"),
            Self::Lost(lost) => write!(f, "its body: {lost}"),
            Self::Body(error) => write!(f, "its body: {error}"),
            Self::FramingNotSeen => f.write_str(
                "its aws-chunked body was read where nobody checked the framing, or took it off",
            ),
            Self::Values(error) => write!(f, "{error}"),
            Self::Seal(error) => write!(f, "{}", WithAdvice(error)),
            Self::OutOfMemory => f.write_str("not enough memory"),
        }
    }
}

/// What a worker keeps from one request to the next.
struct Worker {
    sealer: Sealer,
    unix_time: i64,
    now: Timestamp,
}

thread_local! {
    static WORKER: RefCell<Worker> = RefCell::new(Worker {
        sealer: Sealer::new(),
        unix_time: 0,
        now: Timestamp::from_unix(0),
    });
}

fn seal(unsent: &Unsent<'_>, plan: &Plan, source: TargetSource<'_>) -> Result<(), Refused> {
    let request = unsent.request();
    let credentials = plan
        .credentials
        .as_ref()
        .map_err(|missing| Refused::NoCredentials(missing.to_string()))?;
    let (head, in_head) = unsent.head().and_then(head::split).ok_or(Refused::NoHead)?;
    let is_http2 = head::is_http2(head);
    if !in_head.is_empty() && !is_http2 && !plan.headers.has_body(request, in_head.len()) {
        return Err(SealError::from(HeadError::BytesAfterHead).into());
    }
    // Variables can run code of other modules, and ours: nothing is borrowed yet.
    let cacheable = unsent.is_cacheable();
    let evaluated = plan
        .headers
        .evaluate(request, cacheable)
        .map_err(|()| Refused::OutOfMemory)?;

    if plan.stores_responses && plan.bypasses_cache(request) {
        unsent.leave_store();
    }

    let unix_time = nginx_sys::ngx_time();
    let now = WORKER.with_borrow_mut(|worker| worker.time(unix_time));
    // The values of the destination and of the scope first: a variable may hold a presigned URL of the
    // same provider.
    plan.with_destination(credentials, request, |destination| {
        credentials.identify(request, &now, unix_time, |identity| {
            WORKER.with_borrow_mut(|Worker { sealer, .. }| {
                let version = identity.key.version();
                let payload_signing =
                    PayloadSigning::new(version, plan.policy.place, identity.payload_rule());
                let intake = OnceCell::new();
                let sent = Sent::of(unsent, plan, in_head, payload_signing, &intake)?;
                let unsigned = Unsigned {
                    head,
                    target: unsent.target(head),
                    source,
                    payload: sent.payload(),
                    sources: Sources {
                        configured: &plan.headers.configured,
                        client: &|each| each_client_header(request, each),
                        forwards_client: plan.passes_headers,
                        cacheable,
                        evaluated,
                    },
                };
                let sealed = sealer.seal(&unsigned, &plan.policy, destination, identity, &now)?;
                let drop_body = sent.body == Body::Dropped;
                if !unsent.replace_head(sealed, in_head, drop_body) {
                    return Err(Refused::OutOfMemory);
                }
                if let Some(target) = sealer.signed_target() {
                    let kept = unsent.keep_target(target);
                    kept.ok_or(Refused::OutOfMemory)?;
                }
                match sent.stream(|| sealer.chunk_signer(identity, &now))? {
                    None => {}
                    Some(stream) => unsent.frame_body(stream).ok_or(Refused::OutOfMemory)?,
                }
                log_dropped(request, sealer.dropped().map(|name| &head[name]));
                let (name, text) = sealer.signed_text();
                canonical::log(request, name, text.split(|byte| *byte == b'\n'));
                Ok(())
            })
        })
    })
    .and_then(|result| result)
    .map_err(Refused::Values)?
}

/// How many dropped headers of one request are named in the log.
const NAMED: usize = 4;

/// Says which headers the client has sent in vain.
fn log_dropped<'a>(request: &Request, names: impl Iterator<Item = &'a [u8]>) {
    for name in names.take(NAMED) {
        request.log().write(
            Level::Info,
            format_args!(
                "client header \"{}\" is not forwarded: to forward it, list it in \
                 \"aws_pass_headers\"",
                name.escape_ascii()
            ),
        );
    }
}

impl Worker {
    fn time(&mut self, unix_time: i64) -> Timestamp {
        if self.unix_time != unix_time {
            self.unix_time = unix_time;
            self.now = Timestamp::from_unix(unix_time);
        }
        self.now
    }
}

impl From<SealError> for Refused {
    fn from(error: SealError) -> Self {
        Self::Seal(error)
    }
}

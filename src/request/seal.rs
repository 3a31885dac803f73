//! Seal: nginx has serialized the request and is about to send it. If it cannot be signed, nothing
//! is sent.

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use std::time::Instant;

use aws_sealing::head::{self, HeadError};
use aws_sealing::owner::{Evaluated, Sources};
use aws_sealing::{
    Body, Destination, Identity, PayloadSigning, SealError, Sealer, TargetSource, Unsigned,
};
use aws_signing::Timestamp;
use aws_status::{Counter, Method, Payload};

use super::canonical;
use super::client_headers::each_client_header;
use super::counting::RequestCounters;
use super::outgoing_body::OutgoingBody;
use super::rejection::Rejection;
use crate::conf::{Plan, Plans, ProxyPass};
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
        let plan = self.plans.for_sent(request);
        let Some(plan) = plan else {
            return true;
        };
        let counters = RequestCounters::of(request, Some(plan));
        if !plan.signs(request) {
            counters.add(Counter::UNSIGNED, 1);
            return true;
        }
        let timer = counters.exist().then(SampledTimer::start);
        match seal(unsent, plan, self.proxy_pass.target_source(request)) {
            Ok(sealed) => {
                if let Some(timer) = timer {
                    count_sealed(request, &counters, &sealed, timer);
                }
                true
            }
            Err(rejection) => {
                rejection.log_unsent(request);
                rejection.count(request, Some(plan));
                false
            }
        }
    }
}

/// What is counted of a sealed request.
struct SealedBody {
    payload: Payload,
    /// The length of what was hashed of the body.
    hashed_bytes: u64,
}

fn count_sealed(
    request: &Request,
    counters: &RequestCounters<'_>,
    sealed: &SealedBody,
    timer: SampledTimer,
) {
    let method = Method::of(request.method());
    counters.add(Counter::signed(method, sealed.payload), 1);
    if sealed.hashed_bytes > 0 {
        counters.add(Counter::HASHED_BYTES, sealed.hashed_bytes);
    }
    if let Some(nanos) = timer.stop() {
        counters.add(Counter::SEALING_NANOS, nanos);
        counters.add(Counter::SEALINGS_TIMED, 1);
    }
}

/// Measures how long one request in so many takes.
struct SampledTimer(Option<Instant>);

impl SampledTimer {
    const ONE_IN: u32 = 64;

    fn start() -> Self {
        thread_local! {
            static COUNT: Cell<u32> = const { Cell::new(0) };
        }
        let count = COUNT.get();
        COUNT.set(count.wrapping_add(1));
        Self(count.is_multiple_of(Self::ONE_IN).then(Instant::now))
    }

    /// The nanoseconds since the start, if this one is measured.
    fn stop(self) -> Option<u64> {
        let elapsed = self.0?.elapsed();
        Some(elapsed.as_nanos().try_into().unwrap_or(u64::MAX))
    }
}

/// What a worker keeps from one request to the next.
struct Worker {
    sealer: Sealer,
    unix_time: i64,
    now: Timestamp,
    /// The buffer for the name of an endpoint.
    endpoint: Vec<u8>,
}

thread_local! {
    static WORKER: RefCell<Worker> = RefCell::new(Worker {
        sealer: Sealer::new(),
        unix_time: 0,
        now: Timestamp::from_unix(0),
        endpoint: Vec::new(),
    });
}

/// Evaluates everything that the signature depends on, and then signs. Variables can run code of
/// other modules, and of this one: a variable can be a presigned URL of the same provider. So
/// nothing is borrowed before the last one has been evaluated.
fn seal(
    unsent: &Unsent<'_>,
    plan: &Plan,
    source: TargetSource<'_>,
) -> Result<SealedBody, Rejection<'static>> {
    let request = unsent.request();
    let credentials = match &plan.credentials {
        Ok(credentials) => credentials,
        Err(missing) => return Err(Rejection::NoCredentials(*missing)),
    };
    let serialized = Serialized::of(unsent, plan, source)?;
    if plan.stores_responses && plan.bypasses_cache(request) {
        unsent.leave_store();
    }

    let unix_time = nginx_sys::ngx_time();
    let (now, mut endpoint) = WORKER.with_borrow_mut(|worker| worker.lend(unix_time));
    let sealed = plan
        .destination(credentials, request, &mut endpoint)
        .and_then(|destination| {
            credentials.identify(request, &now, unix_time, |identity| {
                WORKER.with_borrow_mut(|worker| {
                    serialized.seal(&mut worker.sealer, &destination, identity, &now)
                })
            })
        });
    WORKER.with_borrow_mut(|worker| worker.endpoint = endpoint);
    sealed?
}

/// A request as nginx has serialized it, with the values of the variables that its signature needs.
struct Serialized<'r, 'q> {
    unsent: &'r Unsent<'q>,
    plan: &'r Plan,
    head: &'r [u8],
    /// Where the target is in the head.
    target: Range<usize>,
    source: TargetSource<'r>,
    /// The body of `proxy_set_body`, which follows the head in the same buffer.
    in_head: &'r [u8],
    cacheable: bool,
    evaluated: Option<Evaluated>,
}

impl<'r, 'q> Serialized<'r, 'q> {
    fn of(
        unsent: &'r Unsent<'q>,
        plan: &'r Plan,
        source: TargetSource<'r>,
    ) -> Result<Self, Rejection<'static>> {
        let request = unsent.request();
        let buffer = unsent.head().ok_or(Rejection::NoHead)?;
        if head::is_http2(buffer) {
            return Err(SealError::Http2Upstream.into());
        }
        let (head, in_head) = match plan.headers.sets_body {
            true => head::split(buffer).ok_or(Rejection::NoHead)?,
            // The head is the whole buffer, or it is rejected when it is parsed.
            false => (buffer, &b""[..]),
        };
        if !in_head.is_empty() && !plan.headers.has_body(request, in_head.len()) {
            return Err(SealError::from(HeadError::BytesAfterHead).into());
        }
        let cacheable = unsent.is_cacheable();
        let evaluated = plan.headers.evaluate(request, cacheable);
        Ok(Self {
            unsent,
            plan,
            target: unsent.target(head),
            head,
            source,
            in_head,
            cacheable,
            evaluated: evaluated.map_err(|()| Rejection::OutOfMemory)?,
        })
    }

    /// Signs the request and replaces its head by the signed one.
    fn seal(
        &self,
        sealer: &mut Sealer,
        destination: &Destination<'_>,
        identity: &Identity<'_>,
        now: &Timestamp,
    ) -> Result<SealedBody, Rejection<'static>> {
        let Self {
            unsent,
            plan,
            head,
            in_head,
            ..
        } = self;
        let request = unsent.request();
        let version = identity.key.version();
        let payload_signing =
            PayloadSigning::new(version, plan.policy.place, identity.payload_rule());
        let record = OnceCell::new();
        let body = OutgoingBody::new(unsent, plan, in_head, payload_signing, &record)?;
        let unsigned = Unsigned {
            head,
            target: self.target.clone(),
            source: self.source,
            payload: body.payload(),
            sources: Sources {
                configured: &plan.headers.configured,
                client: &|each| each_client_header(request, each),
                forwards_client: plan.passes_headers,
                cacheable: self.cacheable,
                evaluated: self.evaluated,
            },
        };
        let sealed = sealer.seal(&unsigned, &plan.policy, destination, identity, now)?;
        let drop_body = body.body == Body::Dropped;
        if !unsent.replace_head(sealed, in_head, drop_body) {
            return Err(Rejection::OutOfMemory);
        }
        if let Some(target) = sealer.signed_target() {
            let kept = unsent.keep_target(target);
            kept.ok_or(Rejection::OutOfMemory)?;
        }
        if let Some(stream) = body.stream(|| sealer.chunk_signer(identity, now))? {
            let framed = unsent.frame_body(stream);
            framed.ok_or(Rejection::OutOfMemory)?;
        }
        log_dropped(request, sealer.dropped().map(|name| &head[name]));
        let (name, text) = sealer.signed_text();
        canonical::log(request, name, text.split(|byte| *byte == b'\n'));
        Ok(SealedBody {
            payload: body.counted_payload(payload_signing),
            hashed_bytes: body.signed_bytes(),
        })
    }
}

/// How many dropped headers of one request are named in the log.
const NAMED: usize = 4;

/// Logs which headers of the client are not forwarded.
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
    /// The time, and the buffer for an endpoint, which is returned when the request is sealed.
    fn lend(&mut self, unix_time: i64) -> (Timestamp, Vec<u8>) {
        if self.unix_time != unix_time {
            self.unix_time = unix_time;
            self.now = Timestamp::from_unix(unix_time);
        }
        self.endpoint.clear();
        (self.now, std::mem::take(&mut self.endpoint))
    }
}

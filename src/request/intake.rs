//! What a request's body is found to be while it comes in, as a filter among nginx's request body
//! filters: hashed where a temporary file may take it, its framing checked or taken off.
//!
//! What is found is kept in the request's pool, not in its context: an internal redirect throws
//! contexts away, and keeps the body.

use std::cell::RefCell;
use std::fmt;

use aws_sealing::body::{BodyError, Declared, Deframer, Expected, Inspector};
use aws_sealing::{Arrival, Inbound, Outbound, PayloadHash, PayloadSigning};
use aws_signing::Header;
use nginx_sys::{NGX_HTTP_BAD_GATEWAY, NGX_HTTP_INTERNAL_SERVER_ERROR, ngx_int_t};

use super::advice_on_errors::WithAdvice;
use super::client_headers::client_headers;
use crate::conf::{CredentialsError, Plan};
use crate::ffi::http::body::{Incoming, Piece, ReadError, filter_is_last};
use crate::ffi::http::request::{BodyId, Request};
use crate::ffi::process::log::Level;

/// What is kept in the request's pool.
struct Kept {
    body: BodyId,
    intake: RefCell<Intake>,
}

/// What is known of a body.
pub(super) struct Intake {
    form: Form,
    /// Whether the framing has been checked to its end.
    checked: bool,
    /// Running while the body comes in; of what is kept of it.
    hasher: Option<PayloadHash>,
    /// The hash that the client declared, where it is to be checked here.
    declared_hash: Option<[u8; 64]>,
    /// The bytes that are kept of the body.
    length: u64,
    /// The hash, once the body is there.
    pub(super) hash: Option<[u8; 64]>,
    /// Whether all that has to be found out has been.
    pub(super) whole: bool,
    /// The length of the body without its framing, once that has been taken off to its end.
    kept: Option<u64>,
    /// Whether the body was rejected while it came in.
    refused: bool,
}

/// The form in which a body comes in, and what becomes of it.
// Not boxed: a box whose memory is not to be had would end the worker.
#[allow(clippy::large_enum_variant)]
pub(super) enum Form {
    Plain,
    /// Framed, and stays so.
    Inspected(Expected, Inspector),
    /// Framed no more.
    Deframed(Expected, Deframer),
}

/// Why a body is refused.
pub(super) enum Refused {
    Body(BodyError),
    /// A plain body whose length nobody knows before its end.
    LengthRequired,
    /// The body is not the one that the client declared.
    HashMismatch,
    Credentials(CredentialsError),
    /// Another module's filter has put the body into memory that is not to be written to.
    ReadOnly,
    File(ReadError),
    OutOfMemory,
}

impl Refused {
    /// The status to answer with.
    pub(super) fn status(&self) -> ngx_int_t {
        match self {
            Self::Body(error) => ngx_int_t::from(error.status() as i16),
            Self::LengthRequired => 411,
            Self::HashMismatch => 400,
            // As without a body, when the request is sealed.
            Self::Credentials(_) => NGX_HTTP_BAD_GATEWAY as ngx_int_t,
            Self::ReadOnly | Self::File(_) | Self::OutOfMemory => {
                NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t
            }
        }
    }

    /// A client can repeat at will what it is not allowed to send.
    fn level(&self) -> Level {
        match self {
            Self::Body(error) if error.status() == 403 => Level::Info,
            _ => Level::Error,
        }
    }

    /// Logs the reason, sees to it that the rest of a body that is being read is not taken for a request,
    /// and returns the status.
    pub(super) fn answer(&self, request: &Request) -> ngx_int_t {
        request.log().write(
            self.level(),
            format_args!("the request's body is refused: {self}"),
        );
        if request.body().is_some() {
            request.give_up_body();
        }
        self.status()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(error) => write!(f, "{}", WithAdvice(error)),
            Self::LengthRequired => f.write_str(
                "the client announced no length, and \"proxy_request_buffering\" is off: S3 takes \
                 no body of unknown length",
            ),
            Self::HashMismatch => {
                f.write_str("it does not have the hash in the client's X-Amz-Content-SHA256")
            }
            Self::Credentials(error) => write!(f, "{error}"),
            Self::ReadOnly => {
                f.write_str("another module's filter handed on framed data that cannot be changed")
            }
            Self::File(_) => f.write_str("its temporary file cannot be read"),
            Self::OutOfMemory => f.write_str("not enough memory"),
        }
    }
}

impl From<BodyError> for Refused {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

/// Takes note of what comes in of a body, and takes its framing off where that is asked for. An
/// error is the status to answer with.
pub(crate) fn filter(
    request: &Request,
    plan: &Plan,
    incoming: &mut Incoming<'_>,
) -> Result<(), ngx_int_t> {
    take(request, plan, incoming).map_err(|refused| {
        if let Some(intake) = Intake::of(request) {
            intake.borrow_mut().refused = true;
        }
        refused.answer(request)
    })
}

fn take(request: &Request, plan: &Plan, incoming: &mut Incoming<'_>) -> Result<(), Refused> {
    let Some(body) = request.body() else {
        return Ok(());
    };
    let intake = match Intake::of(request) {
        Some(intake) => intake,
        None => Intake::begin(request, plan, body, request.reads_unbuffered())?,
    };
    // What follows does not call back into nginx.
    let intake = &mut *intake.borrow_mut();

    incoming.for_each(|buffer| {
        if intake.whole {
            return Ok(());
        }
        if let Form::Deframed(_, deframer) = &mut intake.form {
            let data = buffer.data_mut().ok_or(Refused::ReadOnly)?;
            let kept = deframer.update(data)?;
            buffer.truncate(kept);
            if buffer.is_last()
                && let Some(last) = deframer.finish()?.last
                && !buffer.push(last)
            {
                return Err(Refused::OutOfMemory);
            }
        }
        intake.update(buffer.data())?;
        if buffer.is_last() {
            if matches!(intake.form, Form::Deframed(..)) {
                intake.kept = Some(intake.length);
                if !request.reads_unbuffered() {
                    // Wherever the request is sent to: another location may not sign.
                    request.set_body_length(intake.length);
                }
            }
            intake.finish(filter_is_last())?;
        }
        Ok(())
    })
}

impl Intake {
    /// What is known of the body of `request`.
    pub(super) fn of(request: &Request) -> Option<&RefCell<Self>> {
        let body = request.body()?;
        let kept = request.kept(|kept: &Kept| kept.body == body)?;
        Some(&kept.intake)
    }

    /// Decides what becomes of a body of which nothing is known yet.
    pub(super) fn begin<'r>(
        request: &'r Request,
        plan: &Plan,
        body: BodyId,
        streams: bool,
    ) -> Result<&'r RefCell<Self>, Refused> {
        let Decision {
            form,
            hasher,
            declared_hash,
        } = Decision::new(request, plan, streams)?;
        let intake = RefCell::new(Self {
            form,
            checked: false,
            hasher,
            declared_hash,
            length: 0,
            hash: None,
            whole: false,
            kept: None,
            refused: false,
        });
        let kept = request.keep(Kept { body, intake });
        Ok(&kept.ok_or(Refused::OutOfMemory)?.intake)
    }

    /// Whether a body that will be forwarded while it comes in can be, as far as its head tells.
    pub(super) fn foresee_streamed(request: &Request, plan: &Plan) -> Result<(), Refused> {
        Decision::new(request, plan, true).map(|_| ())
    }

    /// Goes on with a body that has been seen as a whole: what another location did not ask of it, it
    /// may have to be looked at once more for.
    pub(super) fn resume(&mut self, request: &Request, plan: &Plan) -> Result<(), Refused> {
        if !self.whole {
            return Ok(());
        }
        let headers = client_headers(request).ok_or(Refused::OutOfMemory)?;
        let declared = declared_of(request, &headers)?;
        let payload_signing = plan
            .payload_signing(request)
            .map_err(Refused::Credentials)?;
        let (hashes, declared_hash) =
            self.form
                .hashes(plan, payload_signing, declared, Arrival::Buffered);

        self.declared_hash = declared_hash;
        if self.hash.is_some() {
            return self.check_hash();
        }
        let is_in_file = || {
            let mut pieces = request.body_pieces();
            pieces.any(|piece| matches!(piece, Piece::File(_)))
        };
        if hashes && (declared_hash.is_some() || is_in_file()) {
            self.hasher = Some(PayloadHash::new());
            self.length = 0;
            self.whole = false;
        }
        Ok(())
    }

    fn check_hash(&self) -> Result<(), Refused> {
        if self.declared_hash.is_some() && self.declared_hash != self.hash {
            return Err(Refused::HashMismatch);
        }
        Ok(())
    }

    /// The form of the body.
    pub(super) fn form(&self) -> &Form {
        &self.form
    }

    /// The length of the body without its framing, once that has been taken off to its end.
    pub(super) fn kept(&self) -> Option<u64> {
        self.kept
    }

    /// Whether the body was rejected while it came in.
    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    /// The bytes that are kept of the body, so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether the framing has been checked, or taken off.
    pub(super) fn is_checked(&self) -> bool {
        self.checked
    }

    /// Takes note of bytes that are kept of the body.
    pub(super) fn update(&mut self, data: &[u8]) -> Result<(), Refused> {
        if let Form::Inspected(_, inspector) = &mut self.form
            && !self.checked
        {
            inspector.update(data)?;
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(data);
        }
        self.length += data.len() as u64;
        Ok(())
    }

    /// The body has come to its end. Where it is not `kept` as it was seen, because another module
    /// may have changed it since, it has to be hashed once more.
    pub(super) fn finish(&mut self, kept: bool) -> Result<(), Refused> {
        if let Form::Inspected(_, inspector) = &self.form
            && !self.checked
        {
            inspector.finish()?;
        }
        self.checked = true;
        if let Some(hasher) = self.hasher.take() {
            if !kept {
                self.hasher = Some(PayloadHash::new());
                self.length = 0;
                return Ok(());
            }
            self.hash = Some(hasher.finish());
            self.check_hash()?;
        }
        self.whole = true;
        Ok(())
    }
}

/// What becomes of a body, as far as its head tells.
struct Decision {
    form: Form,
    hasher: Option<PayloadHash>,
    declared_hash: Option<[u8; 64]>,
}

impl Decision {
    fn new(request: &Request, plan: &Plan, streams: bool) -> Result<Self, Refused> {
        let headers = client_headers(request).ok_or(Refused::OutOfMemory)?;
        let declared = declared_of(request, &headers)?;
        let payload_signing = plan
            .payload_signing(request)
            .map_err(Refused::Credentials)?;
        let form = Form::new(plan, payload_signing, &declared, &headers)?;

        let length = request.announced_length();
        if streams && payload_signing.is_s3() && length.is_none() && matches!(form, Form::Plain) {
            return Err(Refused::LengthRequired);
        }

        let arrival = if streams {
            // TLS or not, nothing of it is hashed.
            Arrival::Streams { tls: true }
        } else {
            Arrival::Buffered
        };
        let (hashes, declared_hash) = form.hashes(plan, payload_signing, declared, arrival);
        // What stays in memory is hashed as it is sent.
        let hashes = hashes && (declared_hash.is_some() || request.body_may_be_in_file(length));
        Ok(Self {
            form,
            hasher: hashes.then(PayloadHash::new),
            declared_hash,
        })
    }
}

impl Form {
    fn new(
        plan: &Plan,
        payload_signing: PayloadSigning,
        declared: &Declared,
        headers: &[Header<'_>],
    ) -> Result<Self, Refused> {
        let Declared::Framed(framing) = *declared else {
            return Ok(Self::Plain);
        };
        let expected = || {
            let headers = headers.iter().copied();
            Expected::new(framing, headers, &plan.policy.pass_headers)
        };
        Ok(match plan.payload.inbound(payload_signing, declared) {
            Inbound::Plain => Self::Plain,
            Inbound::Inspect => {
                let expected = expected()?;
                Self::Inspected(expected, Inspector::new(expected))
            }
            Inbound::Deframe => {
                let expected = expected()?;
                Self::Deframed(expected, Deframer::new(expected)?)
            }
        })
    }

    /// Whether the hash of the body is asked for, and the one that it has to have.
    fn hashes(
        &self,
        plan: &Plan,
        payload_signing: PayloadSigning,
        declared: Declared,
        arrival: Arrival,
    ) -> (bool, Option<[u8; 64]>) {
        let left = self.declared(declared);
        let hashes = plan.payload.outbound(payload_signing, &left, arrival) == Outbound::Hash;
        match declared {
            Declared::Hash(hash)
                if plan.payload.checks_client_hash(payload_signing)
                    && (hashes || arrival == Arrival::Buffered) =>
            {
                (true, Some(hash))
            }
            _ => (hashes, None),
        }
    }

    /// What still holds of the client's declaration.
    pub(super) fn declared(&self, declared: Declared) -> Declared {
        match self {
            Self::Deframed(..) => Declared::Nothing,
            _ => declared,
        }
    }
}

/// Whether the client's framing, which is to be taken off, holds no data: then there is no last byte
/// that could wait until the rest of it has been checked.
pub(super) fn holds_nothing_back(
    request: &Request,
    plan: &Plan,
    payload_signing: PayloadSigning,
) -> bool {
    // What is wrong with the head is found, and told, when the body comes in.
    let form = client_headers(request).and_then(|headers| {
        let declared = declared(&headers).ok()?;
        Form::new(plan, payload_signing, &declared, &headers).ok()
    });
    matches!(form, Some(Form::Deframed(expected, _)) if expected.decoded_length() == 0)
}

/// What is declared of this request's body: nothing, where it is not the client's.
fn declared_of(request: &Request, headers: &[Header<'_>]) -> Result<Declared, BodyError> {
    let declared = declared(headers)?;
    Ok(if request.has_own_body() {
        Declared::Nothing
    } else {
        declared
    })
}

/// What the client declares its body to be.
pub(super) fn declared(headers: &[Header<'_>]) -> Result<Declared, BodyError> {
    Ok(Declared::from_headers(headers.iter().copied())?)
}

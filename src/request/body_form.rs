//! The form of an incoming body, as far as the request's head tells, and how it is processed.

use aws_sealing::body::{Declared, DeclaredError, Deframer, Expected, Inspector};
use aws_sealing::{Arrival, Inbound, Outbound, PayloadSigning};

use super::body_fault::BodyFault;
use super::client_headers::client_headers;
use crate::conf::Plan;
use crate::ffi::http::request::Request;

/// The form of an incoming body, and how it is processed.
// Not boxed: a box that cannot be allocated would end the worker.
#[allow(clippy::large_enum_variant)]
pub(super) enum BodyForm {
    Plain,
    /// In aws-chunked encoding, which is verified and kept.
    Inspected(Expected, Inspector),
    /// In aws-chunked encoding, which is removed.
    Deframed(Expected, Deframer),
}

/// Checks the declarations in the head about a body that will be forwarded without buffering.
pub(super) fn check_streamed_head(request: &Request, plan: &Plan) -> Result<(), BodyFault> {
    Start::new(request, plan, true).map(|_| ())
}

/// The form of a body before it is received, according to the request's head.
pub(super) struct Start {
    pub(super) form: BodyForm,
    /// Whether the body is hashed while nginx receives it.
    pub(super) hashes: bool,
    /// The hash that the client declared, if it is to be verified here.
    pub(super) declared_hash: Option<[u8; 64]>,
}

impl Start {
    pub(super) fn new(request: &Request, plan: &Plan, streams: bool) -> Result<Self, BodyFault> {
        let declared = declared_of(request)?;
        let payload_signing = plan
            .payload_signing(request)
            .map_err(BodyFault::Credentials)?;
        let form = BodyForm::new(request, plan, payload_signing, &declared)?;

        let length = request.announced_length();
        if streams && payload_signing.is_s3() && length.is_none() && matches!(form, BodyForm::Plain)
        {
            return Err(BodyFault::LengthRequired);
        }

        let arrival = if streams {
            // TLS or not, nothing of it is hashed.
            Arrival::Streams { tls: true }
        } else {
            Arrival::Buffered
        };
        let (hashes, declared_hash) = form.hashes(plan, payload_signing, declared, arrival);
        // A body that stays in memory is hashed when it is sent.
        let hashes = hashes && (declared_hash.is_some() || request.body_may_be_in_file(length));
        Ok(Self {
            form,
            hashes,
            declared_hash,
        })
    }
}

impl BodyForm {
    fn new(
        request: &Request,
        plan: &Plan,
        payload_signing: PayloadSigning,
        declared: &Declared,
    ) -> Result<Self, BodyFault> {
        let Declared::Framed(framing) = *declared else {
            return Ok(Self::Plain);
        };
        let expected = || {
            let headers = client_headers(request);
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

    /// Whether the hash of the body is needed, and the expected hash.
    pub(super) fn hashes(
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

    /// The part of the client's declaration that is still valid.
    pub(super) fn declared(&self, declared: Declared) -> Declared {
        match self {
            Self::Deframed(..) => Declared::Nothing,
            _ => declared,
        }
    }
}

/// Whether the client's aws-chunked encoding, which is to be removed, contains no data: then there
/// is no last byte that could wait until the rest of it has been verified.
pub(super) fn holds_nothing_back(
    request: &Request,
    plan: &Plan,
    payload_signing: PayloadSigning,
) -> bool {
    // Errors in the head are found and reported when the body is received.
    let form = Declared::from_headers(client_headers(request))
        .map_err(BodyFault::from)
        .and_then(|declared| BodyForm::new(request, plan, payload_signing, &declared));
    matches!(form, Ok(BodyForm::Deframed(expected, _)) if expected.decoded_length() == 0)
}

/// What is declared about this request's body: nothing, if the body is not the client's.
pub(super) fn declared_of(request: &Request) -> Result<Declared, DeclaredError> {
    let declared = Declared::from_headers(client_headers(request))?;
    Ok(if request.has_own_body() {
        Declared::Nothing
    } else {
        declared
    })
}

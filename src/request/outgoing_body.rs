//! What is signed of a body when its head is sealed, and in which form the body is sent.

use std::cell::{OnceCell, Ref};

use aws_sealing::body::{Declared, MAX_ANNOUNCED};
use aws_sealing::{
    Arrival, Body, Inbound, Outbound, Payload, PayloadHash, PayloadSigning, SealError, Stream,
    method,
};
use aws_signing::chunked::{ChunkSigner, Framing, Layout};
use aws_signing::{EMPTY_PAYLOAD_SHA256, Header, UNSIGNED_PAYLOAD};

use super::body_completeness;
use super::body_fault::BodyFault;
use super::body_form::BodyForm;
use super::body_record::BodyRecord;
use super::body_scan::with_buffer;
use super::client_headers::client_headers;
use super::rejection::Rejection;
use crate::conf::Plan;
use crate::ffi::http::body::Piece;
use crate::ffi::http::request::Request;
use crate::ffi::http::upstream::Unsent;

/// The body of a request that is about to be sent.
pub(super) struct OutgoingBody<'r> {
    line: Line,
    pub(super) body: Body,
    unframed: Option<Vec<Header<'r>>>,
    framer: Framer,
}

/// The payload's line in the canonical request.
enum Line {
    Hash([u8; 64]),
    Literal(&'static str),
}

/// What encodes the body while it is sent.
enum Framer {
    Nothing,
    Encode(Layout),
    Resign(Framing, u64),
}

impl<'r> OutgoingBody<'r> {
    /// Decides about the body after the head of `unsent`, of which `in_head` is in the head's own
    /// buffer.
    ///
    /// What is known of the body stays borrowed in `borrowed`.
    pub(super) fn new<'q: 'r>(
        unsent: &Unsent<'q>,
        plan: &Plan,
        in_head: &[u8],
        payload_signing: PayloadSigning,
        borrowed: &'r OnceCell<Ref<'q, BodyRecord>>,
    ) -> Result<Self, Rejection<'static>> {
        let mut outgoing = Self::decide(unsent, plan, in_head, payload_signing, borrowed)?;
        if !payload_signing.says_payload(plan.payload) {
            outgoing.line = Line::Literal(UNSIGNED_PAYLOAD);
        }
        Ok(outgoing)
    }

    fn decide<'q: 'r>(
        unsent: &Unsent<'q>,
        plan: &Plan,
        in_head: &[u8],
        payload_signing: PayloadSigning,
        borrowed: &'r OnceCell<Ref<'q, BodyRecord>>,
    ) -> Result<Self, Rejection<'static>> {
        let request = unsent.request();
        // Over HTTP/2, nginx learns only later that an empty body has ended.
        let announces_none = request.announced_length() == Some(0);
        let streams = request.streams_body() && !announces_none;
        let length = unsent.body_pieces().map(|piece| piece.len()).sum::<u64>();
        if !in_head.is_empty() {
            return Self::set_body(request, in_head, length);
        }
        if request.method_was_replaced() && !streams {
            // The body of a request with another method is not sent.
            return Ok(Self::plain(
                Line::Literal(EMPTY_PAYLOAD_SHA256),
                Body::Dropped,
            ));
        }
        body_completeness::check_in_seal(request, plan).map_err(Rejection::IncompleteBody)?;
        let record = match (BodyRecord::of(request), request.body()) {
            (None, Some(body)) if streams && request.filters_come_late() => {
                let begun = BodyRecord::begin(request, plan, body, true);
                Some(begun.map_err(Rejection::Body)?)
            }
            (record, _) => record,
        };
        let record = record.map(|record| &**borrowed.get_or_init(|| record.borrow()));
        let deframed = record.is_some_and(|record| matches!(record.form(), BodyForm::Deframed(..)));
        if !streams && length == 0 && !deframed {
            let body = if plan.passes_bodies {
                Body::Empty
            } else {
                Body::Dropped
            };
            return Ok(Self::plain(
                payload_without_body(request, plan, payload_signing),
                body,
            ));
        }
        let length = (!streams).then_some(length);
        Self::from_client(unsent, plan, record, payload_signing, length)
    }

    fn plain(line: Line, body: Body) -> Self {
        Self {
            line,
            body,
            unframed: None,
            framer: Framer::Nothing,
        }
    }

    /// `proxy_set_body`: nginx puts it after the head.
    fn set_body(
        request: &Request,
        in_head: &[u8],
        length: u64,
    ) -> Result<Self, Rejection<'static>> {
        if length > 0 {
            return Err(SealError::BodyLength.into());
        }
        let mut hash = PayloadHash::new();
        hash.update(in_head);
        let body = Body::InHead {
            length: in_head.len() as u64,
        };
        let framed = matches!(client_declared(request)?, Declared::Framed(_));
        Ok(Self {
            unframed: framed.then(Vec::new),
            ..Self::plain(Line::Hash(hash.finish()), body)
        })
    }

    /// The client's body: it has `length` bytes, or nginx is still receiving it.
    fn from_client(
        unsent: &Unsent<'r>,
        plan: &Plan,
        record: Option<&'r BodyRecord>,
        payload_signing: PayloadSigning,
        length: Option<u64>,
    ) -> Result<Self, Rejection<'static>> {
        let request = unsent.request();
        let form = record.map_or(&BodyForm::Plain, BodyRecord::form);
        let client = client_declared(request)?;
        // The client's declaration is not about a body that a script has made.
        let declared = if request.has_own_body() {
            Declared::Nothing
        } else {
            form.declared(client)
        };
        if plan.payload.inbound(payload_signing, &declared) == Inbound::Deframe {
            // The aws-chunked encoding would be stored as part of the object.
            return Err(Rejection::ChunksUnchecked);
        }
        let arrival = match length {
            Some(_) => Arrival::Buffered,
            None => Arrival::Streams {
                tls: unsent.uses_tls(),
            },
        };

        let mut outgoing = Self::plain(
            Line::Literal(UNSIGNED_PAYLOAD),
            Body::Sent {
                length: length.or(request.announced_length()),
            },
        );
        if request.has_own_body() && matches!(client, Declared::Framed(_)) {
            outgoing.unframed = Some(Vec::new());
        }
        if let BodyForm::Deframed(expected, deframer) = form {
            let mut trailers = Vec::new();
            match length {
                // The head is sent before the trailers arrive, so they cannot become headers.
                None => {
                    outgoing.body = Body::Sent {
                        length: Some(expected.decoded_length()),
                    };
                }
                Some(length) => {
                    let finished = deframer.finish().map_err(|_| Rejection::BodyNotThere)?;
                    if length != expected.decoded_length() {
                        return Err(Rejection::BodyNotThere);
                    }
                    let headers = finished.trailers.iter();
                    trailers
                        .try_reserve(MAX_ANNOUNCED)
                        .map_err(|_| Rejection::OutOfMemory)?;
                    trailers.extend(headers.map(|(name, value)| Header { name, value }));
                }
            }
            outgoing.unframed = Some(trailers);
            unsent.send_plain();
        }

        match plan.payload.outbound(payload_signing, &declared, arrival) {
            Outbound::Unsigned => {}
            Outbound::ClientHash(hash) => outgoing.line = Line::Hash(hash),
            Outbound::Hash if length.is_none() => return Err(Rejection::BodyNotThere),
            Outbound::Hash => outgoing.line = Line::Hash(hash(unsent, record)?),
            Outbound::Keep(framing) => {
                let BodyForm::Inspected(expected, _) = form else {
                    return Err(Rejection::ChunksUnchecked);
                };
                outgoing.line = Line::Literal(framing.payload());
                if framing.signs_chunks() {
                    outgoing.framer = Framer::Resign(framing, expected.decoded_length());
                }
            }
            Outbound::Encode => outgoing.encode()?,
        }
        Ok(outgoing)
    }

    /// Applies aws-chunked encoding.
    fn encode(&mut self) -> Result<(), Rejection<'static>> {
        let Body::Sent {
            length: Some(length),
        } = self.body
        else {
            return Err(SealError::BodyLength.into());
        };
        if length == 0 {
            self.line = Line::Literal(EMPTY_PAYLOAD_SHA256);
            return Ok(());
        }
        let layout = Layout::new(length, Layout::DEFAULT_CHUNK_SIZE, None)
            .ok_or(Rejection::from(SealError::BodyLength))?;
        self.line = Line::Literal(layout.framing().payload());
        self.body = Body::Encoded {
            decoded_length: length,
            length: layout.encoded_length(),
        };
        self.framer = Framer::Encode(layout);
        Ok(())
    }

    /// What determines the seal.
    pub(super) fn payload(&self) -> Payload<'_> {
        Payload {
            line: match &self.line {
                Line::Hash(hash) => hash,
                Line::Literal(literal) => literal.as_bytes(),
            },
            body: self.body,
            unframed: self.unframed.as_deref(),
        }
    }

    /// How many bytes of the body its signatures cover.
    pub(super) fn signed_bytes(&self) -> u64 {
        match (self.body, &self.line) {
            (Body::InHead { length }, _) => length,
            (Body::Encoded { decoded_length, .. }, _) => decoded_length,
            (Body::Sent { length }, Line::Hash(_)) => length.unwrap_or(0),
            _ => 0,
        }
    }

    /// What the signature says of the body, as it is counted.
    pub(super) fn counted_payload(&self, signing: PayloadSigning) -> aws_status::Payload {
        use aws_status::Payload;
        match (signing, self.body, &self.line) {
            (PayloadSigning::Nothing, ..) => Payload::NotCovered,
            (_, Body::Empty | Body::Dropped, _) => Payload::Empty,
            (_, _, Line::Hash(_)) => Payload::Hash,
            (_, _, Line::Literal(EMPTY_PAYLOAD_SHA256)) => Payload::Empty,
            (_, _, Line::Literal(UNSIGNED_PAYLOAD)) => Payload::Unsigned,
            (_, _, Line::Literal(_)) => Payload::Chunks,
        }
    }

    /// What encodes the body after the sealed head, if anything does.
    pub(super) fn stream(
        &self,
        signer: impl FnOnce() -> Option<ChunkSigner>,
    ) -> Result<Option<Stream>, Rejection<'static>> {
        let signer = match self.framer {
            Framer::Nothing => return Ok(None),
            _ => signer().ok_or(Rejection::BodyNotThere)?,
        };
        match self.framer {
            Framer::Encode(layout) => Stream::encode(layout, signer)
                .map(Some)
                .map_err(|_| Rejection::OutOfMemory),
            Framer::Resign(framing, length) => Ok(Stream::resign(framing, length, signer)),
            Framer::Nothing => Ok(None),
        }
    }
}

fn client_declared(request: &Request) -> Result<Declared, Rejection<'static>> {
    Declared::from_headers(client_headers(request)).map_err(|_| Rejection::BodyNotThere)
}

/// What is signed if there is no body. The upstream verifies a hash that the client has declared,
/// since the body can have been lost on its way here.
fn payload_without_body(request: &Request, plan: &Plan, payload_signing: PayloadSigning) -> Line {
    if plan.passes_bodies
        && request.is_main()
        && !method::is_safe(request.method())
        && let Ok(declared) = client_declared(request)
        && let Outbound::ClientHash(hash) =
            plan.payload
                .outbound(payload_signing, &declared, Arrival::Buffered)
    {
        return Line::Hash(hash);
    }
    Line::Literal(EMPTY_PAYLOAD_SHA256)
}

/// The hash of the outgoing body. What nginx has written to a file has been hashed when it was
/// received, or in prepare; the rest is hashed now.
fn hash(unsent: &Unsent<'_>, record: Option<&BodyRecord>) -> Result<[u8; 64], Rejection<'static>> {
    let mut pieces = unsent.body_pieces();
    if let (Some(Piece::File(file)), None) = (pieces.next(), pieces.next())
        && let Some(record) = record
        && let Some(hash) = record.hash
        && file.is_first(record.length())
    {
        return Ok(hash);
    }

    let mut hash = PayloadHash::new();
    for piece in unsent.body_pieces() {
        match piece {
            Piece::Memory(bytes) => hash.update(bytes),
            Piece::File(file) => {
                let mut at = 0;
                while at < piece.len() {
                    at += with_buffer(|buffer| {
                        let read = file.read(at, buffer).map_err(BodyFault::File)?;
                        hash.update(&buffer[..read]);
                        Ok(read as u64)
                    })
                    .map_err(|_| Rejection::BodyNotThere)?;
                }
            }
        }
    }
    Ok(hash.finish())
}

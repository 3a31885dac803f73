//! How a body is paid for: which payload the signature declares, and in which form the body leaves.
//!
//! Two decisions. What comes in is looked at once, on its way through nginx's request body filters
//! ([`Inbound`]); what goes out is decided when the head is sealed ([`Outbound`]), by what the body
//! has become by then.

use aws_signing::chunked::Framing;
use aws_signing::encode;
use sha2::{Digest, Sha256};

use crate::body::Declared;
use crate::identity::Version;
use crate::policy::Place;
use crate::services::PayloadRule;

/// `aws_payload`: how bodies are sent to S3. Other services have one rule each ([`PayloadRule`](crate::PayloadRule)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadMode {
    /// What the client declared, as long as the store can verify it; else the hash where nginx
    /// buffers the body, and where it does not, unsigned over TLS and signed chunks without.
    #[default]
    Auto,
    /// The SHA-256 of the body.
    Signed,
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// Signed chunks (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`).
    Streaming,
    /// Never chunks: an SDK's framing is taken off, and the plain body is sent.
    Decode,
}

impl PayloadMode {
    /// All values of the directive.
    pub const ALL: [Self; 5] = [
        Self::Auto,
        Self::Signed,
        Self::Unsigned,
        Self::Streaming,
        Self::Decode,
    ];

    /// The value as it is written in the directive.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Signed => "signed",
            Self::Unsigned => "unsigned",
            Self::Streaming => "streaming",
            Self::Decode => "decode",
        }
    }

    /// What becomes of a client's body while it comes in.
    pub fn inbound(self, coverage: Coverage, declared: &Declared) -> Inbound {
        match declared {
            Declared::Framed(_) => self.of_framed(coverage),
            _ => Inbound::Plain,
        }
    }

    /// What becomes of a client's body that is framed.
    pub fn of_framed(self, coverage: Coverage) -> Inbound {
        match coverage {
            Coverage::Hash | Coverage::Unsigned => Inbound::Plain,
            Coverage::Chunks if self == Self::Auto => Inbound::Inspect,
            // No store takes chunks that the signature does not speak of.
            Coverage::Chunks | Coverage::Optional | Coverage::Nothing => Inbound::Deframe,
        }
    }

    /// What is signed of a client's body, and how it is sent. `declared` is what still holds of the
    /// client's declaration: where the framing was taken off, that is [`Declared::Nothing`].
    pub fn outbound(self, coverage: Coverage, declared: &Declared, arrival: Arrival) -> Outbound {
        match coverage {
            Coverage::Hash => return Outbound::Hash,
            Coverage::Optional if self == Self::Signed => return Outbound::Hash,
            Coverage::Optional | Coverage::Nothing | Coverage::Unsigned => {
                return Outbound::Unsigned;
            }
            Coverage::Chunks => {}
        }
        let buffered = arrival == Arrival::Buffered;
        match (self, *declared) {
            (Self::Auto, Declared::Framed(framing)) => Outbound::Keep(framing),
            (Self::Auto | Self::Decode, Declared::Hash(hash)) => Outbound::ClientHash(hash),
            (Self::Auto | Self::Decode, Declared::Unsigned) => Outbound::Unsigned,
            (Self::Auto | Self::Decode, _) if buffered => Outbound::Hash,
            (Self::Auto, _) if arrival == Arrival::Streams { tls: false } => Outbound::Encode,
            (Self::Auto | Self::Decode | Self::Unsigned, _) => Outbound::Unsigned,
            (Self::Signed, _) => Outbound::Hash,
            (Self::Streaming, _) => Outbound::Encode,
        }
    }

    /// Whether the body has to be there as a whole before the head can be signed.
    pub fn needs_whole_body(self, coverage: Coverage) -> bool {
        match coverage {
            Coverage::Hash => true,
            Coverage::Chunks | Coverage::Optional => self == Self::Signed,
            Coverage::Nothing | Coverage::Unsigned => false,
        }
    }

    /// Whether the hash that a client declares is compared here to that of the body, where nginx
    /// buffers it: the store is not told of it, or of another one.
    pub fn checks_client_hash(self, coverage: Coverage) -> bool {
        match coverage {
            Coverage::Hash | Coverage::Unsigned => false,
            Coverage::Chunks => self == Self::Signed,
            Coverage::Optional | Coverage::Nothing => self != Self::Unsigned,
        }
    }
}

/// What a signature can say of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Its hash, always: of services other than S3.
    Hash,
    /// Its hash, the signatures of its chunks, or nothing: of S3, in headers.
    Chunks,
    /// Nothing, or its hash: of S3, in the query.
    Optional,
    /// Nothing: of Version 2.
    Nothing,
    /// That it is not signed, always: of VPC Lattice.
    Unsigned,
}

impl Coverage {
    /// What a signature of this version, in this place, can say.
    pub fn new(version: Version, place: Place, rule: PayloadRule) -> Self {
        match (version, rule, place) {
            (Version::V2, _, _) => Self::Nothing,
            (Version::V4, PayloadRule::Hash, _) => Self::Hash,
            (Version::V4, PayloadRule::Unsigned, _) => Self::Unsigned,
            (Version::V4, PayloadRule::S3, Place::Headers) => Self::Chunks,
            (Version::V4, PayloadRule::S3, Place::Query { .. }) => Self::Optional,
        }
    }

    /// Whether S3's rules hold for the body.
    pub fn is_s3(self) -> bool {
        !matches!(self, Self::Hash | Self::Unsigned)
    }

    /// Whether what is signed of the body is said at all, in this mode.
    pub fn says_payload(self, mode: PayloadMode) -> bool {
        match self {
            Self::Hash | Self::Chunks => true,
            Self::Optional => mode == PayloadMode::Signed,
            Self::Nothing | Self::Unsigned => false,
        }
    }
}

/// What becomes of a body while it comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// It is not framed.
    Plain,
    /// It is framed, stays so, and its framing is checked.
    Inspect,
    /// Its framing is taken off.
    Deframe,
}

/// How much of a body is there when its head is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// All of it.
    Buffered,
    /// It is sent while it comes in (`proxy_request_buffering off`).
    Streams {
        /// Whether the store is spoken to over TLS.
        tls: bool,
    },
}

/// What is signed of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// The SHA-256 of what is sent.
    Hash,
    /// The SHA-256 that the client declared, in hex; the store checks it.
    ClientHash([u8; 64]),
    /// Nothing: `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// Each chunk of the framing that is put on.
    Encode,
    /// The framing that the client put on, each chunk signed anew where it has signatures.
    Keep(Framing),
}

/// The SHA-256 of a payload that comes piece by piece.
#[derive(Clone, Debug, Default)]
pub struct PayloadHash(Sha256);

impl PayloadHash {
    /// Of no bytes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The hash in hex, as it stands in a canonical request.
    pub fn finish(self) -> [u8; 64] {
        encode::hex32(&self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTTP: Arrival = Arrival::Streams { tls: false };
    const HTTPS: Arrival = Arrival::Streams { tls: true };
    const HASH: [u8; 64] = [b'a'; 64];
    const FRAMED: Declared = Declared::Framed(Framing::UnsignedTrailer);

    #[test]
    fn what_is_signed() {
        use Outbound::*;
        use PayloadMode as Mode;
        let kept = Keep(Framing::UnsignedTrailer);
        for (mode, declared, buffered, http, https) in [
            (Mode::Auto, Declared::Nothing, Hash, Encode, Unsigned),
            (Mode::Auto, FRAMED, kept, kept, kept),
            (
                Mode::Auto,
                Declared::Hash(HASH),
                ClientHash(HASH),
                ClientHash(HASH),
                ClientHash(HASH),
            ),
            (Mode::Auto, Declared::Unsigned, Unsigned, Unsigned, Unsigned),
            (Mode::Signed, Declared::Nothing, Hash, Hash, Hash),
            (Mode::Signed, Declared::Unsigned, Hash, Hash, Hash),
            (
                Mode::Unsigned,
                Declared::Hash(HASH),
                Unsigned,
                Unsigned,
                Unsigned,
            ),
            (Mode::Streaming, Declared::Unsigned, Encode, Encode, Encode),
            (Mode::Decode, Declared::Nothing, Hash, Unsigned, Unsigned),
            (
                Mode::Decode,
                Declared::Hash(HASH),
                ClientHash(HASH),
                ClientHash(HASH),
                ClientHash(HASH),
            ),
        ] {
            for (arrival, expected) in [(Arrival::Buffered, buffered), (HTTP, http), (HTTPS, https)]
            {
                let signed = mode.outbound(Coverage::Chunks, &declared, arrival);
                assert_eq!(signed, expected, "{mode:?} {declared:?} {arrival:?}");
                let other = mode.outbound(Coverage::Hash, &declared, arrival);
                assert_eq!(other, Hash, "{mode:?}");
                let in_query = mode.outbound(Coverage::Optional, &declared, arrival);
                let hashed = mode == Mode::Signed;
                assert_eq!(in_query, if hashed { Hash } else { Unsigned }, "{mode:?}");
                let v2 = mode.outbound(Coverage::Nothing, &declared, arrival);
                assert_eq!(v2, Unsigned, "{mode:?}");
                let lattice = mode.outbound(Coverage::Unsigned, &declared, arrival);
                assert_eq!(lattice, Unsigned, "{mode:?}");
            }
        }
    }

    #[test]
    fn framing_is_kept_by_auto_and_taken_off_by_all_others() {
        for mode in PayloadMode::ALL {
            let framed = if mode == PayloadMode::Auto {
                Inbound::Inspect
            } else {
                Inbound::Deframe
            };
            for (coverage, framed) in [
                (Coverage::Chunks, framed),
                (Coverage::Hash, Inbound::Plain),
                (Coverage::Unsigned, Inbound::Plain),
                (Coverage::Optional, Inbound::Deframe),
                (Coverage::Nothing, Inbound::Deframe),
            ] {
                assert_eq!(mode.inbound(coverage, &FRAMED), framed);
                let plain = mode.inbound(coverage, &Declared::Unsigned);
                assert_eq!(plain, Inbound::Plain);
            }
        }
    }

    #[test]
    fn names_are_those_of_the_directive() {
        let names: Vec<_> = PayloadMode::ALL.map(PayloadMode::as_str).into();
        assert_eq!(names, ["auto", "signed", "unsigned", "streaming", "decode"]);
        assert_eq!(PayloadMode::default(), PayloadMode::Auto);
    }
}

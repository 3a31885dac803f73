//! Which payload the signature declares, and in which form the body is sent: a table of what each
//! payload mode does (`PayloadMode::row`).
//!
//! There are two decisions. How an incoming body is processed is decided once, in nginx's request
//! body filters ([`Inbound`]). How it is sent is decided when the head is sealed ([`Outbound`]),
//! according to what the body is by then.

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
    /// What the client declared, if the upstream can verify it. Otherwise, the hash if nginx
    /// buffers the body; if not, unsigned over TLS and signed chunks without TLS.
    #[default]
    Auto,
    /// The SHA-256 of the body.
    Signed,
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// Signed chunks (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`).
    Streaming,
    /// Never chunks: the aws-chunked encoding of an SDK is removed, and the plain body is sent.
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
        self.row().name
    }

    /// What the mode does, as a table.
    #[rustfmt::skip]
    const fn row(self) -> Row {
        use Inbound::{Deframe, Inspect};
        use Outbound::{Encode, Hash, Unsigned};
        // Name; what is done with aws-chunked encoding; whether the client's declaration is kept;
        // what is signed of other bodies (buffered; not buffered, over HTTP and over HTTPS; in the
        // query); and whether the client's hash is compared with the body (in headers; in the
        // query, and with Version 2).
        match self {
            Self::Auto => Row::new("auto", Inspect, true, [Hash, Encode, Unsigned, Unsigned], [false, true]),
            Self::Signed => Row::new("signed", Deframe, false, [Hash, Hash, Hash, Hash], [true, true]),
            Self::Unsigned => Row::new("unsigned", Deframe, false, [Unsigned, Unsigned, Unsigned, Unsigned], [false, false]),
            Self::Streaming => Row::new("streaming", Deframe, false, [Encode, Encode, Encode, Unsigned], [false, true]),
            Self::Decode => Row::new("decode", Deframe, true, [Hash, Unsigned, Unsigned, Unsigned], [false, true]),
        }
    }

    /// How a client's body is processed while nginx receives it.
    pub fn inbound(self, payload_signing: PayloadSigning, declared: &Declared) -> Inbound {
        match declared {
            Declared::Framed(_) => self.inbound_framed(payload_signing),
            _ => Inbound::Plain,
        }
    }

    /// How a client's body in aws-chunked encoding is processed.
    pub fn inbound_framed(self, payload_signing: PayloadSigning) -> Inbound {
        match payload_signing {
            PayloadSigning::Hash | PayloadSigning::Unsigned => Inbound::Plain,
            PayloadSigning::Chunks => self.row().framed,
            // No object store accepts chunks that the signature does not declare.
            PayloadSigning::Optional | PayloadSigning::Nothing => Inbound::Deframe,
        }
    }

    /// What is signed of a client's body, and how it is sent. `declared` is the part of the
    /// client's declaration that still applies: if the encoding was removed, this is
    /// [`Declared::Nothing`].
    pub fn outbound(
        self,
        payload_signing: PayloadSigning,
        declared: &Declared,
        arrival: Arrival,
    ) -> Outbound {
        let row = self.row();
        match payload_signing {
            PayloadSigning::Hash => return Outbound::Hash,
            PayloadSigning::Optional => return row.in_query,
            PayloadSigning::Nothing | PayloadSigning::Unsigned => return Outbound::Unsigned,
            PayloadSigning::Chunks => {}
        }
        match *declared {
            Declared::Framed(framing) if row.framed == Inbound::Inspect => Outbound::Keep(framing),
            Declared::Hash(hash) if row.keeps_declared => Outbound::ClientHash(hash),
            Declared::Unsigned if row.keeps_declared => Outbound::Unsigned,
            _ => match arrival {
                Arrival::Buffered => row.buffered,
                Arrival::Streams { tls: false } => row.over_http,
                Arrival::Streams { tls: true } => row.over_https,
            },
        }
    }

    /// Whether the whole body must have been received before the head can be signed.
    pub fn needs_whole_body(self, payload_signing: PayloadSigning) -> bool {
        let streams = Arrival::Streams { tls: true };
        self.outbound(payload_signing, &Declared::Nothing, streams) == Outbound::Hash
    }

    /// Whether the hash that a client declares is compared here with that of the body, if nginx
    /// buffers it, since the upstream does not receive this hash.
    pub fn checks_client_hash(self, payload_signing: PayloadSigning) -> bool {
        match payload_signing {
            PayloadSigning::Hash | PayloadSigning::Unsigned => false,
            PayloadSigning::Chunks => self.row().checks_hash,
            PayloadSigning::Optional | PayloadSigning::Nothing => self.row().checks_hash_elsewhere,
        }
    }
}

/// What one payload mode does.
struct Row {
    name: &'static str,
    /// How a body in aws-chunked encoding is processed.
    framed: Inbound,
    /// Whether a hash or `UNSIGNED-PAYLOAD` that the client declared is signed as it is.
    keeps_declared: bool,
    /// What is signed of all other bodies, in headers.
    buffered: Outbound,
    over_http: Outbound,
    over_https: Outbound,
    /// What is signed of a body in the query.
    in_query: Outbound,
    /// Whether the client's hash is compared with the body: with a signature in headers, and
    /// elsewhere.
    checks_hash: bool,
    checks_hash_elsewhere: bool,
}

impl Row {
    const fn new(
        name: &'static str,
        framed: Inbound,
        keeps_declared: bool,
        [buffered, over_http, over_https, in_query]: [Outbound; 4],
        [checks_hash, checks_hash_elsewhere]: [bool; 2],
    ) -> Self {
        Self {
            name,
            framed,
            keeps_declared,
            buffered,
            over_http,
            over_https,
            in_query,
            checks_hash,
            checks_hash_elsewhere,
        }
    }
}

/// What a signature can declare about a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadSigning {
    /// Always its hash: services other than S3.
    Hash,
    /// Its hash, the signatures of its chunks, or nothing: S3, in headers.
    Chunks,
    /// Nothing, or its hash: S3, in the query.
    Optional,
    /// Nothing: Version 2.
    Nothing,
    /// Always that it is not signed: VPC Lattice.
    Unsigned,
}

impl PayloadSigning {
    /// What a signature of this version, in this place, can declare.
    pub fn new(version: Version, place: Place, rule: PayloadRule) -> Self {
        match (version, rule, place) {
            (Version::V2, _, _) => Self::Nothing,
            (Version::V4, PayloadRule::Hash, _) => Self::Hash,
            (Version::V4, PayloadRule::Unsigned, _) => Self::Unsigned,
            (Version::V4, PayloadRule::S3, Place::Headers) => Self::Chunks,
            (Version::V4, PayloadRule::S3, Place::Query { .. }) => Self::Optional,
        }
    }

    /// Whether S3's rules apply to the body.
    pub fn is_s3(self) -> bool {
        !matches!(self, Self::Hash | Self::Unsigned)
    }

    /// Whether the signature declares the payload at all, in this mode.
    pub fn says_payload(self, mode: PayloadMode) -> bool {
        match self {
            Self::Hash | Self::Chunks => true,
            Self::Optional => mode.row().in_query == Outbound::Hash,
            Self::Nothing | Self::Unsigned => false,
        }
    }
}

/// How a body is processed while nginx receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// It is not in aws-chunked encoding.
    Plain,
    /// It is in aws-chunked encoding, which is verified and kept.
    Inspect,
    /// Its aws-chunked encoding is removed.
    Deframe,
}

/// How much of a body has been received when its head is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// All of it.
    Buffered,
    /// It is sent while nginx receives it (`proxy_request_buffering off`).
    Streams {
        /// Whether the connection to the upstream uses TLS.
        tls: bool,
    },
}

/// What is signed of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// The SHA-256 of what is sent.
    Hash,
    /// The SHA-256 that the client declared, in hex; the upstream verifies it.
    ClientHash([u8; 64]),
    /// Nothing: `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// Each chunk of the encoding that the module applies.
    Encode,
    /// The client's aws-chunked encoding; each chunk is signed again if it has a signature.
    Keep(Framing),
}

/// The SHA-256 of a payload that is received piece by piece.
#[derive(Clone, Debug, Default)]
pub struct PayloadHash(Sha256);

impl PayloadHash {
    /// No bytes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The hash in hex, as it is in a canonical request.
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
                let signed = mode.outbound(PayloadSigning::Chunks, &declared, arrival);
                assert_eq!(signed, expected, "{mode:?} {declared:?} {arrival:?}");
                let other = mode.outbound(PayloadSigning::Hash, &declared, arrival);
                assert_eq!(other, Hash, "{mode:?}");
                let in_query = mode.outbound(PayloadSigning::Optional, &declared, arrival);
                let hashed = mode == Mode::Signed;
                assert_eq!(in_query, if hashed { Hash } else { Unsigned }, "{mode:?}");
                let v2 = mode.outbound(PayloadSigning::Nothing, &declared, arrival);
                assert_eq!(v2, Unsigned, "{mode:?}");
                let lattice = mode.outbound(PayloadSigning::Unsigned, &declared, arrival);
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
            for (payload_signing, framed) in [
                (PayloadSigning::Chunks, framed),
                (PayloadSigning::Hash, Inbound::Plain),
                (PayloadSigning::Unsigned, Inbound::Plain),
                (PayloadSigning::Optional, Inbound::Deframe),
                (PayloadSigning::Nothing, Inbound::Deframe),
            ] {
                assert_eq!(mode.inbound(payload_signing, &FRAMED), framed);
                let plain = mode.inbound(payload_signing, &Declared::Unsigned);
                assert_eq!(plain, Inbound::Plain);
            }
        }
    }

    #[test]
    fn bodies_are_held_back_or_compared_where_their_hash_matters() {
        use PayloadMode as Mode;
        use PayloadSigning::{Chunks, Hash, Nothing, Optional, Unsigned};
        for (mode, whole, checked) in [
            (Mode::Auto, &[Hash][..], &[Optional, Nothing][..]),
            (
                Mode::Signed,
                &[Hash, Chunks, Optional],
                &[Chunks, Optional, Nothing],
            ),
            (Mode::Unsigned, &[Hash], &[]),
            (Mode::Streaming, &[Hash], &[Optional, Nothing]),
            (Mode::Decode, &[Hash], &[Optional, Nothing]),
        ] {
            for payload_signing in [Hash, Chunks, Optional, Nothing, Unsigned] {
                let context = format!("{mode:?} {payload_signing:?}");
                let needs = mode.needs_whole_body(payload_signing);
                assert_eq!(needs, whole.contains(&payload_signing), "{context}");
                let checks = mode.checks_client_hash(payload_signing);
                assert_eq!(checks, checked.contains(&payload_signing), "{context}");
                let says = payload_signing.says_payload(mode);
                let always = [Hash, Chunks].contains(&payload_signing);
                let sometimes = payload_signing == Optional && mode == Mode::Signed;
                assert_eq!(says, always || sometimes, "{context}");
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

//! `aws-chunked`: a body in signed pieces, so that the head can be sent before the body is known.
//!
//! A body in this encoding consists of chunks, the last of which is empty, and optional trailers:
//!
//! ```text
//! 10000;chunk-signature=<64 hex digits> CRLF
//! <65536 bytes> CRLF
//! 0;chunk-signature=<64 hex digits> CRLF
//! x-amz-checksum-crc32c:sOO8/Q== CRLF
//! x-amz-trailer-signature:<64 hex digits> CRLF
//! CRLF
//! ```
//!
//! The request's signature seeds a chain: each chunk's signature covers the previous one. This is
//! described in [Transferring payload in multiple chunks][1] and, for trailers, in [Including
//! trailing headers][2].
//!
//! | to do | type | memory it takes |
//! | --- | --- | --- |
//! | frame and sign plain bytes | [`Encoder`] | one chunk, the caller's |
//! | check or take off a client's framing | [`Parser`] | one line of the framing, and the trailers |
//! | sign a client's chunks anew | [`Resigner`] | one chunk as the client cut it, up to [`MAX_CHUNK`] |
//!
//! All three accept their input in pieces of any size, split anywhere.
//!
//! [1]: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
//! [2]: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html

mod encode;
mod error;
mod layout;
mod line;
mod parse;
mod resign;
mod sign;
mod trailers;

pub use encode::{ChunkHeader, Encoder};
pub use error::{EncodeError, FramingError, ResignError, TrailerError};
pub use layout::Layout;
pub use parse::{Event, Parser};
pub use resign::{Resigner, Step};
pub use sign::ChunkSigner;
pub use trailers::Trailers;

/// The largest chunk that [`Parser`] accepts from a client, in bytes of data. SDKs cut bodies into
/// 64 KiB to 1 MiB.
pub const MAX_CHUNK: u32 = 16 << 20;

/// The maximum length of trailers that [`Parser`] accepts, in bytes with their signature and line
/// ends.
pub const MAX_TRAILERS: usize = 4096;

/// The name of the line with the signature of the trailers, which follows them.
const TRAILER_SIGNATURE: &[u8] = b"x-amz-trailer-signature";

/// The text between the size of a chunk and its signature.
const CHUNK_SIGNATURE: &[u8] = b";chunk-signature=";

/// The hexadecimal digits of a signature.
const SIGNATURE_LEN: usize = 64;

/// The three kinds of encoding, each declared by the value of `X-Amz-Content-SHA256`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Each chunk is signed; nothing follows the last.
    Signed,
    /// Each chunk is signed; signed trailers follow the last.
    SignedTrailer,
    /// No chunk is signed; trailers follow the last: a checksum instead of signatures.
    UnsignedTrailer,
}

impl Framing {
    /// The encoding that a value of `X-Amz-Content-SHA256` declares, if it is one of the three.
    pub fn from_payload(value: &[u8]) -> Option<Self> {
        [Self::Signed, Self::SignedTrailer, Self::UnsignedTrailer]
            .into_iter()
            .find(|framing| framing.payload().as_bytes() == value)
    }

    /// The value of `X-Amz-Content-SHA256`, and the payload line of the canonical request.
    pub fn payload(self) -> &'static str {
        match self {
            Self::Signed => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Self::SignedTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Self::UnsignedTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
    }

    /// Whether each chunk has a signature.
    pub fn signs_chunks(self) -> bool {
        self != Self::UnsignedTrailer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_told_apart() {
        for (framing, payload, signs) in [
            (Framing::Signed, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", true),
            (
                Framing::SignedTrailer,
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                true,
            ),
            (
                Framing::UnsignedTrailer,
                "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                false,
            ),
        ] {
            assert_eq!(framing.payload(), payload);
            assert_eq!(framing.signs_chunks(), signs);
            assert_eq!(Framing::from_payload(payload.as_bytes()), Some(framing));
        }
        for other in [
            "",
            "UNSIGNED-PAYLOAD",
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-",
            "streaming-aws4-hmac-sha256-payload",
        ] {
            assert_eq!(Framing::from_payload(other.as_bytes()), None, "{other}");
        }
    }
}

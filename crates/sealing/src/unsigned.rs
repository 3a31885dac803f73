//! A request that nginx has serialized and that is to be signed.

use std::ops::Range;

use aws_signing::Header;

use crate::owner::Sources;
use crate::target::TargetSource;

/// A serialized request head that must not be sent as it is.
pub struct Unsigned<'a> {
    /// Request line, header lines and the empty line.
    pub head: &'a [u8],
    /// Where the request target is in `head`.
    pub target: Range<usize>,
    /// What nginx has made the target of.
    pub source: TargetSource<'a>,
    /// What is signed and said of the body.
    pub payload: Payload<'a>,
    /// Who may have written the header lines.
    pub sources: Sources<'a>,
}

/// What the signature and the head say of a body.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// The last line of the canonical request: the payload's SHA-256 in hex, or a literal such as
    /// `UNSIGNED-PAYLOAD`. It is also sent, as x-amz-content-sha256; in a signature that is in the
    /// query, only where it is a hash for S3. Version 2 knows none.
    pub line: &'a [u8],
    /// What follows the head.
    pub body: Body,
    /// The body is not in the framing that the client declared: it was taken off, or the body is
    /// another one. What the client said of its framing is not sent, and its trailers, which these
    /// are, become headers.
    pub unframed: Option<&'a [Header<'a>]>,
}

/// What follows the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing, and a head that announces something is rejected.
    Empty,
    /// Nothing, though the head announces something: those lines go.
    Dropped,
    /// The body of `proxy_set_body`, which is after the head in the same buffer. The head must
    /// announce it: else a variable has brought in an empty line.
    InHead {
        /// In bytes.
        length: u64,
    },
    /// A body. The length is in bytes; `None` if nginx sends it in HTTP's own chunks.
    Sent {
        /// What Content-Length has to say.
        length: Option<u64>,
    },
    /// A body in `aws-chunked` framing of the module.
    Encoded {
        /// Without the framing.
        decoded_length: u64,
        /// With it.
        length: u64,
    },
}

impl Payload<'_> {
    /// The payload of a request without a body.
    pub const EMPTY: Self = Self {
        line: aws_signing::EMPTY_PAYLOAD_SHA256.as_bytes(),
        body: Body::Empty,
        unframed: None,
    };
}

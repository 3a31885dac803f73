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
    /// What nginx has composed the target of.
    pub source: TargetSource<'a>,
    /// What is signed and declared about the body.
    pub payload: Payload<'a>,
    /// Who can have written the header lines.
    pub sources: Sources<'a>,
}

/// What the signature and the head declare about a body.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// The last line of the canonical request: the payload's SHA-256 in hex, or a literal such as
    /// `UNSIGNED-PAYLOAD`. It is also sent, as x-amz-content-sha256; with a signature in the query,
    /// only if it is a hash for S3. Version 2 has none.
    pub line: &'a [u8],
    /// What follows the head.
    pub body: Body,
    /// The body is not in the aws-chunked encoding that the client declared: the encoding was
    /// removed, or the body is another one. The client's declarations about the encoding are not
    /// sent, and its trailers, which these are, become headers.
    pub unframed: Option<&'a [Header<'a>]>,
}

/// What follows the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// No body; a head that announces one is rejected.
    Empty,
    /// No body, though the head announces one: those lines are removed.
    Dropped,
    /// The body of `proxy_set_body`, which is after the head in the same buffer. The head must
    /// announce it; otherwise a variable has injected an empty line.
    InHead {
        /// In bytes.
        length: u64,
    },
    /// A body. The length is in bytes; `None` if nginx sends it in HTTP's own chunks.
    Sent {
        /// The value of Content-Length.
        length: Option<u64>,
    },
    /// A body to which the module applies `aws-chunked` encoding.
    Encoded {
        /// Without the encoding.
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

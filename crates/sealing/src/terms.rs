//! What a seal goes by: the request, the location's policy, and who signs.

use std::ops::Range;

use aws_operations::OperationSet;
use aws_signing::{CredentialScope, Header, SigningKey, Timestamp, v2};

use crate::deputy::{PassHeaders, SignedHeaders};
use crate::destination::{Addressing, Destination};
use crate::head::RequestLine;
use crate::method::MethodSet;
use crate::owner::Sources;
use crate::services::PayloadRule;
use crate::style::Place;
use crate::target::TargetSource;

/// A serialised request head that must not be sent as it is.
pub struct Unsigned<'a> {
    /// Request line, header lines and the empty line.
    pub head: &'a [u8],
    /// Where the request target stands in `head`.
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
    /// The last line of the canonical request: the payload's SHA-256 in hex, or a literal such
    /// as `UNSIGNED-PAYLOAD`. It is also sent, as x-amz-content-sha256; in a signature that stands
    /// in the query, only where it is a hash for S3. Version 2 knows none.
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
    /// Nothing, and a head that announces something is refused.
    Empty,
    /// Nothing, though the head announces something: those lines go.
    Dropped,
    /// The body of `proxy_set_body`, which stands behind the head in the same buffer. The head must
    /// announce it: else a variable has brought in an empty line.
    InHead {
        /// In bytes.
        length: u64,
    },
    /// A body. The length is in bytes; `None` where nginx sends it in HTTP's own chunks.
    Sent {
        /// What Content-Length has to say.
        length: Option<u64>,
    },
    /// A body in `aws-chunked` framing of ours.
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

/// What a location allows and signs, other than the credentials.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `aws_sign_methods`
    pub methods: MethodSet,
    /// `aws_sign_operations`
    pub operations: OperationSet,
    /// `aws_addressing_style`, if it is set. Without a bucket it says what names the bucket: Host or
    /// the path.
    pub addressing: Option<Addressing>,
    /// `aws_pass_headers`
    pub pass_headers: PassHeaders,
    /// `aws_signed_headers`
    pub signed_headers: SignedHeaders,
    /// `aws_response_overrides`
    pub response_overrides: bool,
    /// `aws_signature_in`
    pub place: Place,
}

/// Who signs, and with what.
pub struct Identity<'a> {
    /// The access key ID, checked by [`crate::value::access_key`].
    pub access_key: &'a [u8],
    /// The session token of temporary credentials, checked by [`crate::value::secret`].
    pub session_token: Option<&'a [u8]>,
    /// When the credentials expire, as Unix time in seconds; `None` where that is not known, or
    /// never. A signature in the query, whatever it says itself, is good for no longer.
    pub expires_at: Option<i64>,
    /// What is signed with; it decides about the version of the signature.
    pub key: Key<'a>,
}

/// What is signed with.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// Signature Version 4.
    V4 {
        /// The scope `key` was derived for. Its service decides between S3's rules and the others'.
        scope: &'a CredentialScope,
        /// The signing key.
        key: &'a SigningKey,
    },
    /// Signature Version 2, which S3 alone takes.
    V2(&'a v2::SecretKey),
}

impl Identity<'_> {
    /// Whether S3's rules apply to what is signed.
    pub fn is_s3(&self) -> bool {
        self.payload_rule() == PayloadRule::S3
    }

    /// What the service expects of a payload.
    pub fn payload_rule(&self) -> PayloadRule {
        match self.key {
            Key::V4 { scope, .. } => PayloadRule::of(scope.service()),
            Key::V2(_) => PayloadRule::S3,
        }
    }
}

/// All that one seal goes by.
pub(crate) struct Job<'a, 'r> {
    pub(crate) request: &'a Unsigned<'r>,
    pub(crate) line: RequestLine<'a>,
    /// The index of the first header line that the client wrote.
    pub(crate) first_client_line: usize,
    pub(crate) policy: &'a Policy,
    pub(crate) destination: Destination<'a>,
    pub(crate) identity: &'a Identity<'a>,
    pub(crate) now: &'a Timestamp,
    /// Whether S3's rules apply.
    pub(crate) s3: bool,
}

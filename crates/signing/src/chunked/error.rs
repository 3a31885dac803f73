//! Why a body cannot be framed, read or signed anew.

use std::fmt;

use super::{MAX_CHUNK, MAX_TRAILERS};

/// Why a body is not what its client declared. None of them is worth another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingError {
    /// A chunk does not begin with a size in hexadecimal digits and CRLF.
    Size,
    /// The line that begins a chunk is longer than any could be.
    SizeLineTooLong,
    /// A chunk has an extension other than its signature.
    Extension,
    /// A chunk's signature is missing where chunks are signed.
    MissingSignature,
    /// A chunk is signed where chunks are not.
    UnexpectedSignature,
    /// A signature of a chunk or of the trailers is not 64 hexadecimal digits.
    Signature,
    /// A chunk is larger than [`MAX_CHUNK`].
    ChunkTooLarge {
        /// The size that its line declares.
        size: u64,
    },
    /// The data of a chunk is not followed by CRLF.
    ChunkEnd,
    /// The chunks hold more data than the decoded length that the request declares.
    TooLong {
        /// The length declared.
        declared: u64,
    },
    /// The chunks hold less data than the decoded length that the request declares.
    TooShort {
        /// The length declared.
        declared: u64,
        /// The length of the data.
        decoded: u64,
    },
    /// Something follows the last chunk where no trailers were declared.
    UnexpectedTrailer,
    /// A line behind the last chunk is not `name:value` and CRLF.
    TrailerLine,
    /// A trailer cannot be taken.
    Trailer(TrailerError),
    /// The trailers are longer than [`MAX_TRAILERS`].
    TrailersTooLarge,
    /// There is no trailer where signed trailers were declared.
    MissingTrailer,
    /// The trailers' signature is missing where it was declared.
    MissingTrailerSignature,
    /// The body ends inside its framing.
    Truncated,
    /// Bytes follow the end of the framing.
    AfterEnd,
    /// There is no memory to hold a line of the framing. The client is not to blame.
    Memory,
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "a chunk does not begin with its size in hexadecimal digits",
            Self::SizeLineTooLong => "the line that begins a chunk is too long",
            Self::Extension => "a chunk has an extension other than chunk-signature",
            Self::MissingSignature => "a chunk has no signature",
            Self::UnexpectedSignature => "a chunk has a signature, but unsigned ones were declared",
            Self::Signature => "a signature is not 64 hexadecimal digits",
            Self::ChunkTooLarge { size } => {
                return write!(
                    f,
                    "a chunk of {size} bytes is above the limit of {MAX_CHUNK}"
                );
            }
            Self::ChunkEnd => "the data of a chunk is not followed by CRLF",
            Self::TooLong { declared } => {
                return write!(f, "the chunks hold more than the {declared} bytes declared");
            }
            Self::TooShort { declared, decoded } => {
                return write!(
                    f,
                    "the chunks hold {decoded} bytes of the {declared} declared"
                );
            }
            Self::UnexpectedTrailer => "there are trailers that were not declared",
            Self::TrailerLine => "a trailer is not a line of the form name:value",
            Self::Trailer(error) => return error.fmt(f),
            Self::TrailersTooLarge => {
                return write!(
                    f,
                    "the trailers are above the limit of {MAX_TRAILERS} bytes"
                );
            }
            Self::MissingTrailer => "there is no trailer, but signed ones were declared",
            Self::MissingTrailerSignature => "the trailers have no signature",
            Self::Truncated => "the body ends inside its framing",
            Self::AfterEnd => "bytes follow the end of the framing",
            Self::Memory => "no memory to hold a line of the framing",
        })
    }
}

impl std::error::Error for FramingError {}

impl From<TrailerError> for FramingError {
    fn from(error: TrailerError) -> Self {
        Self::Trailer(error)
    }
}

/// Why a field cannot be a trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailerError {
    /// The name is empty or holds a byte that no name may hold.
    Name,
    /// The value is empty or holds a blank, a control byte or a byte outside ASCII.
    Value,
    /// There is a trailer of this name already.
    Duplicate,
    /// The name is that of the trailers' signature, which is none of them.
    Reserved,
    /// There is no memory to hold it.
    Memory,
}

impl fmt::Display for TrailerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a trailer has an invalid name",
            Self::Value => "the value of a trailer is empty or holds other than visible ASCII",
            Self::Duplicate => "two trailers have the same name",
            Self::Reserved => "x-amz-trailer-signature is no trailer to be signed",
            Self::Memory => "no memory to hold a trailer",
        })
    }
}

impl std::error::Error for TrailerError {}

/// Why an [`Encoder`](super::Encoder) does not go on. Each would make the body differ from the
/// length that its head has announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// There is more data than the layout says.
    TooLong,
    /// Data is missing at the end.
    TooShort {
        /// Bytes that the layout still expects.
        missing: u64,
    },
    /// The last chunk of data still waits for its header.
    OpenChunk,
    /// The trailers are not of the length that the layout says.
    TrailersLength {
        /// The length in the layout.
        expected: usize,
        /// The length that they have.
        actual: usize,
    },
    /// There is no memory to sign the trailers.
    Memory,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("the body is longer than announced"),
            Self::TooShort { missing } => {
                write!(f, "the body ends {missing} bytes before its announced end")
            }
            Self::OpenChunk => f.write_str("the last chunk of the body has not been written"),
            Self::TrailersLength { expected, actual } => write!(
                f,
                "the trailers take {actual} bytes where {expected} were announced"
            ),
            Self::Memory => f.write_str("no memory to sign the trailers"),
        }
    }
}

impl std::error::Error for EncodeError {}

/// Why a [`Resigner`](super::Resigner) does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResignError {
    /// The client's body is not what it declared.
    Framing(FramingError),
    /// There is no memory to hold the client's chunk.
    Memory,
}

impl fmt::Display for ResignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Framing(error) => error.fmt(f),
            Self::Memory => f.write_str("no memory to hold a chunk of the body"),
        }
    }
}

impl std::error::Error for ResignError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Framing(error) => Some(error),
            Self::Memory => None,
        }
    }
}

impl From<FramingError> for ResignError {
    fn from(error: FramingError) -> Self {
        Self::Framing(error)
    }
}

//! Why a body cannot be encoded, decoded, or signed again.

use super::{MAX_CHUNK, MAX_TRAILERS};

/// Why a body is not what its client declared. Sending it again would not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A chunk does not begin with a size in hexadecimal digits and CRLF.
    #[error("a chunk does not begin with its size in hexadecimal digits")]
    Size,
    /// The line that begins a chunk is too long.
    #[error("the line that begins a chunk is too long")]
    SizeLineTooLong,
    /// A chunk has an extension other than its signature.
    #[error("a chunk has an extension other than chunk-signature")]
    Extension,
    /// A chunk's signature is missing, but the declared encoding has signed chunks.
    #[error("a chunk has no signature")]
    MissingSignature,
    /// A chunk is signed, but the declared encoding has no signed chunks.
    #[error("a chunk has a signature, but unsigned chunks were declared")]
    UnexpectedSignature,
    /// A signature of a chunk or of the trailers is not 64 hexadecimal digits.
    #[error("a signature is not 64 hexadecimal digits")]
    Signature,
    /// A chunk is larger than [`MAX_CHUNK`].
    #[error("a chunk of {size} bytes exceeds the limit of {MAX_CHUNK}")]
    ChunkTooLarge {
        /// The size that its line declares.
        size: u64,
    },
    /// The data of a chunk is not followed by CRLF.
    #[error("the data of a chunk is not followed by CRLF")]
    ChunkEnd,
    /// The chunks contain more data than the declared decoded length.
    #[error("the chunks contain more than the {declared} bytes declared")]
    TooLong {
        /// The declared length.
        declared: u64,
    },
    /// The chunks contain less data than the declared decoded length.
    #[error("the chunks contain {decoded} bytes of the {declared} declared")]
    TooShort {
        /// The declared length.
        declared: u64,
        /// The length of the data.
        decoded: u64,
    },
    /// Something follows the last chunk, but no trailers were declared.
    #[error("there are trailers that were not declared")]
    UnexpectedTrailer,
    /// A line after the last chunk is not `name:value` and CRLF.
    #[error("a trailer is not a line of the form name:value")]
    TrailerLine,
    /// A trailer is not valid.
    #[error(transparent)]
    Trailer(#[from] TrailerError),
    /// The trailers are longer than [`MAX_TRAILERS`].
    #[error("the trailers exceed the limit of {MAX_TRAILERS} bytes")]
    TrailersTooLarge,
    /// Signed trailers were declared, but there are none.
    #[error("there is no trailer, but signed trailers were declared")]
    MissingTrailer,
    /// The trailers' signature was declared, but is missing.
    #[error("the trailers have no signature")]
    MissingTrailerSignature,
    /// The body ends within the aws-chunked encoding.
    #[error("the body ends within the aws-chunked encoding")]
    Truncated,
    /// Bytes follow the end of the framing.
    #[error("bytes follow the end of the aws-chunked encoding")]
    AfterEnd,
    /// There is no memory to hold a line of the encoding. This is not the client's fault.
    #[error("not enough memory to hold a line of the aws-chunked encoding")]
    Memory,
}

/// Why a field cannot be a trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrailerError {
    /// The name is empty or contains a byte that is not allowed in names.
    #[error("a trailer has an invalid name")]
    Name,
    /// The value is empty or contains a space, a control byte, or a byte outside ASCII.
    #[error("the value of a trailer is empty or contains other than visible ASCII")]
    Value,
    /// There is already a trailer of this name.
    #[error("two trailers have the same name")]
    Duplicate,
    /// The name is that of the trailers' signature.
    #[error("x-amz-trailer-signature cannot be signed as a trailer")]
    Reserved,
    /// There is no memory to hold it.
    #[error("not enough memory to hold a trailer")]
    Memory,
}

/// Why an [`Encoder`](super::Encoder) does not continue. Each of these errors would make the body
/// differ from the length that its head has announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// There is more data than in the layout.
    #[error("the body is longer than announced")]
    TooLong,
    /// Data is missing at the end.
    #[error("the body ends {missing} bytes before its announced end")]
    TooShort {
        /// Bytes that the layout still expects.
        missing: u64,
    },
    /// The header of the last chunk of data has not been written.
    #[error("the last chunk of the body has not been written")]
    OpenChunk,
    /// The trailers do not have the length in the layout.
    #[error("the trailers take {actual} bytes, but {expected} were announced")]
    TrailersLength {
        /// The length in the layout.
        expected: usize,
        /// The length that they have.
        actual: usize,
    },
    /// There is not enough memory to sign the trailers.
    #[error("not enough memory to sign the trailers")]
    Memory,
}

/// Why a [`Resigner`](super::Resigner) does not continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResignError {
    /// The client's body is not what it declared.
    #[error(transparent)]
    Framing(#[from] FramingError),
    /// There is no memory to hold the client's chunk.
    #[error("not enough memory to hold a chunk of the body")]
    Memory,
}

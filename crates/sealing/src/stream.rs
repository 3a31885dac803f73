//! Applies aws-chunked encoding to a body while it is sent, or replaces the signatures in it.

use std::fmt;

use aws_signing::chunked::{
    ChunkSigner, EncodeError, Encoder, Framing, Layout, ResignError, Resigner, Trailers,
};

/// The length of what comes before the data of a chunk: CRLF, up to 8 digits, the signature, CRLF.
const HEADER_ROOM: usize = 128;

/// The length of what comes after the last chunk's data.
const END_ROOM: usize = 128;

/// Accepts a body piece by piece and produces frames, each a chunk that can be sent.
///
/// A chunk's signature comes before its data and covers it, so a chunk is held until it is
/// complete: up to 64 KiB if the module applies the encoding, and up to the size of the client's
/// chunks if it only signs them again ([`MAX_CHUNK`](aws_signing::chunked::MAX_CHUNK)).
pub struct Stream {
    chain: Chain,
    /// Whether the last byte of the body is in the buffer, or has been sent.
    ended: bool,
    /// The frame: complete, or being filled.
    buffer: Vec<u8>,
    /// Where the frame begins in the buffer, once it is complete.
    complete: Option<usize>,
}

enum Chain {
    Encode(Encoder),
    Resign(Resigner),
}

/// Why a body is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// It is longer or shorter than announced.
    #[error(transparent)]
    Length(#[from] EncodeError),
    /// The client's aws-chunked encoding is invalid, or there is no memory to hold one of its
    /// chunks.
    #[error(transparent)]
    Framing(#[from] ResignError),
    /// There is no memory to hold a chunk.
    #[error("not enough memory to hold a chunk of the body")]
    OutOfMemory,
    /// Bytes follow the end of the body.
    #[error("bytes follow the end of the body")]
    AfterEnd,
}

impl Stream {
    /// Applies aws-chunked encoding to a body of the shape `layout`.
    pub fn encode(layout: Layout, signer: ChunkSigner) -> Result<Self, StreamError> {
        let chunk = u64::from(layout.chunk_size().get()).min(layout.decoded_length());
        let mut buffer = Vec::new();
        buffer
            // At most a chunk's size, which has 32 bits.
            .try_reserve_exact(HEADER_ROOM + chunk as usize + END_ROOM)
            .map_err(|_| StreamError::OutOfMemory)?;
        Ok(Self::new(
            Chain::Encode(Encoder::new(layout, signer)),
            buffer,
        ))
    }

    /// Signs the chunks of a client's aws-chunked encoding again. `None` for an encoding without
    /// signatures.
    pub fn resign(framing: Framing, decoded_length: u64, signer: ChunkSigner) -> Option<Self> {
        let resigner = Resigner::new(framing, decoded_length, signer)?;
        Some(Self::new(Chain::Resign(resigner), Vec::new()))
    }

    fn new(chain: Chain, buffer: Vec<u8>) -> Self {
        let mut stream = Self {
            chain,
            ended: false,
            buffer,
            complete: None,
        };
        stream.empty();
        stream
    }

    /// Resets the state: the body will be sent again, from its beginning.
    pub fn restart(&mut self) {
        match &mut self.chain {
            Chain::Encode(encoder) => encoder.restart(),
            Chain::Resign(resigner) => resigner.restart(),
        }
        self.ended = false;
        self.empty();
    }

    /// Consumes bytes from the beginning of `input`, until a frame is complete, and returns how
    /// many. While a frame is complete it consumes none.
    pub fn update(&mut self, input: &[u8]) -> Result<usize, StreamError> {
        if self.complete.is_some() || input.is_empty() {
            return Ok(0);
        }
        if self.ended {
            return Err(StreamError::AfterEnd);
        }
        match &mut self.chain {
            Chain::Encode(encoder) => {
                let taken = encoder.update(input)?;
                // Within the memory that `encode` has reserved, like everything that follows.
                self.buffer.extend_from_slice(&input[..taken]);
                if let Some(header) = encoder.chunk_header() {
                    let start = HEADER_ROOM - header.len();
                    self.buffer[start..HEADER_ROOM].copy_from_slice(&header);
                    self.complete = Some(start);
                    if encoder.room() == 0 {
                        encoder.finish(&Trailers::new(), &mut self.buffer)?;
                        self.ended = true;
                    }
                }
                Ok(taken)
            }
            Chain::Resign(resigner) => {
                let step = resigner.update(input, &mut self.buffer)?;
                if step.complete {
                    self.complete = Some(0);
                    self.ended = resigner.finish().is_ok();
                }
                Ok(step.used)
            }
        }
    }

    /// What can be sent; empty if no frame is complete.
    pub fn frame(&self) -> &[u8] {
        match self.complete {
            Some(start) => &self.buffer[start..],
            None => &[],
        }
    }

    /// The frame, if one was complete, has been sent: the buffer is free for the next one.
    pub fn sent(&mut self) {
        if self.complete.is_some() {
            self.empty();
        }
    }

    fn empty(&mut self) {
        self.complete = None;
        self.buffer.clear();
        if let Chain::Encode(_) = self.chain {
            // Reserved by `encode`.
            self.buffer.resize(HEADER_ROOM, 0);
        }
    }
}

/// Shows nothing of a body.
impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

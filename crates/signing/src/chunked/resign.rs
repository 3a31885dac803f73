//! Replaces a client's signatures.

use sha2::{Digest, Sha256};

use super::{ChunkSigner, Event, Framing, Parser, ResignError, SIGNATURE_LEN};

/// The length of the end after the last chunk: the empty chunk, and the few trailers that SDKs
/// send.
const END_ROOM: usize = 256;

/// Signs a client's chunks and trailers again. Sizes, data, and trailers do not change, and neither
/// does the length.
///
/// A chunk's signature comes before its data and covers it. So each chunk is held, in the caller's
/// buffer, until it is complete. This needs the chunk's size, which the client chooses, at most
/// [`MAX_CHUNK`](super::MAX_CHUNK), and the line before it. The last chunk with data is held until
/// the end of the body, too, which is up to [`MAX_TRAILERS`](super::MAX_TRAILERS) more: if it was
/// sent separately, the kernel would wait for the upstream to acknowledge the chunk before it sends
/// so few bytes. The buffer grows with the received data, at most to twice its length, and not with
/// what the client announces.
///
/// ```
/// use aws_signing::chunked::{ChunkSigner, Framing, Resigner};
/// use aws_signing::{CredentialScope, SigningKey, Timestamp};
///
/// let now = Timestamp::from_unix(1_369_353_600);
/// let scope = CredentialScope::new(now.date(), "us-east-1", "s3").unwrap();
/// let signer = ChunkSigner::new(&SigningKey::from_bytes(&[7; 32]), &scope, &now, &[b'0'; 64]).unwrap();
///
/// let theirs = "f".repeat(64);
/// let body = format!("2;chunk-signature={theirs}\r\nhi\r\n0;chunk-signature={theirs}\r\n\r\n");
/// let mut resigner = Resigner::new(Framing::Signed, 2, signer).unwrap();
/// let (mut held, mut sent) = (Vec::new(), Vec::new());
/// for mut piece in body.as_bytes().chunks(50) {
///     while !piece.is_empty() {
///         let step = resigner.update(piece, &mut held).unwrap();
///         piece = &piece[step.used..];
///         if step.complete {
///             sent.append(&mut held);
///         }
///     }
/// }
/// resigner.finish().unwrap();
/// assert_eq!(sent.len(), body.len());
/// assert!(!sent.windows(64).any(|part| part == theirs.as_bytes()));
/// ```
#[derive(Clone, Debug)]
pub struct Resigner {
    parser: Parser,
    signer: ChunkSigner,
    /// The hash of the data of the current chunk.
    hasher: Sha256,
    /// Where the signature of that chunk is in the caller's buffer.
    signature_at: usize,
    /// The length of that chunk in the buffer, with what is sent before and after it.
    end: usize,
}

/// The result for the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The number of bytes of the input that were processed.
    pub used: usize,
    /// Whether everything in the buffer can be sent. If not, the whole input was processed.
    pub complete: bool,
}

impl Resigner {
    /// Expects the same as [`Parser::new`], and signs with the chain `signer`. Returns `None` for
    /// an encoding without signatures.
    pub fn new(framing: Framing, decoded_length: u64, signer: ChunkSigner) -> Option<Self> {
        framing.signs_chunks().then(|| Self {
            parser: Parser::new(framing, decoded_length),
            signer,
            hasher: Sha256::new(),
            signature_at: 0,
            end: 0,
        })
    }

    /// Resets the state: the body starts again.
    pub fn restart(&mut self) {
        self.parser.restart();
        self.signer.restart();
        self.hasher.reset();
    }

    /// Processes bytes from the beginning of `input`, up to the end of the chunk (or of the body,
    /// if no data follows the chunk), and appends them to `out`, with the new signature once the
    /// chunk is complete.
    ///
    /// Until the next complete chunk, the caller must neither read nor change the buffer. At a
    /// complete chunk it can be sent and cleared, or filled further.
    pub fn update(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Step, ResignError> {
        let mut used = 0;
        let complete = loop {
            let (taken, event) = self.parser.next(&input[used..])?;
            reserve(out, taken, self.end)?;
            out.extend_from_slice(&input[used..used + taken]);
            used += taken;
            match event {
                Event::Incomplete => break false,
                Event::Chunk { size } => {
                    self.signature_at = signature_of_line(out);
                    self.end = out.len() + size as usize + b"\r\n".len();
                    if self.parser.in_last_chunk() {
                        self.end += END_ROOM;
                    }
                    if size == 0 {
                        self.sign_chunk(out);
                    }
                }
                Event::Data(data) => self.hasher.update(data),
                Event::ChunkEnd => {
                    self.sign_chunk(out);
                    if !self.parser.in_last_chunk() {
                        break true;
                    }
                }
                Event::Trailer => {}
                Event::TrailerSignature => {
                    let signature = self.signer.sign_trailers(self.parser.trailers());
                    let signature = signature.map_err(|_| ResignError::Memory)?;
                    let at = signature_of_line(out);
                    out[at..][..SIGNATURE_LEN].copy_from_slice(&signature);
                }
                Event::End => break true,
            }
        };
        Ok(Step { used, complete })
    }

    /// Whether the body can end where the input has ended.
    pub fn finish(&self) -> Result<(), ResignError> {
        Ok(self.parser.finish()?)
    }

    fn sign_chunk(&mut self, out: &mut [u8]) {
        let hash = self.hasher.finalize_reset().into();
        let signature = self.signer.sign_chunk(&hash);
        out[self.signature_at..][..SIGNATURE_LEN].copy_from_slice(&signature);
    }
}

/// Where the signature is in a buffer that ends with it and CRLF.
fn signature_of_line(out: &[u8]) -> usize {
    out.len() - b"\r\n".len() - SIGNATURE_LEN
}

/// Reserves memory for `more` bytes: for twice the current length, so that growing is cheap, but
/// for at most `end` in total unless more is needed.
fn reserve(out: &mut Vec<u8>, more: usize, end: usize) -> Result<(), ResignError> {
    let needed = out.len() + more;
    if needed <= out.capacity() {
        return Ok(());
    }
    let wanted = (2 * out.capacity()).min(end).max(needed);
    out.try_reserve_exact(wanted - out.len())
        .map_err(|_| ResignError::Memory)
}

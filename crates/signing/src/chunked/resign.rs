//! Replaces a client's signatures.

use sha2::{Digest, Sha256};

use super::{ChunkSigner, Event, Framing, Parser, ResignError, SIGNATURE_LEN};

/// Room for the end after the last chunk: the empty chunk, and the few trailers that SDKs send.
const END_ROOM: usize = 256;

/// Signs the chunks that a client has cut, and its trailers, again; sizes, data and trailers stay
/// as they are, and so does the length.
///
/// A chunk's signature comes before its data and covers it. So each chunk is held, in the buffer
/// that the caller hands in, until it has come as a whole: that takes the chunk's size, which the
/// client chooses, at most [`MAX_CHUNK`](super::MAX_CHUNK), and the line before it. The last chunk
/// with data is held until the end has come, too, which is up to
/// [`MAX_TRAILERS`](super::MAX_TRAILERS): sent on its own, so little would wait in the kernel for
/// the upstream to acknowledge the chunk. The buffer grows with what has come, to twice that at
/// most, not with what the client announces.
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
    /// Of the data of the chunk that is being read.
    hasher: Sha256,
    /// Where the signature of that chunk is in the caller's buffer.
    signature_at: usize,
    /// How much that chunk will take there, with what is sent before and after it.
    end: usize,
}

/// What became of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The bytes of the input that were taken.
    pub used: usize,
    /// Whether all that is in the buffer may be sent. If not, all of the input was taken.
    pub complete: bool,
}

impl Resigner {
    /// Expects what [`Parser::new`] does, and signs with the chain `signer`. There is nothing to
    /// sign in unsigned framing, hence `None`.
    pub fn new(framing: Framing, decoded_length: u64, signer: ChunkSigner) -> Option<Self> {
        framing.signs_chunks().then(|| Self {
            parser: Parser::new(framing, decoded_length),
            signer,
            hasher: Sha256::new(),
            signature_at: 0,
            end: 0,
        })
    }

    /// Forgets what came: the body starts again.
    pub fn restart(&mut self) {
        self.parser.restart();
        self.signer.restart();
        self.hasher.reset();
    }

    /// Takes bytes from the beginning of `input`, up to the end of the chunk (of the body, if no data
    /// follows the chunk), and appends them to `out`, with our signature once the chunk is complete.
    ///
    /// Between two complete chunks the buffer is the resigner's: the caller neither reads nor
    /// changes it. At a complete chunk it may be sent and cleared, or filled on.
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

    /// Whether the body may end where the input did.
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

/// Makes room for `more` bytes: for twice what there is, so that growing costs little, but, unless
/// they need it, for no more than `end` in all.
fn reserve(out: &mut Vec<u8>, more: usize, end: usize) -> Result<(), ResignError> {
    let needed = out.len() + more;
    if needed <= out.capacity() {
        return Ok(());
    }
    let wanted = (2 * out.capacity()).min(end).max(needed);
    out.try_reserve_exact(wanted - out.len())
        .map_err(|_| ResignError::Memory)
}

//! Parses the aws-chunked encoding that a client sends.

use super::line::{Line, LineBuffer, LineError};
use super::{
    CHUNK_SIGNATURE, Framing, FramingError, MAX_CHUNK, MAX_TRAILERS, SIGNATURE_LEN,
    TRAILER_SIGNATURE, Trailers,
};

/// The maximum number of digits of a size that are read, to report by how much it exceeds the
/// limit.
const MAX_DIGITS: usize = 16;

/// The longest line that begins a chunk.
const MAX_SIZE_LINE: usize = MAX_DIGITS + CHUNK_SIGNATURE.len() + SIGNATURE_LEN;

/// The type of the next bytes of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The whole input has been processed, and more is needed to decide; or it was empty.
    Incomplete,
    /// The line that begins a chunk. If chunks are signed, the signature is the 64 bytes before the
    /// CRLF that ends it.
    Chunk {
        /// Bytes of data in the chunk; 0 in the last.
        size: u32,
    },
    /// Data of the chunk, possibly not all of it.
    Data(&'a [u8]),
    /// The CRLF after a chunk's data.
    ChunkEnd,
    /// A trailer: the last of [`Parser::trailers`].
    Trailer,
    /// The line with the trailers' signature, which is the 64 bytes before the CRLF that ends it.
    TrailerSignature,
    /// The empty line that ends the framing.
    End,
}

/// Parses the encoding of a body piece by piece, and rejects everything that two servers could read
/// in two ways: bare line ends, spaces, signs, prefixes, extensions, empty or repeated trailers.
///
/// Signatures are not verified: they are made with the client's key.
///
/// One deviation is accepted, since AWS accepts it and the MinIO client for Go sends it: there can
/// be an LF before the CRLF of the last trailer. A server that reads this LF as the end of a line
/// reads the following CRLF as the end of the trailers, so it sees no additional trailer.
///
/// ```
/// use aws_signing::chunked::{Event, Framing, Parser};
///
/// let mut parser = Parser::new(Framing::UnsignedTrailer, 5);
/// let mut data = Vec::new();
/// for mut input in [&b"5\r\nhe"[..], b"llo\r", b"\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"] {
///     while !input.is_empty() {
///         let (used, event) = parser.next(input).unwrap();
///         input = &input[used..];
///         if let Event::Data(bytes) = event {
///             data.extend_from_slice(bytes);
///         }
///     }
/// }
/// parser.finish().unwrap();
/// assert_eq!(data, b"hello");
/// let trailer = parser.trailers().iter().next_back();
/// assert_eq!(trailer, Some((&b"x-amz-checksum-crc32"[..], &b"NhCmhg=="[..])));
/// ```
#[derive(Clone, Debug)]
pub struct Parser {
    framing: Framing,
    declared: u64,
    decoded: u64,
    state: State,
    line: LineBuffer,
    trailers: Trailers,
    /// How much of [`MAX_TRAILERS`] is left for lines after the last chunk.
    trailers_left: usize,
}

/// What must come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The line that begins a chunk.
    Size,
    /// This many bytes of data.
    Data(u32),
    /// The CRLF after a chunk's data.
    DataEnd,
    /// A trailer, the trailers' signature or the empty line.
    Trailer,
    /// The same, but no trailer.
    LastTrailer,
    /// The empty line.
    EmptyLine,
    /// Nothing.
    End,
    /// Nothing: there was an error.
    Failed(FramingError),
}

impl Parser {
    /// Expects `framing`, and `decoded_length` bytes of data in it: what the request declares in
    /// `X-Amz-Content-SHA256` and `X-Amz-Decoded-Content-Length`.
    pub fn new(framing: Framing, decoded_length: u64) -> Self {
        Self {
            framing,
            declared: decoded_length,
            decoded: 0,
            state: State::Size,
            line: LineBuffer::default(),
            trailers: Trailers::new(),
            trailers_left: MAX_TRAILERS,
        }
    }

    /// Resets the state: the body starts again.
    pub fn restart(&mut self) {
        *self = Self::new(self.framing, self.declared);
    }

    /// Reads from the beginning of `input` and returns the number of bytes and their type. They
    /// continue earlier input that was [`Event::Incomplete`].
    ///
    /// After an error, it returns the same error again.
    pub fn next<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), FramingError> {
        let step = match self.state {
            State::Failed(error) => Err(error),
            _ if input.is_empty() => Ok((0, Event::Incomplete)),
            State::Size => self.read_size(input),
            State::Data(left) => Ok(self.read_data(input, left)),
            State::DataEnd => self.read_data_end(input),
            State::Trailer | State::LastTrailer => self.read_trailer(input),
            State::EmptyLine => self.read_end(input),
            State::End => Err(FramingError::AfterEnd),
        };
        if let Err(error) = step {
            self.state = State::Failed(error);
        }
        step
    }

    /// Whether the body can end where the input has ended.
    pub fn finish(&self) -> Result<(), FramingError> {
        match self.state {
            State::End => Ok(()),
            State::Failed(error) => Err(error),
            _ => Err(FramingError::Truncated),
        }
    }

    /// Whether all declared data belongs to chunks that have begun, so that the end follows the
    /// data.
    pub(super) fn in_last_chunk(&self) -> bool {
        self.decoded == self.declared
    }

    /// The trailers that have been received.
    pub fn trailers(&self) -> &Trailers {
        &self.trailers
    }

    fn read_size<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), FramingError> {
        let (text, used) = match self.line.read(input, MAX_SIZE_LINE) {
            Ok(Line::Whole { text, used }) => (text, used),
            Ok(Line::Partial) => return Ok((input.len(), Event::Incomplete)),
            Err(LineError::TooLong) => return Err(FramingError::SizeLineTooLong),
            Err(LineError::BareCr) => return Err(FramingError::Size),
            Err(LineError::Memory) => return Err(FramingError::Memory),
        };
        let size = chunk_size(text, self.framing.signs_chunks())?;
        self.line.clear();

        let declared = self.declared;
        if u64::from(size) > declared - self.decoded {
            return Err(FramingError::TooLong { declared });
        }
        self.decoded += u64::from(size);
        self.state = if size > 0 {
            State::Data(size)
        } else if self.decoded < declared {
            let decoded = self.decoded;
            return Err(FramingError::TooShort { declared, decoded });
        } else if self.framing == Framing::Signed {
            State::EmptyLine
        } else {
            State::Trailer
        };
        Ok((used, Event::Chunk { size }))
    }

    fn read_data<'a>(&mut self, input: &'a [u8], left: u32) -> (usize, Event<'a>) {
        let data = &input[..input.len().min(left as usize)];
        self.state = match left - data.len() as u32 {
            0 => State::DataEnd,
            left => State::Data(left),
        };
        (data.len(), Event::Data(data))
    }

    fn read_data_end<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), FramingError> {
        self.read_crlf(input, State::Size, Event::ChunkEnd)
            .ok_or(FramingError::ChunkEnd)
    }

    fn read_end<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), FramingError> {
        self.read_crlf(input, State::End, Event::End)
            .ok_or(match self.framing {
                Framing::Signed => FramingError::UnexpectedTrailer,
                Framing::SignedTrailer | Framing::UnsignedTrailer => FramingError::TrailerLine,
            })
    }

    /// Reads CRLF, which leads to the state `next`.
    fn read_crlf<'a>(
        &mut self,
        input: &[u8],
        next: State,
        event: Event<'a>,
    ) -> Option<(usize, Event<'a>)> {
        match self.line.read(input, 0).ok()? {
            Line::Whole { used, .. } => {
                self.line.clear();
                self.state = next;
                Some((used, event))
            }
            Line::Partial => Some((input.len(), Event::Incomplete)),
        }
    }

    fn read_trailer<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), FramingError> {
        let limit = self.trailers_left.saturating_sub(b"\r\n".len());
        let (text, used) = match self.line.read(input, limit) {
            Ok(Line::Whole { text, used }) => (text, used),
            Ok(Line::Partial) => return Ok((input.len(), Event::Incomplete)),
            Err(LineError::TooLong) => return Err(FramingError::TrailersTooLarge),
            Err(LineError::BareCr) => return Err(FramingError::TrailerLine),
            Err(LineError::Memory) => return Err(FramingError::Memory),
        };
        let signed = self.framing == Framing::SignedTrailer;
        let event = if text.is_empty() {
            if signed {
                return Err(FramingError::MissingTrailerSignature);
            }
            self.state = State::End;
            Event::End
        } else {
            let colon = text.iter().position(|&byte| byte == b':');
            let (name, value) = text.split_at(colon.ok_or(FramingError::TrailerLine)?);
            let value = &value[1..];
            if signed && name.eq_ignore_ascii_case(TRAILER_SIGNATURE) {
                check_signature(value)?;
                // Servers disagree about what is signed if there is none.
                if self.trailers.is_empty() {
                    return Err(FramingError::MissingTrailer);
                }
                self.state = State::EmptyLine;
                Event::TrailerSignature
            } else if self.state == State::LastTrailer {
                return Err(FramingError::TrailerLine);
            } else {
                let without_lf = value.strip_suffix(b"\n");
                self.trailers.push(name, without_lf.unwrap_or(value))?;
                if without_lf.is_some() {
                    self.state = State::LastTrailer;
                }
                Event::Trailer
            }
        };
        self.trailers_left = limit - text.len();
        self.line.clear();
        Ok((used, event))
    }
}

/// The size in a line that begins a chunk. The line must or must not contain a signature.
fn chunk_size(line: &[u8], signed: bool) -> Result<u32, FramingError> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit());
    let (digits, extension) = line.split_at(digits.count());
    match (extension.strip_prefix(CHUNK_SIGNATURE), extension, signed) {
        (Some(signature), _, true) => check_signature(signature)?,
        (Some(_), _, false) => return Err(FramingError::UnexpectedSignature),
        (None, [], true) => return Err(FramingError::MissingSignature),
        (None, [], false) => {}
        (None, [b';', ..], _) => return Err(FramingError::Extension),
        (None, ..) => return Err(FramingError::Size),
    }
    // No limit needs more than eight digits, and some servers read only eight of a longer size.
    match digits {
        [] | [b'0', _, _, _, _, _, _, _, _, ..] => return Err(FramingError::Size),
        _ if digits.len() > MAX_DIGITS => return Err(FramingError::SizeLineTooLong),
        _ => {}
    }
    let size = digits.iter().fold(0, |size, &digit| {
        let value = char::from(digit).to_digit(16).expect("a hexadecimal digit");
        size << 4 | u64::from(value)
    });
    u32::try_from(size)
        .ok()
        .filter(|&size| size <= MAX_CHUNK)
        .ok_or(FramingError::ChunkTooLarge { size })
}

fn check_signature(text: &[u8]) -> Result<(), FramingError> {
    if text.len() == SIGNATURE_LEN && text.iter().all(u8::is_ascii_hexdigit) {
        Ok(())
    } else {
        Err(FramingError::Signature)
    }
}

#[cfg(test)]
mod tests;

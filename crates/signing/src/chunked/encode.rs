//! Writes signed chunks.

use std::ops::Deref;

use sha2::{Digest, Sha256};

use super::{
    CHUNK_SIGNATURE, ChunkSigner, EncodeError, Layout, SIGNATURE_LEN, TRAILER_SIGNATURE, Trailers,
};

/// Encodes and signs a body whose length is known.
///
/// A chunk's signature comes before its data and covers it, so a chunk is held until it is
/// complete: by the caller, wherever it already is. The encoder processes the data and writes the
/// headers between chunks. It allocates nothing per chunk.
///
/// ```
/// use aws_signing::chunked::{ChunkSigner, Encoder, Layout, Trailers};
/// use aws_signing::{CredentialScope, SigningKey, Timestamp};
///
/// let now = Timestamp::from_unix(1_369_353_600);
/// let scope = CredentialScope::new(now.date(), "us-east-1", "s3").unwrap();
/// let key = SigningKey::derive(b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &scope);
/// // The signature of the request, which had this layout's encoded length for Content-Length.
/// let seed = b"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
/// let body = vec![b'a'; 66_560];
/// let layout = Layout::new(66_560, Layout::DEFAULT_CHUNK_SIZE, None).unwrap();
///
/// let mut encoder = Encoder::new(layout, ChunkSigner::new(&key, &scope, &now, seed).unwrap());
/// let (mut out, mut held) = (Vec::new(), Vec::new());
/// for mut piece in body.chunks(1000) {
///     while !piece.is_empty() {
///         let taken = encoder.update(piece).unwrap();
///         held.extend_from_slice(&piece[..taken]);
///         piece = &piece[taken..];
///         if let Some(header) = encoder.chunk_header() {
///             out.extend_from_slice(&header);
///             out.append(&mut held);
///         }
///     }
/// }
/// encoder.finish(&Trailers::new(), &mut out).unwrap();
/// assert_eq!(out.len() as u64, layout.encoded_length());
/// ```
#[derive(Clone, Debug)]
pub struct Encoder {
    layout: Layout,
    signer: ChunkSigner,
    /// The hash of the data of the current chunk.
    hasher: Sha256,
    filled: u32,
    /// The length of the data that has not arrived yet.
    missing: u64,
    /// Whether a chunk was written, whose data is followed by CRLF.
    begun: bool,
}

impl Encoder {
    /// Begins a body of the shape `layout` with the chain `signer`.
    pub fn new(layout: Layout, signer: ChunkSigner) -> Self {
        Self {
            layout,
            signer,
            hasher: Sha256::new(),
            filled: 0,
            missing: layout.decoded_length(),
            begun: false,
        }
    }

    /// Resets the state: the body starts again.
    pub fn restart(&mut self) {
        self.signer.restart();
        self.hasher.reset();
        self.filled = 0;
        self.missing = self.layout.decoded_length();
        self.begun = false;
    }

    /// Processes data from the beginning of `data`, up to the end of the chunk, and returns the
    /// number of bytes. The caller keeps these: they follow the header that
    /// [`chunk_header`](Self::chunk_header) writes once the chunk is complete. Until this header
    /// has been written, no more data is processed.
    pub fn update(&mut self, data: &[u8]) -> Result<usize, EncodeError> {
        if self.missing == 0 && !data.is_empty() {
            return Err(EncodeError::TooLong);
        }
        let taken = data.len().min(self.room() as usize);
        self.hasher.update(&data[..taken]);
        // At most what fits into a chunk.
        self.filled += taken as u32;
        self.missing -= taken as u64;
        Ok(taken)
    }

    /// How many bytes of data the chunk still needs.
    pub fn room(&self) -> u32 {
        let room = self.layout.chunk_size().get() - self.filled;
        u32::try_from(self.missing).map_or(room, |missing| missing.min(room))
    }

    /// Ends the chunk if it is complete: returns what to send before its data. The CRLF after the
    /// data of a chunk is the beginning of the next header.
    pub fn chunk_header(&mut self) -> Option<ChunkHeader> {
        if self.filled == 0 || self.room() > 0 {
            return None;
        }
        Some(self.header())
    }

    /// Appends what follows the data: the empty chunk, and trailers with their signature.
    ///
    /// `trailers` must have the length in the layout; if it says `None`, there are none.
    pub fn finish(&mut self, trailers: &Trailers, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.missing > 0 {
            let missing = self.missing;
            return Err(EncodeError::TooShort { missing });
        }
        if self.filled > 0 {
            return Err(EncodeError::OpenChunk);
        }
        let expected = self.layout.trailers_length();
        let (expected_length, actual) = (expected.unwrap_or(0), trailers.length());
        if actual != expected_length {
            return Err(EncodeError::TrailersLength {
                expected: expected_length,
                actual,
            });
        }
        out.extend_from_slice(&self.header());
        if expected.is_some() {
            let signature = self.signer.sign_trailers(trailers);
            let signature = signature.map_err(|_| EncodeError::Memory)?;
            trailers.write(out);
            for part in [TRAILER_SIGNATURE, b":", &signature, b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// The header of the current chunk.
    fn header(&mut self) -> ChunkHeader {
        let hash = self.hasher.finalize_reset().into();
        let header = ChunkHeader::new(self.begun, self.filled, &self.signer.sign_chunk(&hash));
        self.begun = true;
        self.filled = 0;
        header
    }
}

/// What comes before a chunk's data: CRLF if it is not the first, its size and signature, CRLF.
#[derive(Clone, Copy, Debug)]
pub struct ChunkHeader {
    bytes: [u8; Self::MAX],
    length: usize,
}

impl ChunkHeader {
    /// The most bytes that a header can have: with eight digits of size.
    pub const MAX: usize = 2 + 8 + CHUNK_SIGNATURE.len() + SIGNATURE_LEN + 2;

    fn new(crlf: bool, size: u32, signature: &[u8; SIGNATURE_LEN]) -> Self {
        let mut header = Self {
            bytes: [0; Self::MAX],
            length: 0,
        };
        if crlf {
            header.push(b"\r\n");
        }
        let digits = size.max(1).ilog2() / 4 + 1;
        for place in (0..digits).rev() {
            let digit = (size >> (4 * place)) & 15;
            header.push(&[b"0123456789abcdef"[digit as usize]]);
        }
        for part in [CHUNK_SIGNATURE, signature, b"\r\n"] {
            header.push(part);
        }
        header
    }

    fn push(&mut self, part: &[u8]) {
        self.bytes[self.length..][..part.len()].copy_from_slice(part);
        self.length += part.len();
    }
}

impl Deref for ChunkHeader {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::{CredentialScope, SigningKey, Timestamp};

    fn encoder(length: u64, chunk: u32, trailers: Option<usize>) -> Encoder {
        let now = Timestamp::from_unix(1_369_353_600);
        let scope = CredentialScope::new(now.date(), "us-east-1", "s3").unwrap();
        let signer =
            ChunkSigner::new(&SigningKey::from_bytes(&[7; 32]), &scope, &now, &[b'0'; 64]).unwrap();
        let layout = Layout::new(length, NonZeroU32::new(chunk).unwrap(), trailers).unwrap();
        Encoder::new(layout, signer)
    }

    fn finish(mut encoder: Encoder, trailers: &[(&str, &str)]) -> Result<Vec<u8>, EncodeError> {
        let (mut fields, mut out) = (Trailers::new(), Vec::new());
        for (name, value) in trailers {
            fields.push(name.as_bytes(), value.as_bytes()).unwrap();
        }
        encoder.finish(&fields, &mut out).map(|()| out)
    }

    #[test]
    fn sizes_are_written_without_leading_zeros() {
        for size in [0, 1, 9, 10, 15, 16, 255, 256, 0x10000, 0xabcdef, u32::MAX] {
            let header = ChunkHeader::new(false, size, &[b'f'; 64]);
            let want = format!("{size:x};chunk-signature={}\r\n", "f".repeat(64));
            assert_eq!(&*header, want.as_bytes());
            let header = ChunkHeader::new(true, size, &[b'f'; 64]);
            assert_eq!(&*header, format!("\r\n{want}").as_bytes());
        }
    }

    #[test]
    fn a_chunk_is_whole_at_its_size_and_at_the_end() {
        let mut encoder = encoder(7, 4, None);
        assert!(encoder.chunk_header().is_none());
        assert_eq!((encoder.room(), encoder.update(b"ab")), (4, Ok(2)));
        assert!(encoder.chunk_header().is_none());
        assert_eq!((encoder.room(), encoder.update(b"cdefg")), (2, Ok(2)));
        assert_eq!((encoder.room(), encoder.update(b"efg")), (0, Ok(0)));
        assert!(encoder.chunk_header().unwrap().starts_with(b"4;"));
        assert_eq!((encoder.room(), encoder.update(b"efg")), (3, Ok(3)));
        assert!(encoder.chunk_header().unwrap().starts_with(b"\r\n3;"));
        assert!(encoder.chunk_header().is_none());
        let end = finish(encoder, &[]).unwrap();
        assert!(end.starts_with(b"\r\n0;") && end.ends_with(b"\r\n\r\n"));
    }

    #[test]
    fn what_was_announced_is_kept() {
        let filled = |length: u64, data: &[u8], trailers| {
            let mut encoder = encoder(length, 4, trailers);
            encoder.update(data).unwrap();
            encoder
        };
        assert_eq!(encoder(0, 4, None).update(b"a"), Err(EncodeError::TooLong));
        let mut whole = filled(2, b"ab", None);
        assert_eq!(whole.update(b"c"), Err(EncodeError::TooLong));
        assert_eq!(whole.update(b""), Ok(0));
        assert_eq!(finish(whole.clone(), &[]), Err(EncodeError::OpenChunk));
        whole.chunk_header().unwrap();
        assert!(finish(whole, &[]).is_ok());
        let missing = EncodeError::TooShort { missing: 1 };
        assert_eq!(finish(filled(3, b"ab", None), &[]), Err(missing));

        let length = |expected, actual| Err(EncodeError::TrailersLength { expected, actual });
        let trailer = [("a", "bc")];
        assert!(finish(encoder(0, 4, Some(6)), &trailer).is_ok());
        assert_eq!(finish(encoder(0, 4, None), &trailer), length(0, 6));
        assert_eq!(finish(encoder(0, 4, Some(6)), &[]), length(6, 0));
        assert_eq!(finish(encoder(0, 4, Some(7)), &trailer), length(7, 6));
    }
}

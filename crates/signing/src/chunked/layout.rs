//! The length of an encoded body, computed before its first byte is available.

use std::num::NonZeroU32;

use super::{CHUNK_SIGNATURE, Framing, SIGNATURE_LEN, TRAILER_SIGNATURE};

/// The shape of a body that an [`Encoder`](super::Encoder) will write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    decoded_length: u64,
    chunk_size: NonZeroU32,
    trailers_length: Option<usize>,
    encoded_length: u64,
}

impl Layout {
    /// 64 KiB: what SDKs use.
    pub const DEFAULT_CHUNK_SIZE: NonZeroU32 = NonZeroU32::new(64 << 10).unwrap();

    /// The shape of `decoded_length` bytes in signed chunks of `chunk_size` bytes, of which the
    /// last may be shorter. `trailers_length` is what [`Trailers::length`] will be, or `None` if
    /// nothing follows the chunks.
    ///
    /// AWS requires chunks of at least 8 KiB. Returns `None` if the encoded length does not fit
    /// into 64 bits.
    ///
    /// [`Trailers::length`]: super::Trailers::length
    pub fn new(
        decoded_length: u64,
        chunk_size: NonZeroU32,
        trailers_length: Option<usize>,
    ) -> Option<Self> {
        let size = u64::from(chunk_size.get());
        let (full, rest) = (decoded_length / size, decoded_length % size);
        // Sums of 128 bits cannot overflow: there are fewer than 2^64 chunks of less than 2^33.
        let mut length = u128::from(full) * frame_length(size);
        if rest > 0 {
            length += frame_length(rest);
        }
        length += header_length(0);
        if let Some(trailers) = trailers_length {
            length += trailers as u128;
            length += (TRAILER_SIGNATURE.len() + b":\r\n".len() + SIGNATURE_LEN) as u128;
        }
        length += CRLF;
        Some(Self {
            decoded_length,
            chunk_size,
            trailers_length,
            encoded_length: u64::try_from(length).ok()?,
        })
    }

    /// The body's length without framing, in bytes: `X-Amz-Decoded-Content-Length`.
    pub fn decoded_length(&self) -> u64 {
        self.decoded_length
    }

    /// The body's length with framing, in bytes: `Content-Length`.
    pub fn encoded_length(&self) -> u64 {
        self.encoded_length
    }

    /// Bytes of data in each chunk except the last.
    pub fn chunk_size(&self) -> NonZeroU32 {
        self.chunk_size
    }

    /// The length of the trailers, without their signature, if there are any.
    pub fn trailers_length(&self) -> Option<usize> {
        self.trailers_length
    }

    /// What `X-Amz-Content-SHA256` declares.
    pub fn framing(&self) -> Framing {
        match self.trailers_length {
            None => Framing::Signed,
            Some(_) => Framing::SignedTrailer,
        }
    }
}

const CRLF: u128 = 2;

/// A chunk of data with its header and line end.
fn frame_length(size: u64) -> u128 {
    header_length(size) + u128::from(size) + CRLF
}

/// The line that begins a chunk.
fn header_length(size: u64) -> u128 {
    let digits = size.max(1).ilog2() / 4 + 1;
    u128::from(digits) + (CHUNK_SIGNATURE.len() + SIGNATURE_LEN) as u128 + CRLF
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(decoded: u64, chunk: u32, trailers: Option<usize>) -> Option<u64> {
        Layout::new(decoded, NonZeroU32::new(chunk).unwrap(), trailers)
            .map(|layout| layout.encoded_length())
    }

    /// Numbers of the AWS documentation, and each place where a size gains a digit.
    #[test]
    fn lengths_are_exact() {
        assert_eq!(encoded(66_560, 65_536, None), Some(66_824));
        assert_eq!(encoded(66_560, 65_536, Some(32)), Some(66_946));
        let around = |digits: u64| 84 + 2 + digits + 83 + 2;
        for (size, digits) in [
            (1, 1),
            (15, 1),
            (16, 2),
            (255, 2),
            (256, 3),
            (65_535, 4),
            (65_536, 5),
        ] {
            assert_eq!(
                encoded(size, 1 << 20, None),
                Some(around(digits) + size),
                "{size}"
            );
        }
        assert_eq!(encoded(0, 65_536, None), Some(86));
    }

    #[test]
    fn lengths_that_no_number_holds_are_none() {
        assert_eq!(encoded(u64::MAX, 1, None), None);
        assert_eq!(encoded(u64::MAX, u32::MAX, None), None);
        assert_eq!(encoded(0, 1, Some(usize::MAX)), None);
        // 86 bytes for each single byte, and 86 at the end.
        let most = (u64::MAX - 86) / 87;
        assert_eq!(encoded(most, 1, None), Some(most * 87 + 86));
        assert_eq!(encoded(most + 1, 1, None), None);
    }
}

//! Takes the framing off a body.

use aws_signing::chunked::{Event, Trailers};

use super::checksum::{Checksum, ChecksumError};
use super::inspect::Framed;
use super::{BodyError, Expected, MAX_ANNOUNCED, TrailerName};

/// Takes aws-chunked framing off a body where it lies, and compares the checksums behind it with
/// the data.
///
/// Chunk signatures are not verified: they were made with a key that is not ours. What is verified
/// comes at the end, when all data but its last byte may have been sent on; that one is held back
/// until then. So a store that was told the length never gets all of a body that is wrong.
///
/// ```
/// use aws_sealing::PassHeaders;
/// use aws_sealing::body::{Deframer, Expected};
/// use aws_signing::Header;
/// use aws_signing::chunked::Framing;
///
/// let headers = [
///     Header { name: b"X-Amz-Decoded-Content-Length", value: b"5" },
///     Header { name: b"X-Amz-Trailer", value: b"x-amz-checksum-crc32" },
/// ];
/// let pass = PassHeaders::default();
/// let expected = Expected::new(Framing::UnsignedTrailer, headers, &pass).unwrap();
///
/// let mut deframer = Deframer::new(expected).unwrap();
/// let mut body = *b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
/// let length = deframer.update(&mut body).unwrap();
/// assert_eq!(&body[..length], b"hell");
/// let finished = deframer.finish().unwrap();
/// assert_eq!(finished.last, Some(b'o'));
/// assert_eq!(finished.trailers.iter().count(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Deframer {
    framed: Framed,
    /// Of the trailers announced.
    checksums: [Option<(TrailerName, Checksum)>; MAX_ANNOUNCED],
    decoded: u64,
    last: Option<u8>,
}

/// What is known at the end of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished<'a> {
    /// The last byte of the data, which goes behind all that [`Deframer::update`] has returned.
    /// `None` where there is no data.
    pub last: Option<u8>,
    /// The trailers announced, names in lower case. Each is a checksum that the data has.
    pub trailers: &'a Trailers,
}

impl Deframer {
    /// Begins a body. A trailer that is not a checksum known here could only be dropped unverified:
    /// [`BodyError::ChecksumUnsupported`].
    pub fn new(expected: Expected) -> Result<Self, BodyError> {
        let mut checksums = [const { None }; MAX_ANNOUNCED];
        for (slot, name) in checksums.iter_mut().zip(expected.trailers()) {
            let checksum = Checksum::for_trailer(name.as_bytes());
            let checksum = checksum.ok_or(BodyError::ChecksumUnsupported(*name))?;
            *slot = Some((*name, checksum));
        }
        Ok(Self {
            framed: Framed::new(expected),
            checksums,
            decoded: 0,
            last: None,
        })
    }

    /// Reads on and moves the data in `piece` to its front: so many bytes are to be sent on. What
    /// stands behind them is of no use any more.
    ///
    /// After an error there is nothing but the same error.
    pub fn update(&mut self, piece: &mut [u8]) -> Result<usize, BodyError> {
        let (mut read, mut written) = (0, 0);
        loop {
            let (used, event) = self.framed.next(&piece[read..])?;
            match event {
                Event::Incomplete => return Ok(written),
                Event::Data(data) => {
                    let length = self.take(data);
                    if read != written {
                        piece.copy_within(read..read + length, written);
                    }
                    written += length;
                }
                Event::End => self.verify().map_err(|error| self.framed.fail(error))?,
                _ => {}
            }
            read += used;
        }
    }

    /// Ends the body, if it may end here.
    pub fn finish(&self) -> Result<Finished<'_>, BodyError> {
        self.framed.finish()?;
        Ok(Finished {
            last: self.last,
            trailers: self.framed.trailers(),
        })
    }

    /// Takes note of data and returns how much of it may be sent on.
    fn take(&mut self, data: &[u8]) -> usize {
        for (_, checksum) in self.checksums.iter_mut().flatten() {
            checksum.update(data);
        }
        self.decoded += data.len() as u64;
        match data.split_last() {
            Some((last, before)) if self.decoded == self.framed.expected().decoded_length() => {
                self.last = Some(*last);
                before.len()
            }
            _ => data.len(),
        }
    }

    fn verify(&self) -> Result<(), BodyError> {
        for (name, checksum) in self.checksums.iter().flatten() {
            let mut trailers = self.framed.trailers().iter();
            let (_, value) = trailers
                .find(|(other, _)| *other == name.as_bytes())
                .ok_or(BodyError::TrailerMissing(*name))?;
            checksum.verify(value).map_err(|error| match error {
                ChecksumError::Form => BodyError::ChecksumForm(*name),
                ChecksumError::Mismatch => BodyError::ChecksumMismatch(*name),
            })?;
        }
        Ok(())
    }
}

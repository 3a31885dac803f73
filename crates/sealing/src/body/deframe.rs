//! Removes the aws-chunked encoding from a body.

use aws_signing::chunked::{Event, Trailers};

use super::checksum::{Checksum, ChecksumError};
use super::inspect::Framed;
use super::{BodyError, Expected, MAX_ANNOUNCED, TrailerName};

/// Removes the aws-chunked encoding from a body in place, and compares the checksums after it with
/// the data.
///
/// Chunk signatures are not verified, since they were made with the client's key. The checksums
/// come at the end, when everything except the last byte may already have been forwarded; this byte
/// is held back until they are verified. So an upstream that knows the length never gets a complete
/// wrong body.
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
    /// For the announced trailers.
    checksums: [Option<(TrailerName, Checksum)>; MAX_ANNOUNCED],
    decoded: u64,
    last: Option<u8>,
}

/// The result at the end of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished<'a> {
    /// The last byte of the data, to be sent after all that [`Deframer::update`] has returned.
    /// `None` if there is no data.
    pub last: Option<u8>,
    /// The announced trailers, with names in lower case. Each is a verified checksum of the data.
    pub trailers: &'a Trailers,
}

impl Deframer {
    /// Begins a body. A trailer that is not a known checksum could only be dropped unverified,
    /// which is an error: [`BodyError::ChecksumUnsupported`].
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

    /// Continues to read and moves the data in `piece` to its front; returns how many bytes are to
    /// be forwarded. The rest of `piece` is no longer needed.
    ///
    /// After an error, it returns the same error again.
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

    /// Ends the body, if it can end here.
    pub fn finish(&self) -> Result<Finished<'_>, BodyError> {
        self.framed.finish()?;
        Ok(Finished {
            last: self.last,
            trailers: self.framed.trailers(),
        })
    }

    /// Processes data and returns how much of it may be forwarded.
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

#[cfg(test)]
mod tests {
    use aws_signing::Header;
    use aws_signing::chunked::{Framing, FramingError};

    use super::*;
    use crate::PassHeaders;

    fn expected(framing: Framing, length: &str, announced: &str) -> Expected {
        let header = |name, value| Header { name, value };
        let headers = [
            header(b"x-amz-decoded-content-length", length.as_bytes()),
            header(b"x-amz-trailer", announced.as_bytes()),
        ];
        Expected::new(framing, headers, &PassHeaders::default()).unwrap()
    }

    fn deframer(length: &str, announced: &str) -> Deframer {
        Deframer::new(expected(Framing::UnsignedTrailer, length, announced)).unwrap()
    }

    fn name(name: &str) -> TrailerName {
        TrailerName::new(name.as_bytes()).unwrap()
    }

    /// Each piece, the expected output, and the rest.
    #[test]
    fn data_moves_to_the_front() {
        let mut deframer = deframer("12", "x-amz-checksum-crc32");
        for (piece, data) in [
            ("", ""),
            ("7", ""),
            ("\r\nhel", "hel"),
            ("lo", "lo"),
            (", \r\n1\r\nw\r\n4\r\no", ", wo"),
            ("rl", "rl"),
            ("d\r\n", ""),
            ("0\r\nx-amz-checksum-crc32:/6ty", ""),
            ("Og==\r\n\r", ""),
        ] {
            let mut bytes = piece.as_bytes().to_vec();
            let length = deframer.update(&mut bytes).unwrap();
            assert_eq!(&bytes[..length], data.as_bytes(), "{piece:?}");
            let truncated = BodyError::Framing(FramingError::Truncated);
            assert_eq!(deframer.finish(), Err(truncated));
        }
        assert_eq!(deframer.update(&mut b"\n".to_vec()), Ok(0));
        let finished = deframer.finish().unwrap();
        assert_eq!(finished.last, Some(b'd'));
        let trailers: Vec<_> = finished.trailers.iter().collect();
        assert_eq!(trailers, [(&b"x-amz-checksum-crc32"[..], &b"/6tyOg=="[..])]);
    }

    #[test]
    fn an_empty_body_has_no_last_byte() {
        let mut deframer = deframer("0", "x-amz-checksum-crc32");
        let mut body = *b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        assert_eq!(deframer.update(&mut body), Ok(0));
        assert_eq!(deframer.finish().unwrap().last, None);
    }

    /// It cannot be verified, so only the encoding can be wrong.
    #[test]
    fn signed_chunks_are_taken_with_any_signature() {
        let expected = expected(Framing::Signed, "1", "");
        let mut deframer = Deframer::new(expected).unwrap();
        let signature = "0".repeat(64);
        let body =
            format!("1;chunk-signature={signature}\r\nx\r\n0;chunk-signature={signature}\r\n");
        assert_eq!(deframer.update(&mut body.into_bytes()), Ok(0));
        assert!(deframer.finish().is_err());
        assert_eq!(deframer.update(&mut b"\r\n".to_vec()), Ok(0));
        assert_eq!(deframer.finish().unwrap().last, Some(b'x'));
    }

    #[test]
    fn checksums_are_verified() {
        let (crc, sha) = ("x-amz-checksum-crc32", "x-amz-checksum-sha1");
        let right = "x-amz-checksum-crc32:NhCmhg==\r\n";
        let right_sha = "x-amz-checksum-sha1:qvTGHdzF6KLavt4PO0gs2a6pQ00=\r\n";
        let both = format!("{crc},{sha}");
        for (announced, trailers, want) in [
            (crc, right.to_owned(), Ok(())),
            (&both, format!("{right}{right_sha}"), Ok(())),
            (&both, format!("{right_sha}{right}"), Ok(())),
            (
                crc,
                "x-amz-checksum-crc32:NhCmhw==\r\n".to_owned(),
                Err(BodyError::ChecksumMismatch(name(crc))),
            ),
            (
                &both,
                format!("{right}x-amz-checksum-sha1:rvTGHdzF6KLavt4PO0gs2a6pQ00=\r\n"),
                Err(BodyError::ChecksumMismatch(name(sha))),
            ),
            (
                crc,
                "x-amz-checksum-crc32:NhCmhg\r\n".to_owned(),
                Err(BodyError::ChecksumForm(name(crc))),
            ),
            (
                crc,
                String::new(),
                Err(BodyError::TrailerMissing(name(crc))),
            ),
            (
                crc,
                format!("{right}{right_sha}"),
                Err(BodyError::TrailerNotAnnounced(name(sha))),
            ),
        ] {
            let mut deframer = deframer("5", announced);
            let mut body = format!("5\r\nhello\r\n0\r\n{trailers}\r\n").into_bytes();
            let got = deframer.update(&mut body);
            assert_eq!(got, want.map(|()| 4), "{trailers}");
            assert_eq!(deframer.update(&mut []), want.map(|()| 0), "it stays");
            assert_eq!(deframer.finish().map(|_| ()), want);
        }
    }

    #[test]
    fn what_cannot_be_verified_is_refused_before_the_body() {
        for announced in ["x-amz-checksum-md5", "x-amz-meta-a"] {
            let list = format!("x-amz-checksum-crc32,{announced}");
            let error = Deframer::new(expected(Framing::UnsignedTrailer, "5", &list)).unwrap_err();
            assert_eq!(error, BodyError::ChecksumUnsupported(name(announced)));
        }
    }
}

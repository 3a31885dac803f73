//! Verifies an aws-chunked encoding that is kept.

use aws_signing::chunked::{Event, Parser, Trailers};

use super::{BodyError, Expected, TrailerName};

/// Verifies that a body in aws-chunked encoding is what its head announces, byte for byte while it
/// is received: the encoding, the length of the data, and that the trailers are those announced.
///
/// The upstream verifies the values of trailers. Chunk signatures are not verified at all: they are
/// the client's, and are replaced.
#[derive(Clone, Debug)]
pub struct Inspector {
    framed: Framed,
}

impl Inspector {
    /// Begins a body.
    pub fn new(expected: Expected) -> Self {
        Self {
            framed: Framed::new(expected),
        }
    }

    /// Continues to read, in pieces of any size. After an error, it returns the same error again.
    pub fn update(&mut self, data: &[u8]) -> Result<(), BodyError> {
        let mut rest = data;
        loop {
            let (used, event) = self.framed.next(rest)?;
            if event == Event::Incomplete {
                return Ok(());
            }
            rest = &rest[used..];
        }
    }

    /// Whether the body can end here.
    pub fn finish(&self) -> Result<(), BodyError> {
        self.framed.finish()
    }
}

/// The parser of a body's encoding, which also checks its announcements.
#[derive(Clone, Debug)]
pub(super) struct Framed {
    parser: Parser,
    expected: Expected,
    failed: Option<BodyError>,
}

impl Framed {
    pub(super) fn new(expected: Expected) -> Self {
        Self {
            parser: Parser::new(expected.framing(), expected.decoded_length()),
            expected,
            failed: None,
        }
    }

    pub(super) fn expected(&self) -> &Expected {
        &self.expected
    }

    /// The trailers that have been received.
    pub(super) fn trailers(&self) -> &Trailers {
        self.parser.trailers()
    }

    /// The same as [`Parser::next`]: what the beginning of `input` is. At [`Event::End`], all
    /// announced trailers have been received and no other.
    pub(super) fn next<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), BodyError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.read(input).map_err(|error| self.fail(error))
    }

    /// Makes an error permanent.
    pub(super) fn fail(&mut self, error: BodyError) -> BodyError {
        *self.failed.insert(error)
    }

    /// Whether the body can end here.
    pub(super) fn finish(&self) -> Result<(), BodyError> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.parser.finish()?),
        }
    }

    fn read<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), BodyError> {
        let (used, event) = self.parser.next(input)?;
        match event {
            Event::Trailer => {
                let unannounced = self.trailers().iter().next_back();
                if let Some((name, _)) =
                    unannounced.filter(|(name, _)| !self.expected.announces(name))
                {
                    return Err(BodyError::TrailerNotAnnounced(TrailerName::clipped(name)));
                }
            }
            Event::End => {
                let has_come = |name: &TrailerName| {
                    self.trailers()
                        .iter()
                        .any(|(other, _)| other == name.as_bytes())
                };
                if let Some(name) = self.expected.trailers().find(|name| !has_come(name)) {
                    return Err(BodyError::TrailerMissing(*name));
                }
            }
            _ => {}
        }
        Ok((used, event))
    }
}

#[cfg(test)]
mod tests {
    use aws_signing::Header;
    use aws_signing::chunked::{Framing, FramingError};

    use super::*;
    use crate::PassHeaders;

    fn inspector(announced: &[u8]) -> Inspector {
        let header = |name, value| Header { name, value };
        let headers = [
            header(b"x-amz-decoded-content-length", b"5"),
            header(b"x-amz-trailer", announced),
        ];
        let pass = PassHeaders::default();
        Inspector::new(Expected::new(Framing::UnsignedTrailer, headers, &pass).unwrap())
    }

    fn inspect(announced: &str, trailers: &str) -> Result<(), BodyError> {
        let mut inspector = inspector(announced.as_bytes());
        let body = format!("5\r\nhello\r\n0\r\n{trailers}\r\n");
        inspector.update(body.as_bytes())?;
        inspector.finish()
    }

    #[test]
    fn trailers_are_those_announced() {
        let name = |name: &str| TrailerName::new(name.as_bytes()).unwrap();
        let (crc, sha) = ("x-amz-checksum-crc32", "x-amz-checksum-sha1");
        let both = format!("{crc},{sha}");
        for (announced, trailers, want) in [
            ("", "", Ok(())),
            (crc, "x-amz-checksum-crc32:a\r\n", Ok(())),
            (crc, "X-AMZ-Checksum-CRC32:a\r\n", Ok(())),
            // The upstream verifies it.
            (crc, "x-amz-checksum-crc32:wrong\r\n", Ok(())),
            (
                &both,
                "x-amz-checksum-crc32:a\r\nx-amz-checksum-sha1:b\r\n",
                Ok(()),
            ),
            (
                &both,
                "x-amz-checksum-sha1:b\r\nx-amz-checksum-crc32:a\r\n",
                Ok(()),
            ),
            (crc, "", Err(BodyError::TrailerMissing(name(crc)))),
            (
                &both,
                "x-amz-checksum-crc32:a\r\n",
                Err(BodyError::TrailerMissing(name(sha))),
            ),
            (
                "",
                "x-amz-checksum-crc32:a\r\n",
                Err(BodyError::TrailerNotAnnounced(name(crc))),
            ),
            (
                crc,
                "x-amz-checksum-crc32:a\r\nx-amz-acl:public-read\r\n",
                Err(BodyError::TrailerNotAnnounced(name("x-amz-acl"))),
            ),
        ] {
            assert_eq!(
                inspect(announced, trailers),
                want,
                "{announced}: {trailers}"
            );
        }
        let long = "A".repeat(100);
        assert_eq!(
            inspect("", &format!("{long}:1\r\n")),
            Err(BodyError::TrailerNotAnnounced(name(&long[..64])))
        );
    }

    #[test]
    fn an_unannounced_trailer_is_refused_before_the_end() {
        let mut inspector = inspector(b"");
        inspector.update(b"5\r\nhello\r\n0\r\n").unwrap();
        let error = inspector.update(b"a:b\r\n").unwrap_err();
        let name = TrailerName::new(b"a").unwrap();
        assert_eq!(error, BodyError::TrailerNotAnnounced(name));
    }

    #[test]
    fn an_error_stays() {
        let mut inspector = inspector(b"");
        inspector.update(b"5\r\nhello\r\n0\r\n").unwrap();
        let error = inspector.update(b"a:b\r\n\r\n").unwrap_err();
        for more in [&b""[..], b"\r\n", b"a:b\r\n"] {
            assert_eq!(inspector.update(more), Err(error));
        }
        assert_eq!(inspector.finish(), Err(error));

        let mut inspector = self::inspector(b"");
        let error = BodyError::Framing(FramingError::Size);
        assert_eq!(inspector.update(b"x\r\n"), Err(error));
        assert_eq!(inspector.update(b"5\r\nhello"), Err(error));
        assert_eq!(inspector.finish(), Err(error));
    }

    #[test]
    fn a_body_ends_with_its_framing() {
        let mut inspector = inspector(b"");
        let truncated = Err(BodyError::Framing(FramingError::Truncated));
        for byte in b"5\r\nhello\r\n0\r\n\r\n" {
            assert_eq!(inspector.finish(), truncated);
            inspector.update(&[*byte]).unwrap();
        }
        assert_eq!(inspector.finish(), Ok(()));
        let error = BodyError::Framing(FramingError::AfterEnd);
        assert_eq!(inspector.update(b"0"), Err(error));
    }
}

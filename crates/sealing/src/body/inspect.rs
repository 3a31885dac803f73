//! Checks a framing that stays.

use aws_signing::chunked::{Event, Parser, Trailers};

use super::{BodyError, Expected, TrailerName};

/// Checks that a body in aws-chunked framing is what its head announces, byte for byte as it goes
/// on: the framing, the length of the data, and that the trailers are those announced.
///
/// The store verifies what trailers say, and chunk signatures are not verified at all: they are
/// the client's, and replaced.
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

    /// Reads on, pieces of any size. After an error there is nothing but the same error.
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

    /// Whether the body may end here.
    pub fn finish(&self) -> Result<(), BodyError> {
        self.framed.finish()
    }
}

/// A body's framing as it is read, and its announcements kept.
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

    /// The trailers that have come.
    pub(super) fn trailers(&self) -> &Trailers {
        self.parser.trailers()
    }

    /// As [`Parser::next`]: what the beginning of `input` is. At [`Event::End`] all trailers
    /// announced have come and no other.
    pub(super) fn next<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), BodyError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.read(input).map_err(|error| self.fail(error))
    }

    /// Makes an error of the body's own last.
    pub(super) fn fail(&mut self, error: BodyError) -> BodyError {
        *self.failed.insert(error)
    }

    /// Whether the body may end here.
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

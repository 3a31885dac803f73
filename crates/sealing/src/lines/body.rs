//! The header lines that describe the body: its length and its encoding.

use aws_signing::Header;
use aws_signing::encode::Decimal;
use smallvec::SmallVec;

use super::header::{HeaderPosition, SignedPositions, write_header};
use crate::body::content_encoding;
use crate::error::SealError;
use crate::head::HeadError;
use crate::header_name;
use crate::unsigned::{Body, Payload};

/// Headers that describe `aws-chunked` encoding, and do not apply to any other body.
const FRAMING_HEADERS: [&str; 2] = ["x-amz-decoded-content-length", "x-amz-trailer"];

/// Names the checksum in a trailer.
const CHECKSUM_ALGORITHM: &str = "x-amz-sdk-checksum-algorithm";

/// What remains to be written about a body while the lines are written.
pub(crate) struct BodyLines<'a> {
    payload: &'a Payload<'a>,
    /// Content-Length, or Transfer-Encoding if there is no length.
    length_written: bool,
    /// Values of Content-Encoding that are not sent as they are.
    encodings: SmallVec<[&'a [u8]; 2]>,
}

impl<'a> BodyLines<'a> {
    pub(crate) fn new(payload: &'a Payload<'a>) -> Self {
        Self {
            payload,
            length_written: false,
            encodings: SmallVec::new(),
        }
    }

    fn trailers(&self) -> &'a [Header<'a>] {
        self.payload.unframed.unwrap_or_default()
    }

    /// Whether the declarations in the head about the encoding no longer apply.
    fn reframed(&self) -> bool {
        self.payload.unframed.is_some() || matches!(self.payload.body, Body::Encoded { .. })
    }

    /// Whether this Content-Length is sent unchanged.
    pub(crate) fn keeps_length(&mut self, value: &[u8]) -> Result<bool, SealError> {
        match self.payload.body {
            Body::Empty if value == b"0" => Ok(true),
            Body::Empty => Err(SealError::UnexpectedBody),
            Body::Dropped | Body::Encoded { .. } => Ok(false),
            Body::Sent { .. } if self.reframed() => Ok(false),
            Body::InHead { length } => self.announced(value, Some(length)),
            Body::Sent { length } => self.announced(value, length),
        }
    }

    fn announced(&mut self, value: &[u8], length: Option<u64>) -> Result<bool, SealError> {
        // Only digits: a number parser also accepts a sign.
        let announced = Some(value)
            .filter(|value| value.iter().all(u8::is_ascii_digit))
            .and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        if announced.is_none() || announced != length || self.length_written {
            return Err(SealError::BodyLength);
        }
        self.length_written = true;
        Ok(true)
    }

    /// Whether this Transfer-Encoding is sent unchanged.
    pub(crate) fn keeps_transfer_encoding(&mut self, value: &[u8]) -> Result<bool, SealError> {
        match self.payload.body {
            Body::Empty => Err(SealError::UnexpectedBody),
            Body::Dropped | Body::Encoded { .. } => Ok(false),
            Body::Sent { length: Some(_) } if self.reframed() => Ok(false),
            Body::Sent { length: None } if value == b"chunked" && !self.length_written => {
                self.length_written = true;
                Ok(true)
            }
            Body::InHead { .. } | Body::Sent { .. } => Err(SealError::BodyLength),
        }
    }

    /// Whether this Content-Encoding is sent unchanged. If not, [`write_missing`] writes what
    /// remains of it.
    ///
    /// [`write_missing`]: Self::write_missing
    pub(crate) fn keeps_encoding(&mut self, value: &'a [u8]) -> Result<bool, SealError> {
        if !self.reframed() {
            return Ok(true);
        }
        self.encodings
            .try_reserve(1)
            .map_err(|_| SealError::OutOfMemory)?;
        self.encodings.push(value);
        Ok(false)
    }

    /// Whether the client's line of this name is not sent, or is one that the module writes.
    pub(crate) fn replaces(&self, name: &[u8]) -> bool {
        if !self.reframed() {
            return false;
        }
        let is = |other: &str| header_name::is(name, other.as_bytes());
        let trailers = self.trailers();
        let without_checksum = self.payload.unframed.is_some() && trailers.is_empty();
        FRAMING_HEADERS.into_iter().any(is)
            || (without_checksum && is(CHECKSUM_ALGORITHM))
            || trailers
                .iter()
                .any(|trailer| header_name::is(name, trailer.name))
    }

    /// Writes what no line has declared yet, and returns the new Content-Encoding, if there is one.
    pub(crate) fn write_missing(
        self,
        out: &mut Vec<u8>,
        signed: &mut SignedPositions,
    ) -> Result<Option<HeaderPosition>, SealError> {
        match self.payload.body {
            Body::InHead { .. } if !self.length_written => {
                return Err(HeadError::BytesAfterHead.into());
            }
            Body::Sent { length: None } if !self.length_written => {
                return Err(SealError::BodyLength);
            }
            Body::Sent {
                length: Some(length),
            } if !self.length_written => write_length(length, out),
            Body::Encoded {
                decoded_length,
                length,
            } => {
                write_length(length, out);
                signed.push(write_header(
                    b"x-amz-decoded-content-length",
                    &[Decimal::new(decoded_length).as_bytes()],
                    out,
                ));
            }
            _ => {}
        }
        for trailer in self.trailers() {
            signed.push(write_header(trailer.name, &[trailer.value], out));
        }
        self.write_encoding(out)
    }

    fn write_encoding(&self, out: &mut Vec<u8>) -> Result<Option<HeaderPosition>, SealError> {
        let mut encoding = Vec::new();
        let values = self.encodings.iter().copied();
        if matches!(self.payload.body, Body::Encoded { .. }) {
            content_encoding::with_aws_chunked(values, &mut encoding)
        } else {
            content_encoding::without_aws_chunked(values, &mut encoding)
        }
        .map_err(|_| SealError::OutOfMemory)?;
        Ok((!encoding.is_empty()).then(|| write_header(b"Content-Encoding", &[&encoding], out)))
    }
}

fn write_length(length: u64, out: &mut Vec<u8>) {
    write_header(b"Content-Length", &[Decimal::new(length).as_bytes()], out);
}

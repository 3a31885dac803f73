//! What the head of a request says of a body in aws-chunked framing.

use aws_signing::Header;
use aws_signing::chunked::Framing;

use super::{BodyError, TrailerName};
use crate::deputy::{PassHeaders, is_ours};
use crate::head::trim_blanks;

const DECODED_LENGTH: &[u8] = b"x-amz-decoded-content-length";
const TRAILER: &[u8] = b"x-amz-trailer";

/// The most trailers that a client may announce. SDKs announce one checksum, S3 takes no second.
pub const MAX_ANNOUNCED: usize = 4;

/// The longest body, in bytes: lengths of files are signed.
const MAX_LENGTH: u64 = i64::MAX as u64;

/// What a framed body is expected to be: its framing, how long it is without, and the trailers
/// behind it.
///
/// The rules are those of [Transferring payload in multiple chunks][1] and [Including trailing
/// headers][2]. Where these pages are silent, S3 takes unsigned framing without any trailer, which
/// the SDK for Swift sends, and refuses signed trailers that were not announced; so it is here.
///
/// [1]: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
/// [2]: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    framing: Framing,
    decoded_length: u64,
    trailers: [Option<TrailerName>; MAX_ANNOUNCED],
}

impl Expected {
    /// Reads the client's headers: `X-Amz-Decoded-Content-Length`, which stands once, and all of
    /// `X-Amz-Trailer`. A trailer is as good as a header, so `pass` decides about it, too.
    pub fn new<'a, H>(framing: Framing, headers: H, pass: &PassHeaders) -> Result<Self, BodyError>
    where
        H: IntoIterator<Item = Header<'a>>,
        H::IntoIter: Clone,
    {
        let headers = headers.into_iter();
        let mut expected = Self {
            framing,
            decoded_length: decoded_length(values(headers.clone(), DECODED_LENGTH))?,
            trailers: [None; MAX_ANNOUNCED],
        };
        let names = values(headers.clone(), TRAILER)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .map(trim_blanks)
            .filter(|name| !name.is_empty());
        for name in names {
            let name = TrailerName::new(name).ok_or(BodyError::TrailerName)?;
            if framing == Framing::Signed {
                return Err(BodyError::TrailerWithoutFraming);
            }
            if !may_trail(name.as_bytes(), pass) {
                return Err(BodyError::TrailerNotPassed(name));
            }
            if expected.announces(name.as_bytes()) {
                return Err(BodyError::TrailerAnnouncedTwice(name));
            }
            if values(headers.clone(), name.as_bytes()).next().is_some() {
                return Err(BodyError::TrailerInHead(name));
            }
            let free = expected.trailers.iter_mut().find(|slot| slot.is_none());
            *free.ok_or(BodyError::TooManyTrailers)? = Some(name);
        }
        if framing == Framing::SignedTrailer && expected.trailers[0].is_none() {
            return Err(BodyError::NoTrailerAnnounced);
        }
        Ok(expected)
    }

    /// How the body is framed.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// The bytes of data in the framing.
    pub fn decoded_length(&self) -> u64 {
        self.decoded_length
    }

    /// The trailers announced, in the order of their announcement, each once.
    pub fn trailers(&self) -> impl Iterator<Item = &TrailerName> {
        self.trailers.iter().flatten()
    }

    /// Whether a trailer is announced, by its name in lower case.
    pub(super) fn announces(&self, name: &[u8]) -> bool {
        self.trailers().any(|other| other.as_bytes() == name)
    }
}

/// The values of the headers of one name.
fn values<'a>(
    headers: impl Iterator<Item = Header<'a>>,
    name: &[u8],
) -> impl Iterator<Item = &'a [u8]> {
    headers
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

/// Decimal digits and nothing else. Leading zeros make an octal number for some.
fn decoded_length<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<u64, BodyError> {
    let value = values.next().ok_or(BodyError::DecodedLengthMissing)?;
    if values.next().is_some() {
        return Err(BodyError::DecodedLengthRepeated);
    }
    let digits = match trim_blanks(value) {
        [] | [b'0', _, ..] => return Err(BodyError::DecodedLength),
        digits => digits,
    };
    let mut length = 0_u64;
    for &digit in digits {
        length = char::from(digit)
            .to_digit(10)
            .and_then(|digit| length.checked_mul(10)?.checked_add(digit.into()))
            .filter(|&length| length <= MAX_LENGTH)
            .ok_or(BodyError::DecodedLength)?;
    }
    Ok(length)
}

/// Whether a header may come behind the body. Those that tell how to read it come too late there,
/// even where they may pass.
fn may_trail(name: &[u8], pass: &PassHeaders) -> bool {
    pass.allows(name) && !is_ours(name) && name != DECODED_LENGTH && name != TRAILER
}

//! What the head of a request declares about a body in aws-chunked encoding.

use aws_signing::chunked::Framing;
use aws_signing::{Header, trim_blanks};

use super::{BodyError, TrailerName};
use crate::forwarding::{PassHeaders, is_ours};

const DECODED_LENGTH: &[u8] = b"x-amz-decoded-content-length";
const TRAILER: &[u8] = b"x-amz-trailer";

/// The maximum number of trailers that a client can announce. SDKs announce one checksum, and S3
/// accepts no second one.
pub const MAX_ANNOUNCED: usize = 4;

/// The maximum length of a body, in bytes: lengths of files are signed integers.
const MAX_LENGTH: u64 = i64::MAX as u64;

/// What an aws-chunked body is expected to be: its kind of encoding, its length without it, and its
/// trailers.
///
/// The rules are those of [Transferring payload in multiple chunks][1] and [Including trailing
/// headers][2]. The latter requires every trailer to be announced. Unsigned chunks without any are
/// accepted all the same: the literal's name mentions trailers, but the SDK for Swift has no other
/// name for chunks without a checksum. Signed trailers that are not announced are rejected here, as
/// by S3.
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
    /// Reads the client's headers: `X-Amz-Decoded-Content-Length`, which may be there once, and all
    /// of `X-Amz-Trailer`. A trailer is equivalent to a header, so `pass` applies to it, too.
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

    /// The kind of aws-chunked encoding.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// The length of the data, in bytes.
    pub fn decoded_length(&self) -> u64 {
        self.decoded_length
    }

    /// The announced trailers, in the order of their announcement, each once.
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

/// Only decimal digits. Leading zeros mean an octal number to some servers.
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

/// Whether a header can be sent after the body. Those that determine how to read the body cannot,
/// even if they may be forwarded.
fn may_trail(name: &[u8], pass: &PassHeaders) -> bool {
    pass.allows(name) && !is_ours(name) && name != DECODED_LENGTH && name != TRAILER
}

#[cfg(test)]
mod tests {
    use super::*;
    use Framing::*;

    fn expected(framing: Framing, headers: &[(&str, &str)]) -> Result<Expected, BodyError> {
        let headers = headers.iter().map(|(name, value)| Header {
            name: name.as_bytes(),
            value: value.as_bytes(),
        });
        Expected::new(framing, headers, &PassHeaders::default())
    }

    fn name(name: &str) -> TrailerName {
        TrailerName::new(name.as_bytes()).unwrap()
    }

    #[test]
    fn lengths_are_plain_decimal_numbers() {
        use BodyError::*;
        for (values, want) in [
            (&[][..], Err(DecodedLengthMissing)),
            (&["0"], Ok(0)),
            (&["5"], Ok(5)),
            (&[" 66560\t"], Ok(66560)),
            (&["9223372036854775807"], Ok(i64::MAX as u64)),
            (&["9223372036854775808"], Err(DecodedLength)),
            (&["18446744073709551616"], Err(DecodedLength)),
            (&["99999999999999999999999999999999"], Err(DecodedLength)),
            (&[""], Err(DecodedLength)),
            (&[" "], Err(DecodedLength)),
            (&["00"], Err(DecodedLength)),
            (&["010"], Err(DecodedLength)),
            (&["+5"], Err(DecodedLength)),
            (&["-5"], Err(DecodedLength)),
            (&["5.0"], Err(DecodedLength)),
            (&["0x5"], Err(DecodedLength)),
            (&["5 5"], Err(DecodedLength)),
            (&["5,5"], Err(DecodedLength)),
            (&["a"], Err(DecodedLength)),
            (&["٥"], Err(DecodedLength)),
            (&["5", "5"], Err(DecodedLengthRepeated)),
        ] {
            let headers: Vec<_> = values
                .iter()
                .map(|value| ("X-Amz-Decoded-Content-LENGTH", *value))
                .collect();
            let got = expected(UnsignedTrailer, &headers);
            assert_eq!(got.map(|it| it.decoded_length()), want, "{values:?}");
        }
    }

    #[test]
    fn all_announcements_count() {
        for (values, want) in [
            (&[][..], &[][..]),
            (&[""], &[]),
            (&[" , ,"], &[]),
            (&["x-amz-checksum-crc32"], &["x-amz-checksum-crc32"]),
            (&["X-Amz-Checksum-CRC32"], &["x-amz-checksum-crc32"]),
            (
                &["x-amz-checksum-sha1 ,\tx-amz-meta-a", "x-amz-meta-b"],
                &["x-amz-checksum-sha1", "x-amz-meta-a", "x-amz-meta-b"],
            ),
            (
                &["x-amz-meta-a,x-amz-meta-b,x-amz-meta-c,x-amz-meta-d"],
                &[
                    "x-amz-meta-a",
                    "x-amz-meta-b",
                    "x-amz-meta-c",
                    "x-amz-meta-d",
                ],
            ),
        ] {
            let mut headers = vec![("Host", "s3"), ("x-amz-decoded-content-length", "5")];
            headers.extend(values.iter().map(|value| ("X-Amz-TRAILER", *value)));
            let got = expected(UnsignedTrailer, &headers).unwrap();
            let want: Vec<_> = want.iter().map(|text| name(text)).collect();
            assert_eq!(got.trailers().copied().collect::<Vec<_>>(), want);
            let signed = expected(SignedTrailer, &headers);
            if want.is_empty() {
                assert_eq!(signed, Err(BodyError::NoTrailerAnnounced));
                assert_eq!(expected(Signed, &headers).unwrap().framing(), Signed);
            } else {
                assert_eq!(signed.unwrap().trailers().count(), want.len());
                let error = Err(BodyError::TrailerWithoutFraming);
                assert_eq!(expected(Signed, &headers), error);
            }
        }
    }

    #[test]
    fn announcements_are_checked() {
        use BodyError::*;
        let long = format!("x-amz-meta-{}", "a".repeat(54));
        for (value, error) in [
            ("a b", TrailerName),
            ("x-amz-meta-a;x-amz-meta-b", TrailerName),
            ("x-amz-meta-é", TrailerName),
            (&long, TrailerName),
            ("expires", TrailerNotPassed(name("expires"))),
            ("x-amz-acl", TrailerNotPassed(name("x-amz-acl"))),
            (
                "x-amz-checksum-crc32,X-Amz-Tagging",
                TrailerNotPassed(name("x-amz-tagging")),
            ),
            // Headers that can be forwarded, but not sent after the body that they describe.
            (
                "x-amz-content-sha256",
                TrailerNotPassed(name("x-amz-content-sha256")),
            ),
            ("x-amz-trailer", TrailerNotPassed(name("x-amz-trailer"))),
            (
                "x-amz-decoded-content-length",
                TrailerNotPassed(name("x-amz-decoded-content-length")),
            ),
            (
                "x-amz-trailer-signature",
                TrailerNotPassed(name("x-amz-trailer-signature")),
            ),
            (
                "x-amz-meta-a,X-AMZ-META-A",
                TrailerAnnouncedTwice(name("x-amz-meta-a")),
            ),
            ("x-amz-meta-there", TrailerInHead(name("x-amz-meta-there"))),
            (
                "x-amz-meta-a,x-amz-meta-b,x-amz-meta-c,x-amz-meta-d,x-amz-meta-e",
                TooManyTrailers,
            ),
        ] {
            let headers = [
                ("X-Amz-Meta-There", "1"),
                ("X-Amz-Decoded-Content-Length", "5"),
                ("x-amz-trailer", value),
            ];
            for framing in [UnsignedTrailer, SignedTrailer] {
                assert_eq!(expected(framing, &headers), Err(error), "{value}");
            }
        }
    }

    #[test]
    fn the_operator_decides_which_trailers_pass() {
        let headers = |value: &'static [u8]| {
            let header = |name, value| Header { name, value };
            [
                header(b"x-amz-decoded-content-length", b"5"),
                header(b"x-amz-trailer", value),
            ]
        };
        let mut pass = PassHeaders::none();
        pass.insert(b"x-amz-tagging").unwrap();
        let passed = Expected::new(UnsignedTrailer, headers(b"x-amz-tagging"), &pass);
        assert_eq!(passed.unwrap().trailers().count(), 1);
        let other = headers(b"x-amz-checksum-crc32");
        assert_eq!(
            Expected::new(UnsignedTrailer, other, &pass),
            Err(BodyError::TrailerNotPassed(name("x-amz-checksum-crc32")))
        );
    }
}

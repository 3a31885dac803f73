//! What holds for every body in aws-chunked framing that comes in, however it is cut.

use aws_sealing::PassHeaders;
use aws_sealing::body::{BodyError, Deframer, Expected, Inspector};
use aws_signing::Header;
use aws_signing::chunked::{Framing, FramingError};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const SIGNATURE: &str = "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef";

/// A body and how its client frames it.
#[derive(Clone, Debug)]
struct Body {
    framing: Framing,
    data: Vec<u8>,
    chunk_size: usize,
    /// Names and values; the values are right.
    trailers: Vec<(&'static str, String)>,
}

impl Body {
    fn expected(&self) -> Expected {
        let length = self.data.len().to_string();
        let names: Vec<&str> = self.trailers.iter().map(|(name, _)| *name).collect();
        expected(self.framing, &length, &names.join(","))
    }

    /// As a client sends it, put together without the crates under test.
    fn framed(&self) -> Vec<u8> {
        let line = |size: usize| match self.framing {
            Framing::UnsignedTrailer => format!("{size:x}\r\n"),
            _ => format!("{size:x};chunk-signature={SIGNATURE}\r\n"),
        };
        let mut out = Vec::new();
        for chunk in self.data.chunks(self.chunk_size) {
            out.extend_from_slice(line(chunk.len()).as_bytes());
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(line(0).as_bytes());
        for (name, value) in &self.trailers {
            out.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
        }
        if self.framing == Framing::SignedTrailer {
            let line = format!("x-amz-trailer-signature:{SIGNATURE}\r\n");
            out.extend_from_slice(line.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out
    }
}

fn expected(framing: Framing, length: &str, announced: &str) -> Expected {
    let header = |name, value| Header { name, value };
    let headers = [
        header(&b"X-Amz-Decoded-Content-Length"[..], length.as_bytes()),
        header(b"X-Amz-Trailer", announced.as_bytes()),
    ];
    Expected::new(framing, headers, &PassHeaders::default()).unwrap()
}

/// CRC-32 by its definition, in base64.
fn crc32(data: &[u8]) -> String {
    let mut crc = !0_u32;
    for &byte in data {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    base64(&(!crc).to_be_bytes())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn sha256(data: &[u8]) -> String {
    use sha2::Digest;
    base64(&sha2::Sha256::digest(data))
}

/// Data with bytes that mean something in the framing, in chunks from tiny to larger than itself.
fn body() -> impl Strategy<Value = Body> {
    let byte = prop_oneof![3 => any::<u8>(), 2 => select(b"\r\n0123456789abcdef;:".to_vec())];
    let framing = select(vec![
        Framing::Signed,
        Framing::SignedTrailer,
        Framing::UnsignedTrailer,
    ]);
    (framing, vec(byte, 0..300), 1_usize..400, 0_usize..3).prop_map(
        |(framing, data, chunk_size, trailers)| {
            let mut all = vec![
                ("x-amz-checksum-crc32", crc32(&data)),
                ("x-amz-checksum-sha256", sha256(&data)),
            ];
            all.truncate(match framing {
                Framing::Signed => 0,
                Framing::SignedTrailer => trailers.max(1),
                Framing::UnsignedTrailer => trailers,
            });
            Body {
                framing,
                data,
                chunk_size,
                trailers: all,
            }
        },
    )
}

fn splits() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..12)
}

/// The pieces of `input`, empty ones among them.
fn pieces<'a>(input: &'a [u8], splits: &[Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = splits.iter().map(|at| at.index(input.len() + 1)).collect();
    at.extend([0, input.len()]);
    at.sort_unstable();
    at.windows(2).map(|at| &input[at[0]..at[1]]).collect()
}

/// Name and value.
type Field = (Vec<u8>, Vec<u8>);

/// What comes of a body: what was sent on before its end, and the rest or why there is none.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    sent: Vec<u8>,
    end: Result<(Option<u8>, Vec<Field>), BodyError>,
}

impl Outcome {
    /// The data of a body that was taken.
    fn data(&self) -> Option<Vec<u8>> {
        let (last, _) = self.end.as_ref().ok()?;
        Some(self.sent.iter().copied().chain(*last).collect())
    }
}

fn deframe(expected: Expected, pieces: &[&[u8]]) -> Outcome {
    let mut deframer = Deframer::new(expected).unwrap();
    let mut sent = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        match deframer.update(&mut piece) {
            Ok(length) => sent.extend_from_slice(&piece[..length]),
            Err(error) => {
                assert_eq!(deframer.finish(), Err(error));
                let end = Err(error);
                return Outcome { sent, end };
            }
        }
    }
    let end = deframer.finish().map(|finished| {
        let trailers = finished.trailers.iter();
        let owned = trailers.map(|(name, value)| (name.to_vec(), value.to_vec()));
        (finished.last, owned.collect())
    });
    Outcome { sent, end }
}

fn inspect(expected: Expected, pieces: &[&[u8]]) -> Result<(), BodyError> {
    let mut inspector = Inspector::new(expected);
    for piece in pieces {
        inspector.update(piece)?;
    }
    inspector.finish()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_framed_is_taken(body in body(), splits in splits()) {
        let framed = body.framed();
        let pieces = pieces(&framed, &splits);
        prop_assert_eq!(inspect(body.expected(), &pieces), Ok(()));

        let outcome = deframe(body.expected(), &pieces);
        let (last, trailers) = outcome.end.clone().unwrap();
        let before = body.data.split_last().map_or(&[][..], |(_, before)| before);
        prop_assert_eq!(&outcome.sent, before);
        prop_assert_eq!(last, body.data.last().copied());
        let want: Vec<_> = body
            .trailers
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.clone().into_bytes()))
            .collect();
        prop_assert_eq!(trailers, want);
    }

    /// The last byte stays until all has come, whatever has.
    #[test]
    fn a_body_that_breaks_off_is_never_whole(body in body(), cut in any::<Index>(), splits in splits()) {
        let framed = body.framed();
        let cut = &framed[..cut.index(framed.len())];
        let pieces = pieces(cut, &splits);
        prop_assert!(inspect(body.expected(), &pieces).is_err());
        let outcome = deframe(body.expected(), &pieces);
        prop_assert!(outcome.end.is_err());
        prop_assert!(outcome.sent.len() < body.data.len().max(1));
        prop_assert!(body.data.starts_with(&outcome.sent));
    }

    /// Data that is not what the checksum says is rejected before its last byte is sent.
    #[test]
    fn other_data_is_never_whole(body in body(), at in any::<Index>(), change in 1_u8.., splits in splits()) {
        prop_assume!(!body.data.is_empty() && !body.trailers.is_empty());
        let mut other = body.clone();
        let at = at.index(other.data.len());
        other.data[at] ^= change;
        let framed = other.framed();
        let pieces = pieces(&framed, &splits);
        let outcome = deframe(body.expected(), &pieces);
        prop_assert!(matches!(outcome.end, Err(BodyError::ChecksumMismatch(_))));
        // What the last piece held is kept, too.
        prop_assert!(outcome.sent.len() < body.data.len());
        // The upstream detects it if the encoding is kept.
        prop_assert_eq!(inspect(body.expected(), &pieces), Ok(()));
    }

    /// Whatever comes gives the same result at every split; what is taken is what a simple reader
    /// finds, and what is rejected is not complete.
    #[test]
    fn splits_do_not_matter(
        (framing, input) in noise(),
        declared in 0_u64..12,
        announces in any::<bool>(),
        splits in splits(),
    ) {
        let announced = match framing {
            Framing::SignedTrailer => "x-amz-checksum-crc32",
            Framing::UnsignedTrailer if announces => "x-amz-checksum-crc32",
            _ => "",
        };
        let expected = expected(framing, &declared.to_string(), announced);
        let pieces = pieces(&input, &splits);
        let whole = deframe(expected, &[&input]);
        let split = deframe(expected, &pieces);
        prop_assert_eq!(&split.end, &whole.end);
        prop_assert!(split.sent.starts_with(&whole.sent));
        prop_assert!((split.sent.len() as u64) < declared.max(1));

        let inspected = inspect(expected, &[&input]);
        prop_assert_eq!(inspect(expected, &pieces), inspected);
        match (&split.end, inspected) {
            (Ok(_), inspected) => {
                prop_assert_eq!(inspected, Ok(()));
                prop_assert_eq!(split.data().unwrap(), naive(&input));
            }
            // What the inspector leaves to the upstream; it reads on after it.
            (Err(BodyError::ChecksumMismatch(_) | BodyError::ChecksumForm(_)), inspected) => {
                let after_end = BodyError::Framing(FramingError::AfterEnd);
                prop_assert!(inspected == Ok(()) || inspected == Err(after_end));
            }
            (Err(error), inspected) => prop_assert_eq!(inspected, Err(*error)),
        }
    }
}

/// The data in a well-formed framing, found with as little care as possible.
fn naive(mut framed: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    loop {
        let digits = framed.iter().take_while(|byte| byte.is_ascii_hexdigit());
        let digits = std::str::from_utf8(&framed[..digits.count()]).unwrap();
        let size = usize::from_str_radix(digits, 16).unwrap();
        if size == 0 {
            return data;
        }
        let line = framed.windows(2).position(|end| end == b"\r\n").unwrap();
        let chunk = &framed[line + 2..];
        data.extend_from_slice(&chunk[..size]);
        framed = &chunk[size + 2..];
    }
}

/// Bodies of a few chunks, in most of which something is out of place.
fn noise() -> impl Strategy<Value = (Framing, Vec<u8>)> {
    let framing = select(vec![
        Framing::Signed,
        Framing::SignedTrailer,
        Framing::UnsignedTrailer,
    ]);
    let odd = select(vec![
        "\r\n".to_owned(),
        "\r".to_owned(),
        "\n".to_owned(),
        "0".to_owned(),
        ";".to_owned(),
        "x-amz-meta-a:1\r\n".to_owned(),
        "x-amz-checksum-crc32:AAAAAA==\n\r\n".to_owned(),
    ]);
    let parts = (framing, 0_usize..4, vec((any::<Index>(), odd), 0..3));
    parts.prop_map(|(framing, chunks, odd)| {
        let data = b"abc".repeat(chunks);
        let body = Body {
            framing,
            chunk_size: 3,
            trailers: match framing {
                Framing::Signed => vec![],
                _ => vec![("x-amz-checksum-crc32", crc32(&data))],
            },
            data,
        };
        // Odd pieces come between lines.
        let framed = String::from_utf8(body.framed()).unwrap();
        let mut lines: Vec<String> = framed.split_inclusive("\r\n").map(str::to_owned).collect();
        for (at, odd) in odd {
            lines.insert(at.index(lines.len() + 1), odd);
        }
        (framing, lines.concat().into_bytes())
    })
}

/// A byte that is changed, lost or added anywhere is noticed, or is none of the data's.
#[test]
fn a_corrupt_byte_is_an_error_or_changes_nothing() {
    let data = b"hello, world".to_vec();
    let crc = ("x-amz-checksum-crc32", crc32(&data));
    for framing in [Framing::UnsignedTrailer, Framing::SignedTrailer] {
        let body = Body {
            framing,
            data: data.clone(),
            chunk_size: 10,
            trailers: vec![crc.clone()],
        };
        let good = deframe(body.expected(), &[&body.framed()]);
        let taken = corruptions(&body.framed(), |corrupt| {
            let outcome = deframe(body.expected(), &[corrupt]);
            assert!(outcome.sent.len() < data.len());
            if outcome.end.is_ok() {
                assert_eq!(outcome, good, "{}", corrupt.escape_ascii());
            }
            outcome.end.is_ok()
        });
        // Zeros before a size, other digits of a signature, names in upper case, a line feed.
        assert!(taken > 0);
    }
}

/// Without a checksum the data may be other data of the same length, but not the framing.
#[test]
fn a_corrupt_byte_of_signed_framing_is_an_error_or_changes_nothing() {
    let body = Body {
        framing: Framing::Signed,
        data: b"AAAAAAAAAAAA".to_vec(),
        chunk_size: 10,
        trailers: vec![],
    };
    let taken = corruptions(&body.framed(), |corrupt| {
        let outcome = deframe(body.expected(), &[corrupt]);
        assert_eq!(
            inspect(body.expected(), &[corrupt]),
            outcome.end.clone().map(|_| ())
        );
        assert!(outcome.sent.len() < body.data.len());
        if let Some(data) = outcome.data() {
            assert_eq!(data.len(), body.data.len());
            let others = data.iter().filter(|&&byte| byte != b'A').count();
            assert!(others <= 1, "{}", corrupt.escape_ascii());
        }
        outcome.end.is_ok()
    });
    assert!(taken > body.data.len() * 255);
}

/// Has `check` look at `good` with each byte lost, changed to each other, and with each added;
/// returns how many of these it took.
fn corruptions(good: &[u8], mut check: impl FnMut(&[u8]) -> bool) -> usize {
    let mut taken = 0;
    for at in 0..good.len() {
        let (before, behind) = good.split_at(at);
        taken += usize::from(check(&[before, &behind[1..]].concat()));
        for byte in 0..=255 {
            taken += usize::from(check(&[before, &[byte], behind].concat()));
            if byte != behind[0] {
                taken += usize::from(check(&[before, &[byte], &behind[1..]].concat()));
            }
        }
    }
    taken
}

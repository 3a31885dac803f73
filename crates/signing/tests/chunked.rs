//! What holds for every body in aws-chunked framing, however it is cut and handed in.

use std::num::NonZeroU32;

use aws_signing::chunked::{
    ChunkSigner, Encoder, Event, Framing, FramingError, Layout, Parser, Resigner, Trailers,
};
use aws_signing::{CredentialScope, SigningKey, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn signer(key: u8) -> ChunkSigner {
    let now = Timestamp::from_unix(1_767_225_600);
    let scope = CredentialScope::new(now.date(), "eu-central-1", "s3").unwrap();
    let key_bytes = SigningKey::from_bytes(&[key; 32]);
    ChunkSigner::new(&key_bytes, &scope, &now, &[b'0' + key; 64]).expect("memory")
}

/// A body and how it is to be cut.
#[derive(Clone, Debug)]
struct Body {
    data: Vec<u8>,
    chunk_size: NonZeroU32,
    trailers: Option<Trailers>,
}

impl Body {
    fn layout(&self) -> Layout {
        let trailers = self.trailers.as_ref().map(Trailers::length);
        Layout::new(self.data.len() as u64, self.chunk_size, trailers).unwrap()
    }

    fn parser(&self) -> Parser {
        Parser::new(self.layout().framing(), self.data.len() as u64)
    }
}

/// Data with bytes that mean something in the framing, in chunks from tiny to larger than itself.
fn body() -> impl Strategy<Value = Body> {
    let byte = prop_oneof![
        3 => any::<u8>(),
        2 => proptest::sample::select(b"\r\n0123456789abcdef;:".to_vec()),
    ];
    let trailer = ("[a-z][a-z0-9-]{0,8}", "[!-~]{1,12}");
    let trailers =
        proptest::option::of(proptest::collection::btree_map(trailer.0, trailer.1, 1..4));
    (vec(byte, 0..300), 1_u32..400, trailers).prop_map(|(data, size, fields)| Body {
        data,
        chunk_size: NonZeroU32::new(size).unwrap(),
        trailers: fields.map(|fields| {
            let mut trailers = Trailers::new();
            for (name, value) in fields {
                trailers.push(name.as_bytes(), value.as_bytes()).unwrap();
            }
            trailers
        }),
    })
}

/// Where input is split.
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

fn encode(body: &Body, signer: ChunkSigner, splits: &[Index]) -> Vec<u8> {
    let mut encoder = Encoder::new(body.layout(), signer);
    let (mut out, mut held) = (Vec::new(), Vec::new());
    for mut piece in pieces(&body.data, splits) {
        while !piece.is_empty() {
            let taken = encoder.update(piece).unwrap();
            held.extend_from_slice(&piece[..taken]);
            piece = &piece[taken..];
            if let Some(header) = encoder.chunk_header() {
                out.extend_from_slice(&header);
                out.append(&mut held);
            }
        }
    }
    let none = Trailers::new();
    let trailers = body.trailers.as_ref().unwrap_or(&none);
    encoder.finish(trailers, &mut out).unwrap();
    out
}

/// What a parser found.
#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    data: Vec<u8>,
    sizes: Vec<u32>,
    trailers: Trailers,
}

fn parse(mut parser: Parser, pieces: &[&[u8]]) -> Result<Parsed, FramingError> {
    let (mut data, mut sizes) = (Vec::new(), Vec::new());
    for mut piece in pieces.iter().copied() {
        loop {
            let (used, event) = parser.next(piece)?;
            piece = &piece[used..];
            match event {
                Event::Incomplete => break,
                Event::Chunk { size } => sizes.push(size),
                Event::Data(bytes) => data.extend_from_slice(bytes),
                _ => {}
            }
        }
        assert!(piece.is_empty(), "what is incomplete is taken");
    }
    parser.finish()?;
    let trailers = parser.trailers().clone();
    Ok(Parsed {
        data,
        sizes,
        trailers,
    })
}

/// Resigns and returns all of it; each frame goes through a buffer of its own.
fn resign(mut resigner: Resigner, pieces: &[&[u8]]) -> Vec<u8> {
    let (mut out, mut held) = (Vec::new(), Vec::new());
    for mut piece in pieces.iter().copied() {
        while !piece.is_empty() {
            let step = resigner.update(piece, &mut held).unwrap();
            piece = &piece[step.used..];
            assert!(step.complete || piece.is_empty());
            if step.complete {
                out.append(&mut held);
            }
        }
    }
    resigner.finish().unwrap();
    assert!(held.is_empty(), "the end completes what is held");
    out
}

proptest! {
    #![proptest_config(config(256))]

    /// However the plain and the framed bytes are split, they are the same bytes.
    #[test]
    fn what_is_encoded_is_parsed(body in body(), plain in splits(), framed in splits()) {
        let encoded = encode(&body, signer(1), &plain);
        prop_assert_eq!(&encoded, &encode(&body, signer(1), &[]));
        prop_assert_eq!(encoded.len() as u64, body.layout().encoded_length());

        let parsed = parse(body.parser(), &pieces(&encoded, &framed)).unwrap();
        prop_assert_eq!(&parsed.data, &body.data);
        prop_assert_eq!(parsed.trailers, body.trailers.unwrap_or_default());
        let (last, full) = parsed.sizes.split_last().unwrap();
        prop_assert_eq!(*last, 0);
        if let Some((rest, full)) = full.split_last() {
            prop_assert!(full.iter().all(|&size| size == body.chunk_size.get()));
            prop_assert!((1..=body.chunk_size.get()).contains(rest));
        }
    }

    /// A body that a client signed becomes what we had made of its data.
    #[test]
    fn resigning_is_encoding_with_our_key(body in body(), splits in splits()) {
        let theirs = encode(&body, signer(1), &[]);
        let ours = encode(&body, signer(2), &[]);
        prop_assert_ne!(&theirs, &ours);
        let length = body.data.len() as u64;
        let resigner = Resigner::new(body.layout().framing(), length, signer(2)).unwrap();
        prop_assert_eq!(resign(resigner, &pieces(&theirs, &splits)), ours);
    }

    /// What follows the end, or does not come, is noticed.
    #[test]
    fn the_end_is_where_it_was_announced(body in body(), cut in any::<Index>(), more in vec(any::<u8>(), 1..5)) {
        let mut encoded = encode(&body, signer(1), &[]);
        let cut = &encoded[..cut.index(encoded.len())];
        prop_assert_eq!(parse(body.parser(), &[cut]), Err(FramingError::Truncated));
        encoded.extend_from_slice(&more);
        prop_assert_eq!(parse(body.parser(), &[&encoded]), Err(FramingError::AfterEnd));
    }

    /// Whatever comes gives the same result at every split, and only data of the length declared.
    #[test]
    fn splits_do_not_matter(
        (framing, input) in noise(),
        declared in 0_u64..10,
        splits in splits(),
    ) {
        let parser = || Parser::new(framing, declared);
        let whole = parse(parser(), &[&input]);
        prop_assert_eq!(&parse(parser(), &pieces(&input, &splits)), &whole);
        if let Ok(parsed) = whole {
            prop_assert_eq!(parsed.data.len() as u64, declared);
        }
    }
}

/// Bodies of a few chunks, in most of which something is out of place.
fn noise() -> impl Strategy<Value = (Framing, Vec<u8>)> {
    let signature = "0123456789abcdef".repeat(4);
    let extension = format!(";chunk-signature={signature}");
    let trailer_signature = format!("x-amz-trailer-signature:{signature}\r\n");
    let kinds = vec![
        (Framing::Signed, extension.clone(), String::new()),
        (
            Framing::SignedTrailer,
            extension,
            format!("a:b\r\n{trailer_signature}"),
        ),
        (
            Framing::UnsignedTrailer,
            String::new(),
            "a:b\r\n".to_owned(),
        ),
    ];
    let odd = proptest::sample::select(vec![
        "\r\n".to_owned(),
        "\r".to_owned(),
        "\n".to_owned(),
        "0".to_owned(),
        ";".to_owned(),
        "c:d\n\r\n".to_owned(),
        trailer_signature,
    ]);
    (
        proptest::sample::select(kinds),
        0_usize..4,
        vec((any::<Index>(), odd), 0..3),
    )
        .prop_map(|((framing, extension, end), chunks, odd)| {
            let chunk = [format!("3{extension}\r\n"), "abc\r\n".to_owned()];
            let mut parts = vec![chunk; chunks].concat();
            parts.extend([format!("0{extension}\r\n"), end, "\r\n".to_owned()]);
            for (at, part) in odd {
                parts.insert(at.index(parts.len() + 1), part);
            }
            (framing, parts.concat().into_bytes())
        })
}

/// No byte that is changed, lost or added makes other data of a body, except where it is in the
/// data itself.
#[test]
fn a_corrupt_byte_is_an_error_or_changes_nothing() {
    let mut trailers = Trailers::new();
    trailers.push(b"x-amz-checksum-crc32", b"NhCmhg==").unwrap();
    let body = |trailers| Body {
        data: b"hello, world".to_vec(),
        chunk_size: NonZeroU32::new(10).unwrap(),
        trailers,
    };
    let (plain, trailed) = (body(None), body(Some(trailers)));
    check_corruption(&plain.parser(), &encode(&plain, signer(1), &[]));
    check_corruption(&trailed.parser(), &encode(&trailed, signer(1), &[]));
    check_corruption(
        &Parser::new(Framing::UnsignedTrailer, 12),
        b"a\r\nhello, wor\r\n2\r\nld\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
    );
}

fn check_corruption(parser: &Parser, encoded: &[u8]) {
    let good = parse(parser.clone(), &[encoded]).unwrap();
    let mut accepted = 0;
    let mut check = |corrupt: &[u8]| {
        if let Ok(parsed) = parse(parser.clone(), &[corrupt]) {
            let text = corrupt.escape_ascii();
            assert_eq!(parsed.data, good.data, "{text}");
            assert_eq!(parsed.sizes, good.sizes, "{text}");
            accepted += 1;
        }
    };
    for at in (0..encoded.len()).filter(|&at| !is_data(parser.clone(), encoded, at)) {
        let (before, behind) = encoded.split_at(at);
        check(&[before, &behind[1..]].concat());
        for byte in 0..=255 {
            check(&[before, &[byte], behind].concat());
            check(&[before, &[byte], &behind[1..]].concat());
        }
    }
    // Other digits of signatures, other trailers, leading zeros: what does not touch the data.
    assert!(accepted > 0);
}

/// Whether the byte at `at` of a body is one of the data.
fn is_data(mut parser: Parser, encoded: &[u8], at: usize) -> bool {
    let mut position = 0;
    loop {
        let (used, event) = parser.next(&encoded[position..]).unwrap();
        if (position..position + used).contains(&at) {
            return matches!(event, Event::Data(_));
        }
        position += used;
    }
}

/// A client that announces the largest chunk and sends a little takes a little memory.
#[test]
fn memory_grows_with_what_has_come() {
    let size = 16 << 20;
    let line = format!("1000000;chunk-signature={}\r\n", "0".repeat(64));
    // Another chunk has to follow.
    let mut resigner = Resigner::new(Framing::Signed, size + 1, signer(1)).unwrap();
    let mut held = Vec::new();
    resigner.update(line.as_bytes(), &mut held).unwrap();
    for count in 1..=256 {
        let step = resigner.update(&[0; 64 << 10], &mut held).unwrap();
        assert!(!step.complete);
        let came = line.len() + count * (64 << 10);
        assert_eq!(held.len(), came);
        assert!(held.capacity() <= (2 * came).min(line.len() + (16 << 20) + 2));
    }
    assert!(resigner.update(b"\r\n", &mut held).unwrap().complete);
    assert_eq!(held.capacity(), held.len());
}

/// What is sent last is sent at once, whichever pieces it comes in: no chunk is sent before the few
/// bytes of the end are there.
#[test]
fn the_end_goes_with_the_last_data() {
    let body = Body {
        data: b"0123456789".to_vec(),
        chunk_size: NonZeroU32::new(8).unwrap(),
        trailers: None,
    };
    let encoded = encode(&body, signer(1), &[]);
    let mut resigner = Resigner::new(Framing::Signed, 10, signer(2)).unwrap();
    let (mut held, mut complete) = (Vec::new(), Vec::new());
    for (at, byte) in encoded.iter().enumerate() {
        let step = resigner.update(&[*byte], &mut held).unwrap();
        assert_eq!(step.used, 1);
        if step.complete {
            complete.push(at + 1);
            held.clear();
        }
    }
    let first = "8;chunk-signature=\r\n01234567\r\n".len() + 64;
    assert_eq!(complete, [first, encoded.len()]);
}

/// There is nothing to sign in unsigned framing.
#[test]
fn unsigned_framing_has_no_resigner() {
    assert!(Resigner::new(Framing::UnsignedTrailer, 0, signer(1)).is_none());
}

//! Bodies in aws-chunked framing, split anywhere. See `../README.md` for the input.

#![no_main]

use aws_signing::chunked::{
    ChunkSigner, Event, Framing, FramingError, MAX_CHUNK, MAX_TRAILERS, Parser, ResignError,
    Resigner, Trailers,
};
use aws_signing::{CredentialScope, SigningKey, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [framing, high, low, split, body @ ..] = input else {
        return;
    };
    let framing = match framing % 3 {
        0 => Framing::Signed,
        1 => Framing::SignedTrailer,
        _ => Framing::UnsignedTrailer,
    };
    let declared = u64::from(u16::from_be_bytes([*high, *low]));
    let pieces = pieces(body, *split);

    let whole = parse(Parser::new(framing, declared), &[body]);
    let split = parse(Parser::new(framing, declared), &pieces);
    assert_eq!(whole, split, "the result depends on the splits");
    let Ok(parsed) = &whole else {
        check_refused(framing, declared, &whole, &pieces);
        return;
    };
    assert_eq!(parsed.data.len() as u64, declared);
    assert!(parsed.trailers.length() <= MAX_TRAILERS);
    let (last, full) = parsed.sizes.split_last().expect("a last chunk");
    assert!(*last == 0 && full.iter().all(|&size| size > 0 && size <= MAX_CHUNK));
    if !framing.signs_chunks() {
        return;
    }

    // Signing again changes signatures only, and in the same way whatever was there.
    let resigned = resign(framing, declared, &[body]).unwrap();
    assert_eq!(resigned.len(), body.len());
    assert_eq!(resign(framing, declared, &pieces).as_ref(), Ok(&resigned));
    assert_eq!(
        resign(framing, declared, &[&resigned]).as_ref(),
        Ok(&resigned)
    );
    assert_eq!(parse(Parser::new(framing, declared), &[&resigned]), whole);
});

/// What the parser rejects, the resigner rejects for the same reason.
fn check_refused(
    framing: Framing,
    declared: u64,
    refused: &Result<Parsed, FramingError>,
    pieces: &[&[u8]],
) {
    if let (Err(error), true) = (refused, framing.signs_chunks()) {
        let resigned = resign(framing, declared, pieces);
        assert_eq!(resigned, Err(ResignError::Framing(*error)));
    }
}

/// Pieces whose lengths follow from `seed`; 0 makes single bytes.
fn pieces(mut rest: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut length = usize::from(seed);
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.len().min(1 + length));
        pieces.push(piece);
        rest = behind;
        length = length * 5 % 67;
    }
    pieces
}

#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    data: Vec<u8>,
    sizes: Vec<u32>,
    trailers: Trailers,
}

fn parse(mut parser: Parser, pieces: &[&[u8]]) -> Result<Parsed, FramingError> {
    let (mut data, mut sizes) = (Vec::new(), Vec::new());
    for mut piece in pieces.iter().copied() {
        while !piece.is_empty() {
            let (used, event) = parser.next(piece)?;
            assert!(used > 0, "no progress");
            piece = &piece[used..];
            match event {
                Event::Chunk { size } => sizes.push(size),
                Event::Data(bytes) => data.extend_from_slice(bytes),
                Event::Incomplete => assert!(piece.is_empty()),
                _ => {}
            }
        }
    }
    parser.finish()?;
    let trailers = parser.trailers().clone();
    Ok(Parsed {
        data,
        sizes,
        trailers,
    })
}

fn resign(framing: Framing, declared: u64, pieces: &[&[u8]]) -> Result<Vec<u8>, ResignError> {
    let now = Timestamp::from_unix(1_767_225_600);
    let scope = CredentialScope::new(now.date(), "us-east-1", "s3").unwrap();
    let signer = ChunkSigner::new(&SigningKey::from_bytes(&[7; 32]), &scope, &now, &[b'0'; 64]).expect("memory");
    let mut resigner = Resigner::new(framing, declared, signer).expect("signed framing");
    let (mut out, mut held) = (Vec::new(), Vec::new());
    for mut piece in pieces.iter().copied() {
        while !piece.is_empty() {
            let step = resigner.update(piece, &mut held)?;
            assert!(step.used > 0, "no progress");
            piece = &piece[step.used..];
            if step.complete {
                out.append(&mut held);
            }
        }
    }
    resigner.finish()?;
    assert!(held.is_empty());
    Ok(out)
}

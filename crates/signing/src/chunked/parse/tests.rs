use super::Framing::*;
use super::*;
use crate::chunked::TrailerError;

/// A body, in which `$` represents a signature.
fn body(text: &str) -> Vec<u8> {
    let signature = "0123456789abcdefABCDEF9876543210".repeat(2);
    text.replace('$', &signature).into_bytes()
}

/// Reads a body in two pieces; returns its data, or the error.
fn read(framing: Framing, declared: u64, body: &[u8], at: usize) -> Result<Vec<u8>, FramingError> {
    let mut parser = Parser::new(framing, declared);
    let mut data = Vec::new();
    for mut piece in [&body[..at], &body[at..]] {
        loop {
            let (used, event) = parser.next(piece)?;
            piece = &piece[used..];
            match event {
                Event::Incomplete => break,
                Event::Data(bytes) => data.extend_from_slice(bytes),
                _ => {}
            }
        }
        assert!(piece.is_empty());
    }
    parser.finish().map(|()| data)
}

/// The same, at every split.
fn read_everywhere(framing: Framing, declared: u64, text: &str) -> Result<Vec<u8>, FramingError> {
    let body = body(text);
    let whole = read(framing, declared, &body, 0);
    for at in 1..=body.len() {
        assert_eq!(
            read(framing, declared, &body, at),
            whole,
            "{text:?} at {at}"
        );
    }
    whole
}

#[test]
fn events_tell_every_byte() {
    let text = "2;chunk-signature=$\r\nhi\r\n0;chunk-signature=$\r\nA-b:c=\r\n\
                x-amz-trailer-signature:$\r\n\r\n";
    let body = body(text);
    let mut parser = Parser::new(SignedTrailer, 2);
    let mut rest = &body[..];
    for (want, event) in [
        (84, Event::Chunk { size: 2 }),
        (2, Event::Data(b"hi")),
        (2, Event::ChunkEnd),
        (84, Event::Chunk { size: 0 }),
        (8, Event::Trailer),
        (90, Event::TrailerSignature),
        (2, Event::End),
    ] {
        assert_eq!(parser.finish(), Err(FramingError::Truncated));
        assert_eq!(parser.next(rest), Ok((want, event)));
        rest = &rest[want..];
    }
    assert_eq!(parser.next(rest), Ok((0, Event::Incomplete)));
    assert_eq!(parser.finish(), Ok(()));
    let trailers: Vec<_> = parser.trailers().iter().collect();
    assert_eq!(trailers, [(&b"a-b"[..], &b"c="[..])]);
}

#[test]
fn well_formed_bodies_are_read_at_every_split() {
    for (framing, text, data) in [
        (Signed, "0;chunk-signature=$\r\n\r\n", ""),
        (
            Signed,
            "2;chunk-signature=$\r\nhi\r\n000000a;chunk-signature=$\r\n\r\n\r\n\n\r\r\r\r\r\r\n\
             00;chunk-signature=$\r\n\r\n",
            "hi\r\n\r\n\n\r\r\r\r\r",
        ),
        (
            SignedTrailer,
            "B;chunk-signature=$\r\nhello world\r\n0;chunk-signature=$\r\na:1\r\nb:2\r\n\
             X-AMZ-Trailer-Signature:$\r\n\r\n",
            "hello world",
        ),
        (UnsignedTrailer, "5\r\nhello\r\n0\r\na:1\r\n\r\n", "hello"),
        (UnsignedTrailer, "5\r\nhello\r\n0\r\n\r\n", "hello"),
    ] {
        let got = read_everywhere(framing, data.len() as u64, text);
        assert_eq!(got, Ok(data.as_bytes().to_vec()), "{text:?}");
    }
}

/// The form that the MinIO client for Go sends.
#[test]
fn a_line_feed_may_stand_behind_the_last_trailer_only() {
    let unsigned = |trailers: &str| {
        let text = format!("1\r\nx\r\n0\r\n{trailers}\r\n");
        read_everywhere(UnsignedTrailer, 1, &text)
    };
    let signed = |trailers: &str| {
        let text = format!("0;chunk-signature=$\r\n{trailers}\r\n");
        read_everywhere(SignedTrailer, 0, &text)
    };
    assert_eq!(unsigned("a:1\n\r\n"), Ok(b"x".to_vec()));
    assert_eq!(unsigned("a:1\r\nb:2\n\r\n"), Ok(b"x".to_vec()));
    assert_eq!(signed("a:1\n\r\nx-amz-trailer-signature:$\r\n"), Ok(vec![]));

    let value = Err(FramingError::Trailer(TrailerError::Value));
    let line = Err(FramingError::TrailerLine);
    assert_eq!(unsigned("a:1\n\n\r\n"), value);
    assert_eq!(unsigned("a:\n\r\n"), value);
    assert_eq!(unsigned("a:1\nb:2\n\r\n"), value);
    assert_eq!(unsigned("a:1\n\r\nb:2\r\n"), line);
    assert_eq!(unsigned("a:1\n\r\nb:2\n\r\n"), line);
    assert_eq!(unsigned("\n\r\n"), line);
    let signature = Err(FramingError::Signature);
    assert_eq!(signed("a:1\r\nx-amz-trailer-signature:$\n\r\n"), signature);
}

#[test]
fn each_fault_has_its_error() {
    use FramingError::*;
    let trailer = FramingError::Trailer;
    let long = format!("{}\r\n", "1".repeat(98));
    for (framing, declared, text, error) in [
        // The size of a chunk.
        (UnsignedTrailer, 5, "\r\n", Size),
        (UnsignedTrailer, 5, " 5\r\nhello\r\n0\r\n\r\n", Size),
        (UnsignedTrailer, 5, "5 \r\nhello\r\n0\r\n\r\n", Size),
        (UnsignedTrailer, 5, "0x5\r\nhello\r\n0\r\n\r\n", Size),
        (UnsignedTrailer, 5, "+5\r\nhello\r\n0\r\n\r\n", Size),
        (UnsignedTrailer, 5, "-5\r\nhello\r\n0\r\n\r\n", Size),
        (UnsignedTrailer, 5, "5\nhello\r\n0\r\n\r\n", Size),
        (UnsignedTrailer, 5, "5\rhello\r\n0\r\n\r\n", Size),
        (UnsignedTrailer, 5, "5\r\r\nhello\r\n0\r\n\r\n", Size),
        (UnsignedTrailer, 5, "\n5\r\nhello\r\n0\r\n\r\n", Size),
        (UnsignedTrailer, 5, "000000005\r\nhello\r\n0\r\n\r\n", Size),
        (Signed, 5, ";chunk-signature=$\r\nhello\r\n", Size),
        (UnsignedTrailer, 5, "11111111111111111\r\n", SizeLineTooLong),
        (UnsignedTrailer, 5, &long, SizeLineTooLong),
        // What is after it.
        (UnsignedTrailer, 5, "5;\r\nhello\r\n0\r\n\r\n", Extension),
        (UnsignedTrailer, 5, "5;a=b\r\nhello\r\n0\r\n\r\n", Extension),
        (Signed, 5, "5; chunk-signature=$\r\nhello\r\n", Extension),
        (Signed, 5, "5;Chunk-Signature=$\r\nhello\r\n", Extension),
        (Signed, 5, "5\r\nhello\r\n", MissingSignature),
        (SignedTrailer, 0, "0\r\na:b\r\n\r\n", MissingSignature),
        (
            UnsignedTrailer,
            0,
            "0;chunk-signature=$\r\n\r\n",
            UnexpectedSignature,
        ),
        (Signed, 5, "5;chunk-signature=\r\nhello\r\n", Signature),
        (Signed, 5, "5;chunk-signature=$ \r\nhello\r\n", Signature),
        (Signed, 5, "5;chunk-signature=$a\r\nhello\r\n", Signature),
        (Signed, 5, "5;chunk-signature=$;a=b\r\nhello\r\n", Signature),
        // Lengths.
        (
            UnsignedTrailer,
            u64::MAX,
            "1000001\r\n",
            ChunkTooLarge { size: 0x100_0001 },
        ),
        (
            UnsignedTrailer,
            u64::MAX,
            "ffffffffffffffff\r\n",
            ChunkTooLarge { size: u64::MAX },
        ),
        (UnsignedTrailer, 4, "5\r\n", TooLong { declared: 4 }),
        (
            UnsignedTrailer,
            4,
            "3\r\nabc\r\n2\r\n",
            TooLong { declared: 4 },
        ),
        (
            UnsignedTrailer,
            4,
            "3\r\nabc\r\n0\r\n\r\n",
            TooShort {
                declared: 4,
                decoded: 3,
            },
        ),
        // Line ends.
        (UnsignedTrailer, 5, "5\r\nhelloo\r\n0\r\n\r\n", ChunkEnd),
        (UnsignedTrailer, 5, "5\r\nhello0\r\n\r\n", ChunkEnd),
        (UnsignedTrailer, 5, "5\r\nhello\n0\r\n\r\n", ChunkEnd),
        (UnsignedTrailer, 5, "5\r\nhello\r0\r\n\r\n", ChunkEnd),
        // What is after the last chunk.
        (
            Signed,
            0,
            "0;chunk-signature=$\r\na:b\r\n\r\n",
            UnexpectedTrailer,
        ),
        (Signed, 0, "0;chunk-signature=$\r\n\n", UnexpectedTrailer),
        (UnsignedTrailer, 0, "0\r\n\n", Truncated),
        (UnsignedTrailer, 0, "0\r\na\r\n\r\n", TrailerLine),
        (UnsignedTrailer, 0, "0\r\na:b\rc:d\r\n\r\n", TrailerLine),
        (
            UnsignedTrailer,
            0,
            "0\r\n:b\r\n\r\n",
            trailer(TrailerError::Name),
        ),
        (
            UnsignedTrailer,
            0,
            "0\r\na :b\r\n\r\n",
            trailer(TrailerError::Name),
        ),
        (
            UnsignedTrailer,
            0,
            "0\r\na: b\r\n\r\n",
            trailer(TrailerError::Value),
        ),
        (UnsignedTrailer, 0, "0\r\na:b\r\n c\r\n\r\n", TrailerLine),
        (
            UnsignedTrailer,
            0,
            "0\r\na:b\r\nA:c\r\n\r\n",
            trailer(TrailerError::Duplicate),
        ),
        (
            UnsignedTrailer,
            0,
            "0\r\na:b\r\nx-amz-trailer-signature:$\r\n\r\n",
            trailer(TrailerError::Reserved),
        ),
        (
            SignedTrailer,
            0,
            "0;chunk-signature=$\r\n\r\n",
            MissingTrailerSignature,
        ),
        (
            SignedTrailer,
            0,
            "0;chunk-signature=$\r\na:b\r\n\r\n",
            MissingTrailerSignature,
        ),
        (
            SignedTrailer,
            0,
            "0;chunk-signature=$\r\nx-amz-trailer-signature:$\r\n\r\n",
            MissingTrailer,
        ),
        (
            SignedTrailer,
            0,
            "0;chunk-signature=$\r\na:b\r\nx-amz-trailer-signature:$\r\nc:d\r\n\r\n",
            TrailerLine,
        ),
        (
            SignedTrailer,
            0,
            "0;chunk-signature=$\r\na:b\r\nx-amz-trailer-signature:$0\r\n\r\n",
            Signature,
        ),
        // The end.
        (UnsignedTrailer, 0, "", Truncated),
        (UnsignedTrailer, 0, "0\r\n", Truncated),
        (UnsignedTrailer, 0, "0\r\n\r", Truncated),
        (UnsignedTrailer, 5, "5\r\nhell", Truncated),
        (UnsignedTrailer, 5, "5\r\nhello\r\n", Truncated),
        (UnsignedTrailer, 0, "0\r\n\r\n\r\n", AfterEnd),
        (Signed, 0, "0;chunk-signature=$\r\n\r\n0", AfterEnd),
    ] {
        assert_eq!(
            read_everywhere(framing, declared, text),
            Err(error),
            "{text:?}"
        );
        assert!(!error.to_string().is_empty() && !error.to_string().contains('\n'));
    }
}

#[test]
fn trailers_are_bounded_in_all() {
    let body = |value: usize| format!("0\r\na:1\r\nb:{}\r\n\r\n", "v".repeat(value));
    let most = MAX_TRAILERS - "a:1\r\nb:\r\n".len();
    assert_eq!(
        read(UnsignedTrailer, 0, body(most).as_bytes(), 0),
        Ok(vec![])
    );
    for at in [0, 3, 8, 2000, MAX_TRAILERS] {
        assert_eq!(
            read(UnsignedTrailer, 0, body(most + 1).as_bytes(), at),
            Err(FramingError::TrailersTooLarge),
            "{at}"
        );
    }
    // Found before the end of an endless line.
    let endless = &body(2 * most)[..MAX_TRAILERS + 5];
    assert_eq!(
        read(UnsignedTrailer, 0, endless.as_bytes(), 100),
        Err(FramingError::TrailersTooLarge)
    );
}

#[test]
fn the_largest_chunk_is_taken() {
    let mut parser = Parser::new(UnsignedTrailer, u64::from(MAX_CHUNK));
    let size = MAX_CHUNK;
    assert_eq!(parser.next(b"1000000\r\n"), Ok((9, Event::Chunk { size })));
}

#[test]
fn an_error_stays() {
    let mut parser = Parser::new(UnsignedTrailer, 5);
    assert_eq!(parser.next(b"x\r\n"), Err(FramingError::Size));
    assert_eq!(parser.next(b"5\r\n"), Err(FramingError::Size));
    assert_eq!(parser.next(b""), Err(FramingError::Size));
    assert_eq!(parser.finish(), Err(FramingError::Size));
}

//! Bodies as they come in, split anywhere, and the heads that announce them. See `../README.md`
//! for the input.

#![no_main]

use aws_sealing::PassHeaders;
use aws_sealing::body::content_encoding::{
    names_aws_chunked, with_aws_chunked, without_aws_chunked,
};
use aws_sealing::body::{
    BodyError, Checksum, Declared, Deframer, Expected, Inspector, MAX_ANNOUNCED,
};
use aws_signing::Header;
use aws_signing::chunked::{Event, Framing, FramingError, Parser};
use libfuzzer_sys::fuzz_target;

const FRAMINGS: [Framing; 3] = [
    Framing::Signed,
    Framing::SignedTrailer,
    Framing::UnsignedTrailer,
];

const ANNOUNCED: [&str; 4] = [
    "",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c, X-Amz-Checksum-CRC64NVME",
    "x-amz-checksum-sha1,x-amz-checksum-sha256",
];

fuzz_target!(|input: &[u8]| {
    let Some((&kind, input)) = input.split_first() else {
        return;
    };
    let framing = FRAMINGS[usize::from(kind % 3)];
    if kind & 0x80 != 0 {
        check_head(framing, input);
    } else if let [high, low, split, body @ ..] = input {
        let length = u16::from_be_bytes([*high, *low]);
        let announced = ANNOUNCED[usize::from(kind / 3 % 4)];
        check_body(framing, length.into(), announced, body, *split);
    }
});

fn check_body(framing: Framing, length: u64, announced: &str, body: &[u8], split: u8) {
    let value = length.to_string();
    let headers = [
        header("x-amz-decoded-content-length", value.as_bytes()),
        header("x-amz-trailer", announced.as_bytes()),
    ];
    let Ok(expected) = Expected::new(framing, headers, &PassHeaders::default()) else {
        return;
    };
    let pieces = pieces(body, split);
    let inspected = inspect(expected, &[body]);
    assert_eq!(inspect(expected, &pieces), inspected, "splits matter");

    let (whole, split) = (deframe(expected, &[body]), deframe(expected, &pieces));
    assert_eq!(split.end, whole.end, "splits matter");
    assert!(split.sent.starts_with(&whole.sent));
    assert!((split.sent.len() as u64) < length.max(1), "the last byte");
    match (&whole.end, inspected) {
        (Ok(last), inspected) => {
            assert_eq!(inspected, Ok(()));
            let data = [&whole.sent[..], last.as_slice()].concat();
            assert_eq!(data.len() as u64, length);
            check_data(framing, expected, body, &data);
        }
        // What the inspector leaves to the upstream; it reads on after it.
        (Err(BodyError::ChecksumMismatch(_) | BodyError::ChecksumForm(_)), inspected) => {
            let after_end = BodyError::Framing(FramingError::AfterEnd);
            assert!(inspected == Ok(()) || inspected == Err(after_end));
        }
        (Err(error), inspected) => assert_eq!(inspected, Err(*error)),
    }
}

/// What was taken is what the parser finds, with the checksums after it.
fn check_data(framing: Framing, expected: Expected, mut body: &[u8], data: &[u8]) {
    let mut parser = Parser::new(framing, data.len() as u64);
    let mut rest = data;
    while !body.is_empty() {
        let (used, event) = parser.next(body).unwrap();
        body = &body[used..];
        if let Event::Data(bytes) = event {
            rest = rest.strip_prefix(bytes).expect("the same data");
        }
    }
    assert!(rest.is_empty());
    assert_eq!(
        expected.trailers().count(),
        parser.trailers().iter().count()
    );
    for (name, value) in parser.trailers().iter() {
        let mut checksum = Checksum::for_trailer(name).unwrap();
        checksum.update(data);
        assert_eq!(checksum.verify(value), Ok(()));
    }
}

/// Lines are headers of any name, value and number.
fn check_head(framing: Framing, lines: &[u8]) {
    let headers: Vec<Header<'_>> = lines
        .split(|&byte| byte == b'\n')
        .filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            Some(Header { name, value })
        })
        .collect();
    let pass = PassHeaders::default();
    let shown = |text: String| assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    match Expected::new(framing, headers.iter().copied(), &pass) {
        Ok(expected) => {
            assert!(expected.decoded_length() <= i64::MAX as u64);
            let names: Vec<&[u8]> = expected.trailers().map(|name| name.as_bytes()).collect();
            assert!(names.len() <= MAX_ANNOUNCED);
            assert!(names.iter().all(|name| pass.allows(name)));
            assert!(framing != Framing::Signed || names.is_empty());
            assert!(framing != Framing::SignedTrailer || !names.is_empty());
        }
        Err(error) => {
            assert!((400..=501).contains(&error.status()));
            shown(error.to_string());
        }
    }
    match Declared::from_headers(headers.iter().copied()) {
        Ok(Declared::Hash(hash)) => assert!(hash.iter().all(|byte| !byte.is_ascii_uppercase())),
        Ok(_) => {}
        Err(error) => shown(error.to_string()),
    }

    let values = || headers.iter().map(|header| header.value);
    let (mut without, mut with, mut again) = (Vec::new(), Vec::new(), Vec::new());
    without_aws_chunked(values(), &mut without).unwrap();
    with_aws_chunked(values(), &mut with).unwrap();
    assert!(!names_aws_chunked(&without) && names_aws_chunked(&with));
    without_aws_chunked([&with[..]], &mut again).unwrap();
    assert_eq!(again, without);
}

fn header<'a>(name: &'a str, value: &'a [u8]) -> Header<'a> {
    let name = name.as_bytes();
    Header { name, value }
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

fn inspect(expected: Expected, pieces: &[&[u8]]) -> Result<(), BodyError> {
    let mut inspector = Inspector::new(expected);
    for piece in pieces {
        inspector.update(piece)?;
    }
    inspector.finish()
}

/// What was sent on, and the last byte or why there is none.
struct Deframed {
    sent: Vec<u8>,
    end: Result<Option<u8>, BodyError>,
}

fn deframe(expected: Expected, pieces: &[&[u8]]) -> Deframed {
    let mut deframer = Deframer::new(expected).expect("known checksums");
    let mut sent = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        match deframer.update(&mut piece) {
            Ok(length) => sent.extend_from_slice(&piece[..length]),
            Err(error) => {
                assert_eq!(deframer.finish(), Err(error), "an error stays");
                break;
            }
        }
    }
    let end = deframer.finish().map(|finished| finished.last);
    Deframed { sent, end }
}

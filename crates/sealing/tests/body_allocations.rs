//! Memory does not grow with a body: what its framing takes is a line, and its trailers.

#[path = "../../signing/tests/counting/mod.rs"]
mod counting;

use aws_sealing::PassHeaders;
use aws_sealing::body::{Deframer, Expected, Inspector};
use aws_signing::Header;
use aws_signing::chunked::Framing;

/// How many allocations the reading of `chunks` chunks takes, in single bytes.
fn allocations(chunks: usize) -> usize {
    let length = (5 * chunks).to_string();
    let names = b"x-amz-checksum-crc32,x-amz-checksum-crc32c,x-amz-checksum-crc64nvme,x-amz-checksum-sha256";
    let header = |name, value| Header { name, value };
    let headers = [
        header(&b"x-amz-decoded-content-length"[..], length.as_bytes()),
        header(b"x-amz-trailer", names),
    ];
    let pass = PassHeaders::default();
    let before = counting::count();
    let expected = Expected::new(Framing::SignedTrailer, headers, &pass).unwrap();
    assert_eq!(counting::count(), before, "a head takes none");
    let mut inspector = Inspector::new(expected);
    let mut deframer = Deframer::new(expected).unwrap();
    let mut read = |bytes: &[u8]| {
        for byte in bytes {
            let mut byte = [*byte];
            inspector.update(&byte).unwrap();
            deframer.update(&mut byte).unwrap();
        }
    };
    let mut line =
        *b"5;chunk-signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n";
    for _ in 0..chunks {
        read(&line);
        read(b"hello\r\n");
    }
    line[0] = b'0';
    read(&line);
    counting::count() - before
}

#[test]
fn a_long_body_takes_what_a_short_one_does() {
    let short = allocations(1);
    assert!(short > 0, "what goes on from piece to piece is kept");
    assert_eq!(allocations(1000), short);
}

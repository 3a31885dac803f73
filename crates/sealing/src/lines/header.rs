//! Header lines that the module writes, and where the signed ones are in the head.

use std::ops::Range;

use smallvec::SmallVec;

/// The positions of the headers to sign in the sealed head; the usual few need no allocation.
pub(crate) type SignedPositions = SmallVec<[HeaderPosition; 16]>;

/// The position of a header's name and value.
pub(crate) type HeaderPosition = (Range<usize>, Range<usize>);

/// Writes a header whose value consists of `pieces`, and returns the positions of name and value.
pub(crate) fn write_header(name: &[u8], pieces: &[&[u8]], out: &mut Vec<u8>) -> HeaderPosition {
    let start = out.len();
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    let value = out.len();
    for piece in pieces {
        out.extend_from_slice(piece);
    }
    let end = out.len();
    out.extend_from_slice(b"\r\n");
    (start..start + name.len(), value..end)
}

//! Header lines that the module writes, and where the signed ones are in the head.

use std::ops::Range;

use smallvec::SmallVec;

/// Where the names and values to sign stand in the sealed head; without an allocation for the
/// usual few.
pub(crate) type Signed = SmallVec<[Written; 16]>;

/// Where a header's name and value stand.
pub(crate) type Written = (Range<usize>, Range<usize>);

/// Writes a header whose value is made of `pieces`, and returns where name and value stand.
pub(crate) fn write_header(name: &[u8], pieces: &[&[u8]], out: &mut Vec<u8>) -> Written {
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

//! Scans a body that was read elsewhere, in slices, so that the worker can serve other requests
//! meanwhile.

use std::cell::RefCell;

use super::body_fault::BodyFault;
use super::body_record::BodyRecord;
use crate::ffi::http::body::Piece;
use crate::ffi::http::phase::PhaseRequest;

/// What is scanned in one turn of the event loop, in bytes: half a millisecond of SHA-256.
const SLICE: u64 = 1 << 20;

/// How much of a file is read at once, in bytes.
pub(super) const READ: usize = 64 << 10;

/// Whether the whole body has been scanned.
pub(super) enum Progress {
    Done,
    /// The request's phases will run again.
    GoesOn,
}

/// Scans the next slice of a complete body. Requests that share a body, such as mirror requests,
/// take turns.
pub(super) fn scan_slice(
    request: &PhaseRequest<'_>,
    record: &mut BodyRecord,
) -> Result<Progress, BodyFault> {
    let begun = record.length();
    let end = begun + SLICE;
    let mut piece_start = 0;
    for piece in request.body_pieces() {
        let piece_end = piece_start + piece.len();
        while record.length() < piece_end.min(end) {
            let at = record.length() - piece_start;
            let left = end - record.length();
            match &piece {
                Piece::Memory(bytes) => {
                    let bytes = &bytes[at as usize..];
                    record.update(&bytes[..bytes.len().min(left as usize)])?;
                }
                Piece::File(file) => with_buffer(|buffer| {
                    let read = file.read(at, buffer).map_err(BodyFault::File)?;
                    record.update(&buffer[..read])
                })?,
            }
        }
        piece_start = piece_end;
    }
    if record.length() >= piece_start {
        record.finish(true)?;
        return Ok(Progress::Done);
    }

    if request.continue_later() {
        Ok(Progress::GoesOn)
    } else {
        Err(BodyFault::OutOfMemory)
    }
}

/// Lends a buffer of [`READ`] bytes that the worker keeps.
pub(super) fn with_buffer<T>(
    use_it: impl FnOnce(&mut [u8]) -> Result<T, BodyFault>,
) -> Result<T, BodyFault> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|buffer| {
        buffer
            .try_reserve_exact(READ.saturating_sub(buffer.len()))
            .map_err(|_| BodyFault::OutOfMemory)?;
        buffer.resize(READ, 0);
        use_it(buffer)
    })
}

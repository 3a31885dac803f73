//! A body that others have read is looked at in slices, so that the worker serves others meanwhile.

use std::cell::RefCell;

use super::intake::{Intake, Refused};
use crate::ffi::http::body::Piece;
use crate::ffi::http::phase::PhaseRequest;

/// What is looked at in one turn of the event loop, in bytes: half a millisecond of SHA-256.
const SLICE: u64 = 1 << 20;

/// How much of a file is read at once, in bytes.
pub(super) const READ: usize = 64 << 10;

/// Whether all of the body has been looked at.
pub(super) enum Progress {
    Done,
    /// The request's phases will run again.
    GoesOn,
}

/// Looks at the next slice of a body that is there as a whole. Requests that share a body, such as
/// those that mirror one, take turns.
pub(super) fn examine(
    request: &PhaseRequest<'_>,
    intake: &mut Intake,
) -> Result<Progress, Refused> {
    let begun = intake.length();
    let end = begun + SLICE;
    let mut piece_start = 0;
    for piece in request.body_pieces() {
        let piece_end = piece_start + piece.len();
        while intake.length() < piece_end.min(end) {
            let at = intake.length() - piece_start;
            let left = end - intake.length();
            match &piece {
                Piece::Memory(bytes) => {
                    let bytes = &bytes[at as usize..];
                    intake.update(&bytes[..bytes.len().min(left as usize)])?;
                }
                Piece::File(file) => with_buffer(|buffer| {
                    let read = file.read(at, buffer).map_err(Refused::File)?;
                    intake.update(&buffer[..read])
                })?,
            }
        }
        piece_start = piece_end;
    }
    if intake.length() >= piece_start {
        intake.finish(true)?;
        return Ok(Progress::Done);
    }

    if request.continue_later() {
        Ok(Progress::GoesOn)
    } else {
        Err(Refused::OutOfMemory)
    }
}

/// Lends a buffer of [`READ`] bytes that the worker keeps.
pub(super) fn with_buffer<T>(
    use_it: impl FnOnce(&mut [u8]) -> Result<T, Refused>,
) -> Result<T, Refused> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|buffer| {
        buffer
            .try_reserve_exact(READ.saturating_sub(buffer.len()))
            .map_err(|_| Refused::OutOfMemory)?;
        buffer.resize(READ, 0);
        use_it(buffer)
    })
}

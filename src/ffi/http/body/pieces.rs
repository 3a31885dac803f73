//! The parts of a body, in memory or in a file.

use std::marker::PhantomData;
use std::ptr::NonNull;

use nginx_sys::{ngx_buf_t, ngx_chain_t, ngx_file_t, ngx_read_file};

/// A part of a body that has been received.
pub(crate) enum Piece<'r> {
    Memory(&'r [u8]),
    File(FilePiece<'r>),
}

impl Piece<'_> {
    /// Its length in bytes.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(piece) => piece.end - piece.start,
        }
    }
}

/// A range of a file.
#[derive(Clone, Copy)]
pub(crate) struct FilePiece<'r> {
    file: NonNull<ngx_file_t>,
    start: u64,
    end: u64,
    request: PhantomData<&'r ()>,
}

/// A file could not be read; nginx has logged why.
#[derive(Debug)]
pub(crate) struct ReadError;

impl FilePiece<'_> {
    /// Whether these are the first `length` bytes of the file, and not fewer.
    pub(crate) fn is_first(&self, length: u64) -> bool {
        self.start == 0 && self.end == length
    }

    /// Fills `buffer` from `offset` in this piece on; returns the bytes read, 0 at its end.
    pub(crate) fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let at = self.start.saturating_add(offset);
        let length = self.end.saturating_sub(at).min(buffer.len() as u64);
        if length == 0 {
            return Ok(0);
        }
        // SAFETY: the file is open as long as the buffer that names it; `length` bytes fit.
        let read = unsafe {
            ngx_read_file(
                self.file.as_ptr(),
                buffer.as_mut_ptr(),
                length as usize,
                i64::try_from(at).map_err(|_| ReadError)?,
            )
        };
        // A file that has become shorter does not contain the body any more.
        usize::try_from(read)
            .ok()
            .filter(|read| *read > 0)
            .ok_or(ReadError)
    }
}

/// The parts of a body, in order.
pub(crate) struct Pieces<'r> {
    next: *mut ngx_chain_t,
    request: PhantomData<&'r ()>,
}

impl<'r> Pieces<'r> {
    /// # Safety
    /// `first` must be a chain, or null, that stays as it is for `'r`.
    pub(in crate::ffi) unsafe fn new(first: *mut ngx_chain_t) -> Self {
        Self {
            next: first,
            request: PhantomData,
        }
    }
}

impl<'r> Iterator for Pieces<'r> {
    type Item = Piece<'r>;

    fn next(&mut self) -> Option<Piece<'r>> {
        loop {
            // SAFETY: by the contract of `new`; each link has a buffer.
            let (link, buffer) = unsafe {
                let link = self.next.as_ref()?;
                (link, &*link.buf)
            };
            self.next = link.next;
            // SAFETY: as above.
            if let Some(piece) = unsafe { piece_of(buffer) } {
                return Some(piece);
            }
        }
    }
}

/// The data of a buffer; `None` if it has none.
///
/// # Safety
/// The buffer must be one of nginx's; its data must stay as it is for `'r`.
pub(in crate::ffi) unsafe fn piece_of<'r>(buffer: &ngx_buf_t) -> Option<Piece<'r>> {
    // SAFETY: by this function's contract.
    if let Some(bytes) = unsafe { memory(buffer) } {
        return (!bytes.is_empty()).then_some(Piece::Memory(bytes));
    }
    let file = NonNull::new(buffer.file).filter(|_| buffer.in_file() != 0)?;
    let start = u64::try_from(buffer.file_pos).ok()?;
    let end = u64::try_from(buffer.file_last).ok()?;
    (start < end).then_some(Piece::File(FilePiece {
        file,
        start,
        end,
        request: PhantomData,
    }))
}

/// Whether a buffer's data is in memory, as nginx sees it.
pub(in crate::ffi) fn is_in_memory(buffer: &ngx_buf_t) -> bool {
    buffer.temporary() != 0 || buffer.memory() != 0 || buffer.mmap() != 0
}

/// The bytes of a buffer that is in memory.
///
/// # Safety
/// The buffer must be one of nginx's, live for `'a`.
pub(in crate::ffi) unsafe fn memory<'a>(buffer: &ngx_buf_t) -> Option<&'a [u8]> {
    if !is_in_memory(buffer) || buffer.pos.is_null() {
        return None;
    }
    // SAFETY: `pos..last` is initialized memory of the buffer.
    unsafe {
        let length = usize::try_from(buffer.last.offset_from(buffer.pos)).ok()?;
        Some(std::slice::from_raw_parts(buffer.pos, length))
    }
}

//! The body of a response: the buffers from the upstream, which of them are held back, and what is
//! sent instead.

use std::ptr::{NonNull, null_mut};

use nginx_sys::{
    NGX_OK, ngx_alloc_chain_link, ngx_buf_t, ngx_chain_t, ngx_int_t, ngx_pcalloc, ngx_str_t, off_t,
};

use crate::ffi::http::body::pieces::{Piece, is_in_memory, piece_of};
use crate::ffi::http::next_filter::pass_body;
use crate::ffi::http::response::{Response, SendError};

/// The buffers of one call of a body filter.
pub(crate) struct Chain<'r> {
    response: Response<'r>,
    first: *mut ngx_chain_t,
}

impl<'r> Chain<'r> {
    /// # Safety
    /// `first` must be the chain that nginx hands to the filter, used during that call.
    pub(super) unsafe fn new(response: Response<'r>, first: *mut ngx_chain_t) -> Self {
        Self { response, first }
    }

    /// The buffers, in order.
    pub(crate) fn parts<'a>(&self) -> impl Iterator<Item = Part<'a>> + use<'a, 'r>
    where
        'r: 'a,
    {
        let response = self.response;
        let mut next = self.first;
        std::iter::from_fn(move || {
            // SAFETY: nginx's chain, whose links nobody changes during the call; each has a buffer.
            let link = unsafe { next.as_ref() }?;
            let part = Part {
                response,
                link: NonNull::new(next)?,
                buffer: NonNull::new(link.buf)?,
            };
            next = link.next;
            Some(part)
        })
    }

    /// Whether there are no buffers.
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    /// Passes the buffers to the next filter unchanged.
    pub(crate) fn pass(&self) -> ngx_int_t {
        // SAFETY: live, in a filter; nginx's own chain.
        unsafe { pass_body(self.response.raw(), self.first) }
    }
}

/// A buffer on its way to the client.
pub(crate) struct Part<'a> {
    response: Response<'a>,
    link: NonNull<ngx_chain_t>,
    buffer: NonNull<ngx_buf_t>,
}

impl<'a> Part<'a> {
    fn get(&self) -> &ngx_buf_t {
        // SAFETY: live during the call.
        unsafe { self.buffer.as_ref() }
    }

    fn piece(&self) -> Option<Piece<'a>> {
        // SAFETY: live, and so is its data until it is consumed.
        unsafe { piece_of(&*self.buffer.as_ptr()) }
    }

    /// Its data, if it is in memory and not in a file.
    pub(crate) fn memory(&self) -> Option<&'a [u8]> {
        match self.piece() {
            Some(Piece::Memory(bytes)) => Some(bytes),
            Some(Piece::File(_)) => None,
            None => Some(&[]),
        }
    }

    /// Whether it ends the response.
    pub(crate) fn ends(&self) -> bool {
        let buffer = self.get();
        buffer.last_buf() != 0
            || buffer.last_in_chain() != 0
            || (buffer.flush() != 0 && self.response.is_upstream_done())
    }

    /// Whether its data has been read, and only its marks are left.
    fn is_drained(&self) -> bool {
        let buffer = self.get();
        (is_in_memory(buffer) || buffer.in_file() != 0) && self.piece().is_none()
    }

    /// The length of its data.
    pub(crate) fn length(&self) -> u64 {
        self.piece().map_or(0, |piece| piece.len())
    }

    /// Marks at most `length` bytes of its data as read.
    pub(crate) fn consume(&self, length: u64) {
        let length = self.length().min(length);
        // SAFETY: live; inside the buffer. One that is in memory and in a file has the same data in
        // both.
        unsafe {
            let buffer = &mut *self.buffer.as_ptr();
            if is_in_memory(buffer) {
                buffer.pos = buffer.pos.add(length as usize);
            }
            if buffer.in_file() != 0 {
                buffer.file_pos += length as off_t;
            }
        }
    }
}

/// The beginning of a body, kept until it is decided what to do with it.
pub(crate) struct Held {
    start: Option<NonNull<u8>>,
    length: usize,
    capacity: usize,
}

impl Held {
    pub(crate) const fn new() -> Self {
        Self {
            start: None,
            length: 0,
            capacity: 0,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: zeroed memory of the request's pool, `capacity` bytes.
        self.start.map_or(&[], |start| unsafe {
            std::slice::from_raw_parts(start.as_ptr(), self.length)
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Copies as much as fits, but not more than `limit` bytes in total; returns the number of
    /// bytes copied.
    pub(crate) fn take(&mut self, part: &Part<'_>, limit: usize) -> Result<usize, SendError> {
        let Some(piece) = part.piece() else {
            return Ok(0);
        };
        let start = match self.start {
            Some(start) => start,
            None => self.allocate(part.response, limit)?,
        };
        // SAFETY: as in `bytes`; nobody else refers to it.
        let room = unsafe {
            std::slice::from_raw_parts_mut(
                start.as_ptr().add(self.length),
                self.capacity - self.length,
            )
        };
        let taken = match piece {
            Piece::Memory(bytes) => {
                let taken = bytes.len().min(room.len());
                room[..taken].copy_from_slice(&bytes[..taken]);
                taken
            }
            Piece::File(file) => file.read(0, room).map_err(|_| SendError::Read)?,
        };
        self.length += taken;
        Ok(taken)
    }

    /// A body with an announced length needs no more than that.
    fn allocate(&mut self, response: Response<'_>, limit: usize) -> Result<NonNull<u8>, SendError> {
        let capacity = response
            .length()
            .map_or(limit, |length| length.clamp(1, limit));
        // SAFETY: the pool is live, and lives as long as the response to the request.
        let start = unsafe { ngx_pcalloc((*response.raw()).pool, capacity) };
        let start = NonNull::new(start.cast::<u8>()).ok_or(SendError::OutOfMemory)?;
        (self.start, self.capacity) = (Some(start), capacity);
        Ok(start)
    }
}

/// Buffers that are sent instead of the upstream's.
pub(crate) struct Outgoing<'r> {
    response: Response<'r>,
    first: *mut ngx_chain_t,
    last: *mut ngx_chain_t,
}

impl<'r> Outgoing<'r> {
    pub(crate) fn new(response: Response<'r>) -> Self {
        Self {
            response,
            first: null_mut(),
            last: null_mut(),
        }
    }

    /// Appends `text`, which is in the request's pool.
    pub(crate) fn push_text(&mut self, text: ngx_str_t) -> Result<(), SendError> {
        let buffer = self.push_buffer()?;
        buffer.start = text.data;
        buffer.pos = text.data;
        buffer.last = text.data.wrapping_add(text.len);
        buffer.end = buffer.last;
        buffer.set_memory(1);
        // More data may not arrive for a while.
        buffer.set_flush(1);
        Ok(())
    }

    /// Appends what is held back.
    pub(crate) fn push_held(&mut self, held: &Held) -> Result<(), SendError> {
        match held.start {
            Some(start) if !held.is_empty() => self.push_text(ngx_str_t {
                len: held.length,
                data: start.as_ptr(),
            }),
            _ => Ok(()),
        }
    }

    /// Appends an empty buffer with the marks of `part`: the end of the response, or a flush.
    pub(crate) fn push_marks(&mut self, part: &Part<'_>) -> Result<(), SendError> {
        let marks = part.get();
        let (last_buf, last_in_chain) = (marks.last_buf(), marks.last_in_chain());
        let flush = marks.flush();
        if last_buf | last_in_chain | flush == 0 {
            return Ok(());
        }
        let buffer = self.push_buffer()?;
        buffer.set_last_buf(last_buf);
        buffer.set_last_in_chain(last_in_chain);
        buffer.set_flush(flush);
        // As nginx's own marks of subrequests are.
        buffer.set_sync(u32::from(last_buf | flush == 0));
        Ok(())
    }

    /// Appends the unread rest of `part`, and all that follows it.
    pub(crate) fn push_rest(&mut self, part: &Part<'_>) -> Result<(), SendError> {
        let link = part.link.as_ptr();
        let rest = if part.is_drained() {
            self.push_marks(part)?;
            // SAFETY: nginx's chain, live during the call.
            unsafe { (*link).next }
        } else {
            link
        };
        self.append(rest);
        Ok(())
    }

    /// Passes the buffers to the next filter. The code is what nginx's filters return.
    pub(crate) fn send(self) -> ngx_int_t {
        if self.first.is_null() {
            return NGX_OK as ngx_int_t;
        }
        // SAFETY: live, in a filter; links of the pool, and of nginx's chain after them.
        unsafe { pass_body(self.response.raw(), self.first) }
    }

    fn push_buffer(&mut self) -> Result<&'r mut ngx_buf_t, SendError> {
        // SAFETY: the pool is live; the memory is zeroed, as nginx's own buffers begin.
        unsafe {
            let pool = (*self.response.raw()).pool;
            let buffer = ngx_pcalloc(pool, size_of::<ngx_buf_t>()).cast::<ngx_buf_t>();
            let link = ngx_alloc_chain_link(pool);
            if buffer.is_null() || link.is_null() {
                return Err(SendError::OutOfMemory);
            }
            (*link).buf = buffer;
            (*link).next = null_mut();
            self.append(link);
            self.last = link;
            Ok(&mut *buffer)
        }
    }

    fn append(&mut self, link: *mut ngx_chain_t) {
        if self.first.is_null() {
            self.first = link;
        } else {
            // SAFETY: the last link that we have allocated.
            unsafe { (*self.last).next = link };
        }
    }
}

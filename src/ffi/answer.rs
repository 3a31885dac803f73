//! The answer that a client gets: the filters that see it, its head, and the buffers of its body.
//!
//! A dynamic module that asks for no place of its own is configured after all of nginx's modules, so
//! that its filters run before theirs: before compression, ranges, SSI, and before files are read
//! into memory. What they see is what the store has sent.

use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};

use nginx_sys::{
    NGX_ERROR, NGX_HTTP_NOT_MODIFIED, NGX_HTTP_SPECIAL_RESPONSE, NGX_OK, ngx_alloc_chain_link,
    ngx_buf_t, ngx_chain_t, ngx_http_output_body_filter_pt, ngx_http_output_header_filter_pt,
    ngx_http_request_t, ngx_http_top_body_filter, ngx_http_top_header_filter, ngx_int_t,
    ngx_list_part_t, ngx_list_t, ngx_module_t, ngx_pcalloc, ngx_str_t, ngx_table_elt_t, off_t,
};

use super::body::{Piece, is_in_memory, piece_of};
use super::request::Request;

/// The filters behind ours.
static NEXT_HEAD: AtomicUsize = AtomicUsize::new(0);
static NEXT_BODY: AtomicUsize = AtomicUsize::new(0);

type HeadFilter = unsafe extern "C" fn(*mut ngx_http_request_t) -> ngx_int_t;
type BodyFilter = unsafe extern "C" fn(*mut ngx_http_request_t, *mut ngx_chain_t) -> ngx_int_t;

/// Puts the filters before those that are there.
///
/// # Safety
/// To be called while the configuration is read, after nginx's modules have set their filters.
pub(crate) unsafe fn install_filters(head: HeadFilter, body: BodyFilter) {
    // SAFETY: nginx is single-threaded, and changes the chains at this time only.
    unsafe {
        let next = ngx_http_top_header_filter;
        NEXT_HEAD.store(next.map_or(0, |next| next as usize), Ordering::Relaxed);
        ngx_http_top_header_filter = Some(head);
        let next = ngx_http_top_body_filter;
        NEXT_BODY.store(next.map_or(0, |next| next as usize), Ordering::Relaxed);
        ngx_http_top_body_filter = Some(body);
    }
}

/// Hands the head of the answer to the next filter.
///
/// # Safety
/// `r` must be the live request that nginx handed to a filter of ours.
pub(crate) unsafe fn pass_head(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: zero is None, and what `install_filters` stored is a filter; it is called as nginx
    // would have called it.
    unsafe {
        let next = NEXT_HEAD.load(Ordering::Relaxed);
        match std::mem::transmute::<usize, ngx_http_output_header_filter_pt>(next) {
            Some(next) => next(r),
            None => NGX_ERROR as ngx_int_t,
        }
    }
}

/// Hands buffers of the body to the next filter.
///
/// # Safety
/// As [`pass_head`]; `chain` must be a chain of live buffers, or null.
pub(crate) unsafe fn pass_body(r: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: as above.
    unsafe {
        let next = NEXT_BODY.load(Ordering::Relaxed);
        match std::mem::transmute::<usize, ngx_http_output_body_filter_pt>(next) {
            Some(next) => next(r, chain),
            None => NGX_ERROR as ngx_int_t,
        }
    }
}

/// Whether the head that is about to be sent is that of an upstream's refusal: status 3xx or 4xx, from
/// the upstream itself or from a cache. Not what nginx sends in its place (`proxy_intercept_errors`).
/// This is all that any other answer costs.
///
/// # Safety
/// As [`pass_head`].
pub(crate) unsafe fn is_refusal(r: *mut ngx_http_request_t) -> bool {
    // SAFETY: live; the upstream lives as long. While nginx reads its answer the upstream has a
    // cleanup, which it loses before an answer of nginx's own is sent.
    unsafe {
        let Some(upstream) = (*r).upstream.as_ref() else {
            return false;
        };
        let status = upstream.headers_in.status_n;
        (NGX_HTTP_SPECIAL_RESPONSE as usize..500).contains(&status)
            && status != NGX_HTTP_NOT_MODIFIED as usize
            && (!upstream.cleanup.is_null() || (*r).cached() != 0)
            && (*r).filter_finalize() == 0
    }
}

/// What this module keeps of the answer to `r`. An internal redirect, which leads to another answer,
/// loses it.
///
/// # Safety
/// As [`pass_head`]; `module` must be this module, whose contexts are all set by
/// [`Answer::set_context`] with the same `T`, and which nobody refers to meanwhile.
pub(crate) unsafe fn context<'r, T>(
    r: *mut ngx_http_request_t,
    module: &ngx_module_t,
) -> Option<&'r mut T> {
    // SAFETY: a request has a place for the context of each HTTP module.
    unsafe { (*(*r).ctx.add(module.ctx_index)).cast::<T>().as_mut() }
}

/// The answer of an upstream to a request, on its way to the client.
#[derive(Clone, Copy)]
pub(crate) struct Answer<'r>(pub(crate) &'r Request);

impl<'r> Answer<'r> {
    fn raw(self) -> *mut ngx_http_request_t {
        self.0.as_ptr()
    }

    /// Keeps `value` as this module's context of the answer.
    pub(crate) fn set_context<T>(self, module: &ngx_module_t, value: NonNull<T>) {
        // SAFETY: live; a request has a place for each HTTP module.
        unsafe { *(*self.raw()).ctx.add(module.ctx_index) = value.as_ptr().cast() };
    }

    /// The status that the upstream has sent; 0 where it is not known.
    pub(crate) fn upstream_status(self) -> usize {
        // SAFETY: live as long as the request.
        unsafe { (*self.raw()).upstream.as_ref() }.map_or(0, |u| u.headers_in.status_n)
    }

    /// Whether it comes from a cache.
    pub(crate) fn is_cached(self) -> bool {
        // SAFETY: live.
        unsafe { (*self.raw()).cached() != 0 }
    }

    /// Whether nobody will see its body: HEAD, or a subrequest that asks for the status only.
    pub(crate) fn is_head_only(self) -> bool {
        // SAFETY: live.
        unsafe { (*self.raw()).header_only() != 0 || self.0.method() == b"HEAD" }
    }

    /// The headers as the upstream has sent them, also those that are not passed on.
    pub(crate) fn upstream_headers(self) -> impl Iterator<Item = (&'r [u8], &'r [u8])> {
        // SAFETY: live as long as the request, in whose pool names and values stand.
        unsafe {
            let upstream = (*self.raw()).upstream.as_ref();
            upstream
                .map(|upstream| entries(&upstream.headers_in.headers))
                .into_iter()
                .flatten()
                .map(|entry| {
                    let entry = entry.as_ref();
                    (super::bytes(entry.key), super::bytes(entry.value))
                })
        }
    }

    /// The type that the client will be told.
    pub(crate) fn content_type(self) -> &'r [u8] {
        // SAFETY: stands in the request's pool, or in the configuration.
        unsafe { super::bytes((*self.raw()).headers_out.content_type) }
    }

    /// Has the head announce another body: of `length` bytes, and of `content_type` where that is
    /// given. Headers of the old one that `dropped` names are not sent.
    pub(crate) fn announce(
        self,
        length: usize,
        content_type: Option<&'static str>,
        dropped: impl Fn(&[u8]) -> bool,
    ) {
        // SAFETY: live; a header whose hash is 0 is not sent. The static text outlives the request.
        unsafe {
            let request = &mut *self.raw();
            request.set_allow_ranges(0);
            let head = &mut request.headers_out;
            for mut entry in entries(&head.headers) {
                let entry = entry.as_mut();
                if dropped(super::bytes(entry.key)) {
                    entry.hash = 0;
                }
            }
            for entry in [
                &mut head.content_length,
                &mut head.content_encoding,
                &mut head.last_modified,
                &mut head.etag,
                &mut head.accept_ranges,
            ] {
                if let Some(entry) = entry.as_mut() {
                    entry.hash = 0;
                }
                *entry = null_mut();
            }
            head.content_length_n = length as off_t;
            head.last_modified_time = -1;
            if let Some(content_type) = content_type {
                head.content_type = ngx_str_t {
                    len: content_type.len(),
                    data: content_type.as_ptr().cast_mut(),
                };
                head.content_type_len = content_type.len();
                head.content_type_lowcase = null_mut();
            }
        }
    }

    /// Hands a head that was held back to the next filter. Whether a body may follow it.
    pub(crate) fn send_head(self) -> Result<bool, SendError> {
        // SAFETY: live, in a filter.
        let code = unsafe { pass_head(self.raw()) };
        // As nginx's own filters that hold heads back do. (A slow client is no error.)
        if code == NGX_ERROR as ngx_int_t || code > NGX_OK as ngx_int_t {
            return Err(SendError::Head);
        }
        // SAFETY: live. A status that `error_page` sets may be one without a body.
        Ok(unsafe { (*self.raw()).header_only() == 0 })
    }

    /// The length of the body, where the upstream has announced it.
    fn length(self) -> Option<usize> {
        // SAFETY: live.
        usize::try_from(unsafe { (*self.raw()).headers_out.content_length_n }).ok()
    }

    /// Whether nginx has done with the upstream. Where that has broken off, a flush is the last that
    /// comes.
    fn is_upstream_done(self) -> bool {
        // SAFETY: live.
        unsafe { (*self.raw()).upstream.as_ref() }.is_none_or(|upstream| upstream.cleanup.is_null())
    }
}

/// The entries of one of nginx's header lists.
///
/// # Safety
/// The list must stay as it is meanwhile.
unsafe fn entries(list: &ngx_list_t) -> impl Iterator<Item = NonNull<ngx_table_elt_t>> + use<> {
    let mut part: *const ngx_list_part_t = &list.part;
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            // SAFETY: each part has `nelts` entries at `elts`, and a next part or none.
            unsafe {
                let list = part.as_ref()?;
                if at < list.nelts {
                    at += 1;
                    return NonNull::new(list.elts.cast::<ngx_table_elt_t>().add(at - 1));
                }
                (part, at) = (list.next, 0);
            }
        }
    })
}

/// The buffers of one call of a body filter.
pub(crate) struct Chain<'r> {
    answer: Answer<'r>,
    first: *mut ngx_chain_t,
}

impl<'r> Chain<'r> {
    /// # Safety
    /// `first` must be the chain that nginx hands to the filter, used during that call.
    pub(crate) unsafe fn new(answer: Answer<'r>, first: *mut ngx_chain_t) -> Self {
        Self { answer, first }
    }

    /// The buffers, in order.
    pub(crate) fn parts<'a>(&self) -> impl Iterator<Item = Part<'a>> + use<'a, 'r>
    where
        'r: 'a,
    {
        let answer = self.answer;
        let mut next = self.first;
        std::iter::from_fn(move || {
            // SAFETY: nginx's chain, whose links nobody changes during the call; each has a buffer.
            let link = unsafe { next.as_ref() }?;
            let part = Part {
                answer,
                link: NonNull::new(next)?,
                buffer: NonNull::new(link.buf)?,
                request: PhantomData,
            };
            next = link.next;
            Some(part)
        })
    }

    /// Hands the buffers to the next filter as they are.
    pub(crate) fn pass(&self) -> ngx_int_t {
        // SAFETY: live, in a filter; nginx's own chain.
        unsafe { pass_body(self.answer.raw(), self.first) }
    }
}

/// A buffer on its way to the client.
pub(crate) struct Part<'a> {
    answer: Answer<'a>,
    link: NonNull<ngx_chain_t>,
    buffer: NonNull<ngx_buf_t>,
    request: PhantomData<&'a Request>,
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

    /// Its data, where that is in memory and not in a file.
    pub(crate) fn memory(&self) -> Option<&'a [u8]> {
        match self.piece() {
            Some(Piece::Memory(bytes)) => Some(bytes),
            Some(Piece::File(_)) => None,
            None => Some(&[]),
        }
    }

    /// Whether it ends the answer.
    pub(crate) fn ends(&self) -> bool {
        let buffer = self.get();
        buffer.last_buf() != 0
            || buffer.last_in_chain() != 0
            || (buffer.flush() != 0 && self.answer.is_upstream_done())
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

    /// Marks `length` bytes of its data as read, or all that there are.
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

/// The beginning of a body, kept until it is decided what becomes of it.
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

    /// Copies what there is room for, of at most `limit` bytes together; returns the bytes copied.
    pub(crate) fn take(&mut self, part: &Part<'_>, limit: usize) -> Result<usize, SendError> {
        let Some(piece) = part.piece() else {
            return Ok(0);
        };
        let start = match self.start {
            Some(start) => start,
            None => self.allocate(part.answer, limit)?,
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

    /// A body of an announced length needs no more than that.
    fn allocate(&mut self, answer: Answer<'_>, limit: usize) -> Result<NonNull<u8>, SendError> {
        let capacity = answer
            .length()
            .map_or(limit, |length| length.clamp(1, limit));
        // SAFETY: the pool is live, and lives as long as the request's answer.
        let start = unsafe { ngx_pcalloc((*answer.raw()).pool, capacity) };
        let start = NonNull::new(start.cast::<u8>()).ok_or(SendError::OutOfMemory)?;
        (self.start, self.capacity) = (Some(start), capacity);
        Ok(start)
    }
}

/// Why an answer is not sent on; its connection is closed then. nginx has logged why.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SendError {
    OutOfMemory,
    /// A file with a part of the body cannot be read.
    Read,
    /// A filter behind ours does not take the head.
    Head,
}

/// Buffers that are sent in place of those that came.
pub(crate) struct Outgoing<'r> {
    answer: Answer<'r>,
    first: *mut ngx_chain_t,
    last: *mut ngx_chain_t,
}

impl<'r> Outgoing<'r> {
    pub(crate) fn new(answer: Answer<'r>) -> Self {
        Self {
            answer,
            first: null_mut(),
            last: null_mut(),
        }
    }

    /// Appends `text`, which stands in the request's pool.
    pub(crate) fn push_text(&mut self, text: ngx_str_t) -> Result<(), SendError> {
        let buffer = self.push_buffer()?;
        buffer.start = text.data;
        buffer.pos = text.data;
        buffer.last = text.data.wrapping_add(text.len);
        buffer.end = buffer.last;
        buffer.set_memory(1);
        // Nothing may follow for a while.
        buffer.set_flush(1);
        Ok(())
    }

    /// Appends what is held.
    pub(crate) fn push_held(&mut self, held: &Held) -> Result<(), SendError> {
        match held.start {
            Some(start) if !held.is_empty() => self.push_text(ngx_str_t {
                len: held.length,
                data: start.as_ptr(),
            }),
            _ => Ok(()),
        }
    }

    /// Appends a buffer of no data with the marks of `part`: what ends the answer, or flushes it.
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

    /// Appends `part`, as far as it has not been read, and all that follows it.
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

    /// Hands the buffers to the next filter. The code is what nginx's filters return.
    pub(crate) fn send(self) -> ngx_int_t {
        if self.first.is_null() {
            return NGX_OK as ngx_int_t;
        }
        // SAFETY: live, in a filter; links of the pool, and of nginx's chain behind them.
        unsafe { pass_body(self.answer.raw(), self.first) }
    }

    fn push_buffer(&mut self) -> Result<&'r mut ngx_buf_t, SendError> {
        // SAFETY: the pool is live; the memory is zeroed, as nginx's own buffers begin.
        unsafe {
            let pool = (*self.answer.raw()).pool;
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

//! A body that is encoded while it is sent: a filter between nginx's output chain and the
//! connection to the upstream.
//!
//! nginx gives the head and the body's buffers to `u->output.output_filter`, as it receives them.
//! This filter forwards the head, gives the body to a [`BodyTransform`], and sends the chunks that
//! it produces. Its rules:
//!
//! - It accepts more of the body only when everything that it has produced has been sent. Otherwise
//!   a slow upstream would make nginx keep the whole body in memory.
//! - Until then, buffers wait in the filter's own list: nginx frees the links of its chain when the
//!   call ends; the buffers live until they are read.
//! - The end of the body is known by its length; buffers in files have no mark for it.
//! - A request that is sent again begins with its head, and so does the stream.
//! - Chunks are written one by one, so the connection must not hold back the end of one until the
//!   upstream has acknowledged the previous one (TCP_NODELAY). nginx takes care of this itself for
//!   bodies that it sends without buffering.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::c_void;
use std::fmt;
use std::ptr::{NonNull, null_mut};

use nginx_sys::{
    NGX_AGAIN, NGX_ERROR, NGX_OK, ngx_buf_t, ngx_chain_t, ngx_chain_writer,
    ngx_http_core_loc_conf_t, ngx_http_request_t, ngx_http_upstream_t, ngx_int_t, ngx_pcalloc,
    ngx_pool_t, ngx_tcp_nodelay,
};

use crate::ffi::conf::core::core_module;
use crate::ffi::http::body::pieces::memory;
use crate::ffi::process::guard::guard;
use crate::ffi::process::log::{Level, Log};

/// A transformation of a body while it is sent, such as aws-chunked encoding.
pub(crate) trait BodyTransform: 'static {
    type Error: fmt::Display;

    /// Starts again: the request is sent once more.
    fn restart(&mut self);

    /// Consumes what it can of `input`, and returns how much that is.
    fn update(&mut self, input: &[u8]) -> Result<usize, Self::Error>;

    /// The next bytes to send; empty if more of the body is needed. They stay in place, unchanged,
    /// until [`Self::sent`].
    fn frame(&self) -> &[u8];

    /// The chunk has been sent.
    fn sent(&mut self);
}

type Filter = unsafe extern "C" fn(*mut c_void, *mut ngx_chain_t) -> ngx_int_t;

/// Where chunks are sent: to the connection, or through the proxy module's own filter, which
/// applies HTTP chunked encoding to a body of unknown length.
struct Next {
    filter: Filter,
    context: *mut c_void,
    /// Whether it wants to see the mark that ends the body.
    wants_end: bool,
}

impl Next {
    /// Sends `chain` after the rest of earlier ones.
    fn send(&self, chain: *mut ngx_chain_t) -> ngx_int_t {
        // SAFETY: nginx's own filter with its own context; it copies the chain's links.
        unsafe { (self.filter)(self.context, chain) }
    }
}

/// The filter's state, in the request's pool. nginx keeps pointers to it and to the stream's chunk,
/// also while it sends. So everything that changes is in cells, and nothing is borrowed then.
struct Writer<T> {
    stream: RefCell<T>,
    next: Next,
    /// The request's head, which begins each attempt.
    head: NonNull<ngx_buf_t>,
    /// Buffers of the body, and the head, that have not been read yet.
    waiting: RefCell<VecDeque<NonNull<ngx_buf_t>>>,
    /// The chunk that is being sent. In the pool, since nginx keeps pointers to it until it is
    /// sent.
    frame: NonNull<ngx_buf_t>,
    /// The mark that ends the body, in the pool as well.
    end: NonNull<ngx_buf_t>,
    /// Whether something that was produced may not have been sent yet.
    sending: Cell<bool>,
    request: NonNull<ngx_http_request_t>,
    log: Log,
}

/// Why the body is not forwarded; the connection to the upstream is closed then.
enum WriteError<E> {
    Transform(E),
    OutOfMemory,
    NotInMemory,
    /// Sending failed; nginx has logged why.
    Send(ngx_int_t),
}

/// Installs `stream` to transform the body of `r` while it is sent. `None` if the pool has no
/// memory.
///
/// # Safety
/// `r` must be a live request with an upstream whose request has been created and not been sent,
/// and which begins with the buffer `head`.
pub(super) unsafe fn install<T: BodyTransform>(
    r: *mut ngx_http_request_t,
    head: NonNull<ngx_buf_t>,
    stream: T,
) -> Option<()> {
    // SAFETY: live; the writer lives in the request's pool, as the upstream does.
    unsafe {
        let upstream: &mut ngx_http_upstream_t = &mut *(*r).upstream;
        let next = match upstream.output.output_filter {
            Some(filter) => Next {
                filter,
                context: upstream.output.filter_ctx,
                wants_end: true,
            },
            None => Next {
                filter: ngx_chain_writer,
                context: (&raw mut upstream.writer).cast(),
                wants_end: false,
            },
        };
        let writer = Writer {
            stream: RefCell::new(stream),
            next,
            head,
            waiting: RefCell::default(),
            frame: pool_buffer((*r).pool)?,
            end: pool_buffer((*r).pool)?,
            sending: Cell::new(false),
            request: NonNull::new(r)?,
            log: Log::from_ptr((*(*r).connection).log),
        };
        let writer = crate::ffi::memory::allocate((*r).pool, writer)?;
        upstream.output.output_filter = Some(filter::<T>);
        upstream.output.filter_ctx = writer.as_ptr().cast();
        // Files are read, not sent by the kernel, since their bytes are signed.
        upstream.output.set_need_in_memory(1);
    }
    Some(())
}

/// A buffer in `pool`, all zero.
///
/// # Safety
/// `pool` must be a live pool.
unsafe fn pool_buffer(pool: *mut ngx_pool_t) -> Option<NonNull<ngx_buf_t>> {
    // SAFETY: by this function's contract; all zero is an empty buffer.
    NonNull::new(unsafe { ngx_pcalloc(pool, size_of::<ngx_buf_t>()) }.cast::<ngx_buf_t>())
}

/// # Safety
/// Called by nginx only, with the writer that [`install`] left it.
unsafe extern "C" fn filter<T: BodyTransform>(
    writer: *mut c_void,
    chain: *mut ngx_chain_t,
) -> ngx_int_t {
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY: in the request's pool.
        let writer = unsafe { &*writer.cast::<Writer<T>>() };
        // SAFETY: nginx's chain, live during this call.
        let error = match unsafe { writer.take(chain) }.and_then(|()| writer.write()) {
            Ok(code) => return code,
            Err(error) => error,
        };
        let log = |line| writer.log.write(Level::Error, line);
        match error {
            WriteError::Transform(error) => {
                log(format_args!("the request body is not sent: {error}"));
            }
            WriteError::OutOfMemory => log(format_args!(
                "the request body is not sent: not enough memory"
            )),
            WriteError::NotInMemory => {
                log(format_args!(
                    "the request body is not sent: a buffer of it is not in memory"
                ));
            }
            WriteError::Send(code) => return code,
        }
        NGX_ERROR as ngx_int_t
    })
}

impl<T: BodyTransform> Writer<T> {
    /// Puts the buffers of `chain` into the list.
    ///
    /// # Safety
    /// `chain` must be a chain, or null, whose buffers live until they are read.
    unsafe fn take(&self, mut chain: *mut ngx_chain_t) -> Result<(), WriteError<T::Error>> {
        // SAFETY: by this function's contract.
        while let Some(link) = unsafe { chain.as_ref() } {
            let buffer = NonNull::new(link.buf).ok_or(WriteError::NotInMemory)?;
            if buffer == self.head {
                self.restart()?;
            }
            let mut waiting = self.waiting.borrow_mut();
            waiting
                .try_reserve(1)
                .map_err(|_| WriteError::OutOfMemory)?;
            waiting.push_back(buffer);
            chain = link.next;
        }
        Ok(())
    }

    /// Begins an attempt. The previous connection is closed, and what it had not sent is lost.
    fn restart(&self) -> Result<(), WriteError<T::Error>> {
        self.stream.borrow_mut().restart();
        self.waiting.borrow_mut().clear();
        self.sending.set(false);
        // SAFETY: the writer lives in the request's pool; an attempt has a connection.
        let code = unsafe { send_at_once(self.request) };
        if code == NGX_OK as ngx_int_t {
            Ok(())
        } else {
            Err(WriteError::Send(code))
        }
    }

    /// Sends what can be sent. The code is what nginx's own filters return: NGX_AGAIN if something
    /// is left.
    fn write(&self) -> Result<ngx_int_t, WriteError<T::Error>> {
        loop {
            if self.sending.get() {
                let code = self.next.send(null_mut());
                if code != NGX_OK as ngx_int_t {
                    return Self::unsent(code);
                }
                self.sent();
            }
            let Some(out) = self.fill()? else {
                return Ok(NGX_OK as ngx_int_t);
            };
            let code = out.send(&self.next);
            self.sending.set(true);
            if code != NGX_OK as ngx_int_t {
                return Self::unsent(code);
            }
            self.sent();
        }
    }

    fn unsent(code: ngx_int_t) -> Result<ngx_int_t, WriteError<T::Error>> {
        if code == NGX_AGAIN as ngx_int_t {
            Ok(code)
        } else {
            Err(WriteError::Send(code))
        }
    }

    fn sent(&self) {
        self.sending.set(false);
        self.stream.borrow_mut().sent();
    }

    /// What can be sent next: the head, a chunk, the end. `None` if more of the body is needed.
    fn fill(&self) -> Result<Option<Outgoing>, WriteError<T::Error>> {
        let mut out = Outgoing::default();
        let (mut stream, mut waiting) = (self.stream.borrow_mut(), self.waiting.borrow_mut());
        while let Some(&buffer) = waiting.front() {
            if buffer == self.head {
                out.push(buffer);
                waiting.pop_front();
                continue;
            }
            // SAFETY: in the list until it is read, see `take`.
            let buffer = unsafe { &mut *buffer.as_ptr() };
            let used = stream
                .update(readable(buffer)?)
                .map_err(WriteError::Transform)?;
            // SAFETY: the stream takes no more than there is.
            buffer.pos = unsafe { buffer.pos.add(used) };

            let frame = NonNull::from(stream.frame());
            let whole = !frame.is_empty();
            if whole {
                let start = frame.cast::<u8>().as_ptr();
                // SAFETY: the frame before has been sent, so nginx does not refer to the buffer any
                // more; the stream keeps the bytes as they are until `sent`.
                unsafe {
                    let buffer = &mut *self.frame.as_ptr();
                    buffer.start = start;
                    buffer.pos = start;
                    buffer.last = start.add(frame.len());
                    buffer.end = buffer.last;
                    buffer.set_memory(1);
                    buffer.set_flush(1);
                }
                out.push(self.frame);
            }
            if readable(buffer)?.is_empty() {
                let ends = buffer.last_buf() != 0;
                waiting.pop_front();
                if ends && self.next.wants_end {
                    // SAFETY: in the request's pool; nobody holds a reference to it.
                    unsafe { (*self.end.as_ptr()).set_last_buf(1) };
                    out.push(self.end);
                }
            }
            if whole {
                break;
            }
        }
        Ok((out.length > 0).then_some(out))
    }
}

/// Does what nginx does when it sends a body without buffering: sets TCP_NODELAY on the connection
/// to the upstream, unless `tcp_nodelay` is off.
///
/// # Safety
/// `request` must be live, and its upstream connected.
unsafe fn send_at_once(request: NonNull<ngx_http_request_t>) -> ngx_int_t {
    // SAFETY: by this function's contract; nginx's core has a configuration for each location.
    unsafe {
        let location = (*request.as_ptr()).loc_conf;
        let core = (*location.add(core_module().ctx_index)).cast::<ngx_http_core_loc_conf_t>();
        match (*core).tcp_nodelay {
            0 => NGX_OK as ngx_int_t,
            _ => ngx_tcp_nodelay((*(*request.as_ptr()).upstream).peer.connection),
        }
    }
}

/// The unread part of a buffer; empty if it is a mark.
fn readable<E>(buffer: &ngx_buf_t) -> Result<&[u8], WriteError<E>> {
    // SAFETY: a live buffer, in the list until it is read.
    match unsafe { memory(buffer) } {
        Some(bytes) => Ok(bytes),
        // The output chain reads files into memory before we see them.
        None if buffer.in_file() != 0 => Err(WriteError::NotInMemory),
        None => Ok(&[]),
    }
}

/// A chain of the few buffers that are sent together.
#[derive(Default)]
struct Outgoing {
    buffers: [*mut ngx_buf_t; Self::MOST],
    length: usize,
}

impl Outgoing {
    /// Head, chunk, end.
    const MOST: usize = 3;

    fn push(&mut self, buffer: NonNull<ngx_buf_t>) {
        self.buffers[self.length] = buffer.as_ptr();
        self.length += 1;
    }

    fn send(&self, next: &Next) -> ngx_int_t {
        let mut links = [ngx_chain_t {
            buf: null_mut(),
            next: null_mut(),
        }; Self::MOST];
        let mut chain = null_mut();
        for at in (0..self.length).rev() {
            links[at].buf = self.buffers[at];
            links[at].next = chain;
            chain = &raw mut links[at];
        }
        next.send(chain)
    }
}

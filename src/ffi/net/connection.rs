//! An nginx connection that a future reads from and writes to.
//!
//! The connection uses nginx's event loop: its events wake the future that waits for them. It is
//! marked idle, so that a worker that is shutting down closes it at once instead of waiting.

pub(crate) mod tls;

use std::ffi::{c_int, c_void};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::ptr::{NonNull, null_mut};
use std::task::{Context, Poll, Waker};

use nginx_sys::{
    NGX_AGAIN, NGX_DEFAULT_POOL_SIZE, NGX_ERROR, NGX_LOG_ALERT, NGX_LOG_DEBUG, NGX_OK,
    ngx_close_connection, ngx_connection_log_error_e_NGX_ERROR_INFO, ngx_connection_t,
    ngx_create_pool, ngx_destroy_pool, ngx_event_connect_peer, ngx_event_get_peer, ngx_event_t,
    ngx_get_connection, ngx_handle_read_event, ngx_handle_write_event, ngx_int_t, ngx_log_t,
    ngx_peer_connection_t, ngx_pool_t, ngx_str_t,
};

use crate::ffi::net::address::Address;
use crate::ffi::net::connection::tls::{Session, TlsError};
use crate::ffi::net::pipe::recv_pipe;
use crate::ffi::process::guard::guard;
use crate::ffi::process::log::Log;

/// An open connection. Dropping it closes it.
pub(crate) struct Connection {
    state: NonNull<State>,
}

/// The data of nginx's connection (`c->data`). It does not move while the connection is open.
struct State {
    peer: ngx_peer_connection_t,
    /// The connection's own log: nginx writes the connection's number into it.
    log: ngx_log_t,
    pool: *mut ngx_pool_t,
    address: Address,
    name: ngx_str_t,
    /// The text that `name` refers to.
    _text: String,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Connection {
    /// Connects to `address`. Has no deadline.
    pub(crate) async fn connect(address: SocketAddr, log: Log) -> io::Result<Self> {
        let mut connection = Self::open(address, log)?;
        std::future::poll_fn(|cx| connection.poll_connected(cx)).await?;
        Ok(connection)
    }

    /// Reads from a nonblocking pipe.
    pub(crate) fn of_pipe(pipe: OwnedFd, log: Log) -> io::Result<Self> {
        let connection = Self::new(Address { none: () }, String::new(), log)?;
        // SAFETY: a live descriptor, which nginx closes with the connection; if there is none, it
        // is still ours. The pipe is read by `recv_pipe`; nobody writes to it.
        unsafe {
            let state = connection.state.as_ptr();
            let c = ngx_get_connection(pipe.as_raw_fd(), &raw mut (*state).log);
            if c.is_null() {
                return Err(io::Error::other("\"worker_connections\" are not enough"));
            }
            let _owned_by_nginx = pipe.into_raw_fd();
            (*c).recv = Some(recv_pipe);
            (*state).peer.connection = c;
            connection.adopt(c);
            (*(*c).read).log = &raw mut (*state).log;
            (*(*c).write).log = &raw mut (*state).log;
        }
        Ok(connection)
    }

    /// Connects, or begins to.
    fn open(address: SocketAddr, log: Log) -> io::Result<Self> {
        let text = address.to_string();
        let (address, length) = Address::new(address);
        let connection = Self::new(address, text, log)?;
        // SAFETY: the state stays in place until it is dropped, and nginx keeps pointers into it no
        // longer than the connection is open.
        unsafe {
            let state = connection.state.as_ptr();
            let peer = &raw mut (*state).peer;
            (*peer).get = Some(ngx_event_get_peer);
            (*peer).sockaddr = (&raw mut (*state).address).cast();
            (*peer).socklen = length;
            (*peer).name = &raw mut (*state).name;
            (*peer).log = &raw mut (*state).log;
            (*peer).set_log_error(ngx_connection_log_error_e_NGX_ERROR_INFO);

            let code = ngx_event_connect_peer(peer);
            if code != NGX_OK as ngx_int_t && code != NGX_AGAIN as ngx_int_t {
                return Err(match io::Error::last_os_error() {
                    error if error.raw_os_error() == Some(0) => io::ErrorKind::Other.into(),
                    error => error,
                });
            }
            connection.adopt((*peer).connection);
        }
        Ok(connection)
    }

    /// A state that has no nginx connection yet.
    fn new(address: Address, text: String, log: Log) -> io::Result<Self> {
        // The text's bytes stay where they are when the string moves.
        let name = ngx_str_t {
            len: text.len(),
            data: text.as_ptr().cast_mut(),
        };
        // SAFETY: the log is live; all zero is a valid value of the plain C structures.
        let state = unsafe {
            Box::new(State {
                peer: std::mem::zeroed(),
                log: quiet(&*log.as_ptr()),
                pool: null_mut(),
                address,
                name,
                _text: text,
                reader: None,
                writer: None,
            })
        };
        // From here on the state is reached through this pointer only.
        let connection = Self {
            state: NonNull::from(Box::leak(state)),
        };
        // SAFETY: ours alone so far.
        unsafe {
            let state = connection.state.as_ptr();
            (*state).pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE as usize, &raw mut (*state).log);
            if (*state).pool.is_null() {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
        }
        Ok(connection)
    }

    /// Takes ownership of nginx's connection.
    ///
    /// # Safety
    /// `c` must be open, and the state's own.
    unsafe fn adopt(&self, c: *mut ngx_connection_t) {
        // SAFETY: by this function's contract.
        unsafe {
            (*c).data = self.state.as_ptr().cast::<c_void>();
            (*c).pool = (*self.state.as_ptr()).pool;
            // Closed at once when the worker shuts down.
            (*c).set_idle(1);
        }
        self.install_handlers();
    }

    /// nginx's own connection: live as long as this value.
    pub(super) fn as_ptr(&self) -> *mut ngx_connection_t {
        // SAFETY: the state lives as long as this value.
        unsafe { (*self.state.as_ptr()).peer.connection }
    }

    /// Makes both events wake the future. Meanwhile, TLS can install nginx's handlers instead.
    pub(super) fn install_handlers(&self) {
        // SAFETY: an open connection has two events.
        unsafe {
            let c = self.as_ptr();
            (*(*c).read).handler = Some(on_read);
            (*(*c).write).handler = Some(on_write);
        }
    }

    pub(super) fn wait_to_read(&self, cx: &Context<'_>) {
        // SAFETY: the state lives as long as this value, and no other reference to the waker.
        unsafe { (*self.state.as_ptr()).reader = Some(cx.waker().clone()) };
    }

    fn wait_to_write(&self, cx: &Context<'_>) {
        // SAFETY: as above.
        unsafe { (*self.state.as_ptr()).writer = Some(cx.waker().clone()) };
    }

    /// Wakes the future that waits to read, from a handler of nginx's TLS.
    ///
    /// # Safety
    /// `c` must be the connection of a live value of this type. It may be gone afterwards.
    pub(super) unsafe fn wake_reader(c: *mut ngx_connection_t) {
        // SAFETY: by this function's contract `data` is the state. The waker is taken out first:
        // the future that it runs may drop the connection.
        let waker = unsafe { (*(*c).data.cast::<State>()).reader.take() };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The worker shuts down: open operations are given up.
    fn is_closing(&self) -> bool {
        // SAFETY: the connection is open.
        unsafe { (*self.as_ptr()).close() != 0 }
    }

    fn poll_connected(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_closing() {
            return Poll::Ready(Err(shutting_down()));
        }
        let c = self.as_ptr();
        // SAFETY: the connection is open and has both events; the option is an int.
        unsafe {
            if (*(*c).write).ready() == 0 && (*(*c).read).ready() == 0 {
                self.wait_to_read(cx);
                self.wait_to_write(cx);
                return Poll::Pending;
            }
            let mut error: c_int = 0;
            let mut length = size_of::<c_int>() as libc::socklen_t;
            let code = libc::getsockopt(
                (*c).fd,
                libc::SOL_SOCKET,
                libc::SO_ERROR,
                (&raw mut error).cast::<c_void>(),
                &mut length,
            );
            Poll::Ready(match (code, error) {
                (0, 0) => Ok(()),
                (0, error) => Err(io::Error::from_raw_os_error(error)),
                _ => Err(io::Error::last_os_error()),
            })
        }
    }

    /// Encrypts the connection; see [`Session`].
    pub(crate) async fn encrypt(&mut self, session: &Session<'_>) -> Result<(), TlsError> {
        session.start(self)?;
        std::future::poll_fn(|cx| {
            if self.is_closing() {
                return Poll::Ready(Err(TlsError::Io(shutting_down())));
            }
            session.poll_handshake(self, cx)
        })
        .await
    }

    /// Reads into `buffer`; see [`Self::poll_read`].
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_read(cx, buffer)).await
    }

    /// Reads into `buffer`; 0 bytes if the peer has closed the connection.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_closing() {
            return Poll::Ready(Err(shutting_down()));
        }
        let c = self.as_ptr();
        // SAFETY: an open connection has a `recv`, which writes at most `len` bytes.
        unsafe {
            let Some(recv) = (*c).recv else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            let count = recv(c, buffer.as_mut_ptr(), buffer.len());
            if count == NGX_ERROR as isize {
                return Poll::Ready(Err(last_error()));
            }
            if ngx_handle_read_event((*c).read, 0) != NGX_OK as ngx_int_t {
                return Poll::Ready(Err(io::ErrorKind::Other.into()));
            }
            match usize::try_from(count) {
                Ok(count) => Poll::Ready(Ok(count)),
                Err(_) => {
                    self.wait_to_read(cx);
                    Poll::Pending
                }
            }
        }
    }

    /// Writes from `buffer`, and returns the number of bytes written.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_closing() {
            return Poll::Ready(Err(shutting_down()));
        }
        let c = self.as_ptr();
        // SAFETY: an open connection has a `send`, which reads at most `len` bytes.
        unsafe {
            let Some(send) = (*c).send else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            let count = send(c, buffer.as_ptr().cast_mut(), buffer.len());
            if count == NGX_AGAIN as isize {
                if ngx_handle_write_event((*c).write, 0) != NGX_OK as ngx_int_t {
                    return Poll::Ready(Err(io::ErrorKind::Other.into()));
                }
                self.wait_to_write(cx);
                return Poll::Pending;
            }
            Poll::Ready(usize::try_from(count).map_err(|_| last_error()))
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: the state was leaked by `open` and is freed here only. The connection is closed
        // before the pool and the log that it uses go.
        unsafe {
            let state = self.state.as_ptr();
            let c = (*state).peer.connection;
            if !c.is_null() {
                crate::ffi::net::connection::tls::shut_down(c);
                (*c).pool = null_mut();
                ngx_close_connection(c);
            }
            if !(*state).pool.is_null() {
                ngx_destroy_pool((*state).pool);
            }
            drop(Box::from_raw(state));
        }
    }
}

/// # Safety
/// Called by nginx for an event of a connection of the module.
unsafe extern "C" fn on_read(event: *mut ngx_event_t) {
    guard((), || {
        // SAFETY: the event's data is its connection.
        unsafe { Connection::wake_reader((*event).data.cast::<ngx_connection_t>()) }
    });
}

/// # Safety
/// As [`on_read`].
unsafe extern "C" fn on_write(event: *mut ngx_event_t) {
    guard((), || {
        // SAFETY: the event's data is its connection, whose data is the state. The waker is taken
        // out first: the future that it runs may drop the connection.
        let waker = unsafe {
            let c = (*event).data.cast::<ngx_connection_t>();
            (*(*c).data.cast::<State>()).writer.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    });
}

/// A copy of `log` that omits what the caller reports itself. A debug log, whose level is a mask,
/// is not changed.
fn quiet(log: &ngx_log_t) -> ngx_log_t {
    let mut copy = *log;
    if copy.log_level < NGX_LOG_DEBUG as usize {
        copy.log_level = copy.log_level.min(NGX_LOG_ALERT as usize);
    }
    copy.handler = None;
    copy.data = null_mut();
    copy.action = null_mut();
    copy
}

fn shutting_down() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "the worker is shutting down",
    )
}

fn last_error() -> io::Error {
    match io::Error::last_os_error() {
        // nginx's TLS logs its errors itself, and sets no system error code.
        error if error.raw_os_error() == Some(0) => io::ErrorKind::ConnectionReset.into(),
        error => error,
    }
}

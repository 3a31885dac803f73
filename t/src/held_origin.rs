//! An object store whose connections the test serves by hand: it reads when, and as much as, the test says.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use aws_origin::Head;

use crate::http::TIMEOUT;
use crate::reply::Reply;
use crate::wait_until;

/// A listening socket of 127.0.0.1, of which nothing is accepted before the test says so.
#[derive(Debug)]
pub struct HeldOrigin {
    listener: TcpListener,
}

impl HeldOrigin {
    /// Listens on a free port.
    #[track_caller]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener
            .set_nonblocking(true)
            .expect("a socket can be asked without waiting");
        Self { listener }
    }

    /// `127.0.0.1` and the port.
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        let address = self.listener.local_addr();
        address.expect("a bound socket has an address")
    }

    /// The next connection; fails the test where none comes.
    #[track_caller]
    pub fn accept(&self) -> HeldConnection {
        let mut accepted = None;
        wait_until("a connection has come", || {
            accepted = self.try_accept();
            accepted.is_some()
        });
        accepted.expect("it has just come")
    }

    /// The next connection, where one has come already.
    #[track_caller]
    pub fn try_accept(&self) -> Option<HeldConnection> {
        match self.listener.accept() {
            Ok((stream, _)) => Some(HeldConnection::new(stream)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("cannot accept: {error}"),
        }
    }
}

/// A connection that is read by hand. Reading fails the test where nothing more comes within
/// [`TIMEOUT`].
#[derive(Debug)]
pub struct HeldConnection {
    stream: TcpStream,
}

impl HeldConnection {
    #[track_caller]
    fn new(stream: TcpStream) -> Self {
        stream
            .set_nonblocking(false)
            .and_then(|()| stream.set_read_timeout(Some(TIMEOUT)))
            .and_then(|()| stream.set_write_timeout(Some(TIMEOUT)))
            .expect("a socket's timeouts can be set");
        Self { stream }
    }

    /// The next request's head, and not a byte after it.
    #[track_caller]
    pub fn read_head(&mut self) -> Head {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.read(1));
        }
        Head::new(head)
    }

    /// The next `length` bytes.
    #[track_caller]
    pub fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        if let Err(error) = self.stream.read_exact(&mut bytes) {
            panic!("no {length} more bytes have come: {error}");
        }
        bytes
    }

    /// All that comes until the other side closes the connection.
    #[track_caller]
    pub fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Ok(_) => bytes,
            // Closed with bytes of ours unread.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => bytes,
            Err(error) => panic!("the connection is not closed: {error}"),
        }
    }

    /// Sends the response to the last request, which was not a HEAD.
    #[track_caller]
    pub fn answer(&mut self, reply: &Reply) {
        let sent = self.stream.write_all(reply.bytes_for("GET"));
        sent.expect("the other side reads the answer");
    }
}

//! A plain HTTP/1 server that records what arrives, byte for byte, and whose responses come from a
//! closure.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use aws_origin::{Connections, Head};

use crate::http;
use crate::reply::{Reply, Then};

/// A request as it stood on the wire; its head is read through it.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// Request line and headers.
    pub head: Head,
    /// The body as it stood on the wire: of `Content-Length` bytes, or all chunks with their
    /// framing.
    pub body: Vec<u8>,
    /// Which connection carried it: the same number for requests of one connection.
    pub connection: usize,
}

impl Deref for RawRequest {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

/// A scriptable HTTP/1 origin on 127.0.0.1, with a thread for each connection.
///
/// Dropping it closes every connection and ends every thread.
pub struct RawOrigin {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

type Script = dyn Fn(&RawRequest) -> Reply + Send + Sync;

struct Shared {
    script: Box<Script>,
    state: Mutex<State>,
    connections: Connections,
}

#[derive(Default)]
struct State {
    stopping: bool,
    requests: Vec<RawRequest>,
    // Those that are open, to be shut down from outside their threads.
    open: HashMap<usize, TcpStream>,
    threads: Vec<JoinHandle<()>>,
    script_panicked: bool,
}

impl State {
    /// Joins the threads whose connections have ended.
    fn join_finished(&mut self) {
        for thread in self.threads.extract_if(.., |thread| thread.is_finished()) {
            self.script_panicked |= thread.join().is_err();
        }
    }
}

impl Shared {
    /// A script that panics (an assertion in it) fails its own thread only.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RawOrigin {
    /// Starts an origin on a free port that responds to each request with what `script` returns.
    pub fn start(script: impl Fn(&RawRequest) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            script: Box::new(script),
            state: Mutex::default(),
            connections: Connections::default(),
        });

        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// Starts an origin that responds to every request with status 200 and this body.
    pub fn with_body(body: impl AsRef<[u8]>) -> Self {
        let reply = Reply::new(200, body);
        Self::start(move |_| reply.clone())
    }

    /// `127.0.0.1` and the port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The requests that have arrived in full, in order.
    pub fn requests(&self) -> Vec<RawRequest> {
        self.shared.state().requests.clone()
    }

    /// The only request that has arrived; fails the test when there is none, or another.
    #[track_caller]
    pub fn only_request(&self) -> RawRequest {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests[0].clone()
    }

    /// What arrives when a client asks the nginx on `port`, which responds with 200, for `target`.
    #[track_caller]
    pub fn asked_for(&self, port: u16, target: &str) -> RawRequest {
        http::get(port, target).expect_status(200);
        self.requests().pop().expect("a request")
    }

    /// How many TCP connections have reached the origin before this call, with or without a
    /// request in them.
    #[track_caller]
    pub fn connections(&self) -> usize {
        self.shared.connections.count(self.address)
    }

    /// Waits until `count` requests have arrived; fails the test when they do not.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) -> Vec<RawRequest> {
        crate::wait_until("the requests have arrived", || {
            self.requests().len() >= count
        });
        self.requests()
    }
}

impl Drop for RawOrigin {
    fn drop(&mut self) {
        self.shared.state().stopping = true;
        // Wakes the acceptor, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }

        let threads = {
            let mut state = self.shared.state();
            for socket in state.open.values() {
                let _ = socket.shutdown(Shutdown::Both);
            }
            std::mem::take(&mut state.threads)
        };
        // Not under the lock: the threads take it as they end.
        let panicked = threads
            .into_iter()
            .map(|t| t.join().is_err())
            .fold(false, |a, b| a | b);
        let panicked = panicked | self.shared.state().script_panicked;
        assert!(
            !panicked || std::thread::panicking(),
            "the origin's script panicked, see above"
        );
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let accepted = listener.accept();
        let mut state = shared.state();
        if state.stopping {
            return;
        }
        let Ok((stream, peer)) = accepted else {
            continue;
        };
        let connection = shared.connections.accept(peer);
        let socket = stream.try_clone().expect("a socket can be duplicated");
        state.open.insert(connection, socket);
        state.join_finished();

        let shared = Arc::clone(shared);
        state.threads.push(std::thread::spawn(move || {
            let _closing = Closing {
                shared: &shared,
                connection,
            };
            // The peer may go at any time: that ends the connection, and is no failure.
            let _ = serve(stream, connection, &shared);
        }));
    }
}

/// Closes a connection when its thread ends, by a panic of the script too.
struct Closing<'a> {
    shared: &'a Shared,
    connection: usize,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        if let Some(socket) = self.shared.state().open.remove(&self.connection) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

fn serve(stream: TcpStream, connection: usize, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);

    while let Some(request) = read_request(&mut reader, connection)? {
        shared.state().requests.push(request.clone());
        let reply = (shared.script)(&request);
        writer.write_all(reply.bytes_for(&request.method()))?;

        match reply.then {
            Then::Continue => {}
            Then::Close => return Ok(()),
            Then::Hang => {
                std::io::copy(&mut reader, &mut std::io::sink())?;
            }
        }
    }
    Ok(())
}

/// Reads one request, or `None` where the connection ends before its first byte.
fn read_request(
    reader: &mut impl BufRead,
    connection: usize,
) -> std::io::Result<Option<RawRequest>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return if head.is_empty() {
                Ok(None)
            } else {
                Err(std::io::ErrorKind::UnexpectedEof.into())
            };
        }
    }
    let mut request = RawRequest {
        head: Head::new(head),
        body: Vec::new(),
        connection,
    };

    if request
        .header("transfer-encoding")
        .is_some_and(|v| v.eq_ignore_ascii_case("chunked"))
    {
        request.body = read_raw_chunks(reader)?;
    } else if let Some(length) = request.header("content-length") {
        let length: usize = length.parse().map_err(std::io::Error::other)?;
        request.body = vec![0; length];
        reader.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

fn read_raw_chunks(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    loop {
        let start = raw.len();
        reader.read_until(b'\n', &mut raw)?;
        let line = String::from_utf8_lossy(&raw[start..]).into_owned();
        let size = line.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
        if size == 0 {
            // Trailers, then the empty line.
            while reader.read_until(b'\n', &mut raw)? > 2 {}
            return Ok(raw);
        }
        let start = raw.len();
        raw.resize(start + size + 2, 0);
        reader.read_exact(&mut raw[start..])?;
    }
}

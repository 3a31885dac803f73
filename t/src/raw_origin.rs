//! A plain HTTP/1 server that records what arrives, byte for byte, and answers from a closure.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A request as it stood on the wire.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// The head: request line and headers up to and with the empty line.
    pub head: Vec<u8>,
    /// The body as it stood on the wire: of `Content-Length` bytes, or all chunks with their
    /// framing.
    pub body: Vec<u8>,
    /// Which connection carried it: the same number for requests of one connection.
    pub connection: usize,
}

impl RawRequest {
    /// The request line without its line end; bytes that are not UTF-8 are replaced.
    pub fn line(&self) -> String {
        let end = self
            .head
            .iter()
            .position(|&b| b == b'\r')
            .unwrap_or(self.head.len());
        String::from_utf8_lossy(&self.head[..end]).into_owned()
    }

    /// The method.
    pub fn method(&self) -> String {
        self.line().split(' ').next().unwrap_or_default().to_owned()
    }

    /// The target between the method and the version, blanks in it included.
    pub fn target(&self) -> String {
        let line = self.line();
        let target = line.split_once(' ').map_or("", |(_, rest)| rest);
        target
            .rsplit_once(' ')
            .map_or(target, |(target, _)| target)
            .to_owned()
    }

    /// Names and values in order; bytes that are not UTF-8 are replaced.
    pub fn headers(&self) -> Vec<(String, String)> {
        String::from_utf8_lossy(&self.head)
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect()
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers()
            .into_iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    }
}

/// What the origin does with a request.
#[derive(Clone, Debug)]
pub struct Reply {
    bytes: Vec<u8>,
    then: Then,
    with_length: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    Continue,
    Close,
    Hang,
}

impl Reply {
    /// An answer of this status with a body; `Content-Length` is added. To a HEAD request the
    /// same head is sent without the body.
    pub fn new(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self::with_headers(status, &[], body)
    }

    /// The same, with headers.
    pub fn with_headers(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut head = format!(
            "HTTP/1.1 {status} Reply\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");

        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        Self {
            bytes,
            then: Then::Continue,
            with_length: true,
        }
    }

    /// These bytes and nothing else, then the connection is closed.
    pub fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self {
            bytes: bytes.as_ref().to_vec(),
            then: Then::Close,
            with_length: false,
        }
    }

    /// No answer: the connection is closed.
    pub fn close() -> Self {
        Self::raw([])
    }

    /// No answer: the connection stays open and silent until the origin or the peer ends it.
    pub fn hang() -> Self {
        Self {
            then: Then::Hang,
            ..Self::raw([])
        }
    }

    /// Closes the connection after the answer.
    pub fn and_close(mut self) -> Self {
        self.then = Then::Close;
        self
    }

    fn bytes_for(&self, method: &str) -> &[u8] {
        let head_only = self.with_length && method == "HEAD";
        match self
            .bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
        {
            Some(end) if head_only => &self.bytes[..end + 4],
            _ => &self.bytes,
        }
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
    probing: Mutex<()>,
}

#[derive(Default)]
struct State {
    stopping: bool,
    requests: Vec<RawRequest>,
    // One for each connection accepted so far: to shut down from outside its thread.
    sockets: Vec<TcpStream>,
    peers: Vec<SocketAddr>,
    // Those connections that are probes of our own.
    probes: Vec<usize>,
    threads: Vec<JoinHandle<()>>,
}

impl Shared {
    /// A script that panics (an assertion in it) fails its own thread only.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RawOrigin {
    /// Starts an origin on a free port that answers each request with what `script` returns.
    pub fn start(script: impl Fn(&RawRequest) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            script: Box::new(script),
            state: Mutex::default(),
            probing: Mutex::default(),
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

    /// Starts an origin that answers every request with status 200 and this body.
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

    /// How many TCP connections have reached the origin before this call, with or without a
    /// request in them.
    ///
    /// A connection can be established before the origin's thread has seen it. A probe of our own
    /// waits its turn in the same queue: once it is accepted, so is every connection before it.
    #[track_caller]
    pub fn connections(&self) -> usize {
        let _one_probe_at_a_time = self
            .shared
            .probing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let accepted = self.shared.state().peers.len();
        let probe = TcpStream::connect(self.address).expect("the origin listens");
        let probe = probe
            .local_addr()
            .expect("a connected socket has an address");

        let start = Instant::now();
        loop {
            let mut state = self.shared.state();
            if let Some(i) = state.peers[accepted..]
                .iter()
                .position(|peer| *peer == probe)
            {
                state.probes.push(accepted + i);
                return accepted + i + 1 - state.probes.len();
            }
            drop(state);
            assert!(
                start.elapsed() < crate::http::TIMEOUT,
                "the origin does not accept"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
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
            for socket in &state.sockets {
                let _ = socket.shutdown(Shutdown::Both);
            }
            std::mem::take(&mut state.threads)
        };
        let scripts_panicked = threads
            .into_iter()
            .map(JoinHandle::join)
            .any(|r| r.is_err());
        if scripts_panicked && !std::thread::panicking() {
            panic!("the origin's script panicked, see above");
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let stream = listener.accept();
        let mut state = shared.state();
        if state.stopping {
            return;
        }
        let Ok((stream, peer)) = stream else { continue };
        let connection = state.sockets.len();
        state
            .sockets
            .push(stream.try_clone().expect("a socket can be duplicated"));
        state.peers.push(peer);

        let shared = Arc::clone(shared);
        state.threads.push(std::thread::spawn(move || {
            // The peer may go at any time: that ends the connection, and is no failure.
            let _ = serve(stream, connection, &shared);
        }));
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
            Then::Close => return writer.shutdown(Shutdown::Both),
            Then::Hang => {
                std::io::copy(&mut reader, &mut std::io::sink())?;
            }
        }
    }
    writer.shutdown(Shutdown::Both)
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
        head,
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

/// A port of 127.0.0.1 where nobody listens: connections to it are refused for as long as this
/// value lives, since the port is taken.
#[derive(Debug)]
pub struct DeadPort {
    port: u16,
    _socket: OwnedFd,
}

impl DeadPort {
    /// Takes a free port.
    pub fn new() -> Self {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with};

        let (family, kind) = (AddressFamily::INET, SocketType::STREAM);
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None).expect("a socket");
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = getsockname(&socket).expect("a bound socket has an address");
        let address = SocketAddrV4::try_from(address).expect("an address of IPv4");

        Self {
            port: address.port(),
            _socket: socket,
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Default for DeadPort {
    fn default() -> Self {
        Self::new()
    }
}

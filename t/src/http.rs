//! A blocking HTTP/1 client that sends exactly the bytes it is given.
//!
//! Neither targets nor headers are checked, encoded or normalized: a test of an odd request must
//! put that request on the wire. Waiting ends after [`TIMEOUT`] with a panic.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a client waits for a connection, or for the next byte of a response.
pub const TIMEOUT: Duration = Duration::from_secs(20);

const DEFAULT_HOST: &str = "localhost";

/// Sends `GET target` to nginx on a connection of its own.
#[track_caller]
pub fn get(port: u16, target: impl AsRef<[u8]>) -> Response {
    Request::get(target).send(port)
}

/// Sends `HEAD target` to nginx on a connection of its own.
#[track_caller]
pub fn head(port: u16, target: impl AsRef<[u8]>) -> Response {
    Request::new("HEAD", target).send(port)
}

/// A request, built up as it will be sent.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: Vec<u8>,
    version: &'static str,
    headers: Vec<(String, Vec<u8>)>,
    framing: Framing,
}

#[derive(Clone, Debug)]
enum Framing {
    None,
    Length(Vec<u8>),
    Chunks(Vec<Vec<u8>>),
}

impl Request {
    /// A request for the target's bytes as they are.
    pub fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.as_ref().to_vec(),
            version: "1.1",
            headers: Vec::new(),
            framing: Framing::None,
        }
    }

    /// A GET request.
    pub fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    /// Adds a header; repeated names are kept, in order. Without a `Host` one is added.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sends a body with Content-Length.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.framing = Framing::Length(body.as_ref().to_vec());
        self
    }

    /// Sends a body in these chunks.
    pub fn chunks<C: AsRef<[u8]>>(mut self, chunks: impl IntoIterator<Item = C>) -> Self {
        let chunks = chunks
            .into_iter()
            .map(|chunk| chunk.as_ref().to_vec())
            .collect();
        self.framing = Framing::Chunks(chunks);
        self
    }

    /// Speaks HTTP/1.0, where no `Host` is added.
    pub fn http10(mut self) -> Self {
        self.version = "1.0";
        self
    }

    /// Sends the request on a connection of its own and reads the response.
    #[track_caller]
    pub fn send(mut self, port: u16) -> Response {
        if !self.has("connection") {
            self.headers
                .push(("Connection".to_owned(), b"close".to_vec()));
        }
        Connection::open(port).send(&self)
    }

    /// The bytes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut wire = Vec::new();
        wire.extend_from_slice(self.method.as_bytes());
        wire.push(b' ');
        wire.extend_from_slice(&self.target);
        wire.extend_from_slice(format!(" HTTP/{}\r\n", self.version).as_bytes());

        if self.version == "1.1" && !self.has("host") {
            wire.extend_from_slice(format!("Host: {DEFAULT_HOST}\r\n").as_bytes());
        }
        for (name, value) in &self.headers {
            wire.extend_from_slice(name.as_bytes());
            wire.extend_from_slice(b": ");
            wire.extend_from_slice(value);
            wire.extend_from_slice(b"\r\n");
        }

        match &self.framing {
            Framing::None => wire.extend_from_slice(b"\r\n"),
            Framing::Length(body) => {
                wire.extend_from_slice(
                    format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(),
                );
                wire.extend_from_slice(body);
            }
            Framing::Chunks(chunks) => {
                wire.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
                    wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    wire.extend_from_slice(chunk);
                    wire.extend_from_slice(b"\r\n");
                }
                wire.extend_from_slice(b"0\r\n\r\n");
            }
        }
        wire
    }

    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    pub(crate) fn target_text(&self) -> String {
        String::from_utf8_lossy(&self.target).into_owned()
    }

    pub(crate) fn header_pairs(&self) -> Vec<(String, String)> {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        self.headers
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    }

    pub(crate) fn body_bytes(&self) -> &[u8] {
        match &self.framing {
            Framing::Length(body) => body,
            _ => b"",
        }
    }

    /// Adds the Host that would be sent, where there is none.
    pub(crate) fn with_host(self) -> Self {
        if self.has("host") {
            self
        } else {
            self.header("Host", DEFAULT_HOST)
        }
    }

    fn has(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case(name))
    }
}

/// A connection that carries one request after another.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to 127.0.0.1.
    #[track_caller]
    pub fn open(port: u16) -> Self {
        Self::try_open(port).unwrap_or_else(|e| panic!("cannot connect to 127.0.0.1:{port}: {e}"))
    }

    /// Connects to 127.0.0.1; an error tells why that fails.
    pub fn try_open(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;

        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends a request and reads its response.
    #[track_caller]
    pub fn send(&mut self, request: &Request) -> Response {
        self.try_send(request)
            .unwrap_or_else(|e| panic!("no answer: {e}"))
    }

    /// Sends a request and reads its response; an error tells of a broken or silent connection.
    pub fn try_send(&mut self, request: &Request) -> std::io::Result<Response> {
        self.write(&request.to_bytes())?;
        self.read(request.method == "HEAD")
    }

    /// Sends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads one response; that to a HEAD request has no body, whatever its headers say.
    pub fn read(&mut self, to_head: bool) -> std::io::Result<Response> {
        Response::read(&mut self.stream, to_head)
    }

    /// The socket, for what goes beyond requests and responses.
    pub fn socket(&self) -> &TcpStream {
        self.stream.get_ref()
    }
}

/// A response as it stood on the wire, with the framing of its body undone.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// Names and values in order; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Fails the test, showing the response, unless the status is this one.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(
            self.status,
            status,
            "{}\n{:#?}\n{}",
            self.reason,
            self.headers,
            self.text()
        );
        self
    }

    fn read(stream: &mut impl BufRead, to_head: bool) -> std::io::Result<Self> {
        let mut response = loop {
            let response = Self::read_head(stream)?;
            // 100 and 103 announce the response that follows them.
            if response.status / 100 != 1 || response.status == 101 {
                break response;
            }
        };

        if to_head || matches!(response.status, 101 | 204 | 304) {
            return Ok(response);
        }

        let chunked = response
            .header("transfer-encoding")
            .is_some_and(|v| v.contains("chunked"));
        if chunked {
            response.body = read_chunks(stream)?;
        } else if let Some(length) = response.header("content-length") {
            let length = length.parse().map_err(|_| invalid("bad Content-Length"))?;
            response.body = vec![0; length];
            stream.read_exact(&mut response.body)?;
        } else {
            stream.read_to_end(&mut response.body)?;
        }
        Ok(response)
    }

    fn read_head(stream: &mut impl BufRead) -> std::io::Result<Self> {
        let line = read_line(stream)?;
        let (_, rest) = line
            .strip_prefix("HTTP/")
            .and_then(|l| l.split_once(' '))
            .ok_or(invalid(&line))?;
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let status = status.parse().map_err(|_| invalid(&line))?;

        let mut headers = Vec::new();
        loop {
            let line = read_line(stream)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or(invalid(&line))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Self {
            status,
            reason: reason.to_owned(),
            headers,
            body: Vec::new(),
        })
    }
}

fn read_chunks(stream: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream)?;
        let size = line.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| invalid(&line))?;
        if size == 0 {
            while !read_line(stream)?.is_empty() {}
            return Ok(body);
        }
        let start = body.len();
        body.resize(start + size, 0);
        stream.read_exact(&mut body[start..])?;
        if !read_line(stream)?.is_empty() {
            return Err(invalid("a chunk is longer than its size says"));
        }
    }
}

fn read_line(stream: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn invalid(what: &str) -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::InvalidData,
        format!("not HTTP/1: {what:?}"),
    )
}

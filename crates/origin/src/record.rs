//! Records requests as they were sent, below the HTTP library that parses them.

use std::io;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::head::Head;

/// A request as sent; its head is read through it.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// The number of the connection: the same for requests of one connection.
    pub connection: usize,
    /// Request line and headers.
    pub head: Head,
    /// The status of the response; `None` while there is no response.
    pub status: Option<u16>,
}

impl Deref for RecordedRequest {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

/// All requests of an origin, in the order in which their heads were complete.
#[derive(Debug, Default)]
pub(crate) struct Records {
    requests: Mutex<Vec<RecordedRequest>>,
}

impl Records {
    pub(crate) fn all(&self) -> Vec<RecordedRequest> {
        self.lock().clone()
    }

    /// Records the status of the oldest request of a connection that has none, and returns the
    /// request: responses on a connection are in order.
    pub(crate) fn answered(&self, connection: usize, status: u16) -> Option<RecordedRequest> {
        let mut requests = self.lock();
        let request = requests
            .iter_mut()
            .find(|request| request.connection == connection && request.status.is_none())?;
        request.status = Some(status);
        Some(request.clone())
    }

    /// Removes the requests that have a response.
    pub(crate) fn forget_answered(&self) {
        self.lock().retain(|request| request.status.is_none());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RecordedRequest>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds the heads in what a client sends on one connection.
#[derive(Debug, Default)]
struct Heads {
    state: State,
    // The incomplete head, chunk-size line, or trailer line.
    partial: Vec<u8>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    Body {
        left: u64,
    },
    ChunkSize,
    ChunkData {
        left: u64,
    },
    Trailers,
    /// Unknown framing: what follows cannot be distinguished.
    Lost,
}

impl Heads {
    /// Processes the next bytes and calls `found` for each head that they complete.
    fn feed(&mut self, mut bytes: &[u8], mut found: impl FnMut(Vec<u8>)) {
        while let Some((&first, rest)) = bytes.split_first() {
            match &mut self.state {
                State::Body { left } | State::ChunkData { left } => {
                    let taken = (bytes.len() as u64).min(*left);
                    *left -= taken;
                    bytes = &bytes[taken as usize..];
                    if *left == 0 {
                        self.state = match self.state {
                            State::Body { .. } => State::Head,
                            _ => State::ChunkSize,
                        };
                    }
                }
                State::Lost => return,
                State::Head => {
                    self.partial.push(first);
                    bytes = rest;
                    if self.partial.ends_with(b"\r\n\r\n") {
                        let head = std::mem::take(&mut self.partial);
                        self.state = after_head(&head);
                        found(head);
                    }
                }
                State::ChunkSize | State::Trailers => {
                    self.partial.push(first);
                    bytes = rest;
                    if self.partial.ends_with(b"\r\n") {
                        let line = std::mem::take(&mut self.partial);
                        self.state = match self.state {
                            State::ChunkSize => after_chunk_size(&line),
                            _ if line == b"\r\n" => State::Head,
                            _ => State::Trailers,
                        };
                    }
                }
            }
        }
    }
}

fn after_head(head: &[u8]) -> State {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = |name: &str| {
        text.split("\r\n")
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    };

    match (value("transfer-encoding"), value("content-length")) {
        (Some(coding), _) if coding.ends_with("chunked") => State::ChunkSize,
        (Some(_), _) => State::Lost,
        (None, None | Some("0")) => State::Head,
        (None, Some(length)) => length
            .parse()
            .map_or(State::Lost, |left| State::Body { left }),
    }
}

fn after_chunk_size(line: &[u8]) -> State {
    let line = String::from_utf8_lossy(line);
    let size = line.split(';').next().unwrap_or_default().trim();
    match u64::from_str_radix(size, 16) {
        Ok(0) => State::Trailers,
        // The data's own line end is skipped with it.
        Ok(size) => State::ChunkData {
            left: size.saturating_add(2),
        },
        Err(_) => State::Lost,
    }
}

/// A connection that records each request head read from it.
pub(crate) struct Tee {
    stream: TcpStream,
    connection: usize,
    heads: Heads,
    records: Arc<Records>,
}

impl Tee {
    pub(crate) fn new(stream: TcpStream, connection: usize, records: Arc<Records>) -> Self {
        Self {
            stream,
            connection,
            heads: Heads::default(),
            records,
        }
    }
}

impl AsyncRead for Tee {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let start = buf.filled().len();
        let result = Pin::new(&mut this.stream).poll_read(cx, buf);

        let connection = this.connection;
        let records = &this.records;
        this.heads.feed(&buf.filled()[start..], |head| {
            records.lock().push(RecordedRequest {
                connection,
                head: Head::new(head),
                status: None,
            });
        });
        result
    }
}

impl AsyncWrite for Tee {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::Heads;

    const WIRE: &[u8] = b"PUT /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nGET \
        PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
        6;x=y\r\nGET \r\n\r\n0\r\nTrailer: 1\r\n\r\n\
        GET /c HTTP/1.1\r\nContent-Length: 0\r\n\r\n\
        GET /d d HTTP/1.1\r\n\r\n";

    #[test]
    fn heads_are_told_from_bodies_wherever_reads_end() {
        for step in 1..=WIRE.len() {
            let mut heads = Heads::default();
            let mut lines = Vec::new();
            for bytes in WIRE.chunks(step) {
                heads.feed(bytes, |head| {
                    let line = head.split(|&b| b == b'\r').next().unwrap_or_default();
                    lines.push(String::from_utf8_lossy(line).into_owned());
                });
            }
            assert_eq!(
                lines,
                [
                    "PUT /a HTTP/1.1",
                    "PUT /b HTTP/1.1",
                    "GET /c HTTP/1.1",
                    "GET /d d HTTP/1.1"
                ],
                "read by {step}"
            );
        }
    }

    #[test]
    fn unknown_framing_records_nothing_more() {
        let mut heads = Heads::default();
        let mut count = 0;
        heads.feed(
            b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            |_| {
                count += 1;
            },
        );
        assert_eq!(count, 1);
    }
}

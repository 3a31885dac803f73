//! An upstream that reads and discards.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, recv};

use crate::configuration::header;

/// The longest head of a request.
const HEAD: usize = 16 << 10;

/// What is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// How long a request may be on its way.
const PATIENCE: Duration = Duration::from_secs(60);

/// How fast bodies are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// As fast as they come.
    Fast,
    /// A MiB a second for so long, then as fast as they come.
    Slow(Duration),
}

/// What the upstream has received of a request.
pub(crate) struct Received {
    /// The request line and the headers.
    pub(crate) head: String,
    /// The length of the body, in bytes.
    pub(crate) length: u64,
}

/// The upstream. Its threads end with their connections.
pub(crate) struct Sink {
    port: u16,
    requests: Receiver<Received>,
}

impl Sink {
    /// Begins to listen.
    pub(crate) fn start(pace: Pace) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let (sender, requests) = channel();
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                spawn(move || {
                    // Who sends half a request learns of it by the connection's end.
                    let _ = serve(stream, pace, &sender);
                });
            }
        });
        Ok(Self { port, requests })
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The next request that it has responded to.
    pub(crate) fn received(&self) -> io::Result<Received> {
        self.requests
            .recv_timeout(PATIENCE)
            .map_err(io::Error::other)
    }
}

fn serve(mut stream: TcpStream, pace: Pace, sender: &Sender<Received>) -> io::Result<()> {
    let mut read = Vec::new();
    loop {
        let Some(end) = read_head(&mut stream, &mut read)? else {
            return Ok(());
        };
        let rest = read.split_off(end);
        let head = String::from_utf8_lossy(&read).into_owned();
        read.clear();
        let length = header(&head, "content-length").and_then(|length| length.parse().ok());
        let length = length.unwrap_or(0);
        discard(&stream, length - (rest.len() as u64).min(length), pace)?;
        // The response is not sent before it is recorded here.
        let _ = sender.send(Received { head, length });
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
    }
}

/// Reads on until `read` holds a head, and returns where that ends; none at the end of the
/// connection.
fn read_head(stream: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Option<usize>> {
    let mut piece = [0; HEAD];
    loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(Some(at + 4));
        }
        match stream.read(&mut piece)? {
            0 => return Ok(None),
            _ if read.len() > HEAD => return Err(io::ErrorKind::InvalidData.into()),
            length => read.extend_from_slice(&piece[..length]),
        }
    }
}

/// Reads `left` bytes that nobody looks at: the kernel does not even copy them.
fn discard(stream: &TcpStream, mut left: u64, pace: Pace) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    let begun = Instant::now();
    while left > 0 {
        let piece = match pace {
            Pace::Slow(time) if begun.elapsed() < time => {
                sleep(Duration::from_millis(1000 / 16));
                (1 << 20) / 16
            }
            _ => PIECE,
        };
        let piece = &mut buffer[..piece.min(left.try_into().unwrap_or(PIECE))];
        match recv(stream, piece, RecvFlags::TRUNC)? {
            (_, 0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            (_, length) => left -= length as u64,
        }
    }
    Ok(())
}

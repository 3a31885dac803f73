//! A client that sends as fast as nginx reads.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create, sendfile};

use super::body::Body;
use crate::load::LoadError;

/// How long nginx may be silent once it has all of a body.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends `body` to `port`, and returns how long it took until the response, a 200, arrived.
pub(crate) fn put(port: u16, body: &Body) -> Result<Duration, LoadError> {
    let failed = |error: String| LoadError::Request { error };
    let (answer, time) = exchange(port, body).map_err(|error| failed(error.to_string()))?;
    if answer.starts_with("HTTP/1.1 200 ") {
        Ok(time)
    } else {
        Err(failed(answer))
    }
}

fn exchange(port: u16, body: &Body) -> io::Result<(String, Duration)> {
    let (piece, times, end) = body.parts();
    // The kernel hands its pages on without copying them: the sender takes next to no time.
    let mut pages = std::fs::File::from(memfd_create("body", MemfdFlags::CLOEXEC)?);
    pages.write_all(piece.as_bytes())?;
    let mut head = format!(
        "PUT /bucket/an-object HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\
         Connection: close\r\n",
        body.sent_length()
    );
    for header in body.headers() {
        head.push_str(&format!("{header}\r\n"));
    }
    head.push_str("\r\n");

    let begun = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let sent = send(&mut stream, &head, &pages, piece.len() as u64, times)
        .and_then(|()| stream.write_all(end.as_bytes()));

    // If nginx has rejected the rest, its response says why.
    let mut answer = [0; 1024];
    match (stream.read(&mut answer), sent) {
        (Ok(length), _) if length > 0 => {
            let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
            Ok((answer, begun.elapsed()))
        }
        (Err(error), Ok(())) | (_, Err(error)) => Err(error),
        (Ok(_), Ok(())) => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn send(
    stream: &mut TcpStream,
    head: &str,
    pages: &std::fs::File,
    length: u64,
    times: u64,
) -> io::Result<()> {
    stream.write_all(head.as_bytes())?;
    for _ in 0..times {
        let mut at = 0;
        while at < length {
            let left = (length - at) as usize;
            sendfile(&*stream, pages, Some(&mut at), left)?;
        }
    }
    Ok(())
}

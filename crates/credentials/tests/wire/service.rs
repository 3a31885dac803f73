//! A small HTTP service on loopback whose behavior a test decides.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// A request as it came in; names of fields in lower case.
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What the service does then.
pub(crate) enum Reply {
    /// Answers with a status and a body.
    Answer(u16, String),
    /// Writes these bytes and closes the connection.
    Raw(Vec<u8>),
    /// Writes one of these bytes every tenth of a second.
    Slow(Vec<u8>),
    /// Says nothing until the test ends.
    Silence,
}

type Handler = dyn Fn(&Received) -> Reply + Send + Sync;

/// Runs until it is dropped.
pub(crate) struct Service {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
    /// Dropped first of all at the end, which ends silent connections.
    silence: Option<mpsc::Sender<()>>,
}

impl Service {
    pub(crate) fn start(handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        let address = listener.local_addr().expect("its address");
        let requests = Arc::new(AtomicUsize::new(0));
        let stopping = Arc::new(AtomicBool::new(false));
        let (silence, end) = mpsc::channel();
        let (count, stop) = (Arc::clone(&requests), Arc::clone(&stopping));
        let thread = thread::spawn(move || {
            let handler: Box<Handler> = Box::new(handler);
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.expect("a connection");
                let Some(received) = receive(&stream) else {
                    continue;
                };
                count.fetch_add(1, Ordering::SeqCst);
                let bytes = match handler(&received) {
                    Reply::Answer(status, body) => format!(
                        "HTTP/1.1 {status} Text\r\nContent-Length: {}\r\nConnection: close\r\n\
                         Location: /elsewhere\r\n\r\n{body}",
                        body.len()
                    )
                    .into_bytes(),
                    Reply::Raw(bytes) => bytes,
                    Reply::Slow(bytes) => {
                        let pause = Duration::from_millis(100);
                        let written = bytes.chunks(1).try_for_each(|byte| {
                            thread::sleep(pause);
                            stream.write_all(byte)
                        });
                        // It was too slow for the client.
                        drop(written);
                        continue;
                    }
                    Reply::Silence => {
                        // Ends with an error when the service is dropped.
                        let _ = end.recv();
                        continue;
                    }
                };
                // A client that has seen enough closes early.
                let _ = stream.write_all(&bytes);
            }
        });
        Self {
            address,
            requests,
            stopping,
            thread: Some(thread),
            silence: Some(silence),
        }
    }

    /// `http://127.0.0.1:<port>`
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests came in.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.silence = None;
        // Wakes the thread where it waits for a connection.
        let _ = TcpStream::connect(self.address);
        let result = self.thread.take().map(thread::JoinHandle::join);
        if !thread::panicking() {
            assert!(matches!(result, Some(Ok(()))), "the service has failed");
        }
    }
}

fn receive(stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let line = line.trim_end().strip_suffix(" HTTP/1.1")?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok()?;
        let Some((name, value)) = field.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    Some(Received {
        line,
        headers,
        body,
    })
}

//! A name server for nginx's `resolver`.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// Responds to every query for an IPv4 address with 127.0.0.1, and any other with no records (RFC
/// 1035, over UDP); dropping it ends its thread.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    answers: AtomicUsize,
}

impl NameServer {
    /// Starts one on a free port of 127.0.0.1.
    #[track_caller]
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || serve(&socket, &shared)
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// `127.0.0.1` and the port, as `resolver` takes it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many queries it has answered with an address.
    pub fn answers(&self) -> usize {
        self.shared.answers.load(Ordering::Relaxed)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // Wakes the thread, which then sees that it is to stop.
        let woken = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.send_to(&[], self.address));
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

fn serve(socket: &UdpSocket, shared: &Shared) {
    let mut question = [0; 512];
    while let Ok((length, client)) = socket.recv_from(&mut question) {
        if shared.stopping.load(Ordering::Relaxed) {
            return;
        }
        if let Some((answer, has_address)) = answer(&question[..length]) {
            shared
                .answers
                .fetch_add(usize::from(has_address), Ordering::Relaxed);
            let _ = socket.send_to(&answer, client);
        }
    }
}

/// The answer to a message with one question, and whether it holds an address.
fn answer(message: &[u8]) -> Option<(Vec<u8>, bool)> {
    const HEADER: usize = 12;
    const TYPE_A: [u8; 2] = [0, 1];
    // The name is a run of labels, each after its length, up to an empty one.
    let mut at = HEADER;
    while *message.get(at)? != 0 {
        at += usize::from(message[at]) + 1;
    }
    let question = message.get(HEADER..at + 5)?;
    let is_address = question[question.len() - 4..question.len() - 2] == TYPE_A;

    let mut answer = message[..2].to_vec();
    // A response, recursion desired and available, no error; one question, perhaps one answer.
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    answer.extend(question);
    if is_address {
        // The question's name, type A, class IN, 60 seconds, four bytes.
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    Some((answer, is_address))
}

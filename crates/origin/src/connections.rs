//! The TCP connections that have reached an origin, counted so that a test can prove that there was
//! none.

use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The connections that a listener has accepted.
#[derive(Debug, Default)]
pub struct Connections {
    accepted: Mutex<Accepted>,
    probing: Mutex<()>,
}

#[derive(Debug, Default)]
struct Accepted {
    peers: Vec<SocketAddr>,
    // How many of them are the origin's own probes.
    probes: usize,
}

impl Connections {
    /// Records a connection that was accepted from `peer`, and returns its number, 0 for the first.
    pub fn accept(&self, peer: SocketAddr) -> usize {
        let mut accepted = self.accepted();
        accepted.peers.push(peer);
        accepted.peers.len() - 1
    }

    /// How many connections have reached the listener at `address` before this call.
    ///
    /// A connection can be established before the listener's thread has seen it. A probe connection
    /// waits in the same queue: once it is accepted, so is every earlier connection.
    ///
    /// # Panics
    ///
    /// If the listener no longer accepts connections.
    #[track_caller]
    pub fn count(&self, address: SocketAddr) -> usize {
        let _one_probe_at_a_time = self.probing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.accepted().peers.len();
        let probe = TcpStream::connect(address).expect("the origin listens");
        let probe = probe
            .local_addr()
            .expect("a connected socket has an address");

        let start = Instant::now();
        loop {
            let mut accepted = self.accepted();
            if let Some(i) = accepted.peers[before..]
                .iter()
                .position(|peer| *peer == probe)
            {
                accepted.probes += 1;
                return before + i + 1 - accepted.probes;
            }
            drop(accepted);
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "the origin does not accept"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn accepted(&self) -> MutexGuard<'_, Accepted> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! A port that refuses connections.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;

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

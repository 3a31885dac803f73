//! Addresses of sockets.

use std::net::SocketAddr;

/// A socket's address as the system wants it.
#[repr(C)]
pub(super) union Address {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
    /// A pipe has none.
    pub(super) none: (),
}

impl Address {
    /// The address, and how many bytes of it count.
    pub(super) fn new(address: SocketAddr) -> (Self, libc::socklen_t) {
        match address {
            SocketAddr::V4(address) => {
                // SAFETY: all zero is a valid value of this plain C structure.
                let mut v4: libc::sockaddr_in = unsafe { std::mem::zeroed() };
                v4.sin_family = libc::AF_INET as libc::sa_family_t;
                v4.sin_port = address.port().to_be();
                v4.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
                (Self { v4 }, size_of::<libc::sockaddr_in>() as _)
            }
            SocketAddr::V6(address) => {
                // SAFETY: as above.
                let mut v6: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
                v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                v6.sin6_port = address.port().to_be();
                v6.sin6_addr.s6_addr = address.ip().octets();
                v6.sin6_scope_id = address.scope_id();
                (Self { v6 }, size_of::<libc::sockaddr_in6>() as _)
            }
        }
    }
}

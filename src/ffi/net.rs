//! The module's own connections: addresses, sockets, TLS, names.

mod address;
pub(crate) mod connection;
mod pipe;
pub(crate) mod resolver;

//! HTTP over nginx's event loop: names, connections, TLS, one exchange.

mod exchange;
mod names;
mod time;

pub(crate) use exchange::Client;
pub(crate) use names::Names;
pub(crate) use time::within;

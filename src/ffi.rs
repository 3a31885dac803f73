//! Every raw pointer of nginx is wrapped here, once; the rest of the crate works with references
//! and slices.
//!
//! nginx is single-threaded: configuration is read and merged in the master process, requests are
//! served by one thread in each worker. Nothing here is `Send` or `Sync`, nor needs to be.

pub(crate) mod conf;
pub(crate) mod http;
pub(crate) mod memory;
pub(crate) mod module;
pub(crate) mod net;
pub(crate) mod process;

//! Every raw pointer of nginx is wrapped here, once. The rest of the crate works with references
//! and slices.
//!
//! nginx is single-threaded: the master process reads and merges the configuration, and one thread
//! in each worker serves requests. Nothing here is `Send` or `Sync`, or needs to be.

pub(crate) mod conf;
pub(crate) mod http;
pub(crate) mod memory;
pub(crate) mod module;
pub(crate) mod net;
pub(crate) mod process;

//! The harness of the tests that run against a real nginx.
//!
//! Each test starts an nginx of its own, in a temporary folder and on free ports, in front of an
//! origin of its own; see `t/README.md` for a complete example. The pieces:
//!
//! - [`Nginx`]: a running nginx, its logs, its workers, and [`nginx_t`] for configurations that
//!   are to be refused;
//! - [`http`] and [`http2`]: clients that send what the test says, byte for byte;
//! - [`RawOrigin`]: an HTTP/1 server that records what arrives and answers what the test says.
//!
//! The harness has no error type: what goes wrong in it fails the test, with a message that says
//! what to do.

pub mod http;
pub mod http2;
mod nginx;
mod raw_origin;
mod scratch;
mod signer;
mod swift;

pub use aws_origin::{Origin, OriginConfig, RecordedRequest, StartError, Storage, Watch};
pub use nginx::{Builder, Nginx, TestResult, nginx_t, nginx_version};
pub use raw_origin::{DeadPort, RawOrigin, RawRequest, Reply};
pub use scratch::Scratch;
pub use signer::{Signer, encode_key};
pub use swift::Swift;

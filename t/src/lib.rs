//! The harness of the tests that run against a real nginx.
//!
//! Each test starts an nginx of its own, in a temporary folder and on free ports, in front of an
//! origin of its own; see `t/README.md` for a complete example. The pieces:
//!
//! - [`Nginx`]: a running nginx, its logs, its workers, and [`nginx_t`] for configurations that
//!   are to be rejected;
//! - [`server_conf`]: a `server{}` that is to be rejected, with the guilty line marked;
//! - [`http`] and [`http2`]: clients that send what the test says, byte for byte;
//! - [`Origin`], an S3 object store in this process, and [`Swift`], a stricter one: both verify
//!   signatures with code that is not the module's;
//! - [`Signer`]: signs requests as clients of an object store do, to ask it directly;
//! - [`signing`]: whether what an origin has recorded is signed as it should be;
//! - [`Style`]: the styles of signatures, and the same of each;
//! - [`account`]: the user that tests sign for, and the user's object store;
//! - [`auth_error`]: authentication errors of object stores, and whether they are hidden;
//! - [`framed`]: a client that frames its bodies, as SDKs do;
//! - [`RawOrigin`]: an HTTP/1 server that records what arrives and sends the responses that the
//!   test specifies;
//! - [`HeldOrigin`]: one that reads when the test says;
//! - [`payload`]: bodies, and whether they are signed as they have arrived;
//! - [`MetadataServer`]: issues temporary credentials as IMDS, ECS and STS do, and as badly as
//!   a test wants; its [`store`](MetadataServer::store) takes them;
//! - [`TokenService`]: issues tokens as ECR and CodeArtifact do; its
//!   [`gate`](TokenService::gate) takes them;
//! - [`Issuer`]: what these two have in common, and how they misbehave;
//! - [`example`]: the configurations in nginx-conf/;
//! - [`directives`]: what is declared of each directive;
//! - [`registry`]: a registry of container images that wants such a token;
//! - [`waiting`]: clients that wait for what nginx fetches first;
//! - [`procfs`]: what the kernel says about a process;
//! - [`precondition`]: what a test needs of the nginx that it runs against;
//! - [`alone`]: tests that measure time or memory run alone;
//! - [`Load`]: clients that go on while a test reloads or kills.
//!
//! The harness has no error type: what goes wrong in it fails the test, with a message that says
//! what to do.

use std::time::{Duration, Instant};

pub mod account;
mod alone;
pub mod auth_error;
pub mod checksum;
mod dead_port;
pub mod directives;
mod dns;
pub mod example;
pub mod framed;
mod held_origin;
pub mod http;
pub mod http2;
mod issuer;
mod keys;
mod load;
mod metadata_server;
mod nginx;
pub mod payload;
pub mod precondition;
mod presigned_url;
pub mod procfs;
mod raw_origin;
pub mod registry;
mod reply;
mod scratch;
pub mod sdk;
pub mod server_conf;
mod signer;
pub mod signing;
mod style;
mod swift;
mod token_service;
pub mod waiting;

pub use alone::{Alone, alone};
pub use aws_origin::{Head, Origin, OriginConfig, RecordedRequest, StartError, Storage, Watch};
pub use dead_port::DeadPort;
pub use dns::NameServer;
pub use held_origin::{HeldConnection, HeldOrigin};
pub use issuer::{Behaviour, Issuer};
pub use keys::ODD_KEYS;
pub use load::{Load, Report};
pub use metadata_server::{Issued, MetadataServer};
pub use nginx::{Builder, Nginx, TestResult, load_directive, nginx_t, nginx_version, own_lines};
pub use presigned_url::PresignedUrl;
pub use raw_origin::{RawOrigin, RawRequest};
pub use reply::Reply;
pub use scratch::Scratch;
pub use signer::{Signer, encode_key};
pub use style::{Style, parameter};
pub use swift::Swift;
pub use token_service::{IssuedToken, TokenService};

/// Polls until `done`; fails the test after [`http::TIMEOUT`].
#[track_caller]
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        let elapsed = start.elapsed();
        assert!(
            elapsed < http::TIMEOUT,
            "waited for {elapsed:?} in vain until {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

//! An nginx between an upstream that is signed for, and others.

use std::net::SocketAddr;

use nginx_tests::{Builder, DeadPort, Nginx, RawOrigin};

/// In the configuration, `{origin}` is the upstream that is signed for, `{application}` another one, and `{dead}` a port
/// that nobody listens on.
pub(crate) struct Stand<A> {
    pub(crate) origin: RawOrigin,
    pub(crate) application: A,
    pub(crate) nginx: Nginx,
    _dead: DeadPort,
}

impl<A> Stand<A> {
    /// Starts `builder`, with `application` at this address.
    #[track_caller]
    pub(crate) fn start(builder: Builder, application: A, address: SocketAddr) -> Self {
        let (origin, dead) = (RawOrigin::with_body("stored"), DeadPort::new());
        let nginx = builder
            .var("origin", origin.address())
            .var("application", address)
            .var("dead", format!("127.0.0.1:{}", dead.port()))
            .start();
        Self {
            origin,
            application,
            nginx,
            _dead: dead,
        }
    }
}

//! Host names: resolved by the `resolver` of http{} if there is one, else when the configuration is
//! read, as for proxy_pass.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::ffi::conf::Conf;
use crate::ffi::net::resolver::{Resolver, resolve_now};

/// How host names are resolved.
#[derive(Default)]
pub(crate) struct Names {
    resolver: Option<Resolver>,
    known: HashMap<String, Vec<IpAddr>>,
}

impl Names {
    /// Uses the `resolver` of http{}, if there is one.
    pub(crate) fn new(conf: &Conf) -> Self {
        Self {
            resolver: Resolver::of_http(conf),
            known: HashMap::new(),
        }
    }

    /// Makes sure that the addresses of `host` are available later. The error is nginx's own.
    pub(crate) fn prepare(&mut self, conf: &Conf, host: &str) -> Result<(), String> {
        let known = self.resolver.is_some() || self.known.contains_key(host);
        if known || host.parse::<IpAddr>().is_ok() {
            return Ok(());
        }
        let addresses = resolve_now(conf, host)?;
        self.known.insert(host.to_owned(), addresses);
        Ok(())
    }

    /// The addresses of `host`, in the order in which to try them; at least one.
    pub(super) async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        if let Some(resolver) = &self.resolver {
            return resolver.look_up(host).await;
        }
        self.known.get(host).cloned().ok_or_else(|| {
            "it was not known when the configuration was read: add \"resolver\" to http{}"
                .to_owned()
        })
    }
}

//! Warnings of `nginx -t`: what is accepted, but is probably a mistake in a location that signs.
//!
//! A warning is about one place that has to be changed. Locations that inherit the same directive
//! would repeat it, so it is written once for that place.

mod bodies;
mod cache;
mod headers;
mod hosts;

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use aws_sealing::is_s3;

use super::proxy_headers::ProxyHeaders;
use super::{Directives, MainConf, Plan, ProxyPass, Scheme, Sign, same_handler};
use crate::ffi::conf::merged::MergedBlock;
use crate::ffi::conf::pass_module::PassModule;
use crate::ffi::conf::upstream_conf::MergedUpstreamConf;
use crate::ffi::conf::{Block, Conf, Position, ServerId};
use crate::ffi::process::log::Level;

/// The warnings that have been written.
#[derive(Default)]
pub(super) struct Warnings(RefCell<HashSet<(Warning, Place)>>);

/// What a warning is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Warning {
    CacheKey,
    ClientChoosesHost,
    DroppedMetadata,
    OtherHandler,
    OtherHost,
    UnsignedBodies,
    UnverifiedPeer,
    UpgradeHeader,
    VariableHeader,
}

/// What has to be changed.
#[derive(PartialEq, Eq, Hash)]
enum Place {
    Directive(Position),
    /// The server{} with this configuration.
    Server(Option<ServerId>),
    /// This list of `proxy_set_header`.
    Headers(*const ProxyHeaders),
}

impl Warnings {
    /// Warns of the directive at `position`, unless it has been warned of.
    pub(super) fn of_directive(
        &self,
        conf: &Conf,
        warning: Warning,
        position: &Position,
        line: fmt::Arguments<'_>,
    ) {
        self.write(conf, warning, Place::Directive(*position), position, line);
    }

    /// Warns of the server{} that is being merged, unless it has been warned of.
    fn of_server(
        &self,
        conf: &Conf,
        warning: Warning,
        position: &Position,
        line: fmt::Arguments<'_>,
    ) {
        self.write(conf, warning, Place::Server(conf.server()), position, line);
    }

    /// Warns of a list of `proxy_set_header`, unless it has been warned of.
    fn of_headers(
        &self,
        conf: &Conf,
        warning: Warning,
        headers: &ProxyHeaders,
        position: &Position,
        line: fmt::Arguments<'_>,
    ) {
        let place = Place::Headers(std::ptr::from_ref(headers));
        self.write(conf, warning, place, position, line);
    }

    fn write(
        &self,
        conf: &Conf,
        warning: Warning,
        place: Place,
        position: &Position,
        line: fmt::Arguments<'_>,
    ) {
        if self.0.borrow_mut().insert((warning, place)) {
            conf.log(Level::Warn, position, line);
        }
    }
}

/// A location that signs, and how `proxy_pass` sends its requests.
pub(super) struct SigningLocation<'a> {
    pub(super) conf: &'a Conf,
    pub(super) main: &'a MainConf,
    pub(super) block: &'a Block,
    pub(super) sign: &'a Sign,
    pub(super) pass: Option<&'a ProxyPass>,
    /// The merged configuration of the proxy module.
    pub(super) proxy_conf: MergedUpstreamConf<'a>,
}

impl SigningLocation<'_> {
    /// Warns of everything that can be wrong there.
    pub(super) fn warn(&self, directives: &Directives, plan: &Plan) {
        self.warn_of_other_host(plan);
        self.warn_of_cache_key(plan);
        self.warn_of_headers(plan);
        self.warn_of_unsigned_bodies(directives, plan);
        self.warn_of_peer_and_client(plan);
    }

    /// Warnings that do not depend on where a variable sends requests.
    pub(super) fn warn_of_peer_and_client(&self, plan: &Plan) {
        self.warn_of_unverified_peer();
        self.warn_of_chosen_host(plan.bucket.is_some());
        self.warn_of_dropped_metadata(plan);
    }

    fn warnings(&self) -> &Warnings {
        &self.main.warnings
    }

    /// Without TLS that verifies certificates, an impostor can receive the requests, and everything
    /// in them.
    fn warn_of_unverified_peer(&self) {
        let over_https = self.pass.is_some_and(|pass| pass.scheme == Scheme::Https);
        if !over_https || self.proxy_conf.verifies_peer() != Some(false) {
            return;
        }
        self.warnings().of_server(
            self.conf,
            Warning::UnverifiedPeer,
            &self.sign.position,
            format_args!(
                "location \"{}\" sends signed requests over https without verifying the \
                 certificate, so that an impostor can read and change them: set \"proxy_ssl_verify \
                 on\", \"proxy_ssl_trusted_certificate\" and \"proxy_ssl_server_name on\"",
                self.block.name()
            ),
        );
    }

    /// nginx silently drops headers that it considers invalid.
    fn warn_of_dropped_metadata(&self, plan: &Plan) {
        let is_s3 = plan.static_service().is_none_or(is_s3);
        if plan.policy.methods.is_read_only()
            || !is_s3
            || !plan.policy.pass_headers.allows(b"x-amz-meta-a_b")
            || !self.conf.ignores_invalid_headers()
        {
            return;
        }
        self.warnings().of_server(
            self.conf,
            Warning::DroppedMetadata,
            &self.sign.position,
            format_args!(
                "location \"{}\" signs writes, and nginx drops metadata with \"_\" or \".\" in its \
                 name, such as \"x-amz-meta-a_b\", without notice: set \"ignore_invalid_headers \
                 off\" in the server",
                self.block.name()
            ),
        );
    }
}

/// Signing is inherited, but nothing is signed here.
pub(super) fn warn_of_other_handler(
    conf: &MergedBlock<'_>,
    main: &MainConf,
    block: &Block,
    effective: &Directives,
) {
    let Some(sign) = effective.sign.as_ref().filter(|sign| sign.may_be_on()) else {
        return;
    };
    let answers = |module: &&PassModule| match module.handler {
        Some(_) => same_handler(module.handler, block.handler()),
        // Its handler is not known, but the upstream of the directive is.
        None => module
            .upstream_conf(conf)
            .is_some_and(|sent| sent.host().is_some()),
    };
    let others = main.pass_modules.iter();
    let mut others = others.filter(|module| module.directive != "proxy_pass");
    let Some(other) = others.find(answers) else {
        return;
    };
    main.warnings.of_directive(
        conf,
        Warning::OtherHandler,
        &sign.position,
        format_args!(
            "\"aws_sign\" has no effect on \"{}\" of location \"{}\", whose requests are sent \
             unsigned: use \"proxy_pass\" there, or \"aws_sign off\"",
            other.directive,
            block.name()
        ),
    );
}

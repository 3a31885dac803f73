//! What is probably a mistake in a location that signs, and is accepted.
//!
//! A warning is about one place that has to be mended. Locations that inherit the same directive
//! would repeat it, so that it is written once for that place.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use aws_sealing::is_s3;

use super::credentials::Credentials;
use super::{Directives, MainConf, Plan, ProxyPass, Scheme, Sign, same_handler};
use crate::ffi::conf::merged::MergedBlock;
use crate::ffi::conf::upstream_conf::MergedUpstreamConf;
use crate::ffi::conf::{Block, Conf, Position, ServerId};
use crate::ffi::process::log::Level;

/// Those that have been written.
#[derive(Default)]
pub(super) struct Warnings(RefCell<HashSet<(Kind, Place)>>);

/// What a warning is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    OtherHost,
    UnprotectedBodies,
    UnsignedBodies,
    CacheKey,
    ClientChoosesHost,
    DroppedMetadata,
    Unverified,
    OtherHandler,
}

/// What has to be mended.
#[derive(PartialEq, Eq, Hash)]
enum Place {
    Directive(Position),
    /// The server{} with this configuration.
    Server(Option<ServerId>),
}

impl Warnings {
    /// Warns of the directive at `position`, unless it has been warned of.
    pub(super) fn of_directive(
        &self,
        conf: &Conf,
        kind: Kind,
        position: &Position,
        line: fmt::Arguments<'_>,
    ) {
        self.write(conf, kind, Place::Directive(*position), position, line);
    }

    /// Warns of the server{} that is being merged, unless it has been warned of.
    fn of_server(&self, conf: &Conf, kind: Kind, position: &Position, line: fmt::Arguments<'_>) {
        self.write(conf, kind, Place::Server(conf.server()), position, line);
    }

    fn write(
        &self,
        conf: &Conf,
        kind: Kind,
        place: Place,
        position: &Position,
        line: fmt::Arguments<'_>,
    ) {
        if self.0.borrow_mut().insert((kind, place)) {
            conf.log(Level::Warn, position, line);
        }
    }
}

/// A location that signs, and how `proxy_pass` sends its requests.
pub(super) struct Location<'a> {
    pub(super) conf: &'a Conf,
    pub(super) main: &'a MainConf,
    pub(super) block: &'a Block,
    pub(super) sign: &'a Sign,
    pub(super) pass: Option<&'a ProxyPass>,
    /// The merged configuration of the proxy module.
    pub(super) proxy_conf: MergedUpstreamConf<'a>,
}

impl Location<'_> {
    fn warnings(&self) -> &Warnings {
        &self.main.warnings
    }

    /// Without TLS that verifies, an impostor gets the requests, and what they carry.
    pub(super) fn warn_of_unverified_peer(&self) {
        let over_https = self.pass.is_some_and(|pass| pass.scheme == Scheme::Https);
        if !over_https || self.proxy_conf.verifies_peer() != Some(false) {
            return;
        }
        self.warnings().of_server(
            self.conf,
            Kind::Unverified,
            &self.sign.position,
            format_args!(
                "location \"{}\" sends signed requests over https without verifying the \
                 certificate, so that an impostor can read and change them: set \"proxy_ssl_verify \
                 on\", \"proxy_ssl_trusted_certificate\" and \"proxy_ssl_server_name on\"",
                self.block.name()
            ),
        );
    }

    /// Without a bucket, the Host that is sent is signed: a client must not choose it.
    pub(super) fn warn_of_chosen_host(&self, has_bucket: bool) {
        if has_bucket {
            return;
        }
        let headers = self.proxy_conf.set_headers().unwrap_or_default();
        let host = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(b"host"))
            .map(|(_, value)| value);
        let location = self.block.name();
        let (directive, text) = match (host, self.pass.and_then(ProxyPass::authority)) {
            (Some(host), authority) if !is_proxy_host(host) || authority.is_none() => {
                ("proxy_set_header Host", host)
            }
            (_, Some(authority)) => ("proxy_pass", authority),
            (Some(_), None) => unreachable!("the first arm has it"),
            (None, None) => return,
        };
        let chosen = variables(text).find(|name| is_clients(name, location.as_bytes()));
        let Some(chosen) = chosen else { return };
        self.warnings().of_directive(
            self.conf,
            Kind::ClientChoosesHost,
            &self.sign.position,
            format_args!(
                "a client of location \"{location}\" chooses the host that is signed, by \"${}\" in \
                 \"{directive}\": use a constant, a \"map\" of the hosts that are meant, or \
                 \"aws_s3_bucket\"",
                String::from_utf8_lossy(chosen)
            ),
        );
    }

    /// nginx drops headers that it calls invalid, without telling anybody.
    pub(super) fn warn_of_dropped_metadata(&self, plan: &Plan) {
        let service = plan.credentials.as_ref().ok();
        let service = service.and_then(Credentials::static_service);
        let is_s3 = service.is_none_or(|service| is_s3(&String::from_utf8_lossy(service)));
        if plan.policy.methods.is_read_only()
            || !is_s3
            || !plan.policy.pass_headers.allows(b"x-amz-meta-a_b")
            || !self.conf.ignores_invalid_headers()
        {
            return;
        }
        self.warnings().of_server(
            self.conf,
            Kind::DroppedMetadata,
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

/// Signing is inherited, and nothing is signed here.
pub(super) fn warn_of_other_handler(
    conf: &MergedBlock<'_>,
    main: &MainConf,
    block: &Block,
    held: &Directives,
) {
    let Some(sign) = held.sign.as_ref().filter(|sign| sign.may_be_on()) else {
        return;
    };
    let answers = |module: &&crate::ffi::conf::pass_module::PassModule| match module.handler {
        Some(_) => same_handler(module.handler, block.handler()),
        // Its handler is not known, but what it sends to is, where the directive stands.
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
        Kind::OtherHandler,
        &sign.position,
        format_args!(
            "\"aws_sign\" has no effect on \"{}\" of location \"{}\", whose requests are sent \
             unsigned: use \"proxy_pass\" there, or \"aws_sign off\"",
            other.directive,
            block.name()
        ),
    );
}

/// Whether a value of Host is what the proxy module would send without it.
fn is_proxy_host(host: &[u8]) -> bool {
    let mut names = variables(host);
    names.all(|name| matches!(name, b"proxy_host" | b"proxy_port"))
        && variables(host).next().is_some()
}

/// The names of the variables in a text.
fn variables(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'$').skip(1).map(|rest| {
        let rest = rest.strip_prefix(b"{").unwrap_or(rest);
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let end = rest.iter().position(|byte| !is_part(byte));
        match end {
            // A capture has one digit.
            _ if rest.first().is_some_and(u8::is_ascii_digit) => &rest[..1],
            end => &rest[..end.unwrap_or(rest.len())],
        }
    })
}

/// Whether a client says what a variable holds. `location` may be a regular expression, whose
/// captures it says, too. What a `map` makes of a client's words is the operator's.
fn is_clients(variable: &[u8], location: &[u8]) -> bool {
    const NAMES: [&[u8]; 13] = [
        b"host",
        b"args",
        b"query_string",
        b"uri",
        b"document_uri",
        b"request_uri",
        b"request",
        b"request_body",
        b"request_filename",
        b"realpath_root",
        b"remote_user",
        b"ssl_server_name",
        b"content_type",
    ];
    const PREFIXES: [&[u8]; 4] = [b"http_", b"arg_", b"cookie_", b"ssl_client_"];
    let variable = variable.to_ascii_lowercase();
    let capture = [b"<", &variable[..], b">"].concat();
    let is_captured = || {
        let location = location.to_ascii_lowercase();
        location.windows(capture.len()).any(|part| part == capture)
    };
    variable.iter().all(u8::is_ascii_digit)
        || NAMES.contains(&&variable[..])
        || PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
        || is_captured()
}

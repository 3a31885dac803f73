//! What can only be judged when blocks are merged: mistakes, and what is probably one.

use aws_sealing::{PayloadMode, PayloadRule};

use super::credentials::Credentials;
use super::ingredients::Ingredients;
use super::warnings::Kind;
use super::{BlockKind, Directives, MainConf, Payload, Plan, Scheme, Sign, same_handler};
use crate::ffi::conf::merged::MergedBlock;
use crate::ffi::conf::upstream_conf::MergedUpstreamConf;
use crate::ffi::conf::{Block, Conf};
use crate::ffi::http::value::Value;
use crate::ffi::process::log::Level;

/// A name that is not declared anywhere in http{} is a mistake, also where nothing is signed.
pub(super) fn refuse_unknown_provider(
    conf: &Conf,
    main: &MainConf,
    held: &Directives,
) -> Result<(), ()> {
    let name = held.credentials.provider.as_ref().and_then(Value::as_text);
    let (Some(name), Some(position)) = (name, &held.credentials.position) else {
        return Ok(());
    };
    if main.providers.find(name).is_some() {
        return Ok(());
    }
    let name = String::from_utf8_lossy(name);
    if main.providers.is_empty() {
        conf.log(
            Level::Emerg,
            position,
            format_args!(
                "\"aws_credentials\" names \"{name}\", which is not declared: add \
                 \"aws_credentials_provider {name} <source>\" to http{{}}"
            ),
        );
    } else {
        conf.log(
            Level::Emerg,
            position,
            format_args!(
                "\"aws_credentials\" names \"{name}\", which is not declared: the providers are {}",
                main.providers.names()
            ),
        );
    }
    Err(())
}

/// `aws_sign` beside a directive whose requests cannot be signed.
pub(super) fn refuse_other_handlers(
    conf: &Conf,
    main: &MainConf,
    block: &Block,
    sign: &Sign,
) -> Result<(), ()> {
    let other = main
        .pass_modules
        .iter()
        .find(|module| same_handler(module.handler, block.handler()))
        .filter(|module| module.directive != "proxy_pass");
    let Some(other) = other else { return Ok(()) };
    conf.log(
        Level::Emerg,
        &sign.position,
        format_args!(
            "\"aws_sign\" has no effect on \"{}\": use \"proxy_pass\", or remove \"aws_sign\"",
            other.directive
        ),
    );
    Err(())
}

/// A `*_pass` that sends to an `upstream{}` which has all that it gets signed, where only what
/// proxy_pass sends can be. `own` is the location's own `aws_sign`.
pub(super) fn refuse_unsigned_ways(
    conf: &MergedBlock<'_>,
    main: &MainConf,
    block: &Block,
    own: Option<&Sign>,
) -> Result<(), ()> {
    if own.is_some_and(|sign| !sign.may_be_on()) {
        return Ok(());
    }
    for module in &main.pass_modules {
        let upstream = module
            .upstream_conf(conf)
            .filter(|_| module.directive != "proxy_pass")
            .and_then(|sent| sent.upstream_block())
            .and_then(|block| main.upstreams.find(block));
        let Some(upstream) = upstream else { continue };
        let Some(sign) = upstream
            .written
            .sign
            .as_ref()
            .filter(|sign| sign.may_be_on())
        else {
            continue;
        };
        conf.log(
            Level::Emerg,
            &sign.position,
            format_args!(
                "\"aws_sign\" signs what \"proxy_pass\" sends to upstream \"{}\", and location \"{}\" has \
                 \"{}\": use \"proxy_pass\" there, or \"aws_sign off\"",
                upstream.block.name(),
                block.name(),
                module.directive
            ),
        );
        return Err(());
    }
    Ok(())
}

/// Credentials that are missing where `aws_sign` stands are a mistake, or for a location that sends to
/// an upstream where it stands; where signing is inherited, they may be missing for a location that
/// nobody uses.
pub(super) fn judge_credentials(
    conf: &Conf,
    block: &Block,
    held: &Directives,
    plan: &Plan,
    sign: &Sign,
    explicit: bool,
) -> Result<(), ()> {
    let Err(missing) = plan.credentials else {
        return Ok(());
    };
    if missing.is_contradiction() {
        let position = held.credentials.position.as_ref().unwrap_or(&sign.position);
        conf.log(Level::Emerg, position, format_args!("{missing}"));
        return Err(());
    }
    if sign.stands_in == BlockKind::Upstream {
        let line = format_args!(
            "\"aws_sign\" cannot sign what location \"{}\" sends here: {missing}",
            block.name()
        );
        conf.log(Level::Emerg, &sign.position, line);
        return Err(());
    }
    if explicit {
        let line = format_args!("\"aws_sign\" cannot sign here: {missing}");
        conf.log(Level::Emerg, &sign.position, line);
        return Err(());
    }
    Ok(())
}

/// Services other than S3 have one rule for bodies.
pub(super) fn judge_payload(conf: &Conf, held: &Directives, plan: &Plan) -> Result<(), ()> {
    let Some(Payload { mode, position }) = &held.payload else {
        return Ok(());
    };
    let service = plan
        .credentials
        .as_ref()
        .ok()
        .and_then(Credentials::static_service)
        .map(String::from_utf8_lossy);
    let Some(service) = service else {
        return Ok(());
    };
    match (PayloadRule::of(&service), mode) {
        (PayloadRule::S3, _)
        | (_, PayloadMode::Auto)
        | (PayloadRule::Hash, PayloadMode::Signed)
        | (PayloadRule::Unsigned, PayloadMode::Unsigned) => return Ok(()),
        (PayloadRule::Hash, _) => conf.log(
            Level::Emerg,
            position,
            format_args!(
                "\"aws_payload {}\" is for S3 only, but service \"{service}\" is signed for: \
                 remove it, every other service gets the hash",
                mode.as_str()
            ),
        ),
        (PayloadRule::Unsigned, _) => conf.log(
            Level::Emerg,
            position,
            format_args!(
                "\"aws_payload {}\" cannot be used with service \"{service}\", which accepts \
                 unsigned payloads only: remove it",
                mode.as_str()
            ),
        ),
    }
    Err(())
}

/// A bucket's requests that are sent to a host of another name end at the wrong server.
pub(super) fn warn_of_other_host(
    conf: &Conf,
    main: &MainConf,
    block: &Block,
    plan: &Plan,
    sign: &Sign,
    proxy: MergedUpstreamConf<'_>,
) {
    let texts = (plan.bucket.as_ref(), plan.endpoint.as_ref());
    let (Some(bucket), Some(endpoint)) = texts else {
        return;
    };
    let (Some(bucket), Some(endpoint)) = (bucket.as_text(), endpoint.as_text()) else {
        return;
    };
    // An upstream{} block has a name of the operator's own.
    let Some(host) = proxy.host().filter(|_| !proxy.names_upstream_block()) else {
        return;
    };
    let endpoint = endpoint
        .split(|byte| *byte == b':')
        .next()
        .unwrap_or_default();
    let in_bucket = host
        .strip_prefix(bucket)
        .and_then(|rest| rest.strip_prefix(b"."))
        .is_some_and(|rest| rest.eq_ignore_ascii_case(endpoint));
    if in_bucket || host.eq_ignore_ascii_case(endpoint) || is_address(host) {
        return;
    }
    main.warnings.of_directive(
        conf,
        Kind::OtherHost,
        &sign.position,
        format_args!(
            "\"proxy_pass\" of location \"{}\" names the host \"{}\", but requests are signed for \
             \"{}\": set \"aws_endpoint\" to the store's host",
            block.name(),
            String::from_utf8_lossy(host),
            String::from_utf8_lossy(endpoint),
        ),
    );
}

fn is_address(host: &[u8]) -> bool {
    host == b"localhost"
        || host.starts_with(b"[")
        // nginx has taken "unix:" off.
        || host.starts_with(b"/")
        || std::str::from_utf8(host).is_ok_and(|host| host.parse::<std::net::IpAddr>().is_ok())
}

/// Where neither the signature nor TLS covers a body, anybody on the way can change it.
pub(super) fn warn_of_unprotected_bodies(
    conf: &Conf,
    main: &MainConf,
    block: &Block,
    held: &Directives,
    scheme: Option<Scheme>,
) {
    let Some(Payload { mode, position }) = &held.payload else {
        return;
    };
    if *mode == PayloadMode::Unsigned && scheme == Some(Scheme::Http) {
        main.warnings.of_directive(
            conf,
            Kind::UnprotectedBodies,
            position,
            format_args!(
                "\"aws_payload unsigned\" in location \"{}\" sends bodies over plain http, where \
                 nothing protects them: use \"https://\" in \"proxy_pass\", or \"aws_payload \
                 signed\" or \"streaming\"",
                block.name()
            ),
        );
    }
}

/// Tenants that a variable tells apart must not share cached objects. Returns whether they may.
pub(super) fn remind_of_cache_key(
    conf: &Conf,
    main: &MainConf,
    block: &Block,
    plan: &Plan,
    sign: &Sign,
) -> bool {
    let is_variable = |value: &Option<Value>| {
        value
            .as_ref()
            .is_some_and(|value| value.as_text().is_none())
    };
    let variable = is_variable(&plan.bucket)
        || is_variable(&plan.endpoint)
        || plan
            .credentials
            .as_ref()
            .is_ok_and(Credentials::are_variable);
    let needed = plan.has_cache && variable;
    if needed {
        main.warnings.of_directive(
            conf,
            Kind::CacheKey,
            &sign.position,
            format_args!(
                "location \"{}\" has \"proxy_cache\" and a variable bucket, endpoint or key: \
                 \"proxy_cache_key\" must hold that variable, or tenants share cached objects",
                block.name()
            ),
        );
    }
    needed
}

/// As [`remind_of_cache_key`], where a variable in `proxy_pass` names the upstream: once for the
/// first upstream of which it is true.
pub(super) fn remind_of_cache_key_by_upstream(
    conf: &Conf,
    main: &MainConf,
    block: &Block,
    ingredients: &Ingredients,
) {
    if !ingredients.proxy.has_cache {
        return;
    }
    let with_variable = main.upstreams.iter().filter(|upstream| {
        let written = &upstream.written;
        let values = [&written.bucket, &written.endpoint];
        let in_values = |value: &&Option<Value>| {
            let value = value.as_ref();
            value.is_some_and(|value| value.as_text().is_none())
        };
        values.iter().any(in_values) || written.credentials.are_variable()
    });
    for upstream in with_variable {
        let held = ingredients.layers.for_upstream(Some(&upstream.written));
        let Some(sign) = held.sign.as_ref().filter(|sign| sign.may_be_on()) else {
            continue;
        };
        let plan = ingredients.plan_of(&held, &sign.switch);
        if remind_of_cache_key(conf, main, block, &plan, sign) {
            return;
        }
    }
}

//! Errors that `nginx -t` reports and that can be found only when blocks are merged.

use aws_sealing::{PayloadMode, PayloadRule, PayloadSigning, Version};

use super::{BlockKind, Directives, MainConf, Payload, Plan, Sign, same_handler};
use crate::ffi::conf::merged::MergedBlock;
use crate::ffi::conf::{Block, Conf};
use crate::ffi::http::value::Value;
use crate::ffi::process::log::Level;

/// A name that is not declared anywhere in http{} is a mistake, even if nothing is signed.
pub(super) fn check_provider_name(
    conf: &Conf,
    main: &MainConf,
    effective: &Directives,
) -> Result<(), ()> {
    let name = effective
        .credentials
        .provider
        .as_ref()
        .and_then(Value::as_text);
    let (Some(name), Some(position)) = (name, &effective.credentials.position) else {
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

/// `aws_sign` with a directive whose requests cannot be signed.
pub(super) fn check_handler(
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

/// A `*_pass` that sends requests to an `upstream{}` that signs, although only the requests of
/// proxy_pass can be signed. `own` is the location's own `aws_sign`.
pub(super) fn check_ways_to_upstream(
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

/// Credentials must not be missing in a location that has `aws_sign` itself, or that sends requests
/// to an upstream that has it. A location that inherits `aws_sign` can have none, since it may not
/// be used.
pub(super) fn check_credentials(
    conf: &Conf,
    block: &Block,
    effective: &Directives,
    plan: &Plan,
    sign: &Sign,
    explicit: bool,
) -> Result<(), ()> {
    let Err(missing) = plan.credentials else {
        return Ok(());
    };
    if missing.is_contradiction() {
        let position = effective
            .credentials
            .position
            .as_ref()
            .unwrap_or(&sign.position);
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
pub(super) fn check_payload(conf: &Conf, effective: &Directives, plan: &Plan) -> Result<(), ()> {
    let Some(Payload { mode, position }) = &effective.payload else {
        return Ok(());
    };
    let Some(service) = plan.static_service().map(String::from_utf8_lossy) else {
        return Ok(());
    };
    match (PayloadRule::of(&*service), mode) {
        (PayloadRule::S3, _)
        | (_, PayloadMode::Auto)
        | (PayloadRule::Hash, PayloadMode::Signed)
        | (PayloadRule::Unsigned, PayloadMode::Unsigned) => return Ok(()),
        (PayloadRule::Hash, _) => conf.log(
            Level::Emerg,
            position,
            format_args!(
                "\"aws_payload {}\" is for S3 only, but requests are signed for service \
                 \"{service}\": remove it, other services always receive the payload hash",
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

/// Directives that the version of the signature, or its place, does not allow. The error has been logged.
pub(super) fn check_signature(conf: &Conf, effective: &Directives, plan: &Plan) -> Result<(), ()> {
    if let Some(directive) = &effective.signature_version
        && directive.version == Version::V2
        && let Some(service) = &effective.service
        && service.as_text() != Some(b"s3")
    {
        conf.log(
            Level::Emerg,
            &directive.position,
            format_args!(
                "\"aws_signature_version 2\" is for S3 only, but \"aws_service\" sets another \
                 service: set \"aws_service s3\" here, or remove \"aws_signature_version\""
            ),
        );
        return Err(());
    }
    let Some(payload) = &effective.payload else {
        return Ok(());
    };
    let rule = plan.static_payload_rule().unwrap_or(PayloadRule::S3);
    let payload_signing = PayloadSigning::new(effective.version(), effective.place(), rule);
    let reason = match (payload_signing, payload.mode) {
        (PayloadSigning::Nothing, PayloadMode::Signed | PayloadMode::Streaming) => {
            "cannot be combined with \"aws_signature_version 2\", which signs no bodies: remove \
             one of them"
        }
        (PayloadSigning::Optional, PayloadMode::Streaming) => {
            "cannot be combined with \"aws_signature_in query\", since signed chunks require \
             signatures in headers: use \"aws_payload signed\", or remove one of them"
        }
        _ => return Ok(()),
    };
    conf.log(
        Level::Emerg,
        &payload.position,
        format_args!("\"aws_payload {}\" {reason}", payload.mode.as_str()),
    );
    Err(())
}

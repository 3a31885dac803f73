//! Merging a block into the one inside it, and what can only be judged then.

use std::ptr::NonNull;
use std::rc::Rc;

use aws_sealing::{MethodSet, PayloadMode, Policy, destination, is_s3};
use nginx_sys::{NGX_HTTP_UPSTREAM_CREATE, ngx_http_handler_pt, ngx_http_upstream_conf_t};

use super::credentials::{Credentials, Incomplete};
use super::{
    LinkSigner, LocationConf, MainConf, Payload, Plan, Scheme, Sign, Switch, same_handler,
};
use crate::ffi::conf::{Block, Conf};
use crate::ffi::log::Level;
use crate::ffi::upstream;
use crate::ffi::value::Value;
use crate::request::Seal;

/// How long a request waits for the first credentials, in milliseconds.
pub(super) const DEFAULT_CREDENTIALS_TIMEOUT: u64 = 5000;

/// Merges `outer` into `inner`, and where `inner` signs puts the seal into its proxy_pass. An
/// error has been logged.
pub(crate) fn merge(
    conf: &Conf,
    main: &MainConf,
    outer: &LocationConf,
    inner: &mut LocationConf,
) -> Result<(), ()> {
    let block = conf.block().ok_or(())?;
    let own_sign = inner.sign.take();

    inner.credentials.inherit(&outer.credentials);
    inherit(&mut inner.bucket, &outer.bucket);
    inherit(&mut inner.endpoint, &outer.endpoint);
    inherit(&mut inner.region, &outer.region);
    inherit(&mut inner.service, &outer.service);
    inherit(&mut inner.methods, &outer.methods);
    inherit(&mut inner.addressing, &outer.addressing);
    inherit(&mut inner.pass_headers, &outer.pass_headers);
    inherit(&mut inner.signed_headers, &outer.signed_headers);
    inherit(&mut inner.response_overrides, &outer.response_overrides);
    inherit(&mut inner.payload, &outer.payload);
    inherit(&mut inner.hide_auth_errors, &outer.hide_auth_errors);
    inherit(&mut inner.scheme, &outer.scheme);
    inherit(&mut inner.credentials_timeout, &outer.credentials_timeout);
    refuse_unknown_provider(conf, main, inner)?;
    inner.link_signer = LinkSigner::new(inner, main).map(Box::new);

    let inherited = outer
        .sign
        .as_ref()
        .filter(|sign| !matches!(sign.switch, Switch::Bare) || block.is_nested_condition());
    inner.sign = own_sign.as_ref().or(inherited).cloned();
    let Some(sign) = inner
        .sign
        .clone()
        .filter(|sign| !matches!(sign.switch, Switch::Off))
    else {
        return Ok(());
    };

    let explicit = own_sign.as_ref().filter(|sign| sign.in_location);
    if let Some(sign) = explicit {
        refuse_other_handlers(conf, main, &block, sign)?;
    }

    let Some(proxy) = main.proxy() else {
        return Ok(());
    };
    let proxy_conf = proxy.upstream_conf(conf).ok_or(())?;
    let plan = Rc::new(plan(inner, main, &sign, proxy.handler, proxy_conf));
    judge_credentials(conf, inner, &plan, &sign, explicit.is_some())?;
    judge_payload(conf, inner, &plan)?;
    if main.is_proxy(block.handler()) && !block.is_nested_condition() {
        warn_of_other_host(conf, &block, &plan, &sign, proxy_conf);
        remind_of_cache_key(conf, &block, &plan, &sign);
        warn_of_unprotected_bodies(conf, &block, inner);
    }

    inner.plan = Some(Rc::clone(&plan));
    // SAFETY: the proxy module has merged this block before us: modules are merged one after the
    // other, and a dynamic module, or one that nginx is built with, comes after nginx's own.
    // The configuration's pool keeps both alive.
    unsafe { upstream::install(conf.as_ptr(), proxy_conf, Seal::new(plan)) }
}

fn inherit<T: Clone>(inner: &mut Option<T>, outer: &Option<T>) {
    if inner.is_none() {
        inner.clone_from(outer);
    }
}

fn plan(
    conf: &LocationConf,
    main: &MainConf,
    sign: &Sign,
    proxy_handler: ngx_http_handler_pt,
    proxy: NonNull<ngx_http_upstream_conf_t>,
) -> Plan {
    let credentials =
        conf.credentials
            .resolve(conf.region.as_ref(), conf.service.as_ref(), &main.providers);
    let endpoint = conf.endpoint.clone().or_else(|| match &credentials {
        // A pre-derived key has the C module's endpoint, others their region's.
        Ok(credentials) if credentials.are_derived() => Some(Value::Text(
            destination::LEGACY_S3_ENDPOINT.as_bytes().into(),
        )),
        Ok(credentials) => credentials.static_region().map(|region| {
            let mut endpoint = Vec::new();
            destination::s3_endpoint(&String::from_utf8_lossy(region), &mut endpoint);
            Value::Text(endpoint.into())
        }),
        Err(_) => None,
    });
    Plan {
        switch: sign.switch.clone(),
        policy: Policy {
            methods: conf.methods.unwrap_or(MethodSet::READ_ONLY),
            pass_headers: conf.pass_headers.clone().unwrap_or_default(),
            signed_headers: conf.signed_headers.clone().unwrap_or_default(),
            response_overrides: conf.response_overrides.unwrap_or(false),
        },
        credentials,
        credentials_timeout: conf
            .credentials_timeout
            .unwrap_or(DEFAULT_CREDENTIALS_TIMEOUT),
        bucket: conf.used_bucket().cloned(),
        endpoint,
        addressing: conf.addressing.unwrap_or_default(),
        payload: conf
            .payload
            .as_ref()
            .map_or_else(PayloadMode::default, |payload| payload.mode),
        hides_auth_errors: conf.hide_auth_errors.unwrap_or(true),
        // SAFETY: as below.
        streams_bodies: unsafe { proxy.as_ref() }.request_buffering == 0,
        // SAFETY: as below.
        passes_bodies: unsafe { proxy.as_ref() }.pass_request_body != 0,
        // SAFETY: merged before us, see `merge`.
        has_cache: unsafe { proxy.as_ref() }.cache() > 0,
        proxy_handler,
    }
}

/// A name that is not declared anywhere in http{} is a mistake, also where nothing is signed.
fn refuse_unknown_provider(conf: &Conf, main: &MainConf, inner: &LocationConf) -> Result<(), ()> {
    let name = inner.credentials.provider.as_ref().and_then(Value::as_text);
    let (Some(name), Some(position)) = (name, &inner.credentials.position) else {
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
fn refuse_other_handlers(
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

/// Credentials that are missing where `aws_sign` stands are a mistake; where signing is inherited,
/// they may be missing for a location that nobody uses.
fn judge_credentials(
    conf: &Conf,
    inner: &LocationConf,
    plan: &Plan,
    sign: &Sign,
    explicit: bool,
) -> Result<(), ()> {
    let Err(missing) = plan.credentials else {
        return Ok(());
    };
    if missing == Incomplete::Region {
        let position = inner
            .credentials
            .position
            .as_ref()
            .unwrap_or(&sign.position);
        conf.log(Level::Emerg, position, format_args!("{missing}"));
        return Err(());
    }
    if explicit {
        let line = format_args!("\"aws_sign\" cannot sign here: {missing}");
        conf.log(Level::Emerg, &sign.position, line);
        return Err(());
    }
    Ok(())
}

/// Only S3 takes bodies that are not hashed.
fn judge_payload(conf: &Conf, inner: &LocationConf, plan: &Plan) -> Result<(), ()> {
    let Some(Payload { mode, position }) = &inner.payload else {
        return Ok(());
    };
    let service = plan
        .credentials
        .as_ref()
        .ok()
        .and_then(Credentials::static_service)
        .map(String::from_utf8_lossy);
    match service {
        Some(service)
            if !is_s3(&service) && !matches!(mode, PayloadMode::Auto | PayloadMode::Signed) =>
        {
            conf.log(
                Level::Emerg,
                position,
                format_args!(
                    "\"aws_payload {}\" is for S3 only, but service \"{service}\" is signed for: \
                     remove it, every other service gets the hash",
                    mode.as_str()
                ),
            );
            Err(())
        }
        _ => Ok(()),
    }
}

/// A bucket's requests that are sent to a host of another name end at the wrong server.
fn warn_of_other_host(
    conf: &Conf,
    block: &Block,
    plan: &Plan,
    sign: &Sign,
    proxy: NonNull<ngx_http_upstream_conf_t>,
) {
    let texts = (plan.bucket.as_ref(), plan.endpoint.as_ref());
    let (Some(bucket), Some(endpoint)) = texts else {
        return;
    };
    let (Some(bucket), Some(endpoint)) = (bucket.as_text(), endpoint.as_text()) else {
        return;
    };
    // SAFETY: merged before us; the upstream, where proxy_pass names one, is part of the
    // configuration.
    let Some(upstream) = (unsafe { proxy.as_ref().upstream.as_ref() }) else {
        return;
    };
    if upstream.flags & NGX_HTTP_UPSTREAM_CREATE as usize != 0 {
        // An upstream{} block has a name of the operator's own.
        return;
    }
    // SAFETY: as above.
    let host = unsafe { crate::ffi::bytes(upstream.host) };
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
    conf.log(
        Level::Warn,
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
fn warn_of_unprotected_bodies(conf: &Conf, block: &Block, inner: &LocationConf) {
    let Some(Payload { mode, position }) = &inner.payload else {
        return;
    };
    if *mode == PayloadMode::Unsigned && inner.scheme == Some(Scheme::Http) {
        conf.log(
            Level::Warn,
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

/// Tenants that a variable tells apart must not share cached objects.
fn remind_of_cache_key(conf: &Conf, block: &Block, plan: &Plan, sign: &Sign) {
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
            .is_ok_and(super::credentials::Credentials::are_variable);
    if plan.has_cache && variable {
        conf.log(
            Level::Warn,
            &sign.position,
            format_args!(
                "location \"{}\" has \"proxy_cache\" and a variable bucket, endpoint or key: \
                 \"proxy_cache_key\" must hold that variable, or tenants share cached objects",
                block.name()
            ),
        );
    }
}

//! Merging a block into the one inside it.

use std::ptr::NonNull;
use std::rc::Rc;

use aws_sealing::{MethodSet, PayloadMode, Policy, destination};
use nginx_sys::{ngx_http_handler_pt, ngx_http_upstream_conf_t};

use super::judge::{
    judge_credentials, judge_payload, refuse_other_handlers, refuse_unknown_provider,
    remind_of_cache_key, warn_of_other_host, warn_of_unprotected_bodies,
};
use super::{LinkSigner, LocationConf, MainConf, Plan, Sign, Switch};
use crate::ffi::conf::Conf;
use crate::ffi::seal_hook;
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
    unsafe { seal_hook::install(conf.as_ptr(), proxy_conf, Seal::new(plan)) }
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

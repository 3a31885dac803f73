//! Merging a block into the one inside it, and how it signs then.

use std::ptr::NonNull;
use std::rc::Rc;

use aws_sealing::{MethodSet, PayloadMode, Policy, Version, destination};
use nginx_sys::ngx_http_upstream_conf_t;

use super::judge::{
    judge_credentials, judge_payload, refuse_other_handlers, refuse_unknown_provider,
    refuse_unsigned_ways, remind_of_cache_key, warn_of_other_host, warn_of_unprotected_bodies,
};
use super::layers::Layers;
use super::plans::ByTarget;
use super::{BlockKind, Directives, LinkSigner, LocationConf, MainConf, Plan, Plans, Sign, style};
use crate::ffi::cache_hook;
use crate::ffi::conf::{Block, Conf};
use crate::ffi::handlers::PassModule;
use crate::ffi::seal_hook;
use crate::ffi::upstream_block::UpstreamBlock;
use crate::ffi::value::{Template, Value};
use crate::request::{CacheGuard, Seal};

/// Merges `outer` into `inner`, and where `inner` signs puts the seal into its proxy_pass. An
/// error has been logged.
pub(crate) fn merge(
    conf: &Conf,
    main: &MainConf,
    outer: &LocationConf,
    inner: &mut LocationConf,
) -> Result<(), ()> {
    let block = conf.block().ok_or(())?;
    let written = std::mem::take(&mut inner.written);
    let explicit = written
        .sign
        .clone()
        .filter(|sign| sign.stands_in == BlockKind::Location && sign.may_be_on());
    let layers = match &outer.layers {
        None => Layers::of_server(&outer.written, &written),
        Some(layers) => layers.inside(written, block.is_nested_condition()),
    };
    let held = layers.for_upstream(None);
    refuse_unknown_provider(conf, main, &held)?;
    inner.link_signer = LinkSigner::new(&held, main).map(Box::new);
    if let Some(sign) = &explicit {
        refuse_other_handlers(conf, main, &block, sign)?;
    }
    refuse_unsigned_ways(conf, main, &block, layers.own_sign())?;
    let layers = inner.layers.insert(layers);

    let Some(proxy) = main.proxy() else {
        return Ok(());
    };
    let proxy_conf = proxy.upstream_conf(conf).ok_or(())?;
    let merging = Merging {
        conf,
        main,
        block: &block,
        proxy,
        proxy_conf,
    };
    inner.has_variable_target =
        merging.names_no_host() && (merging.is_proxied() || merging.may_inherit(outer));

    let target = held.proxy_pass.as_ref().and_then(|pass| pass.target);
    let plans = match target.filter(|_| inner.has_variable_target && !main.upstreams.is_empty()) {
        Some(target) => merging.plans_by_target(layers, held, explicit.is_some(), target)?,
        None => merging
            .plan_of_all(layers, explicit.is_some())?
            .map(Plans::One),
    };
    let Some(plans) = plans.map(Rc::new) else {
        return Ok(());
    };
    inner.plans = Some(Rc::clone(&plans));
    // SAFETY: the proxy module has merged this block before us: modules are merged one after the
    // other, and a dynamic module, or one that nginx is built with, comes after nginx's own.
    // The configuration's pool keeps both alive.
    unsafe {
        if proxy_conf.as_ref().cache() > 0 {
            let guard = CacheGuard::new(Rc::clone(&plans));
            cache_hook::install(conf.as_ptr(), proxy_conf, guard)?;
        }
        seal_hook::install(conf.as_ptr(), proxy_conf, Seal::new(plans))
    }
}

/// A block that is being merged.
struct Merging<'a> {
    conf: &'a Conf,
    main: &'a MainConf,
    block: &'a Block,
    proxy: &'a PassModule,
    /// What `proxy_pass` says in the block, merged before us.
    proxy_conf: NonNull<ngx_http_upstream_conf_t>,
}

impl Merging<'_> {
    /// Whether `proxy_pass` answers requests here.
    fn is_proxied(&self) -> bool {
        self.main.is_proxy(self.block.handler())
    }

    /// Whether warnings are for this block, and not for one that it is a condition of.
    fn is_warned_of(&self) -> bool {
        self.is_proxied() && !self.block.is_nested_condition()
    }

    /// Whether no `proxy_pass` with a constant host holds here.
    fn names_no_host(&self) -> bool {
        // SAFETY: merged before us.
        unsafe { self.proxy_conf.as_ref() }.upstream.is_null()
    }

    /// Whether this is a condition in a location whose `proxy_pass` holds variables.
    fn may_inherit(&self, outer: &LocationConf) -> bool {
        self.block.is_nested_condition() && outer.has_variable_target
    }

    /// How all requests are signed: those of a location that sends to one place.
    fn plan_of_all(&self, layers: &Layers, explicit: bool) -> Result<Option<Plan>, ()> {
        let upstream = UpstreamBlock::of(self.proxy_conf)
            .and_then(|block| self.main.upstreams.find(block))
            .map(|upstream| &upstream.written);
        self.judged_plan(&layers.for_upstream(upstream), explicit)
    }

    /// How requests are signed by where `target` sends them.
    fn plans_by_target(
        &self,
        layers: &Layers,
        elsewhere: Directives,
        explicit: bool,
        target: Template,
    ) -> Result<Option<Plans>, ()> {
        let upstreams = self.main.upstreams.iter().map(|upstream| {
            let held = layers.for_upstream(Some(&upstream.written));
            let sign = held.sign.clone().filter(Sign::may_be_on);
            let plan = sign.map(|sign| {
                let plan = self.plan(&held, &sign);
                if self.is_warned_of() {
                    remind_of_cache_key(self.conf, self.block, &plan, &sign);
                }
                plan
            });
            (upstream.block, plan)
        });
        let plans = ByTarget {
            target,
            upstreams: upstreams.collect(),
            elsewhere: self.judged_plan(&elsewhere, explicit)?,
        };
        Ok(plans.sign().then_some(Plans::ByTarget(plans)))
    }

    /// The plan of a block in which `held` hold, where it signs. An error has been logged.
    fn judged_plan(&self, held: &Directives, explicit: bool) -> Result<Option<Plan>, ()> {
        let Some(sign) = held.sign.as_ref().filter(|sign| sign.may_be_on()) else {
            return Ok(None);
        };
        let plan = self.plan(held, sign);
        judge_credentials(self.conf, self.block, held, &plan, sign, explicit)?;
        judge_payload(self.conf, held, &plan)?;
        style::judge(self.conf, held, &plan)?;
        if self.is_warned_of() {
            warn_of_other_host(self.conf, self.block, &plan, sign, self.proxy_conf);
            remind_of_cache_key(self.conf, self.block, &plan, sign);
            warn_of_unprotected_bodies(self.conf, self.block, held);
            style::warn_of_unsigned_bodies(self.conf, self.block, held, &plan);
        }
        Ok(Some(plan))
    }

    fn plan(&self, held: &Directives, sign: &Sign) -> Plan {
        let credentials = held.resolve_credentials(self.main);
        let endpoint = held.endpoint.clone().or_else(|| match &credentials {
            // A pre-derived key has the C module's endpoint, others their region's.
            Ok(credentials) if credentials.are_derived() => Some(legacy_endpoint()),
            // Version 2 knows no regions.
            Ok(credentials) if credentials.version() == Version::V2 && held.region.is_none() => {
                Some(legacy_endpoint())
            }
            Ok(credentials) => credentials.static_region().map(|region| {
                let mut endpoint = Vec::new();
                destination::s3_endpoint(&String::from_utf8_lossy(region), &mut endpoint);
                Value::Text(endpoint.into())
            }),
            Err(_) => None,
        });
        // SAFETY: merged before us, see `merge`.
        let (proxy, sets_body, sends_http11) = unsafe {
            (
                self.proxy_conf.as_ref(),
                self.proxy.sets_body(self.proxy_conf),
                self.proxy.sends_http11(self.proxy_conf),
            )
        };
        let passes_bodies = proxy.pass_request_body != 0 && !sets_body;
        Plan {
            switch: sign.switch.clone(),
            policy: Policy {
                methods: held.methods.unwrap_or(MethodSet::READ_ONLY),
                pass_headers: held.pass_headers.clone().unwrap_or_default(),
                signed_headers: held.signed_headers.clone().unwrap_or_default(),
                response_overrides: held.response_overrides.unwrap_or(false),
                place: held.place(),
            },
            credentials,
            credentials_timeout: held.credentials_timeout(),
            bucket: held.used_bucket().cloned(),
            endpoint,
            addressing: held.addressing.unwrap_or_default(),
            payload: held
                .payload
                .as_ref()
                .map_or_else(PayloadMode::default, |payload| payload.mode),
            hides_auth_errors: held.hide_auth_errors.unwrap_or(true),
            streams_bodies: proxy.request_buffering == 0,
            streams_unannounced: proxy.request_buffering == 0 && passes_bodies && sends_http11,
            passes_bodies,
            has_cache: proxy.cache() > 0,
            stores_responses: proxy.store() != 0,
            passes_headers: proxy.pass_request_headers != 0,
            proxy_handler: self.proxy.handler,
        }
    }
}

/// The endpoint of the C module, and of whatever knows no regions.
fn legacy_endpoint() -> Value {
    Value::Text(destination::LEGACY_S3_ENDPOINT.as_bytes().into())
}

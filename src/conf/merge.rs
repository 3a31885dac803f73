//! Merges a block into the one inside it, and decides how the inner block signs.

use std::rc::Rc;

use super::checks::{
    check_credentials, check_handler, check_payload, check_provider_name, check_signature,
    check_ways_to_upstream,
};
use super::ingredients::{Ingredients, ProxySettings};
use super::layers::Layers;
use super::plans::{ByTarget, SharedPlans};
use super::proxy_headers::ProxyHeaders;
use super::upstreams::Upstream;
use super::warnings::{SigningLocation, warn_of_other_handler};
use super::{
    BlockKind, Directives, LocationConf, MainConf, Plan, Plans, PresignedUrlSigner, ProxyPass,
    SentQuery, Sign,
};
use crate::ffi::conf::merged::MergedBlock;
use crate::ffi::conf::upstream_conf::MergedUpstreamConf;
use crate::ffi::conf::{Block, Conf};
use crate::ffi::process::log::Level;

/// Merges `outer` into `inner`, and determines how `inner` signs. An error has been logged.
pub(crate) fn merge(
    conf: &MergedBlock<'_>,
    main: &MainConf,
    outer: &LocationConf,
    inner: &mut LocationConf,
) -> Result<(), ()> {
    let block = conf.block().ok_or(())?;
    let written = inner.written.take();
    let explicit = written
        .as_ref()
        .and_then(|written| written.sign.clone())
        .filter(|sign| sign.stands_in == BlockKind::Location && sign.may_be_on());
    let layers = match &outer.layers {
        None => Layers::of_server(
            outer.written.as_deref().unwrap_or(&Directives::default()),
            &written.map_or_else(Directives::default, |written| *written),
        ),
        Some(layers) => layers.inside(written.map(|written| *written), block.is_nested_condition()),
    };
    if inner.proxy_pass.is_none() {
        inner.proxy_pass.clone_from(&outer.proxy_pass);
    }
    let effective = layers.for_upstream(None);
    check_provider_name(conf, main, &effective)?;
    inner.presigned_url_signer = PresignedUrlSigner::new(&effective, main).map(Box::new);
    if let Some(sign) = &explicit {
        check_handler(conf, main, &block, sign)?;
    }
    check_ways_to_upstream(conf, main, &block, layers.own_sign())?;
    warn_of_other_handler(conf, main, &block, &effective);
    inner.layers = Some(layers.clone());
    inner.counters = main.server_counters(conf);

    let Some(proxy) = main.proxy() else {
        return Ok(());
    };
    let proxy_conf = proxy.upstream_conf(conf).ok_or(())?;
    let settings = ProxySettings::of(proxy_conf);
    let may_sign =
        effective.sign.as_ref().is_some_and(Sign::may_be_on) || !main.upstreams.is_empty();
    let headers = match may_sign {
        true => headers(conf, main, proxy_conf, settings)?,
        false => Rc::clone(&main.defaults.headers),
    };
    let ingredients = Ingredients {
        layers,
        headers,
        proxy: settings,
        proxy_handler: proxy.handler,
        providers: Rc::clone(&main.providers),
        defaults: Rc::clone(&main.defaults),
    };
    let pass = inner.proxy_pass.clone();
    let merging = Merging {
        conf,
        main,
        block: &block,
        ingredients,
        pass: pass.as_ref(),
        proxy_conf,
    };
    inner.has_variable_target =
        merging.names_no_host() && (merging.is_proxied() || merging.may_inherit(outer));

    let target = pass.as_ref().and_then(|pass| pass.target);
    let plans = match target.filter(|_| inner.has_variable_target && !main.upstreams.is_empty()) {
        Some(target) => merging
            .plans_by_target(&effective, explicit.is_some())?
            .map(|shared| Plans::ByTarget(ByTarget { target, shared })),
        None => merging.plan_of_all(explicit.is_some())?.map(Plans::One),
    };
    inner.plans = plans.map(Rc::new);
    inner.sent_query = SentQuery::new(inner.proxy_pass.as_ref(), proxy_conf.sets_method());
    Ok(())
}

/// What nginx writes into the heads of requests in a block. An error has been logged.
fn headers(
    conf: &Conf,
    main: &MainConf,
    proxy_conf: MergedUpstreamConf<'_>,
    settings: ProxySettings,
) -> Result<Rc<ProxyHeaders>, ()> {
    let mut shared = main.headers.borrow_mut();
    let ProxySettings {
        has_cache,
        sets_body,
        ..
    } = settings;
    let headers = shared.of_location(conf, proxy_conf, has_cache, sets_body);
    headers.unwrap_or_else(|| {
        let line = format_args!(
            "\"aws_sign\" cannot read the headers of \"proxy_set_header\", which this nginx \
             stores in an unknown way: build the module with the sources of this nginx"
        );
        conf.log(Level::Emerg, &conf.position(), line);
        Err(())
    })
}

/// A block that is being merged.
struct Merging<'a> {
    conf: &'a Conf,
    main: &'a MainConf,
    block: &'a Block,
    ingredients: Ingredients,
    /// The block's `proxy_pass`, if there is one.
    pass: Option<&'a ProxyPass>,
    /// The block's `proxy_pass`; the proxy module merges its configuration first.
    proxy_conf: MergedUpstreamConf<'a>,
}

impl Merging<'_> {
    /// Whether `proxy_pass` is the content handler here.
    fn is_proxied(&self) -> bool {
        self.main.is_proxy(self.block.handler())
    }

    /// Whether warnings are about this block, and not about the location that it is a condition of.
    fn is_warned_of(&self) -> bool {
        self.is_proxied() && !self.block.is_nested_condition()
    }

    /// Whether no `proxy_pass` with a constant host applies here.
    fn names_no_host(&self) -> bool {
        self.proxy_conf.host().is_none()
    }

    /// Whether this is a condition in a location whose `proxy_pass` contains variables.
    fn may_inherit(&self, outer: &LocationConf) -> bool {
        self.block.is_nested_condition() && outer.has_variable_target
    }

    /// How all requests of a location are signed that sends them to one place.
    fn plan_of_all(&self, explicit: bool) -> Result<Option<Plan>, ()> {
        let upstream = self
            .proxy_conf
            .upstream_block()
            .and_then(|block| self.main.upstreams.find(block));
        let written = upstream.map(|upstream| &upstream.written);
        let plan = self.checked_plan(&self.ingredients.layers.for_upstream(written), explicit)?;
        Ok(plan.map(|mut plan| {
            plan.upstream_counters = upstream.and_then(|upstream| upstream.counters.clone());
            plan
        }))
    }

    /// How requests are signed, by the place that a variable sends them to; `elsewhere` is for
    /// requests to other places than an `upstream{}` that has directives of the module.
    fn plans_by_target(
        &self,
        elsewhere: &Directives,
        explicit: bool,
    ) -> Result<Option<Rc<SharedPlans>>, ()> {
        let key = self.ingredients.key();
        let known = self.main.shared_plans.borrow().get(&key).cloned();
        let plans = match known {
            Some(plans) => plans,
            None => {
                let elsewhere = self.checked_plan(elsewhere, explicit)?;
                if self.is_warned_of() {
                    self.warn_by_upstream(elsewhere.is_none());
                }
                let plans = Rc::new(SharedPlans::new(
                    self.ingredients.clone(),
                    Rc::clone(&self.main.upstreams),
                    elsewhere,
                ));
                let mut known = self.main.shared_plans.borrow_mut();
                known.insert(key, Rc::clone(&plans));
                plans
            }
        };
        Ok(plans.sign().then_some(plans))
    }

    /// Warnings about one of the upstreams that a variable can name. `is_first_plan` is true if
    /// requests to other places, for which all this has been checked, are not signed.
    fn warn_by_upstream(&self, is_first_plan: bool) {
        let all = |_: &Upstream| true;
        if is_first_plan {
            self.for_upstreams(all, |location, plan| {
                location.warn_of_peer_and_client(plan);
                true
            });
        }
        if self.ingredients.headers.may_need_warning() {
            self.for_upstreams(all, |location, plan| {
                location.warn_of_headers(plan);
                true
            });
        }
        if self.ingredients.proxy.has_cache {
            self.for_upstreams(Upstream::has_variables, |location, plan| {
                location.warn_of_cache_key(plan)
            });
        }
    }

    /// Calls `warn` for the chosen upstreams to which requests are signed, until it returns true.
    fn for_upstreams(
        &self,
        is_chosen: impl Fn(&Upstream) -> bool,
        warn: impl Fn(&SigningLocation<'_>, &Plan) -> bool,
    ) {
        for upstream in self.main.upstreams.iter() {
            if !is_chosen(upstream) {
                continue;
            }
            let effective = self
                .ingredients
                .layers
                .for_upstream(Some(&upstream.written));
            let Some(sign) = effective.sign.as_ref().filter(|sign| sign.may_be_on()) else {
                continue;
            };
            let plan = self.ingredients.plan_of(&effective, &sign.switch);
            if warn(&self.signing_location(sign), &plan) {
                return;
            }
        }
    }

    /// The plan of a block to which the directives `effective` apply, if it signs. An error has
    /// been logged.
    fn checked_plan(&self, effective: &Directives, explicit: bool) -> Result<Option<Plan>, ()> {
        let Some(sign) = effective.sign.as_ref().filter(|sign| sign.may_be_on()) else {
            return Ok(None);
        };
        let plan = self.ingredients.plan_of(effective, &sign.switch);
        check_credentials(self.conf, self.block, effective, &plan, sign, explicit)?;
        check_payload(self.conf, effective, &plan)?;
        check_signature(self.conf, effective, &plan)?;
        if self.is_warned_of() {
            self.signing_location(sign).warn(effective, &plan);
        }
        Ok(Some(plan))
    }

    fn signing_location<'a>(&'a self, sign: &'a Sign) -> SigningLocation<'a> {
        SigningLocation {
            conf: self.conf,
            main: self.main,
            block: self.block,
            sign,
            pass: self.pass,
            proxy_conf: self.proxy_conf,
        }
    }
}

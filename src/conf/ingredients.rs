//! What a plan is made of, and how it is made.
//!
//! A plan can be made while requests are served, when a location first sends a request to an
//! `upstream{}`. So making a plan needs no memory except for the plan itself.

use std::rc::Rc;

use aws_operations::OperationSet;
use aws_sealing::vendor::Vendor;
use aws_sealing::{
    MethodSet, PassHeaders, PayloadMode, Policy, SignedHeaders, Version, destination,
};
use nginx_sys::ngx_http_handler_pt;

use super::credentials::Incomplete;
use super::layers::{Layers, LayersKey};
use super::proxy_headers::ProxyHeaders;
use super::{Directives, Plan, Sign, Switch};
use crate::ffi::conf::upstream_conf::MergedUpstreamConf;
use crate::ffi::http::value::Value;
use crate::renewal::providers::Providers;

/// The defaults of directives.
pub(super) struct Defaults {
    pass_headers: PassHeaders,
    signed_headers: SignedHeaders,
    /// The endpoint of the C module, and if no region is known.
    legacy_endpoint: Value,
    /// For blocks in which nothing is signed.
    pub(super) headers: Rc<ProxyHeaders>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            pass_headers: PassHeaders::default(),
            signed_headers: SignedHeaders::default(),
            legacy_endpoint: Value::Text(destination::LEGACY_S3_ENDPOINT.as_bytes().into()),
            headers: Rc::default(),
        }
    }
}

/// The proxy module's own directives in a location, as far as they matter here.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ProxySettings {
    streams_bodies: bool,
    streams_unannounced: bool,
    passes_bodies: bool,
    /// `proxy_set_body`
    pub(super) sets_body: bool,
    passes_headers: bool,
    pub(super) has_cache: bool,
    stores_responses: bool,
    /// The kind of object store that `proxy_pass` names, if its control headers have their own
    /// prefix.
    vendor: Option<&'static Vendor>,
}

impl ProxySettings {
    /// Those of a merged block.
    pub(super) fn of(proxy: MergedUpstreamConf<'_>) -> Self {
        let sets_body = proxy.sets_body();
        let passes_bodies = proxy.passes_body() && !sets_body;
        let streams_bodies = !proxy.buffers_requests();
        Self {
            streams_bodies,
            streams_unannounced: streams_bodies && passes_bodies && proxy.sends_http11(),
            passes_bodies,
            sets_body,
            passes_headers: proxy.passes_headers(),
            has_cache: proxy.caches(),
            stores_responses: proxy.stores_responses(),
            vendor: proxy.host().and_then(Vendor::of_host),
        }
    }
}

/// What the plans of a location are made of.
#[derive(Clone)]
pub(super) struct Ingredients {
    pub(super) layers: Layers,
    /// What nginx writes into the heads of requests.
    pub(super) headers: Rc<ProxyHeaders>,
    pub(super) proxy: ProxySettings,
    /// The handler of proxy_pass.
    pub(super) proxy_handler: ngx_http_handler_pt,
    pub(super) providers: Rc<Providers>,
    pub(super) defaults: Rc<Defaults>,
}

/// Distinguishes ingredients of the same configuration.
pub(super) type Key = (LayersKey, ProxySettings, *const ProxyHeaders);

impl Ingredients {
    pub(super) fn key(&self) -> Key {
        (self.layers.key(), self.proxy, Rc::as_ptr(&self.headers))
    }

    /// The plan for requests to an `upstream{}` with the directives `upstream`, or to one without
    /// any; `None` if they are not signed.
    pub(super) fn plan(&self, upstream: Option<&Directives>) -> Option<Plan> {
        let effective = self.layers.for_upstream(upstream);
        let sign = effective.sign.as_ref().filter(|sign| sign.may_be_on())?;
        Some(self.plan_of(&effective, &sign.switch))
    }

    /// The plan of a block to which the directives `effective` apply.
    pub(super) fn plan_of(&self, effective: &Directives, switch: &Switch) -> Plan {
        let credentials = effective.resolve_credentials(&self.providers);
        let legacy_endpoint = || Some(self.defaults.legacy_endpoint.clone());
        let endpoint = effective.endpoint.clone().or_else(|| match &credentials {
            // A pre-derived key has the C module's endpoint, others their region's.
            Ok(credentials) if credentials.are_derived() => legacy_endpoint(),
            // Version 2 knows no regions.
            Ok(credentials)
                if credentials.version() == Version::V2 && effective.region.is_none() =>
            {
                legacy_endpoint()
            }
            Ok(_) => effective.region.as_ref()?.s3_endpoint.clone(),
            Err(_) => None,
        });
        // What depends on the request is checked when it is sealed.
        let named = endpoint.as_ref().and_then(Value::as_text);
        let vendor = named.and_then(Vendor::of_host).or(self.proxy.vendor);
        let methods = effective.methods.unwrap_or(MethodSet::READ_ONLY);
        let operations = effective
            .operations
            .unwrap_or(OperationSet::default_for(methods.is_read_only()));
        Plan {
            headers: Rc::clone(&self.headers),
            vendor,
            switch: switch.clone(),
            policy: Policy {
                methods,
                operations,
                addressing: effective.addressing,
                pass_headers: effective
                    .pass_headers
                    .as_ref()
                    .unwrap_or(&self.defaults.pass_headers)
                    .clone(),
                signed_headers: effective
                    .signed_headers
                    .as_ref()
                    .unwrap_or(&self.defaults.signed_headers)
                    .clone(),
                response_overrides: effective.response_overrides.unwrap_or(false),
                place: effective.place(),
            },
            credentials,
            credentials_timeout: effective.credentials_timeout(),
            bucket: effective.used_bucket().cloned(),
            has_endpoint: effective.endpoint.is_some(),
            endpoint,
            addressing: effective.addressing.unwrap_or_default(),
            payload: effective
                .payload
                .as_ref()
                .map_or_else(PayloadMode::default, |payload| payload.mode),
            hides_auth_errors: effective.hide_auth_errors.unwrap_or(true),
            streams_bodies: self.proxy.streams_bodies,
            streams_unannounced: self.proxy.streams_unannounced,
            passes_bodies: self.proxy.passes_bodies,
            passes_headers: self.proxy.passes_headers,
            has_cache: self.proxy.has_cache,
            stores_responses: self.proxy.stores_responses,
            upstream_counters: None,
            proxy_handler: self.proxy_handler,
        }
    }

    /// A plan that rejects every request, used if there is no memory for another one.
    pub(super) fn plan_without_memory(&self) -> Plan {
        let mut plan = self.plan_of(&Directives::default(), &Switch::On);
        plan.credentials = Err(Incomplete::Memory);
        plan
    }

    /// Whether any request to an upstream with the directives `upstream` is signed.
    pub(super) fn sign_for(&self, upstream: Option<&Directives>) -> bool {
        let effective = self.layers.for_upstream(upstream);
        effective.sign.as_ref().is_some_and(Sign::may_be_on)
    }
}

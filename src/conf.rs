//! The configuration of the module: what is written in blocks, and what applies in a location once
//! the blocks are merged.

#![forbid(unsafe_code)]

mod checks;
mod credentials;
mod ingredients;
mod layers;
mod merge;
mod plan;
mod plans;
mod presigned_url;
mod proxy_headers;
mod proxy_pass;
mod scheme;
mod sent_query;
mod shared;
mod token_required;
mod upstreams;
mod warnings;
mod written;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use aws_status::Block;
use nginx_sys::ngx_http_handler_pt;

pub(crate) use credentials::{Credentials, CredentialsError, Incomplete};
pub(crate) use credentials::{DerivedKey, SecretValue};
pub(crate) use merge::merge;
pub(crate) use plan::Plan;
pub(crate) use plans::Plans;
pub(crate) use presigned_url::PresignedUrlSigner;
pub(crate) use proxy_pass::ProxyPass;
pub(crate) use sent_query::SentQuery;
pub(crate) use shared::{Needs, SharedDirectives, complete};
pub(crate) use token_required::{RequiredTokens, TokenNames, TokenRequirement, require_tokens};
pub(crate) use upstreams::{Guarded, UpstreamConf, Upstreams};
pub(crate) use written::{
    BlockKind, Directives, Payload, Region, Sign, SignatureIn, SignatureVersion, Switch,
};

use crate::ffi::conf::pass_module::PassModule;
use crate::ffi::conf::{Conf, ServerId};
use crate::renewal::counting::BlockCounters;
use crate::renewal::providers::Providers;
use ingredients::{Defaults, Key};
use layers::Layers;
use plans::SharedPlans;
use proxy_headers::SharedHeaders;
use scheme::Scheme;
use warnings::Warnings;

/// What applies to the whole of http{}.
#[derive(Default)]
pub(crate) struct MainConf {
    /// The modules whose `*_pass` directives could be in a block with `aws_sign`.
    pub(crate) pass_modules: Vec<PassModule>,
    /// The declarations of providers and tokens, and what they have in common.
    pub(crate) shared: SharedDirectives,
    /// The declared providers and tokens.
    pub(crate) providers: Rc<Providers>,
    /// Whether there is an `aws_presigned_url`.
    pub(crate) has_presigned_urls: bool,
    /// The `upstream{}` blocks that have directives of the module.
    pub(crate) upstreams: Rc<Upstreams>,
    /// The defaults of directives.
    defaults: Rc<Defaults>,
    /// The warnings that have been written.
    warnings: Warnings,
    /// The plans that locations share, found by their ingredients.
    shared_plans: RefCell<HashMap<Key, Rc<SharedPlans>>>,
    /// What nginx writes into the heads of locations.
    headers: RefCell<SharedHeaders>,
    /// The counters of each server{}, while blocks are merged.
    server_counters: RefCell<HashMap<ServerId, Rc<BlockCounters>>>,
}

impl MainConf {
    /// Looks up the modules, which exist by then.
    pub(crate) fn preconfigure(&mut self, conf: &Conf) {
        self.pass_modules = PassModule::find_all(conf);
    }

    /// The proxy module, if this nginx has it.
    pub(crate) fn proxy(&self) -> Option<&PassModule> {
        self.pass_modules
            .iter()
            .find(|module| module.directive == "proxy_pass")
    }

    /// The counters of the server{} that is being merged; `None` if there is no status.
    fn server_counters(&self, conf: &Conf) -> Option<Rc<BlockCounters>> {
        let counting = self.providers.counting.as_ref()?;
        let mut known = self.server_counters.borrow_mut();
        let counters = known.entry(conf.server()?).or_insert_with(|| {
            let name = String::from_utf8_lossy(conf.server_name()).into_owned();
            counting.declare(Block::Server(name))
        });
        Some(Rc::clone(counters))
    }

    /// All blocks have been merged.
    pub(crate) fn merged(&self) {
        self.shared_plans.take();
        self.server_counters.take();
    }

    /// Whether `handler` is the content handler of `proxy_pass`.
    pub(crate) fn is_proxy(&self, handler: ngx_http_handler_pt) -> bool {
        self.proxy()
            .is_some_and(|proxy| same_handler(proxy.handler, handler))
    }
}

/// Whether two handlers are the same function.
pub(crate) fn same_handler(one: ngx_http_handler_pt, other: ngx_http_handler_pt) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => std::ptr::fn_addr_eq(one, other),
        _ => false,
    }
}

/// This module's configuration of a block. The one of an `upstream{}` is never merged.
///
/// There are many of them, most without a directive of the module.
#[derive(Default)]
pub(crate) struct LocationConf {
    /// The directives that are written in the block; after the merge, none.
    written: Option<Box<Directives>>,
    /// Its `proxy_pass`; after the merge, also an inherited one.
    pub(crate) proxy_pass: Option<ProxyPass>,
    /// The directives that apply in it, once merged; `None` in http{} itself.
    layers: Option<Layers>,
    /// Whether a variable in `proxy_pass` determines where its requests are sent.
    has_variable_target: bool,
    /// How this block signs, once merged; `None` if it does not.
    pub(crate) plans: Option<Rc<Plans>>,
    /// Which query its requests are sent with, once merged.
    pub(crate) sent_query: SentQuery,
    /// The tokens that this block requires, once merged; `None` if there are none.
    pub(crate) required_tokens: Option<Rc<RequiredTokens>>,
    /// The counters of its server{}, once merged; `None` if there is no status.
    pub(crate) counters: Option<Rc<BlockCounters>>,
    /// What signs presigned URLs in this block, once merged; `None` if none are declared.
    pub(crate) presigned_url_signer: Option<Box<PresignedUrlSigner>>,
}

impl LocationConf {
    /// The directives that are written in the block, to add one.
    pub(crate) fn written_mut(&mut self) -> &mut Directives {
        self.written.get_or_insert_default()
    }

    /// The directives that apply in the block, if its requests are sent to no `upstream{}` that has any. Once
    /// merged.
    fn effective(&self) -> Option<Directives> {
        Some(self.layers.as_ref()?.for_upstream(None))
    }

    /// Whether the module may reject requests in this block.
    pub(crate) fn may_reject(&self) -> bool {
        self.plans.is_some() || self.required_tokens.is_some()
    }

    /// The `aws_sign` of the location itself, or of one around it.
    pub(crate) fn own_sign(&self) -> Option<&Sign> {
        self.layers.as_ref()?.own_sign()
    }
}

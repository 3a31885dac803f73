//! The module, and the callbacks that nginx calls.

mod commands;
mod guards;
mod responses;
mod upstreams;

use std::cell::Cell;
use std::rc::Rc;

use nginx_sys::{
    NGX_DECLINED, ngx_http_module_t, ngx_http_phases_NGX_HTTP_ACCESS_PHASE,
    ngx_http_phases_NGX_HTTP_PRECONTENT_PHASE, ngx_int_t, ngx_module_t,
};

use guards::merge_and_guard;

use crate::conf::{
    LocationConf, MainConf, Plan, Plans, ProxyPass, RequiredTokens, SentQuery, UpstreamConf,
    Upstreams, complete,
};
use crate::ffi::conf::Conf;
use crate::ffi::conf::layout;
use crate::ffi::conf::map::{self, Map};
use crate::ffi::conf::merged::{MergedBlock, MergedConf};
use crate::ffi::conf::module_conf::{ModuleConf, OfLocation, OfMain, OfServer};
use crate::ffi::conf::proxy_pass;
use crate::ffi::http::body::{self, Incoming};
use crate::ffi::http::phase::PhaseRequest;
use crate::ffi::http::request::Request;
use crate::ffi::http::response_filters;
use crate::ffi::module::{HttpModule, context, module};
use crate::ffi::process;
use crate::ffi::process::cycle::Cycle;
use crate::ffi::process::log::Level;
use crate::ffi::process::user::User;
use crate::renewal::refresh;
use crate::request;

/// This module.
struct AwsAuth;

static CONTEXT: ngx_http_module_t = context::<AwsAuth>();

/// The module, under the name that nginx's `load_module` and its build use.
#[used]
#[allow(non_upper_case_globals)]
#[cfg_attr(not(feature = "export-modules"), unsafe(no_mangle))]
pub static mut ngx_http_aws_auth_module: ngx_module_t =
    module::<AwsAuth>(&raw const CONTEXT, (&raw mut commands::COMMANDS).cast());

// SAFETY: of this and the next two, the configurations of `AwsAuth`, which this module is made of.
unsafe impl ModuleConf for MainConf {
    type Of = OfMain;

    fn module() -> *const ngx_module_t {
        &raw const ngx_http_aws_auth_module
    }
}

// SAFETY: see above.
unsafe impl ModuleConf for UpstreamConf {
    type Of = OfServer;

    fn module() -> *const ngx_module_t {
        &raw const ngx_http_aws_auth_module
    }
}

// SAFETY: see above.
unsafe impl ModuleConf for LocationConf {
    type Of = OfLocation;

    fn module() -> *const ngx_module_t {
        &raw const ngx_http_aws_auth_module
    }
}

impl HttpModule for AwsAuth {
    type Main = MainConf;
    type Server = UpstreamConf;
    type Location = LocationConf;

    fn preconfigure(conf: &Conf) -> Result<(), ()> {
        layout::check(conf).map_err(|mismatch| {
            conf.log(Level::Emerg, &conf.position(), format_args!("{mismatch}"));
        })?;
        let mut main = conf.change_main::<MainConf>().ok_or(())?;
        main.preconfigure(conf);
        if let Some(proxy) = main.proxy() {
            proxy_pass::observe(conf, proxy.command(), note_proxy_pass);
        }
        map::observe(conf, note_map);
        Ok(())
    }

    fn init_main(conf: &Conf, main: &mut MainConf) -> Result<(), ()> {
        main.upstreams = Rc::new(Upstreams::find_all(conf, main.providers.counting.as_ref()));
        complete(conf, main)?;
        Upstreams::check(conf, main)
    }

    fn merge_location(
        block: &MergedBlock<'_>,
        outer: &LocationConf,
        inner: &mut LocationConf,
    ) -> Result<(), ()> {
        let main = block.main::<MainConf>().ok_or(())?;
        merge_and_guard(block, &main, outer, inner)
    }

    /// Installs the phase handlers, the filters for bodies and responses, and the guard of
    /// upstreams.
    fn postconfigure(conf: &MergedConf<'_>) -> Result<(), ()> {
        proxy_pass::forget();
        let main = conf.main::<MainConf>().ok_or(())?;
        let added = || {
            conf.add_phase_handler(ngx_http_phases_NGX_HTTP_ACCESS_PHASE, access)?;
            conf.add_phase_handler(ngx_http_phases_NGX_HTTP_PRECONTENT_PHASE, precontent)?;
            main.merged();
            main.upstreams.guard(conf, upstreams::init_peer)
        };
        added().ok_or(())?;
        body::install_filter(conf, request_body);
        response_filters::install(
            conf,
            responses::head,
            responses::body,
            responses::early_hints,
        );
        Ok(())
    }

    fn configured(cycle: &Cycle<'_>) {
        if SERVES.get() {
            // Without a master, processes are not started again for a new configuration. What uses
            // the old zone ends before nginx unmaps it.
            refresh::stop();
            process::event::in_next_turn(start_refresh);
        }
        if let Some(main) = cycle.main::<MainConf>()
            && let Some(user) = User::of_workers(cycle)
        {
            main.shared.warn_of_unreadable_files(&user, cycle.log());
        }
    }

    fn process_starts() {
        SERVES.set(true);
        start_refresh();
    }

    fn process_ends() {
        refresh::stop();
    }
}

/// Keeps the argument of `proxy_pass` with the block's own directives.
fn note_proxy_pass(conf: &Conf, _words: &[&[u8]]) {
    if let Some(mut block) = conf.change_location::<LocationConf>() {
        block.proxy_pass = Some(ProxyPass::read(conf));
    }
}

/// Keeps a `map`, which a directive can name.
fn note_map(conf: &Conf, name: &[u8], map: Map) {
    if let Some(main) = conf.main::<MainConf>() {
        main.shared.key_files.note_map(name, map);
    }
}

thread_local! {
    /// Whether this process serves requests.
    static SERVES: Cell<bool> = const { Cell::new(false) };
}

/// Keeps credentials and tokens of the configuration in use fresh, if this process does that.
fn start_refresh() {
    Cycle::with_current(|cycle| {
        if let Some(main) = cycle.main::<MainConf>()
            && process::is_first_worker()
        {
            refresh::start(&main.providers);
        }
    });
}

fn access(request: &PhaseRequest<'_>) -> ngx_int_t {
    match plan(request, |plans, _| plans.only()) {
        Some(plan) => request::check_access(request, plan),
        None => NGX_DECLINED as ngx_int_t,
    }
}

fn precontent(request: &PhaseRequest<'_>) -> ngx_int_t {
    match (required_tokens(request), plan(request, Plans::expected)) {
        (None, None) => NGX_DECLINED as ngx_int_t,
        (required, plan) => {
            let conf = location_conf(request);
            let sent_query = conf.map_or(&SentQuery::UNKNOWN, |conf| &conf.sent_query);
            let proxy_pass = conf.and_then(|conf| conf.proxy_pass.as_ref());
            request::prepare(request, required, plan, sent_query, proxy_pass)
        }
    }
}

/// Processes a request's body while nginx receives it.
fn request_body(request: &Request, mut incoming: Incoming<'_>) -> ngx_int_t {
    let taken = plan(request, Plans::for_body).map_or(Ok(()), |plan| {
        request::filter_body(request, plan, &mut incoming)
    });
    match taken {
        Ok(()) => incoming.pass_on(),
        Err(status) => status,
    }
}

/// Which of a location's plans applies to a request.
type Choose = for<'a> fn(&'a Plans, &Request) -> Option<&'a Plan>;

/// How this request is signed, if it is.
fn plan(request: &Request, choose: Choose) -> Option<&Plan> {
    location_plan(request, choose).filter(|plan| plan.acts_on(request))
}

/// How the request's location signs, if it does.
fn location_plan(request: &Request, choose: Choose) -> Option<&Plan> {
    let plans = location_conf(request)?.plans.as_deref()?;
    choose(plans, request)
}

/// The tokens that this request needs: if a module generates the response, but not for files, such
/// as those of error pages.
fn required_tokens(request: &Request) -> Option<&RequiredTokens> {
    let required = location_conf(request)?.required_tokens.as_deref();
    required.filter(|_| request.content_handler().is_some())
}

/// This module's configuration of the request's location.
fn location_conf(request: &Request) -> Option<&LocationConf> {
    request.location()
}

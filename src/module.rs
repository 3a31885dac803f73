//! The module, and the callbacks that nginx finds in it.

mod commands;
mod guards;
mod responses;
mod upstreams;

use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;
use std::rc::Rc;

use nginx_sys::{
    NGX_DECLINED, NGX_ERROR, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_HTTP_MODULE, NGX_OK, ngx_chain_t,
    ngx_conf_t, ngx_cycle_t, ngx_http_module_t, ngx_http_phases_NGX_HTTP_ACCESS_PHASE,
    ngx_http_phases_NGX_HTTP_PRECONTENT_PHASE, ngx_http_request_t, ngx_int_t, ngx_module_t,
    ngx_uint_t,
};
use ngx::core::NGX_CONF_ERROR;

use guards::merge_and_guard;

use crate::conf::{
    LocationConf, MainConf, Plan, Plans, ProxyPass, RequiredTokens, SentQuery, Upstreams, complete,
};
use crate::ffi;
use crate::ffi::conf::Conf;
use crate::ffi::conf::layout;
use crate::ffi::conf::map::{self, Map};
use crate::ffi::conf::proxy_pass;
use crate::ffi::http::body::Incoming;
use crate::ffi::http::request::Request;
use crate::ffi::process;
use crate::ffi::process::guard::guard;
use crate::ffi::process::log::{Level, Log};
use crate::ffi::process::user::User;
use crate::ffi::this_module::{self, this_module};
use crate::renewal::refresh;
use crate::request;

static CONTEXT: ngx_http_module_t = ngx_http_module_t {
    preconfiguration: Some(preconfiguration),
    postconfiguration: Some(postconfiguration),
    create_main_conf: Some(create_main_conf),
    init_main_conf: Some(init_main_conf),
    create_srv_conf: Some(upstreams::create_server_conf),
    merge_srv_conf: None,
    create_loc_conf: Some(create_location_conf),
    merge_loc_conf: Some(merge_location_conf),
};

/// The module, under the name that nginx's `load_module` and its build know it by.
#[used]
#[allow(non_upper_case_globals)]
#[cfg_attr(not(feature = "export-modules"), unsafe(no_mangle))]
pub static mut ngx_http_aws_auth_module: ngx_module_t = ngx_module_t {
    ctx: (&raw const CONTEXT).cast_mut().cast(),
    commands: (&raw mut commands::COMMANDS).cast(),
    type_: NGX_HTTP_MODULE as ngx_uint_t,
    init_module: Some(init_module),
    init_process: Some(init_process),
    exit_process: Some(exit_process),
    ..ngx_module_t::default()
};

/// Has everything below find this module. Called where nginx comes in first: for each configuration,
/// and where there is no http{}.
fn register() {
    let module = &raw const ngx_http_aws_auth_module;
    // SAFETY: nginx writes to it (indices) while it starts, before anything of ours runs.
    this_module::register(unsafe { &*module });
}

/// # Safety
/// Called by nginx only, inside http{}, before its directives are read.
unsafe extern "C" fn preconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY: `cf` is the configuration being read.
        if let Some(conf) = unsafe { Conf::from_ptr(cf) }
            && let Err(mismatch) = layout::check(&conf)
        {
            conf.log(Level::Emerg, &conf.position(), format_args!("{mismatch}"));
            return NGX_ERROR as ngx_int_t;
        }
        // SAFETY: `cf` is the configuration being read; nobody else refers to ours.
        let parts = unsafe {
            Conf::from_ptr(cf).and_then(|conf| {
                let main = conf.main_conf::<MainConf>(this_module())?.as_mut();
                Some((conf, main))
            })
        };
        let Some((conf, main)) = parts else {
            return NGX_ERROR as ngx_int_t;
        };
        main.preconfigure(&conf);
        if let Some(proxy) = main.proxy() {
            proxy_pass::observe(&conf, proxy.command(), note_proxy_pass);
        }
        proxy_pass::observe(&conf, map::command(&conf), note_map);
        NGX_OK as ngx_int_t
    })
}

/// Keeps what `proxy_pass` says with the block's own directives.
fn note_proxy_pass(conf: &Conf, _words: &[&[u8]]) {
    // SAFETY: this module's location configuration is a LocationConf, and nobody else refers to it
    // while another module's directive is read.
    let block = unsafe {
        conf.location_conf::<LocationConf>(this_module())
            .map(|mut block| block.as_mut())
    };
    if let Some(block) = block {
        block.proxy_pass = Some(ProxyPass::read(conf));
    }
}

/// Keeps a `map`, which a directive may name.
fn note_map(conf: &Conf, words: &[&[u8]]) {
    let [_, name] = words else { return };
    // SAFETY: a map has just been read; nobody else refers to our main configuration.
    unsafe {
        let main = conf.main_conf::<MainConf>(this_module());
        if let (Some(main), Some(map)) = (main, Map::just_read(conf, name)) {
            main.as_ref().shared.key_files.note_map(name, map);
        }
    }
}

/// Puts the handlers into their phases, the filters among those of bodies and answers, and the guard
/// before upstreams.
///
/// # Safety
/// Called by nginx only, inside http{}, after its directives were read.
unsafe extern "C" fn postconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    guard(NGX_ERROR as ngx_int_t, || {
        proxy_pass::forget();
        // SAFETY: `cf` is the configuration being read.
        let added = unsafe { Conf::from_ptr(cf) }.and_then(|conf| {
            conf.add_phase_handler(ngx_http_phases_NGX_HTTP_ACCESS_PHASE, Some(access))?;
            conf.add_phase_handler(ngx_http_phases_NGX_HTTP_PRECONTENT_PHASE, Some(precontent))?;
            // SAFETY: nobody else refers to our main configuration.
            let main = unsafe { conf.main_conf::<MainConf>(this_module())?.as_ref() };
            main.merged();
            main.upstreams.guard(upstreams::init_peer)
        });
        if added.is_none() {
            return NGX_ERROR as ngx_int_t;
        }
        // SAFETY: the configuration is being read, and nginx's own modules were configured first.
        unsafe {
            ffi::http::body::install_filter(request_body);
            ffi::http::response::install_filters(
                responses::response_header,
                responses::response_body,
                responses::early_hints,
            );
        }
        NGX_OK as ngx_int_t
    })
}

/// # Safety
/// Called by nginx only.
unsafe extern "C" fn create_main_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    register();
    // SAFETY: `cf` is the configuration being read.
    unsafe { ffi::memory::allocate((*cf).pool, MainConf::new()) }
        .map_or(null_mut(), |conf| conf.as_ptr().cast())
}

/// http{} has been read, and its blocks are about to be merged.
///
/// # Safety
/// Called by nginx only, with what `create_main_conf` made.
unsafe extern "C" fn init_main_conf(cf: *mut ngx_conf_t, main: *mut c_void) -> *mut c_char {
    guard(NGX_CONF_ERROR, || {
        // SAFETY: by this function's contract; nobody else refers to ours.
        let parts = unsafe { (Conf::from_ptr(cf), main.cast::<MainConf>().as_mut()) };
        let (Some(conf), Some(main)) = parts else {
            return NGX_CONF_ERROR;
        };
        main.upstreams = Rc::new(Upstreams::find_all(&conf));
        match complete(&conf, main).and_then(|()| Upstreams::judge(&conf, main)) {
            Ok(()) => null_mut(),
            Err(()) => NGX_CONF_ERROR,
        }
    })
}

/// The whole configuration has been read, and comes into use.
///
/// # Safety
/// Called by nginx only.
unsafe extern "C" fn init_module(cycle: *mut ngx_cycle_t) -> ngx_int_t {
    guard(NGX_ERROR as ngx_int_t, || {
        register();
        if SERVES.get() {
            // Without a master, processes are not started again for a new configuration. What uses the
            // zone of the old one ends before nginx unmaps it.
            refresh::stop();
            ffi::process::event::in_next_turn(start_refresh);
        }
        // SAFETY: the cycle is live and complete; its log, too.
        unsafe {
            if let Some(main) = this_module::main_conf_of::<MainConf>(cycle, this_module())
                && let Some(user) = User::of_workers(cycle)
            {
                let log = Log::from_ptr((*cycle).log);
                main.as_ref().shared.warn_of_unreadable_files(&user, log);
            }
        }
        NGX_OK as ngx_int_t
    })
}

thread_local! {
    /// Whether this process serves requests.
    static SERVES: Cell<bool> = const { Cell::new(false) };
}

/// Keeps fresh what the configuration in use declares, if this process does that.
fn start_refresh() {
    // SAFETY: the cycle in use is live.
    let main = unsafe {
        this_module::main_conf_of::<MainConf>(nginx_sys::ngx_cycle.cast_const(), this_module())
    };
    if let Some(main) = main
        && process::is_first_worker()
    {
        // SAFETY: lives as long as the cycle, and nobody changes it any more.
        refresh::start(unsafe { &main.as_ref().providers });
    }
}

/// A process has started.
///
/// # Safety
/// Called by nginx only.
unsafe extern "C" fn init_process(_cycle: *mut ngx_cycle_t) -> ngx_int_t {
    guard(NGX_ERROR as ngx_int_t, || {
        SERVES.set(true);
        start_refresh();
        NGX_OK as ngx_int_t
    })
}

/// A process ends.
///
/// # Safety
/// Called by nginx only.
unsafe extern "C" fn exit_process(_cycle: *mut ngx_cycle_t) {
    guard((), refresh::stop);
}

/// # Safety
/// Called by nginx only.
unsafe extern "C" fn create_location_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    // SAFETY: `cf` is the configuration being read.
    unsafe { ffi::memory::allocate((*cf).pool, LocationConf::default()) }
        .map_or(null_mut(), |conf| conf.as_ptr().cast())
}

/// # Safety
/// Called by nginx only, with two configurations that `create_location_conf` made.
unsafe extern "C" fn merge_location_conf(
    cf: *mut ngx_conf_t,
    outer: *mut c_void,
    inner: *mut c_void,
) -> *mut c_char {
    guard(NGX_CONF_ERROR, || {
        // SAFETY: by this function's contract; they are two different ones, and nobody changes the
        // main configuration any more.
        let parts = unsafe {
            Conf::from_ptr(cf).and_then(|conf| {
                let main = conf.main_conf::<MainConf>(this_module())?.as_ref();
                let outer = outer.cast::<LocationConf>().as_ref()?;
                let inner = inner.cast::<LocationConf>().as_mut()?;
                Some((conf, main, outer, inner))
            })
        };
        let Some((conf, main, outer, inner)) = parts else {
            return NGX_CONF_ERROR;
        };
        match merge_and_guard(&conf, main, outer, inner) {
            Ok(()) => null_mut(),
            Err(()) => NGX_CONF_ERROR,
        }
    })
}

/// # Safety
/// Called by nginx only.
unsafe extern "C" fn access(r: *mut ngx_http_request_t) -> ngx_int_t {
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY: live during this call.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else {
            return NGX_ERROR as ngx_int_t;
        };
        match plan(&request, |plans, _| plans.only()) {
            Some(plan) => request::admit(&request, plan),
            None => NGX_DECLINED as ngx_int_t,
        }
    })
}

/// # Safety
/// Called by nginx only.
unsafe extern "C" fn precontent(r: *mut ngx_http_request_t) -> ngx_int_t {
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY: live during this call.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else {
            return NGX_ERROR as ngx_int_t;
        };
        match (required_tokens(&request), plan(&request, Plans::foresee)) {
            (None, None) => NGX_DECLINED as ngx_int_t,
            (required, plan) => {
                let conf = location_conf(&request);
                let sent_query = conf.map_or(&SentQuery::UNKNOWN, |conf| &conf.sent_query);
                let proxy_pass = conf.and_then(|conf| conf.proxy_pass.as_ref());
                request::prepare(&request, required, plan, sent_query, proxy_pass)
            }
        }
    })
}

/// Sees a request's body as it comes in.
///
/// # Safety
/// Called by nginx only.
unsafe extern "C" fn request_body(
    r: *mut ngx_http_request_t,
    chain: *mut ngx_chain_t,
) -> ngx_int_t {
    guard(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t, || {
        // SAFETY: live during this call.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else {
            return NGX_ERROR as ngx_int_t;
        };
        // SAFETY: as nginx hands it over.
        let mut incoming = unsafe { Incoming::new(&request, chain) };
        let taken = plan(&request, Plans::for_body).map_or(Ok(()), |plan| {
            request::filter_body(&request, plan, &mut incoming)
        });
        match taken {
            Ok(()) => incoming.pass_on(),
            Err(status) => status,
        }
    })
}

/// Which of a location's plans a request has.
type Choose = for<'a> fn(&'a Plans, &Request) -> Option<&'a Plan>;

/// How this request is signed, where it is.
fn plan(request: &Request, choose: Choose) -> Option<&Plan> {
    location_plan(request, choose).filter(|plan| plan.acts_on(request))
}

/// How the request's location signs, if it does.
fn location_plan(request: &Request, choose: Choose) -> Option<&Plan> {
    let plans = location_conf(request)?.plans.as_deref()?;
    choose(plans, request)
}

/// The tokens that this request needs: where a module answers, but not for files, such as those of
/// error pages.
fn required_tokens(request: &Request) -> Option<&RequiredTokens> {
    let required = location_conf(request)?.required_tokens.as_deref();
    required.filter(|_| request.content_handler().is_some())
}

/// This module's configuration of the request's location.
fn location_conf(request: &Request) -> Option<&LocationConf> {
    // SAFETY: this module's location configuration is a LocationConf.
    unsafe { request.location_conf::<LocationConf>(this_module()) }
}

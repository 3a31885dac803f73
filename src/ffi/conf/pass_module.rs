//! The modules with a `*_pass` directive, and the content handlers that these install.
//!
//! The module signs only if proxy_pass is the content handler. nginx's handlers are private, but a
//! directive reveals the one that it installs when it is run on a temporary location, which no
//! request reaches.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use nginx_sys::{
    ngx_array_t, ngx_command_t, ngx_conf_t, ngx_http_conf_ctx_t, ngx_http_core_loc_conf_t,
    ngx_http_core_module, ngx_http_handler_pt, ngx_http_max_module, ngx_http_module_t, ngx_int_t,
    ngx_module_t, ngx_pcalloc, ngx_str_t,
};

use crate::ffi::conf::Conf;

/// A module with a `*_pass` directive, in this nginx.
pub(crate) struct PassModule {
    module: NonNull<ngx_module_t>,
    /// The name of its directive.
    pub(crate) directive: &'static str,
    /// The handler that its directive installs; `None` if it cannot be determined.
    pub(crate) handler: ngx_http_handler_pt,
}

/// The `*_pass` directives whose requests are sent to an upstream, with their modules' names, and
/// whether they accept variables.
const PASS_DIRECTIVES: [(&CStr, &CStr, bool); 6] = [
    (c"ngx_http_proxy_module", c"proxy_pass", true),
    (c"ngx_http_grpc_module", c"grpc_pass", true),
    (c"ngx_http_fastcgi_module", c"fastcgi_pass", true),
    (c"ngx_http_uwsgi_module", c"uwsgi_pass", true),
    (c"ngx_http_scgi_module", c"scgi_pass", true),
    (c"ngx_http_memcached_module", c"memcached_pass", false),
];

impl PassModule {
    /// The modules that this nginx has. To be called inside http{}, once all modules have their
    /// configuration there.
    pub(crate) fn find_all(conf: &Conf) -> Vec<Self> {
        let mut found = Vec::new();
        for (name, directive, takes_variables) in PASS_DIRECTIVES {
            let Some(module) = find_module(conf, name) else {
                continue;
            };
            let handler = takes_variables
                // SAFETY: an HTTP module of this cycle, and we are inside http{}.
                .then(|| unsafe { learn_handler(conf.as_ptr(), module, directive) })
                .flatten();
            found.push(Self {
                module,
                directive: directive.to_str().unwrap_or_default(),
                handler: handler.map(|handler| handler as _),
            });
        }
        found
    }

    /// The module's `*_pass` directive in its table.
    pub(crate) fn command(&self) -> Option<NonNull<ngx_command_t>> {
        self.find_command(self.directive.as_bytes())
    }

    /// A directive in the module's table.
    pub(super) fn find_command(&self, name: &[u8]) -> Option<NonNull<ngx_command_t>> {
        // SAFETY: one of this nginx's modules.
        unsafe { find_command(self.module, name) }.and_then(NonNull::new)
    }

    pub(super) fn as_ref(&self) -> &ngx_module_t {
        // SAFETY: a static of nginx, or of one of its modules, which live as long as the configuration.
        unsafe { self.module.as_ref() }
    }
}

/// A module of this nginx, by the name that it has in its sources.
pub(super) fn find_module(conf: &Conf, name: &CStr) -> Option<NonNull<ngx_module_t>> {
    // SAFETY: the cycle's modules are a null-terminated array of modules, with C strings as names.
    unsafe {
        let mut entry = (*(*conf.as_ptr()).cycle).modules;
        while let Some(module) = NonNull::new(*entry) {
            if CStr::from_ptr(module.as_ref().name) == name {
                return Some(module);
            }
            entry = entry.add(1);
        }
    }
    None
}

type Handler = unsafe extern "C" fn(*mut nginx_sys::ngx_http_request_t) -> ngx_int_t;

/// Runs `directive` on a temporary location, and returns the handler that it has installed.
///
/// The argument is a variable: a host would be added to the upstreams.
///
/// # Safety
/// `cf` must be the configuration being read, inside http{}; `module` one of its HTTP modules.
unsafe fn learn_handler(
    cf: *mut ngx_conf_t,
    module: NonNull<ngx_module_t>,
    directive: &'static CStr,
) -> Option<Handler> {
    // SAFETY: `cf`, its pool and its context are live; the modules' callbacks are called as nginx
    // calls them, and what they allocate belongs to the pool. `cf` is put back as it was.
    unsafe {
        let command = find_command(module, directive.to_bytes())?;
        let set = (*command).set?;
        let mut context: ngx_http_conf_ctx_t = *(*cf).ctx.cast::<ngx_http_conf_ctx_t>();
        let size = size_of::<*mut c_void>() * ngx_http_max_module;
        let locations = NonNull::new(ngx_pcalloc((*cf).pool, size).cast::<*mut c_void>())?;
        let module_conf = create_location_conf(cf, module)?;
        let core = NonNull::new(&raw mut ngx_http_core_module)?;
        let core_conf = create_location_conf(cf, core)?;
        *locations.as_ptr().add(module.as_ref().ctx_index) = module_conf;
        *locations.as_ptr().add(core.as_ref().ctx_index) = core_conf;
        context.loc_conf = locations.as_ptr();

        let mut words = [text(directive), text(c"$uri")];
        let mut args = ngx_array_t {
            elts: words.as_mut_ptr().cast::<c_void>(),
            nelts: words.len(),
            size: size_of::<ngx_str_t>(),
            nalloc: words.len(),
            pool: (*cf).pool,
        };

        let saved = ((*cf).ctx, (*cf).args);
        (*cf).ctx = (&raw mut context).cast::<c_void>();
        (*cf).args = &mut args;
        let refused = set(cf, command, module_conf);
        ((*cf).ctx, (*cf).args) = saved;

        if !refused.is_null() {
            return None;
        }
        (*core_conf.cast::<ngx_http_core_loc_conf_t>()).handler
    }
}

/// A directive in a module's table.
///
/// # Safety
/// `module` must be a module of this nginx.
pub(super) unsafe fn find_command(
    module: NonNull<ngx_module_t>,
    name: &[u8],
) -> Option<*mut ngx_command_t> {
    // SAFETY: commands are an array that ends with an empty name.
    unsafe {
        let mut command = module.as_ref().commands;
        while !command.is_null() && (*command).name.len > 0 {
            if crate::ffi::memory::bytes((*command).name) == name {
                return Some(command);
            }
            command = command.add(1);
        }
    }
    None
}

/// # Safety
/// As [`learn_handler`].
unsafe fn create_location_conf(
    cf: *mut ngx_conf_t,
    module: NonNull<ngx_module_t>,
) -> Option<*mut c_void> {
    // SAFETY: the context of an HTTP module is an ngx_http_module_t.
    unsafe {
        let callbacks = &*module.as_ref().ctx.cast::<ngx_http_module_t>();
        let conf = callbacks.create_loc_conf?(cf);
        (!conf.is_null() && conf != usize::MAX as *mut c_void).then_some(conf)
    }
}

fn text(literal: &'static CStr) -> ngx_str_t {
    ngx_str_t {
        len: literal.count_bytes(),
        data: literal.as_ptr().cast_mut().cast::<u8>(),
    }
}

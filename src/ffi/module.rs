//! The module as nginx calls it: the callbacks in its tables. Each of them converts the arguments
//! from C and calls a function of an [`HttpModule`], inside a guard.

mod directive;

use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

use nginx_sys::{
    NGX_ERROR, NGX_HTTP_MODULE, NGX_OK, ngx_command_t, ngx_conf_t, ngx_cycle_t, ngx_http_module_t,
    ngx_int_t, ngx_module_t, ngx_uint_t,
};
use ngx::core::NGX_CONF_ERROR;

pub(crate) use directive::directive;

use crate::ffi::conf::Conf;
use crate::ffi::conf::merged::{MergedBlock, MergedConf};
use crate::ffi::conf::module_conf::{self, ModuleConf, OfLocation, OfMain, OfServer, change, read};
use crate::ffi::process::cycle::Cycle;
use crate::ffi::process::guard::guard;

/// What a module does when nginx reads a configuration and starts processes. An `Err` has been logged.
pub(crate) trait HttpModule: 'static {
    type Main: ModuleConf<Of = OfMain>;
    type Server: ModuleConf<Of = OfServer>;
    type Location: ModuleConf<Of = OfLocation>;

    /// http{} is about to be read.
    fn preconfigure(conf: &Conf) -> Result<(), ()>;

    /// http{} has been read, and its blocks are about to be merged.
    fn init_main(conf: &Conf, main: &mut Self::Main) -> Result<(), ()>;

    /// Merges `outer` into `inner`.
    fn merge_location(
        block: &MergedBlock<'_>,
        outer: &Self::Location,
        inner: &mut Self::Location,
    ) -> Result<(), ()>;

    /// All blocks have been merged.
    fn postconfigure(conf: &MergedConf<'_>) -> Result<(), ()>;

    /// The whole configuration has been read, and takes effect.
    fn configured(cycle: &Cycle<'_>);

    /// A process that serves requests, or a helper, has started.
    fn process_starts();

    /// A process ends.
    fn process_ends();
}

/// The callbacks of `M` about http{}.
pub(crate) const fn context<M: HttpModule>() -> ngx_http_module_t {
    ngx_http_module_t {
        preconfiguration: Some(preconfiguration::<M>),
        postconfiguration: Some(postconfiguration::<M>),
        create_main_conf: Some(module_conf::create::<M::Main>),
        init_main_conf: Some(init_main_conf::<M>),
        create_srv_conf: Some(module_conf::create::<M::Server>),
        merge_srv_conf: None,
        create_loc_conf: Some(module_conf::create::<M::Location>),
        merge_loc_conf: Some(merge_location_conf::<M>),
    }
}

/// The module `M`, with its [`context`] and its table of directives, which ends with an empty one.
pub(crate) const fn module<M: HttpModule>(
    context: *const ngx_http_module_t,
    commands: *mut ngx_command_t,
) -> ngx_module_t {
    ngx_module_t {
        ctx: context.cast_mut().cast(),
        commands,
        type_: NGX_HTTP_MODULE as ngx_uint_t,
        init_module: Some(init_module::<M>),
        init_process: Some(init_process::<M>),
        exit_process: Some(exit_process::<M>),
        ..ngx_module_t::default()
    }
}

/// Calls `work` with the configuration that is read, and returns the result for nginx.
///
/// # Safety
/// `cf` must be what nginx hands to a callback of a module, used during it.
unsafe fn with_conf(
    cf: *mut ngx_conf_t,
    work: impl FnOnce(&Conf) -> Result<(), ()>,
) -> Result<(), ()> {
    guard(Err(()), || {
        // SAFETY: by this function's contract.
        let conf = unsafe { Conf::from_ptr(cf) }.ok_or(())?;
        work(&conf)
    })
}

const fn code(result: Result<(), ()>) -> ngx_int_t {
    match result {
        Ok(()) => NGX_OK as ngx_int_t,
        Err(()) => NGX_ERROR as ngx_int_t,
    }
}

const fn conf_code(result: Result<(), ()>) -> *mut c_char {
    match result {
        Ok(()) => null_mut(),
        Err(()) => NGX_CONF_ERROR,
    }
}

/// # Safety
/// Called by nginx only, as are all of the following.
unsafe extern "C" fn preconfiguration<M: HttpModule>(cf: *mut ngx_conf_t) -> ngx_int_t {
    // SAFETY: the configuration being read.
    code(unsafe { with_conf(cf, M::preconfigure) })
}

unsafe extern "C" fn postconfiguration<M: HttpModule>(cf: *mut ngx_conf_t) -> ngx_int_t {
    // SAFETY: the configuration being read, whose blocks nginx has merged.
    code(unsafe { with_conf(cf, |conf| M::postconfigure(&MergedConf::new(conf))) })
}

unsafe extern "C" fn init_main_conf<M: HttpModule>(
    cf: *mut ngx_conf_t,
    main: *mut c_void,
) -> *mut c_char {
    let init = |conf: &Conf| {
        // SAFETY: this module's configuration of http{}.
        let main = unsafe { module_conf::from_ptr::<M::Main>(main) };
        M::init_main(conf, &mut *change(main).ok_or(())?)
    };
    // SAFETY: the configuration being read.
    conf_code(unsafe { with_conf(cf, init) })
}

unsafe extern "C" fn merge_location_conf<M: HttpModule>(
    cf: *mut ngx_conf_t,
    outer: *mut c_void,
    inner: *mut c_void,
) -> *mut c_char {
    let merge = |conf: &Conf| {
        // SAFETY: this module's configurations of two blocks, one inside the other.
        let (outer, inner) = unsafe {
            (
                module_conf::from_ptr::<M::Location>(outer),
                module_conf::from_ptr::<M::Location>(inner),
            )
        };
        let outer = read(outer).ok_or(())?;
        M::merge_location(
            &MergedBlock::new(conf),
            &outer,
            &mut *change(inner).ok_or(())?,
        )
    };
    // SAFETY: the configuration being read; nginx merges the modules one after the other.
    conf_code(unsafe { with_conf(cf, merge) })
}

unsafe extern "C" fn init_module<M: HttpModule>(cycle: *mut ngx_cycle_t) -> ngx_int_t {
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx hands over a cycle that is complete.
        let Some(cycle) = (unsafe { Cycle::from_ptr(cycle) }) else {
            return NGX_ERROR as ngx_int_t;
        };
        M::configured(&cycle);
        NGX_OK as ngx_int_t
    })
}

unsafe extern "C" fn init_process<M: HttpModule>(_cycle: *mut ngx_cycle_t) -> ngx_int_t {
    guard(NGX_ERROR as ngx_int_t, || {
        M::process_starts();
        NGX_OK as ngx_int_t
    })
}

unsafe extern "C" fn exit_process<M: HttpModule>(_cycle: *mut ngx_cycle_t) {
    guard((), M::process_ends);
}

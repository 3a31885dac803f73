//! The hook that sees a request when it has been serialised and is not yet sent.
//!
//! nginx evaluates the value of `proxy_bind` in `ngx_http_upstream_init_request()` directly after
//! `u->create_request(r)`, for every form of proxy_pass, and once for each request that is sent
//! and not answered from a cache. [`install`] puts a value of our own there, whose script codes
//! call [`SealHook::seal`], and which then answers with the user's own value.
//!
//! An error of a script code is swallowed by most versions of nginx. What may not be sent is refused in another
//! way: [`Refusal`] has the request's upstream configuration replaced by one that connects to
//! nothing.

use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

use nginx_sys::{ngx_http_complex_value_t, ngx_http_script_engine_t, ngx_http_upstream_local_t};

use crate::ffi::conf::upstream_conf::MergedUpstreamConf;
use crate::ffi::http::refusal::Refusal;
use crate::ffi::http::request::Request;
use crate::ffi::http::upstream::Unsent;
use crate::ffi::http::value::Template;
use crate::ffi::process::guard::guard;

/// What the hook calls.
pub(crate) trait SealHook {
    /// Seals the request that is about to be sent. False where it must not be sent.
    fn seal(&self, unsent: &Unsent<'_>) -> bool;
}

/// Installs `hook` in the upstream configuration of one location.
pub(crate) fn install(
    location: MergedUpstreamConf<'_>,
    hook: impl SealHook + 'static,
) -> Result<(), ()> {
    let (pool, conf) = (location.block().pool(), location.as_ptr());
    // SAFETY: merged; nothing else in it is changed later on.
    let user = NonNull::new(unsafe { (*conf).local });
    // SAFETY: copies of plain C structures, all of which the same pool keeps alive.
    let refusal = unsafe { crate::ffi::memory::allocate(pool, Refusal::new(&*conf)) }.ok_or(())?;
    // SAFETY: freshly allocated, with a stable address.
    unsafe { Refusal::link(refusal) };

    // SAFETY: the pool is live and keeps the binding until the configuration goes.
    let mut binding = unsafe {
        crate::ffi::memory::allocate(
            pool,
            Binding {
                codes: [[0; 3]; 2],
                value: std::mem::zeroed(),
                local: std::mem::zeroed(),
                user,
                refusal,
                hook: Box::new(hook),
            },
        )
    }
    .ok_or(())?;

    let place = binding.as_ptr() as usize;
    // SAFETY: ours alone until it is installed in the last line.
    unsafe {
        let binding = binding.as_mut();
        // A script: code and argument, then a null word that ends it.
        let length: unsafe extern "C" fn(*mut ngx_http_script_engine_t) -> usize = length_code;
        let value: unsafe extern "C" fn(*mut ngx_http_script_engine_t) = value_code;
        binding.codes = [[length as usize, place, 0], [value as usize, place, 0]];
        binding.value.lengths = (&raw mut binding.codes[0]).cast::<c_void>();
        binding.value.values = (&raw mut binding.codes[1]).cast::<c_void>();
        if let Some(user) = user {
            // Also keeps `transparent`.
            binding.local = *user.as_ptr();
        }
        binding.local.addr = null_mut();
        binding.local.value = &raw mut binding.value;
        (*conf).local = &raw mut binding.local;
    }
    Ok(())
}

/// What stands in a location in the place of `proxy_bind`'s value.
struct Binding {
    codes: [[usize; 3]; 2],
    value: ngx_http_complex_value_t,
    local: ngx_http_upstream_local_t,
    user: Option<NonNull<ngx_http_upstream_local_t>>,
    refusal: NonNull<Refusal>,
    hook: Box<dyn SealHook>,
}

impl Binding {
    /// Takes the code's argument from the script and moves the script on.
    ///
    /// # Safety
    /// `engine` must be running one of the scripts of [`install`], at a code's own word.
    unsafe fn take<'a>(engine: *mut ngx_http_script_engine_t) -> &'a Self {
        // SAFETY: the words are code, place of the binding, end.
        unsafe {
            let words = (*engine).ip.cast::<usize>();
            (*engine).ip = words.add(2).cast::<u8>();
            &*(words.add(1).read() as *const Self)
        }
    }

    /// The text of the user's own `proxy_bind`; empty where there is none.
    fn user_text<'a>(&self, request: &'a Request) -> Option<&'a [u8]> {
        let Some(user) = self.user else {
            return Some(&[]);
        };
        // SAFETY: part of the configuration, which outlives the request.
        let user = unsafe { user.as_ref() };
        match NonNull::new(user.value) {
            // SAFETY: compiled by nginx, and as long-lived as `user`.
            Some(value) => unsafe { Template::from_ptr(value) }.evaluate(request),
            // SAFETY: a constant address that nginx has parsed; its text parses again.
            None => Some(unsafe {
                user.addr
                    .as_ref()
                    .map_or(&[], |addr| crate::ffi::memory::bytes(addr.name))
            }),
        }
    }
}

/// # Safety
/// Called by nginx only, which runs the script of [`install`].
unsafe extern "C" fn length_code(engine: *mut ngx_http_script_engine_t) -> usize {
    // SAFETY: this is that script.
    unsafe { Binding::take(engine) };
    // The buffer that nginx allocates for it is not used: `value_code` brings its own text.
    1
}

/// # Safety
/// As [`length_code`].
unsafe extern "C" fn value_code(engine: *mut ngx_http_script_engine_t) {
    // SAFETY: this is that script; a script runs for a request.
    let (binding, r) = unsafe { (Binding::take(engine), (*engine).request) };

    // SAFETY: live during this call.
    let request = unsafe { Request::from_ptr(r) };
    let text = guard(None, || {
        let request = request.as_ref()?;
        // SAFETY: nginx evaluates `proxy_bind` when it has serialized the request, before it sends it.
        let unsent = unsafe { Unsent::new(request) }?;
        match binding.hook.seal(&unsent) {
            true => binding.user_text(request),
            false => None,
        }
    });

    // SAFETY: the engine and the request are nginx's own, live during this call.
    unsafe {
        if text.is_none() {
            Refusal::apply(binding.refusal, r);
        }
        answer(&mut *engine, text.unwrap_or_default());
    }
}

/// Makes `text` the value of the script.
///
/// The value is `buf` up to nginx 1.31.0, and what lies between `buf.data` and `pos` in later ones
/// and in distributions that took over their fix: both are set.
pub(super) fn answer(engine: &mut ngx_http_script_engine_t, text: &[u8]) {
    if !text.is_empty() {
        engine.buf.data = text.as_ptr().cast_mut();
    }
    engine.buf.len = text.len();
    engine.pos = engine.buf.data.wrapping_add(text.len());
}

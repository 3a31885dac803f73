//! The hook that gets a request after nginx has serialized it and before it is sent.
//!
//! nginx evaluates the value of `proxy_bind` in `ngx_http_upstream_init_request()` directly after
//! `u->create_request(r)`, for every form of proxy_pass, and once for each request that is sent
//! rather than served from a cache. [`install`] puts a value of the module there, whose script
//! codes call [`SealHook::seal`], and then return the user's own value.
//!
//! Most versions of nginx ignore an error of a script code. So a request that must not be sent is
//! stopped differently: [`NoPeers`] replaces the request's upstream configuration by one that
//! connects to nothing.

use std::ptr::{NonNull, null_mut};

use nginx_sys::{ngx_http_complex_value_t, ngx_http_request_t, ngx_http_upstream_local_t};

use crate::ffi::conf::upstream_conf::MergedUpstreamConf;
use crate::ffi::http::no_peers::NoPeers;
use crate::ffi::http::request::Request;
use crate::ffi::http::script::{self, Yields};
use crate::ffi::http::upstream::Unsent;
use crate::ffi::http::value::Template;
use crate::ffi::memory::allocate;
use crate::ffi::process::guard::guard;

/// The function that the hook calls.
pub(crate) trait SealHook {
    /// Seals the request that is about to be sent. False if it must not be sent.
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
    let no_peers = unsafe { allocate(pool, NoPeers::new(&*conf)) }.ok_or(())?;
    // SAFETY: freshly allocated, with a stable address.
    unsafe { NoPeers::link(no_peers) };

    let seal = Seal {
        user,
        no_peers,
        hook: Box::new(hook),
    };
    // SAFETY: the pool is live, and the configuration has it; all zero is a valid value of this plain C
    // structure.
    let binding = unsafe {
        let value = script::compile(pool, seal).ok_or(())?;
        let local = std::mem::zeroed();
        allocate(pool, Binding { value, local }).ok_or(())?.as_ptr()
    };
    // SAFETY: ours alone until it is installed in the last line.
    unsafe {
        let local = &raw mut (*binding).local;
        if let Some(user) = user {
            // Also keeps `transparent`.
            *local = *user.as_ptr();
        }
        (*local).addr = null_mut();
        (*local).value = &raw mut (*binding).value;
        (*conf).local = local;
    }
    Ok(())
}

/// The value of a location instead of `proxy_bind`.
struct Binding {
    value: ngx_http_complex_value_t,
    local: ngx_http_upstream_local_t,
}

/// The function that its value calls.
struct Seal {
    user: Option<NonNull<ngx_http_upstream_local_t>>,
    no_peers: NonNull<NoPeers>,
    hook: Box<dyn SealHook>,
}

impl Seal {
    /// The text of the user's own `proxy_bind`; empty if there is none.
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

impl Yields for Seal {
    unsafe fn value(&self, r: *mut ngx_http_request_t) -> &[u8] {
        let text = guard(None, || {
            // SAFETY: live during this call.
            let request = unsafe { Request::from_ptr(r) }?;
            // SAFETY: nginx evaluates `proxy_bind` when it has serialized the request, before it sends it.
            let unsent = unsafe { Unsent::new(&request) }?;
            let text = match self.hook.seal(&unsent) {
                true => self.user_text(&request)?,
                false => return None,
            };
            // SAFETY: in the request's pool, or in the configuration.
            Some(unsafe { &*std::ptr::from_ref(text) })
        });
        if text.is_none() {
            // SAFETY: live; its `proxy_bind` is being evaluated.
            unsafe { NoPeers::apply(self.no_peers, r) };
        }
        text.unwrap_or_default()
    }
}

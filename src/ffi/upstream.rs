//! The request that the proxy module has serialised, and the hook that sees it before it is sent.
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
use std::marker::PhantomData;
use std::ops::Range;
use std::ptr::{NonNull, null_mut};

use nginx_sys::{
    NGX_BUSY, NGX_OK, ngx_buf_t, ngx_chain_t, ngx_conf_t, ngx_http_complex_value_t,
    ngx_http_request_t, ngx_http_script_engine_t, ngx_http_upstream_conf_t,
    ngx_http_upstream_local_t, ngx_http_upstream_srv_conf_t, ngx_http_upstream_t, ngx_int_t,
    ngx_pcalloc, ngx_peer_connection_t, ngx_uint_t,
};

use aws_sealing::Stream;

use super::body::Pieces;
use super::guard::guard;
use super::output;
use super::request::Request;
use super::value::Template;

/// What the hook calls.
pub(crate) trait SealHook {
    /// Seals the request that is about to be sent. False where it must not be sent.
    fn seal(&self, request: &Request) -> bool;
}

/// The serialised request of one `proxy_pass`.
pub(crate) struct Upstream<'r> {
    upstream: NonNull<ngx_http_upstream_t>,
    request: PhantomData<&'r Request>,
}

impl<'r> Upstream<'r> {
    pub(super) fn of(request: &'r Request) -> Option<Self> {
        // SAFETY: the request is live; its upstream lives as long.
        let upstream = unsafe { (*request.as_ptr()).upstream };
        Some(Self {
            upstream: NonNull::new(upstream)?,
            request: PhantomData,
        })
    }

    fn head_link(&self) -> Option<NonNull<ngx_chain_t>> {
        // SAFETY: live, see `of`.
        let link = NonNull::new(unsafe { self.upstream.as_ref() }.request_bufs)?;
        // SAFETY: a chain link of the request's pool.
        (!unsafe { link.as_ref() }.buf.is_null()).then_some(link)
    }

    /// The bytes of the head. `None` where they are not in one buffer in memory.
    pub(crate) fn head(&self) -> Option<&'r [u8]> {
        // SAFETY: link and buffer live in the request's pool; `pos..last` is initialised memory,
        // which nobody writes to any more.
        unsafe {
            let buffer = &*self.head_link()?.as_ref().buf;
            let length = usize::try_from(buffer.last.offset_from(buffer.pos)).ok()?;
            Some(std::slice::from_raw_parts(buffer.pos, length))
        }
    }

    /// Where in `head` the request target stands; empty where it does not stand there.
    pub(crate) fn target(&self, head: &[u8]) -> Range<usize> {
        // SAFETY: live, see `of`.
        let uri = unsafe { self.upstream.as_ref() }.uri;
        let start = (uri.data as usize).wrapping_sub(head.as_ptr() as usize);
        match start.checked_add(uri.len) {
            Some(end) if end <= head.len() => start..end,
            _ => 0..0,
        }
    }

    /// The parts of a body that follow the head's buffer.
    pub(crate) fn body_pieces(&self, request: &'r Request) -> Pieces<'r> {
        let first = self
            .head_link()
            // SAFETY: a live chain link.
            .map_or(null_mut(), |head| unsafe { head.as_ref() }.next);
        // SAFETY: a chain of the request's pool, which nobody changes before it is sent.
        unsafe { Pieces::new(request, first) }
    }

    /// Whether the request goes out over TLS.
    pub(crate) fn uses_tls(&self) -> bool {
        // SAFETY: live, see `of`; the schema is part of the configuration or of the pool.
        unsafe { super::bytes(self.upstream.as_ref().schema) }.eq_ignore_ascii_case(b"https://")
    }

    /// Has `stream` frame the body while it is sent; the head is in place by then. `None` where the
    /// request's pool has no memory.
    pub(crate) fn frame_body(&self, request: &Request, stream: Stream) -> Option<()> {
        // SAFETY: a live chain link.
        let head = NonNull::new(unsafe { self.head_link()?.as_ref() }.buf)?;
        // SAFETY: the request has been created and not been sent: this is the hook's time.
        unsafe { output::install(request.as_ptr(), head, stream) }
    }

    /// Has the body sent as it is, without the chunks that nginx puts around one whose length its
    /// client did not announce.
    pub(crate) fn send_plain(&self) {
        // SAFETY: live; nginx takes its own writer where there is no filter.
        unsafe { (*self.upstream.as_ptr()).output.output_filter = None };
    }

    /// Replaces the head, and a body that stands behind it in the same buffer, by `sealed` and that
    /// `body`; where `drop_body` is set cuts off what follows.
    /// False, and nothing replaced, where the request's pool has no memory.
    ///
    /// The new buffer starts at `start`, since a retry rewinds `pos` to it. `u->uri` stays on the
    /// old buffer: that is what error.log shows.
    pub(crate) fn replace_head(
        &self,
        request: &Request,
        sealed: &[u8],
        body: &[u8],
        drop_body: bool,
    ) -> bool {
        let Some(mut link) = self.head_link() else {
            return false;
        };
        let Some(text) = request.copy(&[sealed, body]) else {
            return false;
        };
        // SAFETY: the pool is live; the memory is zeroed and large enough.
        let fresh = unsafe {
            ngx_pcalloc((*request.as_ptr()).pool, size_of::<ngx_buf_t>()).cast::<ngx_buf_t>()
        };
        let Some(mut fresh) = NonNull::new(fresh) else {
            return false;
        };
        // SAFETY: the link and its old buffer are live; the fresh buffer is ours alone.
        unsafe {
            let link = link.as_mut();
            let buffer = fresh.as_mut();
            // Flags such as `flush`, and the tag, stay as the proxy module set them.
            *buffer = *link.buf;
            buffer.start = text.data;
            buffer.pos = text.data;
            buffer.last = text.data.add(text.len);
            buffer.end = buffer.last;
            if drop_body && !link.next.is_null() {
                link.next = null_mut();
                buffer.set_flush(1);
            }
            link.buf = fresh.as_ptr();
        }
        true
    }
}

/// Installs `hook` in the upstream configuration of one location.
///
/// # Safety
/// `conf` must be the location's merged upstream configuration, in the pool of `cf` or one that
/// lives as long; the hook must stay valid as long.
pub(crate) unsafe fn install(
    cf: *mut ngx_conf_t,
    conf: NonNull<ngx_http_upstream_conf_t>,
    hook: impl SealHook + 'static,
) -> Result<(), ()> {
    // SAFETY: `cf` is live.
    let pool = unsafe { (*cf).pool };
    // SAFETY: `conf` is merged; nothing in it is changed later on.
    let user = NonNull::new(unsafe { conf.as_ref() }.local);
    // SAFETY: copies of plain C structures, all of which the same pool keeps alive.
    let refusal = unsafe { super::allocate(pool, Refusal::new(conf.as_ref())) }.ok_or(())?;
    // SAFETY: freshly allocated, with a stable address.
    unsafe { Refusal::link(refusal) };

    // SAFETY: the pool is live and keeps the binding until the configuration goes.
    let mut binding = unsafe {
        super::allocate(
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
        (*conf.as_ptr()).local = &raw mut binding.local;
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
                    .map_or(&[], |addr| super::bytes(addr.name))
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
        if binding.hook.seal(request) {
            binding.user_text(request)
        } else {
            None
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
fn answer(engine: &mut ngx_http_script_engine_t, text: &[u8]) {
    if !text.is_empty() {
        engine.buf.data = text.as_ptr().cast_mut();
    }
    engine.buf.len = text.len();
    engine.pos = engine.buf.data.wrapping_add(text.len());
}

/// An upstream configuration whose peers nginx cannot connect to. It is made with the
/// configuration, so that refusing a request needs no memory and cannot fail.
struct Refusal {
    conf: ngx_http_upstream_conf_t,
    upstream: ngx_http_upstream_srv_conf_t,
}

impl Refusal {
    fn new(conf: &ngx_http_upstream_conf_t) -> Self {
        // SAFETY: all zero is a valid value of this plain C structure.
        let mut upstream: ngx_http_upstream_srv_conf_t = unsafe { std::mem::zeroed() };
        upstream.peer.init = Some(init_no_peer);
        Self {
            conf: *conf,
            upstream,
        }
    }

    /// # Safety
    /// `refusal` must not move any more.
    unsafe fn link(mut refusal: NonNull<Self>) {
        // SAFETY: by this function's contract.
        unsafe {
            let refusal = refusal.as_mut();
            refusal.conf.upstream = &raw mut refusal.upstream;
            refusal.conf.local = null_mut();
            // nginx would cache its own 502, where `proxy_cache_valid` says `any`.
            refusal.conf.cache_valid = null_mut();
        }
    }

    /// Has nginx answer as for an upstream without a live server: 502, or a stale object of the
    /// cache where `proxy_cache_use_stale error` allows it.
    ///
    /// # Safety
    /// `r` must be the live request whose proxy_bind value is being evaluated.
    unsafe fn apply(refusal: NonNull<Self>, r: *mut ngx_http_request_t) {
        // SAFETY: nginx reads `u->conf` anew after the evaluation, and with `resolved` cleared it
        // takes the upstream from there.
        unsafe {
            if let Some(upstream) = (*r).upstream.as_mut() {
                upstream.conf = &raw mut (*refusal.as_ptr()).conf;
                upstream.resolved = null_mut();
            }
        }
    }
}

/// # Safety
/// Called by nginx for a request that [`Refusal::apply`] has been called for.
unsafe extern "C" fn init_no_peer(
    r: *mut ngx_http_request_t,
    _upstream: *mut ngx_http_upstream_srv_conf_t,
) -> ngx_int_t {
    // SAFETY: the request is live and has an upstream.
    unsafe {
        let peer = &mut (*(*r).upstream).peer;
        peer.get = Some(get_no_peer);
        peer.free = Some(free_no_peer);
        peer.tries = 0;
    }
    NGX_OK as ngx_int_t
}

unsafe extern "C" fn get_no_peer(_peer: *mut ngx_peer_connection_t, _: *mut c_void) -> ngx_int_t {
    NGX_BUSY as ngx_int_t
}

unsafe extern "C" fn free_no_peer(
    _peer: *mut ngx_peer_connection_t,
    _: *mut c_void,
    _state: ngx_uint_t,
) {
}

//! Values that a function of the module computes, for nginx structures that expect a compiled
//! script.
//!
//! nginx keeps a value with variables as two scripts, one for its length and one that writes it. A
//! script is a sequence of words, alternating code and argument, that ends with a null word. The
//! scripts of [`compile`] have one code each, whose argument is the [`Script`].

use std::ffi::c_void;
use std::ptr::NonNull;

use nginx_sys::{
    ngx_http_complex_value_t, ngx_http_request_t, ngx_http_script_engine_t, ngx_pool_t,
};

use crate::ffi::memory::allocate;

/// A function that computes a value.
pub(super) trait Yields: 'static {
    /// The value for this request. It must live as long as the request.
    ///
    /// # Safety
    /// `r` must be null or a live request, for which nginx evaluates the value. This must not unwind.
    unsafe fn value(&self, r: *mut ngx_http_request_t) -> &[u8];
}

/// Two scripts, and what they call, in the configuration's pool.
struct Script<T> {
    codes: [[usize; 3]; 2],
    yields: T,
}

/// A value that `yields` computes. `None` if there is no memory.
///
/// # Safety
/// The pool must be live, and the value not be used longer than that.
pub(super) unsafe fn compile<T: Yields>(
    pool: *mut ngx_pool_t,
    yields: T,
) -> Option<ngx_http_complex_value_t> {
    let codes = [[0; 3]; 2];
    // SAFETY: the pool is live and keeps the script until the configuration goes.
    let script = unsafe { allocate(pool, Script { codes, yields }) }?.as_ptr();
    let length: unsafe extern "C" fn(*mut ngx_http_script_engine_t) -> usize = length_code::<T>;
    let value: unsafe extern "C" fn(*mut ngx_http_script_engine_t) = value_code::<T>;
    let place = script as usize;
    // SAFETY: ours alone so far; all zero is a valid value of this plain C structure.
    unsafe {
        let codes = &raw mut (*script).codes;
        *codes = [[length as usize, place, 0], [value as usize, place, 0]];
        let mut compiled: ngx_http_complex_value_t = std::mem::zeroed();
        compiled.lengths = codes.cast::<c_void>();
        compiled.values = codes.cast::<[usize; 3]>().add(1).cast::<c_void>();
        Some(compiled)
    }
}

/// Reads a code's argument from the script and advances the script.
///
/// # Safety
/// `engine` must be running one of the scripts of [`compile`] with the same type, at a code's own word.
unsafe fn take<'a, T: Yields>(engine: NonNull<ngx_http_script_engine_t>) -> &'a T {
    // SAFETY: the words are code, place of the script, end.
    unsafe {
        let engine = engine.as_ptr();
        let words = (*engine).ip.cast::<usize>();
        (*engine).ip = words.add(2).cast::<u8>();
        &(*(words.add(1).read() as *const Script<T>)).yields
    }
}

/// # Safety
/// Called by nginx only, which runs a script of [`compile`] with the same type.
unsafe extern "C" fn length_code<T: Yields>(engine: *mut ngx_http_script_engine_t) -> usize {
    if let Some(engine) = NonNull::new(engine) {
        // SAFETY: this is that script.
        unsafe { take::<T>(engine) };
    }
    // The buffer that nginx allocates for it is not used: the value is a separate text.
    1
}

/// Makes the text the value of the script: `buf` up to nginx 1.31.0; the text between `buf.data`
/// and `pos` in later versions, and in distributions with their fix. Both are set.
///
/// # Safety
/// As [`length_code`].
unsafe extern "C" fn value_code<T: Yields>(engine: *mut ngx_http_script_engine_t) {
    let Some(engine) = NonNull::new(engine) else {
        return;
    };
    // SAFETY: this is that script; the engine and the request that it runs for are nginx's own, live
    // during this call.
    unsafe {
        let text = take::<T>(engine).value((*engine.as_ptr()).request);
        let engine = &mut *engine.as_ptr();
        if !text.is_empty() {
            engine.buf.data = text.as_ptr().cast_mut();
        }
        engine.buf.len = text.len();
        engine.pos = engine.buf.data.wrapping_add(text.len());
    }
}

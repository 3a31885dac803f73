//! The configuration while it is read and merged.

pub(in crate::ffi) mod core;
pub(crate) mod layout;
pub(crate) mod map;
pub(crate) mod merged;
pub(crate) mod module_conf;
pub(crate) mod pass_module;
pub(crate) mod proxy_pass;
pub(crate) mod upstream_block;
pub(crate) mod upstream_conf;

use std::cell::{Ref, RefMut};
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr::NonNull;

use nginx_sys::{
    NGX_HTTP_LIF_CONF, NGX_HTTP_LMT_CONF, NGX_HTTP_LOC_CONF, NGX_HTTP_UPS_CONF, NGX_OK,
    ngx_conf_full_name, ngx_conf_t, ngx_decode_base64, ngx_http_conf_ctx_t,
    ngx_http_core_loc_conf_t, ngx_http_core_srv_conf_t, ngx_http_handler_pt, ngx_int_t,
    ngx_module_t, ngx_parse_size, ngx_parse_time, ngx_pnalloc, ngx_pool_t, ngx_str_t,
};

use crate::ffi::conf::core::core_module;
use crate::ffi::conf::module_conf::{ModuleConf, OfLocation, OfMain, OfServer, change, find, read};
use crate::ffi::http::value::{self, Value};
use crate::ffi::process::CycleId;
use crate::ffi::process::log::{Level, Log};

/// The configuration being read: the current directive's arguments, or, while blocks are merged,
/// the current block.
pub(crate) struct Conf(NonNull<ngx_conf_t>);

/// The position of a directive. It lives no longer than the configuration, in whose pool the name
/// of the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Position {
    file: &'static [u8],
    line: usize,
}

/// Distinguishes server{} blocks of the same configuration.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ServerId(NonNull<ngx_http_core_srv_conf_t>);

/// ` in FILE:LINE`, as nginx itself says it.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            " in {}:{}",
            String::from_utf8_lossy(self.file),
            self.line
        )
    }
}

impl Conf {
    /// # Safety
    /// `cf` must be what nginx hands to a directive's or a module's callback, used during it.
    pub(in crate::ffi) unsafe fn from_ptr(cf: *mut ngx_conf_t) -> Option<Self> {
        NonNull::new(cf).map(Self)
    }

    pub(in crate::ffi) fn as_ptr(&self) -> *mut ngx_conf_t {
        self.0.as_ptr()
    }

    /// The pool of the configuration, which keeps it as long as it is in use.
    pub(super) fn pool(&self) -> *mut ngx_pool_t {
        // SAFETY: `cf` is live.
        unsafe { (*self.as_ptr()).pool }
    }

    /// The configuration that is read.
    pub(crate) fn cycle(&self) -> CycleId {
        // SAFETY: `cf` is live, and belongs to a cycle.
        unsafe { CycleId::of((*self.as_ptr()).cycle) }
    }

    /// The current directive's arguments, without its name.
    pub(crate) fn args(&self) -> impl Iterator<Item = &[u8]> {
        self.raw_args().iter().skip(1).map(|text| {
            // SAFETY: nginx's parser keeps its words in the configuration's pool.
            unsafe { crate::ffi::memory::bytes(*text) }
        })
    }

    /// The current directive's argument at `index`, 0 for the first after the name.
    pub(crate) fn arg(&self, index: usize) -> &[u8] {
        self.args().nth(index).unwrap_or_default()
    }

    /// The same, for values that live no longer than the configuration.
    pub(crate) fn kept_arg(&self, index: usize) -> &'static [u8] {
        self.kept_args().nth(index).unwrap_or_default()
    }

    /// All arguments.
    pub(super) fn kept_args(&self) -> impl Iterator<Item = &'static [u8]> {
        // SAFETY: nginx's parser keeps its words in the configuration's pool.
        let text = |text: &ngx_str_t| unsafe { crate::ffi::memory::bytes(*text) };
        self.raw_args().iter().skip(1).map(text)
    }

    /// The argument at `index`, compiled if it contains variables. The error has been logged.
    pub(crate) fn compile(&self, index: usize) -> Result<Value, ()> {
        let text = *self.raw_args().get(index + 1).ok_or(())?;
        // SAFETY: the configuration is being read, and its words live in its pool.
        unsafe { value::compile(self.as_ptr(), text) }
    }

    /// As [`Conf::compile`], of what follows the first `skip` bytes of that argument.
    pub(crate) fn compile_behind(&self, index: usize, skip: usize) -> Result<Value, ()> {
        let text = self.arg(index).get(skip..).ok_or(())?;
        let text = ngx_str_t {
            len: text.len(),
            data: text.as_ptr().cast_mut(),
        };
        // SAFETY: a part of a word that lives in the configuration's pool.
        unsafe { value::compile(self.as_ptr(), text) }
    }

    /// As [`Conf::compile`], of a text of the configuration or of the module.
    pub(crate) fn compile_text(&self, text: &'static [u8]) -> Result<Value, ()> {
        let text = ngx_str_t {
            len: text.len(),
            data: text.as_ptr().cast_mut(),
        };
        // SAFETY: the configuration is being read, and the text lives as long, or for ever.
        unsafe { value::compile(self.as_ptr(), text) }
    }

    fn raw_args(&self) -> &[ngx_str_t] {
        // SAFETY: the parser sets `args`, an array of ngx_str_t, before it calls a directive.
        unsafe {
            let args = &*(*self.as_ptr()).args;
            std::slice::from_raw_parts(args.elts.cast::<ngx_str_t>(), args.nelts)
        }
    }

    /// Whether the current directive is in a location, or in an `if` or `limit_except` there.
    pub(crate) fn in_location(&self) -> bool {
        self.stands_in(NGX_HTTP_LOC_CONF | NGX_HTTP_LIF_CONF | NGX_HTTP_LMT_CONF)
    }

    /// Whether the current directive is in an `upstream{}`.
    pub(crate) fn in_upstream(&self) -> bool {
        self.stands_in(NGX_HTTP_UPS_CONF)
    }

    fn stands_in(&self, contexts: u32) -> bool {
        // SAFETY: `cf` is live.
        unsafe { (*self.as_ptr()).cmd_type & contexts as usize != 0 }
    }

    /// The position of the current directive.
    pub(crate) fn position(&self) -> Position {
        // SAFETY: a directive is being read, so there is a file (nginx sets one for -g, too). Its
        // name is in the pool of the configuration, as everything is that keeps a position.
        unsafe {
            match (*self.as_ptr()).conf_file.as_ref() {
                Some(file) => Position {
                    file: crate::ffi::memory::bytes(file.file.name),
                    line: file.line,
                },
                None => Position {
                    file: b"command line",
                    line: 0,
                },
            }
        }
    }

    /// Writes a line about the directive at `position`.
    pub(crate) fn log(&self, level: Level, position: &Position, line: fmt::Arguments<'_>) {
        // SAFETY: `cf` and its log are live.
        let log = unsafe { Log::from_ptr((*self.as_ptr()).log) };
        log.write(level, format_args!("{line}{position}"));
    }

    /// Reports something that is not an error: to the user who runs `nginx -t`, else in the log.
    pub(crate) fn tell(&self, line: fmt::Arguments<'_>) {
        // SAFETY: `cf` and its log are live; nginx's format takes a length and that many bytes.
        unsafe {
            if nginx_sys::ngx_test_config != 0 {
                let line = format!("aws_auth: {line}");
                nginx_sys::ngx_log_stderr(0, c"%*s".as_ptr(), line.len(), line.as_ptr());
            } else {
                Log::from_ptr((*self.as_ptr()).log).write(Level::Notice, line);
            }
        }
    }

    /// A copy of `text` in the configuration's pool, with a zero after it, which nginx expects of
    /// file and host names. `None` if the pool has no memory.
    pub(crate) fn copy_c_string(&self, text: &[u8]) -> Option<ngx_str_t> {
        // SAFETY: the pool is live; the fresh memory has room for the text and its zero.
        unsafe {
            let place = ngx_pnalloc((*self.as_ptr()).pool, text.len() + 1).cast::<u8>();
            let place = NonNull::new(place)?.as_ptr();
            place.copy_from_nonoverlapping(text.as_ptr(), text.len());
            place.add(text.len()).write(0);
            Some(ngx_str_t {
                len: text.len(),
                data: place,
            })
        }
    }

    /// A time in nginx's units, in milliseconds.
    pub(crate) fn parse_time(&self, text: &[u8]) -> Option<u64> {
        let mut text = ngx_str_t {
            len: text.len(),
            data: text.as_ptr().cast_mut(),
        };
        // SAFETY: nginx reads the text, and nothing else.
        let time = unsafe { ngx_parse_time(&mut text, 0) };
        u64::try_from(time).ok()
    }

    /// A size in nginx's units, in bytes.
    pub(crate) fn parse_size(&self, text: &[u8]) -> Option<usize> {
        if text.is_empty() {
            // nginx reads the last byte first.
            return None;
        }
        let mut text = ngx_str_t {
            len: text.len(),
            data: text.as_ptr().cast_mut(),
        };
        // SAFETY: nginx reads the text, which has a byte at least, and nothing else.
        let size = unsafe { ngx_parse_size(&mut text) };
        usize::try_from(size).ok()
    }

    /// The path of a file that a directive names. A relative name is relative to the
    /// configuration's directory, as in nginx's own directives. `None` if there is no memory.
    pub(crate) fn full_path(&self, name: &[u8]) -> Option<PathBuf> {
        let mut text = name.to_vec();
        text.push(0);
        let mut full = ngx_str_t {
            len: name.len(),
            data: text.as_mut_ptr(),
        };
        // SAFETY: the name is NUL-terminated, which nginx expects of file names; if it is relative,
        // nginx allocates the full one in the cycle's pool.
        let code = unsafe { ngx_conf_full_name((*self.as_ptr()).cycle, &mut full, 1) };
        // SAFETY: nginx has set it, or left it to our buffer, which is still live.
        let path = || OsStr::from_bytes(unsafe { crate::ffi::memory::bytes(full) });
        // A name that is not UTF-8 is valid.
        (code == NGX_OK as ngx_int_t).then(|| PathBuf::from(path()))
    }

    /// This module's configuration of http{}; `None` if it is being changed.
    pub(crate) fn main<T: ModuleConf<Of = OfMain>>(&self) -> Option<Ref<'_, T>> {
        // SAFETY: the configuration's own, which lives as long.
        read(unsafe { find(self.context()?.main_conf) })
    }

    /// The same, to change it; `None` if it is in use.
    pub(crate) fn change_main<T: ModuleConf<Of = OfMain>>(&self) -> Option<RefMut<'_, T>> {
        // SAFETY: as above.
        change(unsafe { find(self.context()?.main_conf) })
    }

    /// This module's configuration of the current server{} or upstream{}, to change it.
    pub(crate) fn change_server<T: ModuleConf<Of = OfServer>>(&self) -> Option<RefMut<'_, T>> {
        // SAFETY: as above.
        change(unsafe { find(self.context()?.srv_conf) })
    }

    /// This module's configuration of the current block, to change it.
    pub(crate) fn change_location<T: ModuleConf<Of = OfLocation>>(&self) -> Option<RefMut<'_, T>> {
        // SAFETY: as above.
        change(unsafe { find(self.context()?.loc_conf) })
    }

    /// The main configuration of `module`.
    ///
    /// # Safety
    /// `module` must be an HTTP module whose main configuration is a `T`.
    pub(in crate::ffi) unsafe fn main_conf_of<T>(
        &self,
        module: &ngx_module_t,
    ) -> Option<NonNull<T>> {
        // SAFETY: the array has an entry for each HTTP module.
        NonNull::new(unsafe { *self.context()?.main_conf.add(module.ctx_index) }.cast::<T>())
    }

    /// The server configuration of `module` in the current block, which an `upstream{}` has, too.
    ///
    /// # Safety
    /// `module` must be an HTTP module whose server configuration is a `T`.
    unsafe fn server_conf_of<T>(&self, module: &ngx_module_t) -> Option<NonNull<T>> {
        // SAFETY: the array has an entry for each HTTP module.
        NonNull::new(unsafe { *self.context()?.srv_conf.add(module.ctx_index) }.cast::<T>())
    }

    /// The location configuration of `module` in the current block.
    ///
    /// # Safety
    /// `module` must be an HTTP module whose location configuration is a `T`.
    pub(super) unsafe fn location_conf_of<T>(&self, module: &ngx_module_t) -> Option<NonNull<T>> {
        // SAFETY: the array has an entry for each HTTP module.
        NonNull::new(unsafe { *self.context()?.loc_conf.add(module.ctx_index) }.cast::<T>())
    }

    /// The current configurations of all modules, also while blocks are merged.
    fn context(&self) -> Option<&ngx_http_conf_ctx_t> {
        // SAFETY: this module is called inside http{} only, where `ctx` is of this type.
        unsafe { (*self.as_ptr()).ctx.cast::<ngx_http_conf_ctx_t>().as_ref() }
    }

    /// The core module's configuration of the current block.
    pub(in crate::ffi) fn core_location_conf(&self) -> Option<NonNull<ngx_http_core_loc_conf_t>> {
        // SAFETY: nginx's own module, whose location configuration is of this type.
        unsafe { self.location_conf_of(core_module()) }
    }

    /// The core module's configuration of the current server{}.
    fn core_server_conf(&self) -> Option<NonNull<ngx_http_core_srv_conf_t>> {
        // SAFETY: nginx's own module, whose server configuration is of this type.
        unsafe { self.server_conf_of(core_module()) }
    }

    /// The current server{}.
    pub(crate) fn server(&self) -> Option<ServerId> {
        self.core_server_conf().map(ServerId)
    }

    /// The first name of the current server{}, once merged; empty if it has none.
    pub(crate) fn server_name(&self) -> &[u8] {
        let Some(server) = self.core_server_conf() else {
            return b"";
        };
        // SAFETY: merged before us; the name is in the configuration's pool.
        unsafe { crate::ffi::memory::bytes(server.as_ref().server_name) }
    }

    /// `ignore_invalid_headers` of the current server{}, once merged.
    pub(crate) fn ignores_invalid_headers(&self) -> bool {
        let server = self.core_server_conf();
        // SAFETY: merged before us.
        server.is_some_and(|server| unsafe { server.as_ref() }.ignore_invalid_headers != 0)
    }

    /// The current block as nginx's core sees it.
    pub(crate) fn block(&self) -> Option<Block> {
        self.core_location_conf().map(Block)
    }
}

/// A block: a location, a server's part outside of locations, or an `if` or `limit_except`.
pub(crate) struct Block(NonNull<ngx_http_core_loc_conf_t>);

impl Block {
    /// Whether the block is an `if` or a `limit_except`.
    pub(crate) fn is_nested_condition(&self) -> bool {
        // SAFETY: the configuration outlives this value.
        let block = unsafe { self.0.as_ref() };
        block.noname() != 0 || block.lmt_excpt() != 0
    }

    /// The location's name, as it was written; empty for a server's part outside of locations.
    pub(crate) fn name(&self) -> String {
        // SAFETY: as above; the name is in the configuration's pool.
        let name = unsafe { crate::ffi::memory::bytes(self.0.as_ref().name) };
        String::from_utf8_lossy(name).into_owned()
    }

    /// The content handler here: `ngx_http_proxy_handler` if there is a `proxy_pass`.
    pub(crate) fn handler(&self) -> ngx_http_handler_pt {
        // SAFETY: as above.
        unsafe { self.0.as_ref().handler }
    }
}

/// Decodes base64 as nginx does: padding may be missing, and what follows it does not count.
pub(crate) fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = vec![0; text.len() / 4 * 3 + 3];
    let mut from = ngx_str_t {
        len: text.len(),
        data: text.as_ptr().cast_mut(),
    };
    let mut to = ngx_str_t {
        len: 0,
        data: decoded.as_mut_ptr(),
    };
    // SAFETY: nginx writes at most three bytes for each four of the text, and reads `from` only.
    let code = unsafe { ngx_decode_base64(&mut to, &mut from) };
    decoded.truncate(to.len);
    (code == NGX_OK as ngx_int_t).then_some(decoded)
}

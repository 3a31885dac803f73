//! A configuration in use by a process, which nginx calls a cycle.

use std::cell::Ref;
use std::marker::PhantomData;
use std::ptr::NonNull;

use nginx_sys::{ngx_cycle_t, ngx_http_conf_ctx_t, ngx_http_module};

use crate::ffi::conf::module_conf::{ModuleConf, OfMain, find, read};
use crate::ffi::process::log::Log;

/// A complete cycle, for the duration of one callback.
pub(crate) struct Cycle<'c>(NonNull<ngx_cycle_t>, PhantomData<&'c ngx_cycle_t>);

impl Cycle<'_> {
    /// # Safety
    /// `cycle` must be null, or live and complete for this lifetime.
    pub(in crate::ffi) unsafe fn from_ptr(cycle: *mut ngx_cycle_t) -> Option<Self> {
        NonNull::new(cycle).map(|cycle| Self(cycle, PhantomData))
    }

    /// Calls `work` with the cycle that this process uses.
    pub(crate) fn with_current<T>(work: impl FnOnce(&Cycle<'_>) -> T) -> Option<T> {
        // SAFETY: nginx sets it in this thread, to a cycle that is live until the next call into nginx
        // that may replace it, which is never in the middle of a callback.
        let cycle = unsafe { Cycle::from_ptr(nginx_sys::ngx_cycle) };
        cycle.map(|cycle| work(&cycle))
    }

    pub(in crate::ffi) fn as_ptr(&self) -> *const ngx_cycle_t {
        self.0.as_ptr()
    }

    /// The cycle's log.
    pub(crate) fn log(&self) -> Log {
        // SAFETY: live, and so is its log.
        unsafe { Log::from_ptr(self.0.as_ref().log) }
    }

    /// This module's configuration of http{}; `None` if there is no http{}.
    pub(crate) fn main<T: ModuleConf<Of = OfMain>>(&self) -> Option<Ref<'_, T>> {
        // SAFETY: the http module's entry is null or the context of http{}, whose main configurations
        // live as long as the cycle.
        unsafe {
            let http = ngx_http_module.index;
            let context = (*self.0.as_ref().conf_ctx.add(http)).cast::<ngx_http_conf_ctx_t>();
            read(find(context.as_ref()?.main_conf))
        }
    }
}

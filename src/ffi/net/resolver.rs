//! nginx's resolver, and its way of resolving names while the configuration is read.

use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr::NonNull;

use nginx_sys::{
    NGX_DEFAULT_POOL_SIZE, NGX_OK, ngx_addr_t, ngx_create_pool, ngx_destroy_pool,
    ngx_http_core_loc_conf_t, ngx_int_t, ngx_msec_t, ngx_parse_url, ngx_pool_t, ngx_resolver_t,
    ngx_str_t, ngx_url_t, sockaddr,
};
use ngx::core::Pool;

use crate::ffi::conf::Conf;
use crate::ffi::process::log::Log;

/// The `resolver` of http{}, with `resolver_timeout`. It lives as long as its configuration.
pub(crate) struct Resolver {
    resolver: NonNull<ngx_resolver_t>,
    timeout: ngx_msec_t,
}

impl Resolver {
    /// `None` if http{} names no `resolver`. To be asked when blocks have been merged.
    pub(crate) fn of_http(conf: &Conf) -> Option<Self> {
        // SAFETY: the core module's configuration of http{} itself is of this type. Where the
        // directive is missing there is none, or one without servers that nginx has made.
        unsafe {
            let core: &ngx_http_core_loc_conf_t = conf.core_location_conf()?.as_ref();
            let resolver = NonNull::new(core.resolver)?;
            (resolver.as_ref().connections.nelts > 0).then_some(Self {
                resolver,
                timeout: match core.resolver_timeout {
                    // If nothing is merged into http{} itself.
                    ngx_msec_t::MAX => 30_000,
                    timeout => timeout,
                },
            })
        }
    }

    /// The addresses of `host`, at least one.
    pub(crate) async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        let scratch = Scratch::new().ok_or("not enough memory")?;
        // SAFETY: the scratch pool outlives its wrapper and all that is allocated in it.
        let pool = unsafe { Pool::from_ngx_pool(scratch.0.as_ptr()) };
        let name = ngx_str_t {
            len: host.len(),
            data: host.as_ptr().cast_mut(),
        };
        let resolver = ngx::async_::resolver::Resolver::from_resolver(self.resolver, self.timeout);
        let resolved = resolver.resolve_name(&name, &pool).await;
        let found = resolved.map_err(|error| error.to_string().to_lowercase())?;
        // SAFETY: addresses in the scratch pool.
        let mut addresses: Vec<_> = found.iter().filter_map(|a| unsafe { ip(a) }).collect();
        // Addresses that every machine can reach come first.
        addresses.sort_by_key(IpAddr::is_ipv6);
        if addresses.is_empty() {
            return Err("it has no address".to_owned());
        }
        Ok(addresses)
    }
}

/// A pool for the duration of one lookup.
struct Scratch(NonNull<ngx_pool_t>);

impl Scratch {
    fn new() -> Option<Self> {
        let log = Log::of_cycle().as_ptr();
        // SAFETY: the log is live.
        let pool = unsafe { ngx_create_pool(NGX_DEFAULT_POOL_SIZE as usize, log) };
        NonNull::new(pool).map(Self)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: created by `new`, and destroyed once.
        unsafe { ngx_destroy_pool(self.0.as_ptr()) };
    }
}

/// Resolves `host` with the system's resolver, which blocks. To be used while the configuration is
/// read.
pub(crate) fn resolve_now(conf: &Conf, host: &str) -> Result<Vec<IpAddr>, String> {
    let text = conf
        .copy_c_string(host.as_bytes())
        .ok_or("not enough memory")?;
    // SAFETY: all zero is a valid value of this plain C structure; the pool is live, the text in
    // it, and so are the addresses that nginx returns. Its errors are constant strings.
    unsafe {
        let mut url: ngx_url_t = std::mem::zeroed();
        url.url = text;
        url.default_port = 80;
        if ngx_parse_url((*conf.as_ptr()).pool, &mut url) != NGX_OK as ngx_int_t {
            return Err(match url.err.is_null() {
                true => "it cannot be resolved".to_owned(),
                false => CStr::from_ptr(url.err).to_string_lossy().into_owned(),
            });
        }
        let found = std::slice::from_raw_parts(url.addrs, url.naddrs);
        let addresses: Vec<_> = found.iter().filter_map(|address| ip(address)).collect();
        match addresses.is_empty() {
            true => Err("it has no address".to_owned()),
            false => Ok(addresses),
        }
    }
}

/// # Safety
/// `address` must hold a socket address of the length it says.
unsafe fn ip(address: &ngx_addr_t) -> Option<IpAddr> {
    // SAFETY: by this function's contract; the family says which structure it is.
    unsafe {
        let place: *const sockaddr = NonNull::new(address.sockaddr)?.as_ptr();
        match i32::from((*place).sa_family) {
            libc::AF_INET => {
                let place = place.cast::<libc::sockaddr_in>().read_unaligned();
                let octets = place.sin_addr.s_addr.to_ne_bytes();
                Some(IpAddr::V4(Ipv4Addr::from(octets)))
            }
            libc::AF_INET6 => {
                let place = place.cast::<libc::sockaddr_in6>().read_unaligned();
                Some(IpAddr::V6(Ipv6Addr::from(place.sin6_addr.s6_addr)))
            }
            _ => None,
        }
    }
}

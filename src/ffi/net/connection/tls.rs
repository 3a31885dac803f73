//! TLS as nginx does it, with the server's certificate always verified.
//!
//! An nginx without TLS must be able to load the module, so nginx's TLS functions, and the few
//! functions of the TLS library, are looked up at run time.

#[cfg(ngx_feature = "ssl")]
pub(crate) use with::*;
#[cfg(not(ngx_feature = "ssl"))]
pub(crate) use without::*;

use std::fmt;
use std::io;

/// Why a connection is not encrypted, or not to the right host.
#[derive(Debug)]
#[cfg_attr(
    not(ngx_feature = "ssl"),
    allow(
        dead_code,
        reason = "an nginx without TLS has one of these errors only"
    )
)]
pub(crate) enum TlsError {
    /// The connection or the handshake failed.
    Io(io::Error),
    /// nginx could not prepare the session: memory, or a name that cannot be sent.
    Setup,
    /// The handshake failed; nginx's log has the library's message at level info.
    Handshake,
    /// The certificate is not trusted: the library's message.
    Untrusted(String),
    /// The certificate is another host's.
    OtherHost,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Setup => f.write_str("TLS could not be set up"),
            Self::Handshake => f.write_str("the TLS handshake failed"),
            Self::Untrusted(reason) => {
                write!(f, "the server's certificate is not trusted: {reason}")
            }
            Self::OtherHost => f.write_str("the server's certificate is for another host"),
        }
    }
}

#[cfg(ngx_feature = "ssl")]
mod with {
    use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};
    use std::mem::MaybeUninit;
    use std::ptr::{NonNull, null_mut};
    use std::sync::OnceLock;
    use std::task::{Context, Poll};

    use nginx_sys::{
        NGX_AGAIN, NGX_OK, NGX_SSL_CLIENT, NGX_SSL_TLSv1_2, NGX_SSL_TLSv1_3, ngx_conf_t,
        ngx_connection_t, ngx_int_t, ngx_pool_cleanup_add, ngx_ssl_t, ngx_str_t, ngx_uint_t,
    };

    use super::TlsError;
    use crate::ffi::conf::Conf;
    use crate::ffi::net::connection::Connection;
    use crate::ffi::process::guard::guard;

    /// How many certificates can be between the server's own and a trusted one.
    const DEPTH: ngx_int_t = 8;

    /// SSL_set_tlsext_host_name, which is a macro around SSL_ctrl.
    const SSL_CTRL_SET_TLSEXT_HOSTNAME: c_int = 55;
    const X509_V_OK: c_long = 0;

    type Create = unsafe extern "C" fn(*mut ngx_ssl_t, ngx_uint_t, *mut c_void) -> ngx_int_t;
    type Trust = unsafe extern "C" fn(
        *mut ngx_conf_t,
        *mut ngx_ssl_t,
        *mut ngx_str_t,
        ngx_int_t,
    ) -> ngx_int_t;
    type CreateConnection =
        unsafe extern "C" fn(*mut ngx_ssl_t, *mut ngx_connection_t, ngx_uint_t) -> ngx_int_t;
    type OfConnection = unsafe extern "C" fn(*mut ngx_connection_t) -> ngx_int_t;
    type CheckHost = unsafe extern "C" fn(*mut ngx_connection_t, *mut ngx_str_t) -> ngx_int_t;

    /// The functions of nginx's TLS and of the library that are used.
    struct Functions {
        create: Create,
        trust: Trust,
        cleanup: unsafe extern "C" fn(*mut c_void),
        create_connection: CreateConnection,
        handshake: OfConnection,
        shutdown: OfConnection,
        check_host: CheckHost,
        ctrl: unsafe extern "C" fn(*mut c_void, c_int, c_long, *mut c_void) -> c_long,
        verify_result: unsafe extern "C" fn(*const c_void) -> c_long,
        verify_words: unsafe extern "C" fn(c_long) -> *const c_char,
    }

    /// The functions, if the running nginx has them.
    fn functions() -> Option<&'static Functions> {
        static FUNCTIONS: OnceLock<Option<Functions>> = OnceLock::new();
        FUNCTIONS
            .get_or_init(|| {
                // SAFETY: functions of nginx and of OpenSSL (and its kin) with these names have
                // these types; the structures are those of the headers that this build is for,
                // which nginx checks when it loads a module.
                unsafe {
                    Some(Functions {
                        create: symbol(c"ngx_ssl_create")?,
                        trust: symbol(c"ngx_ssl_trusted_certificate")?,
                        cleanup: symbol(c"ngx_ssl_cleanup_ctx")?,
                        create_connection: symbol(c"ngx_ssl_create_connection")?,
                        handshake: symbol(c"ngx_ssl_handshake")?,
                        shutdown: symbol(c"ngx_ssl_shutdown")?,
                        check_host: symbol(c"ngx_ssl_check_host")?,
                        ctrl: symbol(c"SSL_ctrl")?,
                        verify_result: symbol(c"SSL_get_verify_result")?,
                        verify_words: symbol(c"X509_verify_cert_error_string")?,
                    })
                }
            })
            .as_ref()
    }

    /// # Safety
    /// `F` must be the type of the function of that name.
    unsafe fn symbol<F: Copy>(name: &CStr) -> Option<F> {
        const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
        // SAFETY: a lookup in what the process has loaded.
        let place = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        // SAFETY: a function of type `F`, by this function's contract, of a pointer's size.
        (!place.is_null()).then(|| unsafe { std::mem::transmute_copy::<*mut c_void, F>(&place) })
    }

    /// Whether the running nginx has TLS.
    pub(crate) fn is_available() -> bool {
        functions().is_some()
    }

    /// The certificates that servers are verified with. It lives as long as its configuration.
    pub(crate) struct TrustStore(NonNull<ngx_ssl_t>);

    impl TrustStore {
        /// Reads the certificates in `file`. An error has been logged by nginx.
        pub(crate) fn new(conf: &Conf, file: &[u8]) -> Result<Self, ()> {
            let functions = functions().ok_or(())?;
            // nginx makes a full path of it, and expects a terminating zero.
            let file = conf.copy_c_string(file).ok_or(())?;
            // SAFETY: the configuration and its pool are live. The structure is zeroed, and freed
            // with the pool; the clean-up comes before the context exists, and frees it then.
            unsafe {
                let cf = conf.as_ptr();
                let cleanup = ngx_pool_cleanup_add((*cf).pool, size_of::<ngx_ssl_t>()).as_mut();
                let cleanup = cleanup.ok_or(())?;
                let ssl = cleanup.data.cast::<MaybeUninit<ngx_ssl_t>>();
                ssl.write(MaybeUninit::zeroed());
                let ssl = ssl.cast::<ngx_ssl_t>();
                (*ssl).log = (*cf).log;
                let protocols = (NGX_SSL_TLSv1_2 | NGX_SSL_TLSv1_3) as ngx_uint_t;
                if (functions.create)(ssl, protocols, null_mut()) != NGX_OK as ngx_int_t {
                    return Err(());
                }
                cleanup.handler = Some(functions.cleanup);
                let mut file = file;
                if (functions.trust)(cf, ssl, &mut file, DEPTH) != NGX_OK as ngx_int_t {
                    return Err(());
                }
                // The log of the configuration being read is freed before it.
                (*ssl).log = &raw mut (*(*cf).cycle).new_log;
                NonNull::new(ssl).map(TrustStore).ok_or(())
            }
        }
    }

    /// What one connection is encrypted with.
    pub(crate) struct Session<'a> {
        trust: &'a TrustStore,
        host: &'a str,
        c_host: CString,
    }

    impl<'a> Session<'a> {
        /// A session with `host`, whose name is sent and must be in the certificate.
        pub(crate) fn new(trust: &'a TrustStore, host: &'a str) -> Option<Self> {
            Some(Self {
                trust,
                host,
                c_host: CString::new(host).ok()?,
            })
        }

        pub(in crate::ffi) fn start(&self, connection: &Connection) -> Result<(), TlsError> {
            let functions = functions().ok_or(TlsError::Setup)?;
            let c = connection.as_ptr();
            // SAFETY: an open connection that is not encrypted yet; the trust store is live, since
            // connections are closed before their configuration goes.
            unsafe {
                let flags = NGX_SSL_CLIENT as ngx_uint_t;
                let ssl = self.trust.0.as_ptr();
                if (functions.create_connection)(ssl, c, flags) != NGX_OK as ngx_int_t {
                    return Err(TlsError::Setup);
                }
                let name = self.c_host.as_ptr().cast_mut().cast::<c_void>();
                let library = (*(*c).ssl).connection.cast::<c_void>();
                if (functions.ctrl)(library, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, name) != 1 {
                    return Err(TlsError::Setup);
                }
            }
            Ok(())
        }

        pub(in crate::ffi) fn poll_handshake(
            &self,
            connection: &Connection,
            cx: &Context<'_>,
        ) -> Poll<Result<(), TlsError>> {
            let Some(functions) = functions() else {
                return Poll::Ready(Err(TlsError::Setup));
            };
            let c = connection.as_ptr();
            // SAFETY: `start` has made a session of this open connection.
            unsafe {
                if (*(*c).ssl).handshaked() == 0 {
                    if (*(*c).read).error() != 0 || (*(*c).read).eof() != 0 {
                        return Poll::Ready(Err(TlsError::Handshake));
                    }
                    match (functions.handshake)(c) {
                        code if code == NGX_OK as ngx_int_t => {}
                        code if code == NGX_AGAIN as ngx_int_t => {
                            (*(*c).ssl).handler = Some(on_handshake);
                            connection.wait_to_read(cx);
                            return Poll::Pending;
                        }
                        _ => return Poll::Ready(Err(TlsError::Handshake)),
                    }
                }
                connection.install_handlers();

                // nginx's callback accepts every certificate; this is the result of the
                // verification.
                let library = (*(*c).ssl).connection.cast::<c_void>();
                let code = (functions.verify_result)(library);
                if code != X509_V_OK {
                    let words = CStr::from_ptr((functions.verify_words)(code));
                    return Poll::Ready(Err(TlsError::Untrusted(
                        words.to_string_lossy().into_owned(),
                    )));
                }
                let mut host = ngx_str_t {
                    len: self.host.len(),
                    data: self.c_host.as_ptr().cast_mut().cast::<u8>(),
                };
                if (functions.check_host)(c, &mut host) != NGX_OK as ngx_int_t {
                    return Poll::Ready(Err(TlsError::OtherHost));
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    /// Sends a close notification to the peer without waiting for its response, if the connection
    /// is encrypted.
    ///
    /// # Safety
    /// `c` must be an open connection.
    pub(in crate::ffi) unsafe fn shut_down(c: *mut ngx_connection_t) {
        // SAFETY: by this function's contract.
        unsafe {
            if let (Some(functions), Some(ssl)) = (functions(), (*c).ssl.as_mut()) {
                ssl.set_no_wait_shutdown(1);
                (functions.shutdown)(c);
            }
        }
    }

    /// # Safety
    /// Called by nginx for a connection of the module, when the handshake has ended either way.
    unsafe extern "C" fn on_handshake(c: *mut ngx_connection_t) {
        // SAFETY: by this function's contract.
        guard((), || unsafe { Connection::wake_reader(c) });
    }
}

#[cfg(not(ngx_feature = "ssl"))]
mod without {
    use std::convert::Infallible;
    use std::task::{Context, Poll};

    use nginx_sys::ngx_connection_t;

    use super::TlsError;
    use crate::ffi::conf::Conf;
    use crate::ffi::net::connection::Connection;

    /// This module was built for an nginx without TLS.
    pub(crate) fn is_available() -> bool {
        false
    }

    /// No certificates: there is no value of this type.
    pub(crate) struct TrustStore(Infallible);

    impl TrustStore {
        pub(crate) fn new(_conf: &Conf, _file: &[u8]) -> Result<Self, ()> {
            Err(())
        }
    }

    /// No session: there is no value of this type.
    pub(crate) struct Session<'a>(Infallible, std::marker::PhantomData<&'a ()>);

    impl<'a> Session<'a> {
        pub(crate) fn new(trust: &'a TrustStore, _host: &'a str) -> Option<Self> {
            match trust.0 {}
        }

        pub(in crate::ffi) fn start(&self, _connection: &Connection) -> Result<(), TlsError> {
            match self.0 {}
        }

        pub(in crate::ffi) fn poll_handshake(
            &self,
            _connection: &Connection,
            _cx: &Context<'_>,
        ) -> Poll<Result<(), TlsError>> {
            match self.0 {}
        }
    }

    /// # Safety
    /// None: nothing is encrypted.
    pub(in crate::ffi) unsafe fn shut_down(_c: *mut ngx_connection_t) {}
}

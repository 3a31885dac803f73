//! Flags of a request. C code (`flags.c`) reads and writes them, since only C knows where they are.

use nginx_sys::{ngx_array_t, ngx_http_request_t, ngx_uint_t};

macro_rules! read {
    ($($(#[$doc:meta])* $name:ident = $symbol:ident;)*) => {
        unsafe extern "C" {
            $(fn $symbol(r: *const ngx_http_request_t) -> ngx_uint_t;)*
        }
        $(
            $(#[$doc])*
            ///
            /// # Safety
            /// `r` must be a live request.
            pub(super) unsafe fn $name(r: *const ngx_http_request_t) -> bool {
                // SAFETY: by this function's contract; C only reads.
                unsafe { $symbol(r) != 0 }
            }
        )*
    };
}

macro_rules! write {
    ($($(#[$doc:meta])* $name:ident = $symbol:ident;)*) => {
        unsafe extern "C" {
            $(fn $symbol(r: *mut ngx_http_request_t, value: ngx_uint_t);)*
        }
        $(
            $(#[$doc])*
            ///
            /// # Safety
            /// `r` must be a live request.
            pub(super) unsafe fn $name(r: *mut ngx_http_request_t, value: bool) {
                // SAFETY: by this function's contract.
                unsafe { $symbol(r, ngx_uint_t::from(value)) }
            }
        )*
    };
}

read! {
    /// Whether a cache responds.
    cached = aws_auth_cached;
    /// Whether nginx is discarding the body. freenginx: also whether it has done so.
    discard_body = aws_auth_discard_body;
    /// Whether the end of the body has reached the filter that saves it.
    end_is_saved = aws_auth_end_is_saved;
    /// Whether a body without buffering reaches its filters only after the request was created.
    filters_come_late = aws_auth_filters_come_late;
    /// Whether a filter has replaced the upstream's response by one of nginx.
    filter_finalize = aws_auth_filter_finalize;
    /// Whether no body is sent.
    header_only = aws_auth_header_only;
    /// Whether a part of the body is still to come.
    reading_body = aws_auth_reading_body;
    /// Whether the body goes into a file, however small it is.
    request_body_in_file_only = aws_auth_request_body_in_file_only;
    /// Whether the body is sent while nginx receives it.
    request_body_no_buffering = aws_auth_request_body_no_buffering;
    /// Whether HTTP/2 skips what still arrives of the body.
    skips_data = aws_auth_skips_data;
    /// Whether the URI begins with the name of the location.
    valid_location = aws_auth_valid_location;
    /// Whether nothing has changed the client's URI.
    valid_unparsed_uri = aws_auth_valid_unparsed_uri;
}

write! {
    /// Allows the range filter to respond with a part of the body, or not.
    set_allow_ranges = aws_auth_set_allow_ranges;
    /// Keeps the client's connection alive, or not.
    set_keepalive = aws_auth_set_keepalive;
    /// As [`reading_body`].
    set_reading_body = aws_auth_set_reading_body;
    /// As [`request_body_no_buffering`].
    set_request_body_no_buffering = aws_auth_set_request_body_no_buffering;
}

unsafe extern "C" {
    fn aws_auth_keep_out_of_cache(r: *mut ngx_http_request_t);
    fn aws_auth_return_to_cache(r: *mut ngx_http_request_t);
    fn aws_auth_leave_cache(r: *mut ngx_http_request_t);
    fn aws_auth_leave_store(r: *mut ngx_http_request_t);
    fn aws_auth_cacheable(r: *const ngx_http_request_t) -> ngx_uint_t;
    fn aws_auth_cache_key(r: *const ngx_http_request_t) -> *const ngx_array_t;
    fn aws_auth_close_unless_body_comes(r: *mut ngx_http_request_t);
}

/// Prevents caches from storing the upstream's response.
///
/// # Safety
/// `r` must be a live request that has an upstream.
pub(super) unsafe fn keep_out_of_cache(r: *mut ngx_http_request_t) {
    // SAFETY: by this function's contract.
    unsafe { aws_auth_keep_out_of_cache(r) }
}

/// Undoes [`keep_out_of_cache`].
///
/// # Safety
/// `r` must be a live request that has an upstream, whose response nginx means to cache.
pub(super) unsafe fn return_to_cache(r: *mut ngx_http_request_t) {
    // SAFETY: by this function's contract.
    unsafe { aws_auth_return_to_cache(r) }
}

/// Makes nginx serve the request as one that it does not cache.
///
/// # Safety
/// `r` must be a live request that has an upstream, and whose `proxy_cache_bypass` is evaluated.
pub(super) unsafe fn leave_cache(r: *mut ngx_http_request_t) {
    // SAFETY: by this function's contract.
    unsafe { aws_auth_leave_cache(r) }
}

/// Prevents nginx from storing a copy of the response (`proxy_store`).
///
/// # Safety
/// `r` must be a live request that has an upstream, and whose response has not come.
pub(super) unsafe fn leave_store(r: *mut ngx_http_request_t) {
    // SAFETY: by this function's contract.
    unsafe { aws_auth_leave_store(r) }
}

/// Whether a cache may store the response.
///
/// # Safety
/// `r` must be a live request that has an upstream.
pub(super) unsafe fn cacheable(r: *const ngx_http_request_t) -> bool {
    // SAFETY: by this function's contract; C only reads.
    unsafe { aws_auth_cacheable(r) != 0 }
}

/// The parts of the request's cache key, an array of strings; null if it has none.
///
/// # Safety
/// `r` must be a live request.
pub(super) unsafe fn cache_key(r: *const ngx_http_request_t) -> *const ngx_array_t {
    // SAFETY: by this function's contract; C only reads.
    unsafe { aws_auth_cache_key(r) }
}

/// Ends the connection with this response if nginx would wait for a body that the client, which
/// expects 100 Continue, need not send.
///
/// # Safety
/// `r` must be a live request whose response head has not been sent.
pub(super) unsafe fn close_unless_body_comes(r: *mut ngx_http_request_t) {
    // SAFETY: by this function's contract.
    unsafe { aws_auth_close_unless_body_comes(r) }
}

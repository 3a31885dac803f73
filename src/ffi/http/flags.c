/*
 * Flags of a request, as a C compiler lays them out.
 *
 * Since nginx 1.29.3 they begin in the padding after a smaller field, where bindgen and C disagree
 * about the place of some of them.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <nginx.h>


#define READ(name)                                                            \
    ngx_uint_t aws_auth_##name(const ngx_http_request_t *r);                  \
    ngx_uint_t aws_auth_##name(const ngx_http_request_t *r)                   \
    {                                                                         \
        return r->name;                                                       \
    }

#define WRITE(name)                                                           \
    void aws_auth_set_##name(ngx_http_request_t *r, ngx_uint_t value);        \
    void aws_auth_set_##name(ngx_http_request_t *r, ngx_uint_t value)         \
    {                                                                         \
        r->name = value & 1;                                                  \
    }


#if (NGX_HTTP_CACHE)

READ(cached)

#else

ngx_uint_t aws_auth_cached(const ngx_http_request_t *r);
ngx_uint_t
aws_auth_cached(const ngx_http_request_t *r)
{
    (void) r;
    return 0;
}

#endif

READ(discard_body)
READ(filter_finalize)
READ(header_only)
READ(reading_body)
READ(request_body_in_file_only)
READ(request_body_no_buffering)
READ(valid_location)
READ(valid_unparsed_uri)


/* HTTP/2 discards a body without a flag of the request. */

ngx_uint_t aws_auth_skips_data(const ngx_http_request_t *r);
ngx_uint_t
aws_auth_skips_data(const ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    return r->stream != NULL && r->stream->skip_data;
#else
    (void) r;
    return 0;
#endif
}


/* Older versions save the end of a body together with its last bytes. */

ngx_uint_t aws_auth_end_is_saved(const ngx_http_request_t *r);
ngx_uint_t
aws_auth_end_is_saved(const ngx_http_request_t *r)
{
#if (nginx_version >= 1021002)
    return r->request_body != NULL && r->request_body->last_saved;
#else
    return r->request_body != NULL;
#endif
}


/*
 * Older versions read an HTTP/2 body without buffering without calling a body
 * filter before the request is created.
 */

ngx_uint_t aws_auth_filters_come_late(const ngx_http_request_t *r);
ngx_uint_t
aws_auth_filters_come_late(const ngx_http_request_t *r)
{
#if (nginx_version >= 1021002)
    (void) r;
    return 0;
#else
    return r->http_version == NGX_HTTP_VERSION_20;
#endif
}


void aws_auth_keep_out_of_cache(ngx_http_request_t *r);
void
aws_auth_keep_out_of_cache(ngx_http_request_t *r)
{
    r->upstream->cacheable = 0;
}

/*
 * To be called while proxy_cache_bypass is evaluated: undoes what nginx has
 * done for a response that it means to cache.
 */
void aws_auth_leave_cache(ngx_http_request_t *r);
void
aws_auth_leave_cache(ngx_http_request_t *r)
{
    r->upstream->cacheable = 0;
    r->upstream->method.len = 0;
}

void aws_auth_leave_store(ngx_http_request_t *r);
void
aws_auth_leave_store(ngx_http_request_t *r)
{
    r->upstream->store = 0;
}

ngx_uint_t aws_auth_cacheable(const ngx_http_request_t *r);
ngx_uint_t
aws_auth_cacheable(const ngx_http_request_t *r)
{
    return r->upstream->cacheable;
}

/* The parts of the request's cache key, as strings; NULL if it has none. */
const ngx_array_t *aws_auth_cache_key(const ngx_http_request_t *r);
const ngx_array_t *
aws_auth_cache_key(const ngx_http_request_t *r)
{
#if (NGX_HTTP_CACHE)
    if (r->cache) {
        return &r->cache->keys;
    }
#endif

    return NULL;
}

void aws_auth_return_to_cache(ngx_http_request_t *r);
void
aws_auth_return_to_cache(ngx_http_request_t *r)
{
    r->upstream->cacheable = 1;
}

WRITE(allow_ranges)
WRITE(keepalive)
WRITE(reading_body)
WRITE(request_body_no_buffering)


/*
 * Only nginx 1.29.0 and later have it, and some forks of it do not: the symbol
 * is weak, so that the module loads into the others, too.
 */
extern ngx_http_output_header_filter_pt  ngx_http_top_early_hints_filter
    __attribute__((weak));

ngx_http_output_header_filter_pt *aws_auth_top_early_hints_filter(void);
ngx_http_output_header_filter_pt *
aws_auth_top_early_hints_filter(void)
{
    return &ngx_http_top_early_hints_filter;
}

void aws_auth_close_unless_body_comes(ngx_http_request_t *r);

/*
 * A client that announces "Expect: 100-continue" sends no body after a final
 * status.  ngx_http_special_response_handler() suppresses the 100 and discards
 * the body nevertheless, so that the next request on the connection would be
 * discarded instead.  This ends the connection with this response, and the
 * response says so.  ngx_http_discard_request_body() is undone, so that nginx
 * closes its side at once and reads what the client can still send
 * (lingering_close).
 *
 * The read handler shows that a body is expected and counted as a user of the
 * request.  freenginx also sets discard_body without it, and has a separate
 * flag for that (and NGINX_NAME, which nginx does not define).  freenginx
 * continues to discard, for at most lingering_timeout.
 */
void
aws_auth_close_unless_body_comes(ngx_http_request_t *r)
{
    if (r != r->main
        || !r->discard_body
        || r->headers_in.expect == NULL
        || r->read_event_handler != ngx_http_discarded_request_body_handler)
    {
        return;
    }

    r->keepalive = 0;

#ifndef NGINX_NAME

    r->discard_body = 0;
    r->count--;
    r->lingering_close = 1;
    r->read_event_handler = ngx_http_block_reading;

#endif
}

/*
 * Flags of a request, as a C compiler lays them out.
 *
 * Since nginx 1.29.3 they begin in the padding behind a smaller field, where bindgen takes another
 * place for some of them than C does.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


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

READ(filter_finalize)
READ(header_only)
READ(reading_body)
READ(request_body_in_file_only)
READ(request_body_no_buffering)

void aws_auth_keep_out_of_cache(ngx_http_request_t *r);
void
aws_auth_keep_out_of_cache(ngx_http_request_t *r)
{
    r->upstream->cacheable = 0;
}

WRITE(allow_ranges)
WRITE(keepalive)
WRITE(reading_body)
WRITE(request_body_no_buffering)

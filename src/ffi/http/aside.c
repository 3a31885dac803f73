/*
 * Evaluates a value before nginx does, without side effects.
 *
 * Variables that nginx caches meanwhile are restored: a map that is evaluated too early would keep
 * its value. Captures depend on the PCRE library that nginx was built with, so this is C code.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


ngx_int_t aws_auth_evaluate_aside(ngx_http_request_t *r,
    ngx_http_complex_value_t *val, ngx_str_t *text);


ngx_int_t
aws_auth_evaluate_aside(ngx_http_request_t *r, ngx_http_complex_value_t *val,
    ngx_str_t *text)
{
    size_t                      size;
    ngx_int_t                   rc;
    ngx_http_core_main_conf_t  *cmcf;
    ngx_http_variable_value_t  *saved;
#if (NGX_PCRE)
    int                        *captures;
    u_char                     *captures_data;
    ngx_uint_t                  ncaptures, realloc_captures;
#endif

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    size = cmcf->variables.nelts * sizeof(ngx_http_variable_value_t);

    saved = ngx_alloc(size, r->connection->log);
    if (saved == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(saved, r->variables, size);

#if (NGX_PCRE)
    captures = r->captures;
    captures_data = r->captures_data;
    ncaptures = r->ncaptures;
    realloc_captures = r->realloc_captures;

    /* a regular expression gets separate memory */
    r->realloc_captures = 1;
#endif

    rc = ngx_http_complex_value(r, val, text);

#if (NGX_PCRE)
    r->captures = captures;
    r->captures_data = captures_data;
    r->ncaptures = ncaptures;
    r->realloc_captures = realloc_captures & 1;
#endif

    ngx_memcpy(r->variables, saved, size);
    ngx_free(saved);

    return rc;
}

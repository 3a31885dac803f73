/*
 * A module among nginx's request body filters: where "flip_body on" stands, each byte of a body has
 * its lowest bit flipped. What is kept of the body has the same length, and is another one.
 *
 * Built with -DBEHIND it stands behind the module under test in the chain, else before it: nginx
 * sorts modules by the order below, and the last one to install its filter comes first.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct {
    ngx_flag_t  enabled;
} flip_conf_t;


static ngx_http_request_body_filter_pt  next_filter;

ngx_module_t  ngx_http_flip_body_module;


static ngx_int_t
flip_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    u_char       *p;
    flip_conf_t  *conf;
    ngx_chain_t  *link;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_flip_body_module);

    if (conf->enabled) {
        for (link = in; link; link = link->next) {
            for (p = link->buf->pos; p < link->buf->last; p++) {
                *p ^= 1;
            }
        }
    }

    return next_filter(r, in);
}


static ngx_int_t
install(ngx_conf_t *cf)
{
    next_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = flip_filter;

    return NGX_OK;
}


static void *
create_conf(ngx_conf_t *cf)
{
    flip_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(flip_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->enabled = NGX_CONF_UNSET;

    return conf;
}


static char *
merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    flip_conf_t  *prev = parent;
    flip_conf_t  *conf = child;

    ngx_conf_merge_value(conf->enabled, prev->enabled, 0);

    return NGX_CONF_OK;
}


static ngx_command_t  commands[] = {

    { ngx_string("flip_body"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(flip_conf_t, enabled),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  context = {
    NULL,                          /* preconfiguration */
    install,                       /* postconfiguration */

    NULL,                          /* create main configuration */
    NULL,                          /* init main configuration */

    NULL,                          /* create server configuration */
    NULL,                          /* merge server configuration */

    create_conf,                   /* create location configuration */
    merge_conf                     /* merge location configuration */
};


ngx_module_t  ngx_http_flip_body_module = {
    NGX_MODULE_V1,
    &context,                      /* module context */
    commands,                      /* module directives */
    NGX_HTTP_MODULE,               /* module type */
    NULL,                          /* init master */
    NULL,                          /* init module */
    NULL,                          /* init process */
    NULL,                          /* init thread */
    NULL,                          /* exit thread */
    NULL,                          /* exit process */
    NULL,                          /* exit master */
    NGX_MODULE_V1_PADDING
};


/* What nginx's build generates for a dynamic module. */

ngx_module_t  *ngx_modules[] = {
    &ngx_http_flip_body_module,
    NULL
};

char  *ngx_module_names[] = {
    "ngx_http_flip_body_module",
    NULL
};

char  *ngx_module_order[] = {
#ifdef BEHIND
    "ngx_http_flip_body_module",
    "ngx_http_aws_auth_module",
#else
    "ngx_http_aws_auth_module",
    "ngx_http_flip_body_module",
#endif
    NULL
};

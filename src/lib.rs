//! ngx_http_aws_auth_module: signs what `proxy_pass` sends to AWS and S3-compatible stores.
//!
//! This crate contains everything that touches nginx and nothing else: `aws-signing` defines what a
//! signature is, `aws-sealing` turns a request head into a signed one.

#![warn(unsafe_op_in_unsafe_fn)]

mod conf;
mod directives;
mod ffi;
mod module;
mod renewal;
mod request;

// The table of exported modules, which nginx looks up in a dynamic module. nginx's own build
// writes one itself.
#[cfg(feature = "export-modules")]
mod export {
    #![allow(missing_docs)]
    use crate::ngx_http_aws_auth_module;
    ngx::ngx_modules!(ngx_http_aws_auth_module);
}

pub use module::ngx_http_aws_auth_module;

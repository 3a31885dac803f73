//! The path of a request through the module, in order:
//!
//! | when | what | where |
//! | --- | --- | --- |
//! | access phase | rejects methods | `access` |
//! | precontent phase | rejects what cannot be signed, waits for credentials and tokens, has the body read if necessary | `prepare` with `target`, `operations`, `waiting`, `body_scan` |
//! | nginx receives the body | hashes it, verifies or removes its aws-chunked encoding | `body_filter`, with `body_record` for what is known about it |
//! | nginx looks into its cache | decides whether the cache may be used | `cache_guard` |
//! | nginx has serialized the request | signs it | `seal`, with `outgoing_body` for the body; `token_guard` |
//! | nginx chooses a peer of an `upstream{}` that signs | checks that the request is signed | `upstream_guard` |
//! | nginx sends the body | wraps it in signed chunks | `signed_chunks` |
//! | nginx receives the response | hides authentication errors and repeated signatures | `error_response`, `redaction`; `advice` for the log |
//!
//! A step that rejects a request returns a `rejection`.

#![forbid(unsafe_code)]

mod access;
mod advice;
mod advice_on_errors;
mod body_completeness;
mod body_fault;
mod body_filter;
mod body_form;
mod body_record;
mod body_scan;
mod cache_guard;
mod canonical;
mod client_headers;
mod counting;
mod error_response;
mod log_rate;
mod not_ready;
mod operations;
mod outgoing_body;
mod prepare;
mod presigned_url;
mod redaction;
mod rejection;
mod response_message;
mod seal;
mod signed_chunks;
mod status;
mod target;
mod token_guard;
mod upstream_guard;
mod waiting;

pub(crate) use access::check_access;
pub(crate) use advice_on_errors::WithAdvice;
pub(crate) use body_filter::filter_body;
pub(crate) use cache_guard::CacheGuard;
pub(crate) use error_response::{ErrorResponse, filter_error_body, filter_error_head};
pub(crate) use prepare::prepare;
pub(crate) use presigned_url::PresignedUrl;
pub(crate) use redaction::{redact_headers, redact_trailers};
pub(crate) use seal::Seal;
pub(crate) use status::status;
pub(crate) use token_guard::TokenGuard;
pub(crate) use upstream_guard::may_pass;

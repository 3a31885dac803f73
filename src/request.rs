//! The path of a request, in order: admit (access phase), prepare (precontent phase; examine, where
//! a body was read before; ended, whether it is there to its end), intake (while its body comes in), seal (when nginx has serialised what
//! it sends; payload, for its body), guard (before it goes to an `upstream{}` that signs), answer
//! (when the store refuses it), echo (when an answer repeats the signature).

#![forbid(unsafe_code)]

mod admit;
mod advice;
mod advice_on_errors;
mod auth_error;
mod caching;
mod canonical;
mod client_headers;
mod echo;
mod ended;
mod examine;
mod guard;
mod intake;
mod operations;
mod payload;
mod prepare;
mod presigned_url;
mod seal;
mod stream;
mod target;
mod token_guard;
mod waiting;

pub(crate) use admit::admit;
pub(crate) use advice_on_errors::WithAdvice;
pub(crate) use auth_error::{Refusal, filter_refusal, filter_refusal_body};
pub(crate) use caching::CacheGuard;
pub(crate) use echo::{remove_echo, remove_echo_from_trailers};
pub(crate) use guard::may_pass;
pub(crate) use intake::filter as filter_body;
pub(crate) use prepare::prepare;
pub(crate) use presigned_url::PresignedUrl;
pub(crate) use seal::Seal;
pub(crate) use token_guard::TokenGuard;

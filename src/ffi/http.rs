//! Requests, their bodies and responses, and the hooks by which the module takes part in them.

pub(crate) mod body;
pub(crate) mod body_end;
pub(crate) mod cache_hook;
pub(crate) mod cached_body;
mod continuation;
mod flags;
mod header_list;
mod next_filter;
pub(in crate::ffi) mod no_peers;
pub(crate) mod output;
pub(crate) mod phase;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod response_body;
pub(crate) mod response_filters;
mod script;
pub(crate) mod seal_hook;
pub(crate) mod signed_target;
pub(crate) mod upstream;
pub(crate) mod value;
pub(crate) mod variable;
pub(crate) mod waiting;

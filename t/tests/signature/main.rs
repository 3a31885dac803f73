//! `aws_signature_in` and `aws_signature_version`: every style of signature, and what must not show it.

mod blocks;
mod bodies;
mod conf;
mod echoes;
mod errors;
mod object_stores;
mod secrecy;
mod styles;
mod trailers;

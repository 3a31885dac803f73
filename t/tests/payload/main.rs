//! `aws_payload`: what is signed of a body is what is sent.

mod conf;
mod declared;
mod filters;
mod lattice;
mod limits;
mod mirrors;
mod next_upstream;
mod njs;
mod read_before;
mod replaced;
mod services;
mod signed;
mod slices;
mod slow_upstream;
mod stand;
mod streaming;
mod swift;
mod tls;
mod unfinished;

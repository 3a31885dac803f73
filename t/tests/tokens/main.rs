//! Service tokens (`aws_token`, `aws_token_required`).

mod clients;
mod conf;
mod headers;
mod required;
mod rotation;

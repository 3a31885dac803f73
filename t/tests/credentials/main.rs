//! Credentials that the module fetches and renews (`aws_credentials_provider`).

mod conf;
mod faults;
mod https;
mod memory;
mod metadata;
mod process;
mod rotation;
mod sources;

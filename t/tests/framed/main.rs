//! Clients that send their bodies in aws-chunked encoding, as SDKs do.

mod auto;
mod decode;
mod heads;
mod malformed;
mod memory;
mod modes;
mod read_before;
mod responses;
mod retries;
mod swift;

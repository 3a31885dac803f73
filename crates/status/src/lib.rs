//! The status of the module: what it has counted, and what it knows of its credentials, in the formats
//! that people and monitoring systems read.
//!
//! Everything here is a value in, text out: no nginx, no clock, no memory that processes share. The
//! module fills in a [`Status`]; [`Format`] says how it is asked for.

#![forbid(unsafe_code)]

mod counters;
mod format;
mod html;
mod json;
mod prometheus;
mod status;
mod time;

pub use counters::{Counter, Method, Payload, ROW_WORDS, Rejection, Row, UpstreamError};
pub use format::Format;
pub use html::CONTENT_SECURITY_POLICY;
pub use status::{
    Block, Explained, Kind, RenewalState, RenewalStatus, SCHEMA_VERSION, Series, Status, Zone,
};

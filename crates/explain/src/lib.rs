//! Says why an upstream has rejected a signed request, and what to change.
//!
//! Everything is an argument: the two canonical requests, what the response said, what was configured.
//! The result is one sentence without secrets.

#![forbid(unsafe_code)]

mod difference;

pub use difference::{Difference, first_difference};

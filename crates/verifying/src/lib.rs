//! Verifies the AWS signatures of incoming requests.
//!
//! Everything is an argument: the bytes that came in, the users, the time. A request is read
//! ([`Claims`]), what was signed is computed from the wire, and the signature is compared in constant
//! time ([`verify`]). What is wrong is a [`Rejection`], with the status, code and elements that AWS answers
//! with. Nothing is accepted that the [documentation][sigv4] leaves open, and where clients differ in how
//! they spell the same request, each accepted spelling means the same request.
//!
//! [sigv4]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

#![forbid(unsafe_code)]

mod canonical;
mod claims;
mod date;
mod key_cache;
mod payload;
mod rejection;
mod request;
mod user;
mod verify;

pub use claims::{Claims, Place};
pub use key_cache::KeyCache;
pub use payload::BodyRule;
pub use rejection::{Element, Rejection};
pub use request::{Incoming, Settings};
pub use user::{User, Users};
pub use verify::{Pending, Verdict, Verified, verify};

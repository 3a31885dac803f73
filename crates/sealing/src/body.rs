//! What happens to a request body while nginx receives it, when it can still be rejected with a
//! status that the client understands.
//!
//! In `X-Amz-Content-SHA256` a client declares what its body is ([`Declared`]). A plain body needs
//! nothing more. If the body is in [`aws-chunked`](aws_signing::chunked) encoding, the head must
//! say what to expect ([`Expected`]). Then
//!
//! | to do | type |
//! | --- | --- |
//! | check a framing that stays | [`Inspector`] |
//! | take it off, and check what it promises of the data | [`Deframer`], [`Checksum`] |
//! | the headers that tell of it | [`content_encoding`] |
//!
//! Each error is the client's, and a variant of [`BodyError`], which knows its status. Bodies are
//! read in pieces of any size, in memory that does not grow with them.

pub mod checksum;
pub mod content_encoding;
mod declared;
mod deframe;
mod error;
mod expected;
mod inspect;
mod name;

pub use checksum::Checksum;
pub use declared::{Declared, DeclaredError};
pub use deframe::{Deframer, Finished};
pub use error::BodyError;
pub use expected::{Expected, MAX_ANNOUNCED};
pub use inspect::Inspector;
pub use name::TrailerName;

//! What happens to a request body on its way in, while it can still be rejected with a status that
//! the client understands.
//!
//! A client says in `X-Amz-Content-SHA256` what its body is: that is [`Declared`]. A plain body
//! needs nothing more. Of a body in [`aws-chunked`](aws_signing::chunked) framing the head must
//! say what to expect ([`Expected`]); then
//!
//! | to do | type |
//! | --- | --- |
//! | check a framing that stays | [`Inspector`] |
//! | take it off, and check what it promises of the data | [`Deframer`], [`Checksum`] |
//! | the headers that tell of it | [`content_encoding`] |
//!
//! Whatever is wrong is the client's fault and one variant of [`BodyError`], which knows its
//! status. Bodies are read in pieces of any size, in memory that does not grow with them.

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

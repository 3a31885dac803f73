//! Seals a request: takes the head that nginx has serialised for the upstream, unsigned, and
//! returns the head that is sent instead, canonical, filtered and signed.
//!
//! Pure: bytes in, bytes out. No nginx, no I/O, no clock; the time is an argument. What nginx
//! has to say (the head, the client's own headers, the location's policy) comes in through
//! [`Unsigned`], [`Policy`], [`Destination`] and [`Identity`]; what went wrong comes back as one
//! [`SealError`] variant per cause, and then nothing may be sent.
//!
//! The steps, each in its own file: [`head`] parses the lines, [`owner`] tells who wrote them, [`deputy`] decides what of the
//! client's may reach the store, [`destination`] names the host; `target` and `lines` write the
//! new head, `made` has it signed by `aws-signing`, and `seal` puts it together. What becomes of a body before that is
//! [`body`]'s. What a store answers to a signature that it does not take is [`auth_error`]'s, and what an answer
//! repeats of one is [`echo`]'s. What a cache must not answer is [`caching`]'s.

#![forbid(unsafe_code)]

pub mod auth_error;
pub mod body;
mod bucket_host;
pub mod caching;
mod denied;
pub mod deputy;
pub mod destination;
pub mod echo;
mod error;
pub mod head;
mod header_name;
mod identity;
mod job;
pub mod keys;
mod lines;
pub mod method;
mod operation;
pub mod owner;
mod payload;
mod policy;
pub mod presigned_url;
pub mod proxy_url;
mod request_line;
mod seal;
mod services;
mod signature;
mod stream;
mod target;
mod unsigned;
pub mod value;
pub mod vendor;

pub use denied::Denied;
pub use deputy::{PassHeaders, SignedHeaders};
pub use destination::{Addressing, Destination};
pub use error::SealError;
pub use identity::{Identity, Key, Version};
pub use keys::KeyCache;
pub use method::MethodSet;
pub use operation::is_form;
pub use payload::{Arrival, Coverage, Inbound, Outbound, PayloadHash, PayloadMode};
pub use policy::{Place, Policy};
pub use seal::Sealer;
pub use services::{PayloadRule, is_s3};
pub use signature::SignatureError;
pub use stream::{Stream, StreamError};
pub use target::{Form, Part, TargetSource};
pub use unsigned::{Body, Payload, Unsigned};

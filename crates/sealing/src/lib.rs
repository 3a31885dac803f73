//! Seals a request: accepts the head that nginx has serialized for the upstream, unsigned, and
//! returns the head that is sent instead: canonical, filtered, and signed.
//!
//! Pure: bytes in, bytes out. No nginx, no I/O, no clock; the time is an argument. The input from
//! nginx (the head, the client's own headers, the location's policy) is in [`Unsigned`],
//! [`Policy`], [`Destination`] and [`Identity`]. Errors are returned as one [`SealError`] variant
//! per cause; after an error, nothing may be sent.
//!
//! Each step has a file:
//!
//! | step | module |
//! | --- | --- |
//! | parse the lines of the head | [`head`] |
//! | find out who wrote each line: nginx, the operator or the client | [`owner`] |
//! | decide which of the client's headers and parameters are forwarded | [`forwarding`] |
//! | name the host | [`destination`] |
//! | write the request line and the header lines | `request_line`, `lines` |
//! | sign them | `signature` |
//! | put the head together | `seal` |
//!
//! Before that, [`body`] verifies and decodes a body. Afterwards, [`auth_error`] recognizes
//! responses to a signature that the upstream rejects, [`redact`] removes a signature from
//! responses that repeat it, and [`caching`] determines for which requests a cache must not
//! respond.

#![forbid(unsafe_code)]

pub mod auth_error;
pub mod body;
mod bucket_host;
pub mod caching;
mod context;
mod denied_operations;
pub mod destination;
mod error;
pub mod forwarding;
pub mod head;
mod header_name;
mod identity;
pub mod keys;
mod lines;
pub mod method;
mod operation;
pub mod owner;
mod payload;
mod policy;
pub mod presigned_url;
pub mod proxy_url;
pub mod redact;
mod request_line;
mod seal;
mod services;
mod signature;
mod stream;
mod target;
mod unsigned;
mod url;
pub mod value;
pub mod vendor;

pub use denied_operations::DeniedOperations;
pub use destination::{Addressing, Destination};
pub use error::SealError;
pub use forwarding::{PassHeaders, SignedHeaders};
pub use identity::{Identity, Key, Version};
pub use keys::KeyCache;
pub use method::MethodSet;
pub use operation::is_form;
pub use payload::{Arrival, Inbound, Outbound, PayloadHash, PayloadMode, PayloadSigning};
pub use policy::{Place, Policy};
pub use seal::Sealer;
pub use services::{PayloadRule, is_s3};
pub use signature::SignatureError;
pub use stream::{Stream, StreamError};
pub use target::{Form, Part, TargetSource};
pub use unsigned::{Body, Payload, Unsigned};

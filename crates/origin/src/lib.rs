//! An S3 origin for tests and demonstrations.
//!
//! It serves a folder ([`Storage::Folder`]) or objects in memory ([`Storage::Memory`]) as S3, and
//! answers only requests whose Signature Version 4 is right. Beyond what crate `s3s` verifies it
//! insists, as stricter stores do, that every signed header is there, that Host and every
//! `x-amz-*` header are signed, and, where [`OriginConfig::region`] says so, that the scope names
//! the region. What arrives is recorded byte for byte, so that a test can tell what reached the
//! store, and that nothing did.
//!
//! # Keys
//!
//! With [`Storage::Memory`] any key of valid UTF-8 is an object of its own: `a//b` is not `a/b`,
//! and `.` and `..` are ordinary parts of a key. With [`Storage::Folder`] keys are paths below the
//! bucket's folder: there `//` counts as `/`, `.` and `..` are resolved, and a key that ends with
//! a slash is a folder, not an object. Neither can hold a key that is not UTF-8 (400
//! `InvalidURI`), and s3s takes a path of `/bucket/` for the bucket itself. A target
//! that is no URI, with a raw blank or a control byte in it, is answered 400 by the HTTP library
//! before anybody looks at its signature.

mod access;
mod connections;
mod head;
mod memory;
mod record;
mod server;

pub use connections::Connections;
pub use head::Head;
pub use record::RecordedRequest;
pub use server::{Origin, OriginConfig, StartError, Storage, Watch};

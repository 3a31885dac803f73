//! An S3 origin for tests and demonstrations.
//!
//! It serves a folder ([`Storage::Folder`]) or objects in memory ([`Storage::Memory`]) as S3, and
//! accepts only requests with a correct Signature Version 4. In addition to what crate `s3s`
//! verifies, it requires, as stricter object stores do, that every signed header is present, that
//! Host and every `x-amz-*` header are signed, and, if [`OriginConfig::region`] is set, that the
//! scope names the region. Requests are recorded byte for byte, so that a test can check what has
//! reached the object store, and that nothing has.
//!
//! # Keys
//!
//! With [`Storage::Memory`], any key of valid UTF-8 is a separate object: `a//b` is not `a/b`, and
//! `.` and `..` are ordinary parts of a key. With [`Storage::Folder`], keys are paths below the
//! bucket's folder: `//` counts as `/`, `.` and `..` are resolved, and a key that ends with a slash
//! is a folder, not an object. Neither can hold a key that is not UTF-8 (400 `InvalidURI`), and s3s
//! reads a path of `/bucket/` as the bucket itself. If a target is not a URI, because it contains
//! an unescaped space or a control byte, the HTTP library responds with 400 before the signature is
//! verified.

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

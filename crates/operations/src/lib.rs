//! Tells which S3 operation a request asks for, and which class that operation belongs to.
//!
//! S3 has one table of operations, and nothing in a request names its entry. The operation follows
//! from the HTTP method, the shape of the path, the names of query parameters, and a few headers.
//! This crate holds the table and reads requests as the least careful server might. A request that
//! servers can read in several ways needs all operations that they can see in it, so that a set of
//! allowed operations can be compared with the set of needed ones.
//!
//! ```
//! use aws_operations::{Class, Headers, Levels, OperationSet, Parameters, Request};
//!
//! let mut parameters = Parameters::default();
//! parameters.note(b"%61cl", None);
//! let request = Request {
//!     method: b"PUT",
//!     levels: Levels::of_path(b"/photos/cat.jpg", true),
//!     parameters,
//!     headers: Headers::default(),
//! };
//!
//! let allowed = OperationSet::default_for(false);
//! let denied = request.operations().without(allowed);
//! let operation = denied.strongest().unwrap();
//! assert_eq!(operation.name(), "PutObjectAcl");
//! assert_eq!(operation.class(), Class::Acl);
//! ```
//!
//! Pure: no I/O, no clock, no allocation except for the text of errors.
//!
//! The operations are those of the S3 API reference,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html>, and the IAM actions those of
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>.

#![forbid(unsafe_code)]

mod class;
mod level;
mod method;
mod operation;
mod parameters;
mod request;
mod selector;
mod set;
mod table;

pub use class::Class;
pub use level::{Levels, is_administration};
pub use operation::{Operation, Resource};
pub use parameters::Parameters;
pub use request::{Headers, Request};
pub use set::{OperationSet, UnknownName};

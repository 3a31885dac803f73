//! S3 operations that a request needs and that are not allowed.

use std::fmt;

use aws_operations::{Operation, OperationSet, Request};

/// The maximum length of a client's text in an error, in bytes.
const SHOWN: usize = 64;

/// Operations that a request asks for, and that are not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedOperations {
    operations: OperationSet,
    /// The method, and the parameter that selects the operation, as they are sent.
    method: String,
    parameter: Option<String>,
    pub(crate) is_administration: bool,
    /// It would be allowed if Host named the bucket.
    pub(crate) path_names_bucket: bool,
}

impl DeniedOperations {
    /// The denied operations of `request`; `None` if all of them are allowed.
    pub fn of(request: &Request<'_>, allowed: OperationSet) -> Option<Self> {
        Self::new(request, request.operations().without(allowed))
    }

    pub(crate) fn new(request: &Request<'_>, operations: OperationSet) -> Option<Self> {
        if operations.is_empty() {
            return None;
        }
        Some(Self {
            operations,
            method: shown(request.method),
            parameter: request.parameters.strange().map(shown),
            is_administration: false,
            path_names_bucket: false,
        })
    }

    /// The denied operations that S3 knows.
    pub fn known(&self) -> OperationSet {
        let unknown = OperationSet::of(Operation::UNKNOWN);
        self.operations.without(unknown)
    }

    /// Whether the path was read as `/bucket/key` because Host is not known to name a bucket, and
    /// the request would be allowed if Host did.
    pub fn path_names_bucket(&self) -> bool {
        self.path_names_bucket
    }

    /// The operation that a log line is about.
    pub fn operation(&self) -> Operation {
        self.operations.strongest().unwrap_or(Operation::UNKNOWN)
    }
}

fn shown(text: &[u8]) -> String {
    let end = text.len().min(SHOWN);
    let rest = if end < text.len() { "..." } else { "" };
    format!("{}{rest}", text[..end].escape_ascii())
}

/// Which operations are denied, without what could allow them.
impl fmt::Display for DeniedOperations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known();
        let mut each = known.iter();
        match (each.next(), each.next()) {
            (Some(operation), None) => write!(f, "operation {operation} is not allowed here"),
            (Some(_), Some(_)) => write!(f, "one of the operations {known} is not allowed here"),
            (None, _) if self.is_administration => {
                f.write_str("the path belongs to the administration interface of an object store")
            }
            (None, _) => {
                f.write_str(&self.method)?;
                if let Some(parameter) = &self.parameter {
                    write!(f, " with the query parameter \"{parameter}\"")?;
                }
                f.write_str(" is not a known S3 operation")
            }
        }
    }
}

impl std::error::Error for DeniedOperations {}

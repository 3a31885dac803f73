//! Which S3 operation a request asks for, and whether it may be signed (`aws_sign_operations`).

use std::fmt;

use aws_operations::{Headers, Levels, Operation, OperationSet, Request, is_administration};

use crate::bucket_host::host_names_bucket;
use crate::destination::{Addressing, Destination};
use crate::error::SealError;
use crate::head::Line;
use crate::target::Target;
use crate::terms::{Job, Policy};

/// The longest text of a client that an error shows, in bytes.
const SHOWN: usize = 64;

/// What to do with an HTML form that uploads to S3.
pub const FORM_ADVICE: &str = "S3 rejects a signed HTML form (multipart/form-data), which is authorized by \
    the policy in it: have browsers upload with PUT or a presigned URL, or send the form to the bucket \
    directly";

/// Operations that a request asks for, and that may not be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    operations: OperationSet,
    /// The method, and the parameter that chooses the operation, as they are sent.
    method: String,
    parameter: Option<String>,
    is_administration: bool,
    /// It would be allowed, if Host named the bucket.
    path_names_bucket: bool,
}

impl Denied {
    /// What is denied of `request`; `None` if all of it is allowed.
    pub fn of(request: &Request<'_>, allowed: OperationSet) -> Option<Self> {
        Self::new(request, request.operations().without(allowed))
    }

    fn new(request: &Request<'_>, operations: OperationSet) -> Option<Self> {
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

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = OperationSet::of(Operation::UNKNOWN);
        let known = self.operations.without(unknown);
        let mut each = known.iter();
        match (each.next(), each.next()) {
            (Some(operation), None) => write!(
                f,
                "operation {operation} is not allowed here: list \"{operation}\" or its class \
                 \"{}\" in \"aws_sign_operations\"",
                operation.class()
            )?,
            (Some(_), Some(_)) => write!(
                f,
                "one of the operations {known} is not allowed here: list it or its class in \
                 \"aws_sign_operations\""
            )?,
            (None, _) if self.is_administration => f.write_str(
                "the path belongs to the administration interface of an object store: list \"admin\" \
                 in \"aws_sign_operations\" to allow it",
            )?,
            (None, _) => {
                write!(f, "{}", self.method)?;
                if let Some(parameter) = &self.parameter {
                    write!(f, " with the query parameter \"{parameter}\"")?;
                }
                f.write_str(
                    " is not a known S3 operation: list \"admin\" in \"aws_sign_operations\" to \
                     allow it",
                )?;
            }
        }
        if self.operation().name() == "PostObject" {
            write!(f, "; {FORM_ADVICE}")?;
        }
        if self.path_names_bucket {
            f.write_str(
                "; the path is read as /bucket/key, because Host is not known to name a bucket: if it \
                 does, set \"aws_s3_bucket\", \"aws_endpoint\" or \"aws_addressing_style virtual\"",
            )?;
        }
        Ok(())
    }
}

/// The operations that servers may see in the request, if all of them may be signed.
pub(crate) fn judge(
    job: &Job<'_, '_>,
    lines: &[Line],
    target: &Target<'_>,
    sealed: &[u8],
) -> Result<OperationSet, SealError> {
    let path = &sealed[target.path.clone()];
    let naming = naming(job.policy, &job.destination, || host(job, lines));
    let in_host = naming == Naming::Host;
    let request = Request {
        method: job.line.method,
        levels: Levels::of_path(path, in_host),
        parameters: target.parameters,
        headers: headers(job, lines),
    };
    let mut needed = request.operations();
    let is_administration = is_administration(path, in_host);
    if is_administration {
        needed = needed.with(OperationSet::of(Operation::UNKNOWN));
    }
    let allowed = job.policy.operations;
    let Some(denied) = Denied::new(&request, needed.without(allowed)) else {
        return Ok(needed);
    };
    let in_virtual_host = Request {
        levels: Levels::of_path(path, true),
        ..request
    };
    let path_names_bucket =
        naming == Naming::Assumed && !is_administration && in_virtual_host.is_allowed(allowed);
    Err(SealError::OperationDenied(Box::new(Denied {
        is_administration,
        path_names_bucket,
        ..denied
    })))
}

/// What names the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    Host,
    Path,
    /// The path, because nothing says otherwise.
    Assumed,
}

fn naming<'h>(
    policy: &Policy,
    destination: &Destination<'_>,
    host: impl FnOnce() -> &'h [u8],
) -> Naming {
    let addressing = match *destination {
        Destination::Bucket { addressing, .. } => Some(addressing),
        _ => policy.addressing,
    };
    let endpoint = match *destination {
        Destination::AsSentBelow { endpoint } => Some(endpoint),
        _ => None,
    };
    match addressing {
        Some(Addressing::Virtual) => Naming::Host,
        Some(Addressing::Path) => Naming::Path,
        None if host_names_bucket(host(), endpoint) => Naming::Host,
        None => Naming::Assumed,
    }
}

/// The Host that is sent, if it is the one that nginx has written.
fn host<'h>(job: &Job<'h, '_>, lines: &[Line]) -> &'h [u8] {
    let head = job.request.head;
    lines
        .iter()
        .find(|line| head[line.name.clone()].eq_ignore_ascii_case(b"host"))
        .map_or(b"", |line| &head[line.value.clone()])
}

/// Only methods that write have a header that tells operations apart.
fn headers(job: &Job<'_, '_>, lines: &[Line]) -> Headers {
    let head = job.request.head;
    let find = |name: &[u8]| {
        let mut lines = lines.iter();
        lines.find(|line| head[line.name.clone()].eq_ignore_ascii_case(name))
    };
    let mut headers = Headers::default();
    match job.line.method {
        b"PUT" => headers.copy_source = find(b"x-amz-copy-source").is_some(),
        b"POST" => {
            headers.request_route = find(b"x-amz-request-route").is_some();
            headers.form = lines.iter().any(|line| {
                head[line.name.clone()].eq_ignore_ascii_case(b"content-type")
                    && is_form(&head[line.value.clone()])
            });
        }
        _ => {}
    }
    headers
}

/// Whether a Content-Type is that of an HTML form which uploads files.
pub fn is_form(content_type: &[u8]) -> bool {
    const FORM: &[u8] = b"multipart/form-data";
    let start = content_type.get(..FORM.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(FORM))
}

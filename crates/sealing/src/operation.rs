//! Which S3 operation a request asks for, and whether it is allowed (`aws_sign_operations`).

use aws_operations::{Headers, Levels, Operation, OperationSet, Request, is_administration};

use crate::bucket_host::host_names_bucket;
use crate::context::SealContext;
use crate::denied_operations::DeniedOperations;
use crate::destination::{Addressing, Destination};
use crate::error::SealError;
use crate::head::Line;
use crate::policy::Policy;
use crate::request_line::Target;

/// The operations that servers can see in the request, if all of them are allowed.
pub(crate) fn check(
    context: &SealContext<'_, '_>,
    lines: &[Line],
    target: &Target<'_>,
    sealed: &[u8],
) -> Result<OperationSet, SealError> {
    let path = &sealed[target.path.clone()];
    let naming = naming(context.policy, &context.destination, || {
        host(context, lines)
    });
    let in_host = naming == Naming::Host;
    let request = Request {
        method: context.line.method,
        levels: Levels::of_path(path, in_host),
        parameters: target.parameters,
        headers: headers(context, lines),
    };
    let mut needed = request.operations();
    let is_administration = is_administration(path, in_host);
    if is_administration {
        needed = needed.with(OperationSet::of(Operation::UNKNOWN));
    }
    let allowed = context.policy.operations;
    let Some(mut denied) = DeniedOperations::new(&request, needed.without(allowed)) else {
        return Ok(needed);
    };
    let in_virtual_host = Request {
        levels: Levels::of_path(path, true),
        ..request
    };
    denied.is_administration = is_administration;
    denied.path_names_bucket =
        naming == Naming::Assumed && !is_administration && in_virtual_host.is_allowed(allowed);
    Err(SealError::OperationDenied(Box::new(denied)))
}

/// What names the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    Host,
    Path,
    /// The path, because nothing shows otherwise.
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
fn host<'h>(context: &SealContext<'h, '_>, lines: &[Line]) -> &'h [u8] {
    let head = context.request.head;
    lines
        .iter()
        .find(|line| head[line.name.clone()].eq_ignore_ascii_case(b"host"))
        .map_or(b"", |line| &head[line.value.clone()])
}

/// Only methods that write have a header that distinguishes operations.
fn headers(context: &SealContext<'_, '_>, lines: &[Line]) -> Headers {
    let head = context.request.head;
    let find = |name: &[u8]| {
        let mut lines = lines.iter();
        lines.find(|line| head[line.name.clone()].eq_ignore_ascii_case(name))
    };
    let mut headers = Headers::default();
    match context.line.method {
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

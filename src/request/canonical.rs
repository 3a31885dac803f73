//! Canonical requests in a debug log: the module's, and the upstream's if it reports a different
//! one. Secrets are never logged.

use crate::ffi::http::request::Request;

/// Headers whose values are secrets: the module's, or of the client's own encryption (SSE-C).
const SECRET_HEADERS: [&[u8]; 3] = [
    b"x-amz-security-token",
    b"x-amz-server-side-encryption-customer-key",
    b"x-amz-copy-source-server-side-encryption-customer-key",
];

/// The token in a query.
const SECRET_PARAMETER: &[u8] = b"X-Amz-Security-Token=";

/// Writes the lines of the canonical request of `whose`, in a debug log only.
pub(super) fn log<'a>(request: &Request, whose: &str, lines: impl Iterator<Item = &'a [u8]>) {
    request.log().debug(|write| {
        for line in lines {
            match secret(line) {
                Some(start) => write(format_args!("{whose}: {}***", line[..start].escape_ascii())),
                None => write(format_args!("{whose}: {}", line.escape_ascii())),
            }
        }
    });
}

/// Where in the line a secret begins.
fn secret(line: &[u8]) -> Option<usize> {
    let colon = line.iter().position(|byte| *byte == b':');
    if let Some(colon) = colon
        && SECRET_HEADERS.contains(&&line[..colon])
    {
        return Some(colon + 1);
    }
    line.windows(SECRET_PARAMETER.len())
        .position(|part| part.eq_ignore_ascii_case(SECRET_PARAMETER))
        .map(|start| start + SECRET_PARAMETER.len())
}

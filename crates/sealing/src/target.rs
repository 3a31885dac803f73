//! How nginx composes a request target, and which part of it is the path and which the query.

mod form;
mod split;

use crate::error::SealError;

pub use form::{Form, Part};
pub use split::TargetSource;

/// Path and query of a target in origin form. `?a=b` alone is what `proxy_pass http://host?a=b`
/// sends.
pub(crate) fn split_target<'a>(
    target: &'a [u8],
    source: &TargetSource<'_>,
) -> Result<(&'a [u8], &'a [u8]), SealError> {
    if !matches!(target, [b'/' | b'?', ..]) {
        return Err(SealError::TargetForm);
    }
    let end = source.path_end(target)?;
    Ok((&target[..end], target.get(end + 1..).unwrap_or_default()))
}

/// Services other than S3 resolve such segments, and would reach what the client's location does
/// not cover. nginx has resolved those that it has seen.
pub(crate) fn reject_dot_segment(path: &[u8]) -> Result<(), SealError> {
    match aws_signing::path::has_dot_segment(path) {
        true => Err(SealError::DotSegment),
        false => Ok(()),
    }
}

impl TargetSource<'_> {
    /// Whether `target` would be sealed for S3, or another service, as far as its path and the
    /// names of its parameters determine this. To be used before nginx sends it.
    pub fn check_target(&self, target: &[u8], s3: bool) -> Result<(), SealError> {
        let (path, _) = split_target(target, self)?;
        if s3 { Ok(()) } else { reject_dot_segment(path) }
    }
}

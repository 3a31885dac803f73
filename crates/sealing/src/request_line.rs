//! Writes the request line: the method and the target, in the form that is sent and in the form
//! that is signed.

use std::collections::TryReserveError;
use std::ops::Range;

use aws_operations::Parameters;
use aws_signing::query::Canonicalizer;

use crate::context::SealContext;
use crate::destination::{Addressing, Destination};
use crate::error::SealError;
use crate::forwarding;
use crate::target::{reject_dot_segment, split_target};

/// Where the canonical path and query are in the sealed head, for S3, and the parameters of the
/// query.
pub(crate) struct Target<'r> {
    pub(crate) path: Range<usize>,
    pub(crate) query: Range<usize>,
    /// The parameters that are sent to S3.
    pub(crate) parameters: Parameters<'r>,
}

/// Writes targets in buffers that it keeps.
#[derive(Default)]
pub(crate) struct TargetWriter {
    canonicalizer: Canonicalizer,
    /// The canonical path and query for services other than S3, which differ from those that are
    /// sent.
    pub(crate) path: Vec<u8>,
    pub(crate) query: Vec<u8>,
}

impl TargetWriter {
    /// Reserves memory for targets of `length` bytes once they are encoded.
    pub(crate) fn try_reserve(&mut self, length: usize) -> Result<(), TryReserveError> {
        self.path.clear();
        self.query.clear();
        self.path.try_reserve(length)?;
        self.query.try_reserve(length)
    }

    /// Writes method and target, without what follows them on the request line. For S3, target and
    /// canonical form are the same bytes; for other services the canonical form goes to `self.path`
    /// and `self.query`.
    pub(crate) fn write<'r>(
        &mut self,
        context: &SealContext<'r, '_>,
        out: &mut Vec<u8>,
    ) -> Result<Target<'r>, SealError> {
        let SealContext {
            request,
            line,
            policy,
            destination,
            s3,
            ..
        } = *context;
        let target = &request.head[request.target.clone()];
        reject_control_byte(target)?;
        let (path, query) = split_target(target, &request.source)?;

        out.extend_from_slice(line.method);
        out.push(b' ');
        let path_start = out.len();
        if s3 {
            if let Destination::Bucket {
                bucket,
                addressing: Addressing::Path,
                ..
            } = destination
            {
                out.push(b'/');
                out.extend_from_slice(bucket);
            }
            aws_signing::path::s3(path, out);
        } else {
            reject_dot_segment(path)?;
            aws_signing::path::service_wire(path, out);
        }
        let path = path_start..out.len();

        out.push(b'?');
        let query_start = out.len();
        let overrides = policy.response_overrides;
        let mut parameters = Parameters::default();
        if s3 {
            self.canonicalizer.write(
                query,
                |parameter| {
                    let passes = forwarding::forwards_parameter(parameter, true, overrides);
                    if passes {
                        parameters.note(parameter.name, parameter.value);
                    }
                    passes
                },
                out,
            );
        } else {
            aws_signing::query::service_wire(
                query,
                |parameter| forwarding::forwards_parameter(parameter, false, overrides),
                out,
            );
            aws_signing::path::double_encoded(&out[path.clone()], &mut self.path);
            self.canonicalizer
                .write(&out[query_start..], |_| true, &mut self.query);
        }
        let query = query_start..out.len();
        if query.is_empty() {
            out.pop();
        }
        Ok(Target {
            path,
            query: if query.is_empty() { 0..0 } else { query },
            parameters,
        })
    }
}

fn reject_control_byte(target: &[u8]) -> Result<(), SealError> {
    // Not stopping at the first match lets the compiler compare many bytes at once.
    let found = target
        .iter()
        .fold(false, |found, &byte| found | (byte < b' ') | (byte == 0x7f));
    if !found {
        return Ok(());
    }
    let control = target.iter().find(|byte| byte.is_ascii_control());
    Err(SealError::ControlByteInTarget(*control.unwrap_or(&0)))
}

//! Assembles the sealed head: canonical target, filtered lines, signature.

use std::ops::Range;

use aws_operations::{Operation, OperationSet};
use aws_signing::chunked::ChunkSigner;
use aws_signing::{Header, Timestamp};
use smallvec::SmallVec;

use crate::context::SealContext;
use crate::destination::{BUCKET_ROOM, Destination};
use crate::error::SealError;
use crate::head::{self, Line};
use crate::identity::{Identity, Key, Version};
use crate::lines::{self, Indices};
use crate::operation;
use crate::policy::Policy;
use crate::request_line::TargetWriter;
use crate::signature::{self, Signers};
use crate::unsigned::Unsigned;

/// Seals requests one after the other in buffers that it keeps.
#[derive(Default)]
pub struct Sealer {
    sealed: Vec<u8>,
    /// The header lines, if the request line must be written after them: a signature in the query
    /// names the headers that it covers.
    lines_apart: Vec<u8>,
    lines: Vec<Line>,
    /// The client's lines that are not sent, though they could be allowed.
    dropped: Indices,
    target: TargetWriter,
    signers: Signers,
    /// The last signature, if chunks can be signed after it.
    seed: Option<[u8; 64]>,
    /// Where the last target is in `sealed`, if it holds the signature.
    signed_target: Option<Range<usize>>,
    /// The S3 operations that servers can see in the last head.
    operations: OperationSet,
}

impl Sealer {
    /// A sealer with empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The head to send instead of `request.head`.
    pub fn seal(
        &mut self,
        request: &Unsigned<'_>,
        policy: &Policy,
        destination: &Destination<'_>,
        identity: &Identity<'_>,
        now: &Timestamp,
    ) -> Result<&[u8], SealError> {
        if head::is_http2(request.head) {
            return Err(SealError::Http2Upstream);
        }
        let line = head::parse(request.head, &request.target, &mut self.lines)?;
        let first_client_line = request
            .sources
            .first_client_line(request.head, &self.lines)?;
        if !policy.methods.contains(line.method) {
            return Err(SealError::MethodNotSigned(
                line.method.escape_ascii().to_string(),
            ));
        }
        self.reserve(request, policy, destination, identity)?;

        let s3 = identity.is_s3();
        self.seed = None;
        self.signed_target = None;
        self.dropped.clear();
        self.operations = OperationSet::EMPTY;
        self.write(&SealContext {
            request,
            line,
            first_client_line,
            policy,
            destination: if s3 {
                *destination
            } else {
                Destination::AsSent
            },
            identity,
            now,
            s3,
        })?;
        Ok(&self.sealed)
    }

    fn write(&mut self, context: &SealContext<'_, '_>) -> Result<(), SealError> {
        let Self {
            sealed,
            lines_apart,
            lines,
            dropped,
            target: writer,
            signers,
            seed,
            signed_target,
            operations,
        } = self;
        let in_query = context.policy.place.is_query();
        let target = writer.write(context, sealed)?;
        if context.s3 {
            *operations = operation::check(context, lines, &target, sealed)?;
        }
        if !in_query {
            end_request_line(context.line.version, sealed);
        }
        let out = if in_query {
            &mut *lines_apart
        } else {
            &mut *sealed
        };
        let signed = lines::write(context, lines, out, dropped)?;

        let text = if in_query { &*lines_apart } else { &*sealed };
        let mut headers: SmallVec<[Header<'_>; 16]> = SmallVec::new();
        headers
            .try_reserve(signed.len())
            .map_err(|_| SealError::OutOfMemory)?;
        headers.extend(signed.into_iter().map(|(name, value)| Header {
            name: &text[name],
            value: &text[value],
        }));
        let (path, query) = if context.s3 {
            (&sealed[target.path.clone()], &sealed[target.query.clone()])
        } else {
            (&writer.path[..], &writer.query[..])
        };
        let bucket = match context.identity.key.version() {
            Version::V2 => bucket_in_host(context, &headers),
            Version::V4 => SmallVec::new(),
        };
        let request = signature::Request {
            method: context.line.method,
            bucket: (!bucket.is_empty()).then_some(&bucket[..]),
            path,
            query,
            headers: &mut headers,
            payload: context.request.payload.line,
        };
        let signature =
            signers.sign(context.identity, context.policy.place, request, context.now)?;
        drop(headers);
        *seed = signature.seed();

        let access_key = context.identity.access_key;
        signature.write(access_key, target.path.end, context.s3, sealed);
        if in_query {
            *signed_target = Some(target.path.start..sealed.len());
            end_request_line(context.line.version, sealed);
            sealed.extend_from_slice(lines_apart);
        }
        sealed.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// The chain of chunk signatures that continues the last head's. `None` if none was sealed, or
    /// there is no memory.
    pub fn chunk_signer(&self, identity: &Identity<'_>, now: &Timestamp) -> Option<ChunkSigner> {
        let (seed, Key::V4 { scope, key }) = (self.seed.as_ref()?, identity.key) else {
            return None;
        };
        ChunkSigner::new(key, scope, now, seed).ok()
    }

    /// Where in the last unsigned head the names of the client's headers are that were not sent,
    /// since `aws_pass_headers` does not list them.
    pub fn dropped(&self) -> impl Iterator<Item = Range<usize>> {
        self.dropped
            .iter()
            .map(|line| self.lines[*line].name.clone())
    }

    /// The last head's target, if it contains the signature.
    pub fn signed_target(&self) -> Option<&[u8]> {
        self.signed_target
            .clone()
            .map(|target| &self.sealed[target])
    }

    /// The S3 operation that the last head asks for; if servers can see several in it, the one that
    /// can do most harm. `None` for other services, or if nothing was sealed.
    pub fn operation(&self) -> Option<Operation> {
        self.operations.strongest()
    }

    /// What the last head's signature signs, for a debug log, and AWS's name for it: the canonical
    /// request, or the string that Version 2 signs.
    pub fn signed_text(&self) -> (&'static str, &[u8]) {
        self.signers.signed_text()
    }

    /// Empties the buffer and reserves memory for the longest possible head, so that a failed
    /// allocation is an error and does not end the worker.
    fn reserve(
        &mut self,
        request: &Unsigned<'_>,
        policy: &Policy,
        destination: &Destination<'_>,
        identity: &Identity<'_>,
    ) -> Result<(), SealError> {
        // Names, separators, dates, lengths, hashes and CRLFs of what is appended.
        const FIXED: usize = 1024;
        // The length of an encoded byte in a query.
        const ENCODED: usize = 3;
        let trailers = request.payload.unframed.unwrap_or_default().iter();
        let trailers = trailers.map(|trailer| 2 * trailer.name.len() + trailer.value.len() + 4);
        let host = match destination {
            Destination::AsSent | Destination::AsSentBelow { .. } => 0,
            Destination::Bucket {
                bucket, endpoint, ..
            } => 2 * bucket.len() + endpoint.len(),
        };
        let scope = match identity.key {
            Key::V4 { scope, .. } => scope.as_str().len(),
            Key::V2(_) => 0,
        };
        let lines = request.head.len() + host + trailers.sum::<usize>();
        let signer = identity.session_token.map_or(0, <[u8]>::len)
            + identity.access_key.len()
            + scope
            // The names again, in SignedHeaders.
            + request.head.len();
        let encoded = if policy.place.is_query() { ENCODED } else { 1 };
        let most = lines + 4 * request.target.len() + encoded * signer + FIXED;
        self.sealed.clear();
        self.lines_apart.clear();
        self.sealed
            .try_reserve(most)
            .and_then(|()| self.lines_apart.try_reserve(most))
            .and_then(|()| self.target.try_reserve(most))
            .and_then(|()| self.signers.try_reserve(most))
            .map_err(|_| SealError::OutOfMemory)
    }
}

/// The bucket that Host names, in lower case; empty if the path must name it.
fn bucket_in_host(
    context: &SealContext<'_, '_>,
    headers: &[Header<'_>],
) -> SmallVec<[u8; BUCKET_ROOM]> {
    let mut headers = headers.iter();
    let host = headers.find(|header| header.name.eq_ignore_ascii_case(b"host"));
    context
        .destination
        .bucket_in(host.map_or(b"", |host| host.value))
}

fn end_request_line(version: &[u8], out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(version);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;

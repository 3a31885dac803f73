//! Puts the sealed head together: canonical target, filtered lines, signature.

use aws_signing::chunked::ChunkSigner;
use aws_signing::{Header, Request, Signer, Timestamp};
use smallvec::SmallVec;

use crate::destination::Destination;
use crate::error::SealError;
use crate::head::{self, HeadError, Line};
use crate::lines;
use crate::target::TargetWriter;
use crate::terms::{Identity, Job, Key, Policy, Unsigned};

/// Seals requests one after the other in buffers that it keeps.
#[derive(Default)]
pub struct Sealer {
    sealed: Vec<u8>,
    lines: Vec<Line>,
    target: TargetWriter,
    signer: Signer,
    signature: Option<[u8; 64]>,
}

impl Sealer {
    /// A sealer with empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The head to send in place of `request.head`.
    pub fn seal(
        &mut self,
        request: &Unsigned<'_>,
        policy: &Policy,
        destination: &Destination<'_>,
        identity: &Identity<'_>,
        now: &Timestamp,
    ) -> Result<&[u8], SealError> {
        // What nginx sends over HTTP/2 begins with the connection preface.
        if request.head.starts_with(b"PRI * HTTP/2.0\r\n") {
            return Err(SealError::Http2Upstream);
        }
        let line = head::parse(request.head, &request.target, &mut self.lines)?;
        let injected = head::injected_line(request.head, &self.lines, request.uri).or_else(|| {
            head::injected_line_encoded(request.head, &self.lines, request.request_uri)
        });
        if let Some(number) = injected {
            return Err(HeadError::InjectedLine { number }.into());
        }
        if !policy.methods.contains(line.method) {
            return Err(SealError::MethodNotSigned(
                line.method.escape_ascii().to_string(),
            ));
        }
        self.reserve(request, destination, identity)?;

        let Key::V4 { scope, key } = identity.key else {
            return Err(SealError::Version2);
        };
        let s3 = identity.is_s3();
        let job = Job {
            request,
            line,
            policy,
            destination: if s3 {
                *destination
            } else {
                Destination::AsSent
            },
            identity,
            now,
            s3,
        };
        let Self {
            sealed,
            lines,
            target: writer,
            signer,
            signature: last_signature,
        } = self;
        let target = writer.write(&job, sealed)?;
        let signed = lines::write(&job, lines, sealed)?;

        let (path, query) = if s3 {
            (&sealed[target.path], &sealed[target.query])
        } else {
            (&writer.path[..], &writer.query[..])
        };
        let mut headers: SmallVec<[Header<'_>; 16]> = SmallVec::new();
        headers
            .try_reserve(signed.len())
            .map_err(|_| SealError::OutOfMemory)?;
        headers.extend(signed.into_iter().map(|(name, value)| Header {
            name: &sealed[name],
            value: &sealed[value],
        }));
        let signature = signer.sign(
            &mut Request {
                method: job.line.method,
                path,
                query,
                headers: &mut headers,
                payload: request.payload.line,
            },
            key,
            scope,
            now,
        )?;
        drop(headers);
        *last_signature = Some(*signature.hex());

        sealed.extend_from_slice(b"Authorization: ");
        signature.write_authorization(identity.access_key, sealed);
        sealed.extend_from_slice(b"\r\n\r\n");
        Ok(sealed)
    }

    /// The chain of chunk signatures that continues the last head's. `None` where none was sealed,
    /// or there is no memory.
    pub fn chunk_signer(&self, identity: &Identity<'_>, now: &Timestamp) -> Option<ChunkSigner> {
        let (seed, Key::V4 { scope, key }) = (self.signature.as_ref()?, identity.key) else {
            return None;
        };
        ChunkSigner::new(key, scope, now, seed).ok()
    }

    /// The canonical request of the last head sealed, for a debug log.
    pub fn canonical_request(&self) -> &[u8] {
        self.signer.canonical_request()
    }

    /// Empties the buffer and makes room for the most a head can grow to, so that a failed
    /// allocation is an error and not the worker's end.
    fn reserve(
        &mut self,
        request: &Unsigned<'_>,
        destination: &Destination<'_>,
        identity: &Identity<'_>,
    ) -> Result<(), SealError> {
        // Names, separators, dates, lengths, hashes and CRLFs of what is appended.
        const FIXED: usize = 1024;
        let trailers = request.payload.unframed.unwrap_or_default().iter();
        let trailers = trailers.map(|trailer| 2 * trailer.name.len() + trailer.value.len() + 4);
        let host = match destination {
            Destination::AsSent => 0,
            Destination::Bucket {
                bucket, endpoint, ..
            } => 2 * bucket.len() + endpoint.len(),
        };
        let scope = match identity.key {
            Key::V4 { scope, .. } => scope.as_str().len(),
            Key::V2(_) => 0,
        };
        let most = request.head.len()
            + 4 * request.target.len()
            + host
            + trailers.sum::<usize>()
            + identity.session_token.map_or(0, <[u8]>::len)
            + identity.access_key.len()
            + scope
            // The names once more, in SignedHeaders.
            + request.head.len()
            + FIXED;
        self.sealed.clear();
        self.sealed
            .try_reserve(most)
            .and_then(|()| self.target.try_reserve(most))
            .and_then(|()| self.signer.try_reserve(most))
            .map_err(|_| SealError::OutOfMemory)
    }
}

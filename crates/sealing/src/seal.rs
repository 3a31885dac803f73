//! Puts the sealed head together: canonical target, filtered lines, signature.

use std::ops::Range;

use aws_signing::query::Canonicalizer;
use aws_signing::{CredentialScope, Header, Request, Signer, SigningKey, Timestamp};
use smallvec::SmallVec;

use crate::deputy::{self, PassHeaders, SignedHeaders};
use crate::destination::{Addressing, Destination};
use crate::error::SealError;
use crate::head::{self, HeadError, Line, RequestLine};
use crate::method::{self, MethodSet};

/// A serialised request head that must not be sent as it is.
pub struct Unsigned<'a> {
    /// Request line, header lines and the empty line.
    pub head: &'a [u8],
    /// Where the request target stands in `head`.
    pub target: Range<usize>,
    /// The request's URI, decoded, as `$uri` shows it.
    pub uri: &'a [u8],
    /// The last line of the canonical request: the payload's SHA-256 in hex, or a literal such
    /// as `UNSIGNED-PAYLOAD`. It is also sent, as x-amz-content-sha256.
    pub payload: &'a [u8],
    /// The request's body is not sent: its Content-Length and Transfer-Encoding go too.
    pub drop_body: bool,
    /// The headers as the client sent them, in order; `None` where there is no memory for them.
    /// Asked for only where a line needs it.
    pub client_headers: &'a dyn Fn() -> Option<Vec<Header<'a>>>,
}

/// What a location allows and signs, other than the credentials.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `aws_sign_methods`
    pub methods: MethodSet,
    /// `aws_pass_headers`
    pub pass_headers: PassHeaders,
    /// `aws_signed_headers`
    pub signed_headers: SignedHeaders,
    /// `aws_response_overrides`
    pub response_overrides: bool,
}

/// Who signs, and with what.
pub struct Identity<'a> {
    /// The access key ID, checked by [`crate::value::access_key`].
    pub access_key: &'a [u8],
    /// The session token of temporary credentials, checked by [`crate::value::secret`].
    pub session_token: Option<&'a [u8]>,
    /// The scope `key` was derived for. Its service decides between S3's rules and the others'.
    pub scope: &'a CredentialScope,
    /// The signing key.
    pub key: &'a SigningKey,
}

/// Seals requests one after the other in buffers that it keeps.
#[derive(Default)]
pub struct Sealer {
    sealed: Vec<u8>,
    lines: Vec<Line>,
    path: Vec<u8>,
    query: Vec<u8>,
    canonicalizer: Canonicalizer,
    signer: Signer,
}

/// Headers to sign, without an allocation for the usual few.
type Signed = SmallVec<[(Range<usize>, Range<usize>); 16]>;

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
        self.lines.clear();
        let lines = memchr::memchr_iter(b'\n', request.head).count();
        self.lines
            .try_reserve(lines)
            .map_err(|_| SealError::OutOfMemory)?;
        let line = head::parse(request.head, &request.target, &mut self.lines)?;
        if let Some(number) = head::injected_line(request.head, &self.lines, request.uri) {
            return Err(HeadError::InjectedLine { number }.into());
        }
        if !policy.methods.contains(line.method) {
            return Err(SealError::MethodNotSigned(
                line.method.escape_ascii().to_string(),
            ));
        }
        self.reserve(request, destination, identity)?;

        let s3 = is_s3(identity.scope.service());
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
        let target = self.write_request_line(&job)?;
        let signed = self.write_headers(&job)?;

        let Self {
            sealed,
            path,
            query,
            signer,
            ..
        } = self;
        let (path, query) = if s3 {
            (&sealed[target.path], &sealed[target.query])
        } else {
            (&path[..], &query[..])
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
                payload: request.payload,
            },
            identity.key,
            identity.scope,
            now,
        )?;
        drop(headers);

        sealed.extend_from_slice(b"Authorization: ");
        signature.write_authorization(identity.access_key, sealed);
        sealed.extend_from_slice(b"\r\n\r\n");
        Ok(sealed)
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
        // Names, separators, dates, hashes and CRLFs of what is appended.
        const FIXED: usize = 1024;
        let host = match destination {
            Destination::AsSent => 0,
            Destination::Bucket {
                bucket, endpoint, ..
            } => 2 * bucket.len() + endpoint.len(),
        };
        let most = request.head.len()
            + 4 * request.target.len()
            + host
            + identity.session_token.map_or(0, <[u8]>::len)
            + identity.access_key.len()
            + identity.scope.as_str().len()
            // The names once more, in SignedHeaders.
            + request.head.len()
            + FIXED;
        self.sealed.clear();
        self.sealed
            .try_reserve(most)
            .map_err(|_| SealError::OutOfMemory)
    }

    /// Writes the request line. For S3, target and canonical form are the same bytes; for other
    /// services the canonical form goes to `self.path` and `self.query`.
    fn write_request_line(&mut self, job: &Job<'_, '_>) -> Result<Target, SealError> {
        let Job {
            request,
            line,
            policy,
            destination,
            s3,
            ..
        } = *job;
        let target = &request.head[request.target.clone()];
        if let Some(control) = target.iter().find(|byte| byte.is_ascii_control()) {
            return Err(SealError::ControlByteInTarget(*control));
        }
        let (path, query) = split_target(target)?;
        let out = &mut self.sealed;

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
            if aws_signing::path::has_encoded_dot_segment(path) {
                return Err(SealError::HiddenDotSegment);
            }
            aws_signing::path::service_wire(path, out);
        }
        let path = path_start..out.len();

        out.push(b'?');
        let query_start = out.len();
        let overrides = policy.response_overrides;
        if s3 {
            self.canonicalizer.write(
                query,
                |parameter| deputy::passes_parameter(parameter, true, overrides),
                out,
            );
        } else {
            aws_signing::query::service_wire(
                query,
                |parameter| deputy::passes_parameter(parameter, false, overrides),
                out,
            );
            self.path.clear();
            self.query.clear();
            aws_signing::path::double_encoded(&out[path.clone()], &mut self.path);
            self.canonicalizer
                .write(&out[query_start..], |_| true, &mut self.query);
        }
        let query = query_start..out.len();
        if query.is_empty() {
            out.pop();
        }

        out.push(b' ');
        out.extend_from_slice(line.version);
        out.extend_from_slice(b"\r\n");
        Ok(Target {
            path,
            query: if query.is_empty() { 0..0 } else { query },
        })
    }

    /// Writes the header lines and returns which of them are signed.
    fn write_headers(&mut self, job: &Job<'_, '_>) -> Result<Signed, SealError> {
        let Job {
            request,
            line,
            policy,
            destination,
            identity,
            now,
            s3,
        } = *job;
        let head = request.head;
        let out = &mut self.sealed;
        let mut signed = Signed::new();
        // Those that are sent, and what is added: Host, date, payload, token.
        signed
            .try_reserve(self.lines.len() + 4)
            .map_err(|_| SealError::OutOfMemory)?;
        let mut host_written = false;
        let mut first_client_line = None;

        for (at, header) in self.lines.iter().enumerate() {
            let name = &head[header.name.clone()];
            let mut sign = false;
            match Kind::of(name) {
                Kind::Host => {
                    if std::mem::replace(&mut host_written, true) {
                        return Err(HeadError::DuplicateHost.into());
                    }
                    if let Destination::Bucket { .. } = destination {
                        signed.push(write_host(destination, out));
                        continue;
                    }
                    if header.value.is_empty() {
                        return Err(SealError::MissingHost);
                    }
                    sign = true;
                }
                Kind::BodyLength if request.drop_body => continue,
                Kind::BodyLength => {
                    if &head[header.value.clone()] != b"0" {
                        return Err(SealError::UnexpectedBody);
                    }
                }
                Kind::ContentType => sign = !s3,
                Kind::Ours => continue,
                Kind::Amz => {
                    let first = match first_client_line {
                        Some(first) => first,
                        None => {
                            let client =
                                (request.client_headers)().ok_or(SealError::OutOfMemory)?;
                            let first = deputy::first_client_line(head, &self.lines, &client);
                            *first_client_line.insert(first)
                        }
                    };
                    if at >= first && !policy.pass_headers.allows(name) {
                        if method::is_safe(line.method) {
                            continue;
                        }
                        return Err(SealError::HeaderNotPassed(name.escape_ascii().to_string()));
                    }
                    sign = true;
                }
                Kind::Other => {}
            }

            let moved = out.len();
            out.extend_from_slice(&head[header.all.clone()]);
            if sign || policy.signed_headers.contains(name) {
                signed.push((
                    shift(&header.name, header.all.start, moved),
                    shift(&header.value, header.all.start, moved),
                ));
            }
        }

        if !host_written {
            match destination {
                Destination::Bucket { .. } => signed.push(write_host(destination, out)),
                Destination::AsSent => return Err(SealError::MissingHost),
            }
        }
        signed.push(write_header(b"x-amz-date", now.amz_date().as_bytes(), out));
        signed.push(write_header(b"x-amz-content-sha256", request.payload, out));
        if let Some(token) = identity.session_token {
            signed.push(write_header(b"x-amz-security-token", token, out));
        }
        Ok(signed)
    }
}

/// All that one seal goes by.
struct Job<'a, 'r> {
    request: &'a Unsigned<'r>,
    line: RequestLine<'a>,
    policy: &'a Policy,
    destination: Destination<'a>,
    identity: &'a Identity<'a>,
    now: &'a Timestamp,
    /// Whether S3's rules apply.
    s3: bool,
}

/// Where the canonical path and query stand in the sealed head.
struct Target {
    path: Range<usize>,
    query: Range<usize>,
}

/// What a header line means to us.
enum Kind {
    Host,
    BodyLength,
    ContentType,
    Ours,
    Amz,
    Other,
}

impl Kind {
    fn of(name: &[u8]) -> Self {
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        match name.len() {
            4 if is(b"host") => Self::Host,
            12 if is(b"content-type") => Self::ContentType,
            14 if is(b"content-length") => Self::BodyLength,
            17 if is(b"transfer-encoding") => Self::BodyLength,
            13 if is(b"authorization") => Self::Ours,
            _ if !deputy::is_amz(name) => Self::Other,
            _ if deputy::is_ours(name) => Self::Ours,
            _ => Self::Amz,
        }
    }
}

/// Whether a service takes S3's canonical paths: decoded and encoded once, never normalised.
pub fn is_s3(service: &str) -> bool {
    matches!(
        service,
        "s3" | "s3-object-lambda" | "s3-outposts" | "s3express"
    )
}

/// Path and query of a target in origin form. `?a=b` alone is what `proxy_pass http://host?a=b`
/// sends.
fn split_target(target: &[u8]) -> Result<(&[u8], &[u8]), SealError> {
    let end = memchr::memchr(b'?', target).unwrap_or(target.len());
    let (path, query) = (&target[..end], target.get(end + 1..).unwrap_or_default());
    if target.is_empty() || !(path.is_empty() || path.starts_with(b"/")) {
        return Err(SealError::TargetForm);
    }
    Ok((path, query))
}

fn write_host(destination: Destination<'_>, out: &mut Vec<u8>) -> (Range<usize>, Range<usize>) {
    let start = out.len();
    out.extend_from_slice(b"Host: ");
    let value = out.len();
    if let Destination::Bucket {
        bucket,
        endpoint,
        addressing,
    } = destination
    {
        if addressing == Addressing::Virtual {
            out.extend_from_slice(bucket);
            out.push(b'.');
        }
        out.extend_from_slice(endpoint);
    }
    let end = out.len();
    out.extend_from_slice(b"\r\n");
    (start..start + 4, value..end)
}

fn write_header(name: &[u8], value: &[u8], out: &mut Vec<u8>) -> (Range<usize>, Range<usize>) {
    let start = out.len();
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    let end = out.len();
    out.extend_from_slice(b"\r\n");
    (start..start + name.len(), start + name.len() + 2..end)
}

fn shift(range: &Range<usize>, from: usize, to: usize) -> Range<usize> {
    range.start - from + to..range.end - from + to
}

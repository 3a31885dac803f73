//! The header lines: which are sent, which are ours, which are signed.

use std::ops::Range;

use aws_signing::UNSIGNED_PAYLOAD;
use smallvec::SmallVec;

use crate::body_lines::BodyLines;
use crate::caching;
use crate::deputy;
use crate::error::SealError;
use crate::head::{HeadError, Line};
use crate::method;
use crate::style::Version;
use crate::terms::Job;

/// Where the names and values to sign stand in the sealed head; without an allocation for the
/// usual few.
pub(crate) type Signed = SmallVec<[Written; 16]>;

/// Where a header's name and value stand.
pub(crate) type Written = (Range<usize>, Range<usize>);

/// Writes the header lines, but for Authorization, and returns which of them are signed.
pub(crate) fn write(
    job: &Job<'_, '_>,
    lines: &[Line],
    out: &mut Vec<u8>,
) -> Result<Signed, SealError> {
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
    let v2 = identity.key.version() == Version::V2;
    let mut signed = Signed::new();
    // Those that are sent, and what is added: Host, date, payload, token, decoded length, encoding.
    let trailers = request.payload.unframed.unwrap_or_default();
    signed
        .try_reserve(lines.len() + 6 + trailers.len())
        .map_err(|_| SealError::OutOfMemory)?;
    let mut host_written = false;
    let mut body = BodyLines::new(&request.payload);
    let mut first_client_line = None;

    for (at, header) in lines.iter().enumerate() {
        let name = &head[header.name.clone()];
        let value = &head[header.value.clone()];
        let mut sign = false;
        match Kind::of(name) {
            Kind::Host => {
                if std::mem::replace(&mut host_written, true) {
                    return Err(HeadError::DuplicateHost.into());
                }
                if let Some(host) = destination.host() {
                    signed.push(write_header(b"Host", &host, out));
                    continue;
                }
                if value.is_empty() {
                    return Err(SealError::MissingHost);
                }
                sign = true;
            }
            Kind::ContentLength => {
                if !body.keeps_length(value)? {
                    continue;
                }
            }
            Kind::TransferEncoding => {
                if !body.keeps_transfer_encoding(value)? {
                    continue;
                }
            }
            Kind::ContentEncoding => {
                if !body.keeps_encoding(value)? {
                    continue;
                }
            }
            Kind::ContentType => sign = !s3 || v2,
            Kind::ContentMd5 => sign = v2,
            Kind::Ours => continue,
            Kind::Amz if body.replaces(name) => continue,
            Kind::Amz => {
                let first = match first_client_line {
                    Some(first) => first,
                    None => {
                        let client = (request.client_headers)().ok_or(SealError::OutOfMemory)?;
                        let first = deputy::first_client_line(head, lines, &client);
                        *first_client_line.insert(first)
                    }
                };
                if at >= first && request.cacheable && caching::is_checksum_mode(name) {
                    continue;
                }
                if at >= first && !policy.pass_headers.allows(name) {
                    if method::is_safe(line.method) || deputy::is_idle(name) {
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
        if sign || (!v2 && policy.signed_headers.contains(name)) {
            signed.push((
                shift(&header.name, header.all.start, moved),
                shift(&header.value, header.all.start, moved),
            ));
        }
    }

    let encoding = body.write_missing(out, &mut signed)?;
    signed.extend(encoding.filter(|_| policy.signed_headers.contains(b"content-encoding")));
    if !host_written {
        let host = destination.host().ok_or(SealError::MissingHost)?;
        signed.push(write_header(b"Host", &host, out));
    }
    let mut add = |name: &[u8], value: &[u8]| signed.push(write_header(name, &[value], out));
    if policy.place.is_query() {
        // Date and token stand there, too. Where nothing is said of the body, nothing is signed.
        if s3 && !v2 && request.payload.line != UNSIGNED_PAYLOAD.as_bytes() {
            add(b"x-amz-content-sha256", request.payload.line);
        }
        return Ok(signed);
    }
    if v2 {
        add(b"x-amz-date", now.http_date().as_bytes());
    } else {
        add(b"x-amz-date", now.amz_date().as_bytes());
        add(b"x-amz-content-sha256", request.payload.line);
    }
    if let Some(token) = identity.session_token {
        add(b"x-amz-security-token", token);
    }
    Ok(signed)
}

/// What a header line means to us.
enum Kind {
    Host,
    ContentLength,
    TransferEncoding,
    ContentEncoding,
    ContentType,
    ContentMd5,
    Ours,
    Amz,
    Other,
}

impl Kind {
    fn of(name: &[u8]) -> Self {
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        match name.len() {
            4 if is(b"host") => Self::Host,
            11 if is(b"content-md5") => Self::ContentMd5,
            12 if is(b"content-type") => Self::ContentType,
            14 if is(b"content-length") => Self::ContentLength,
            16 if is(b"content-encoding") => Self::ContentEncoding,
            17 if is(b"transfer-encoding") => Self::TransferEncoding,
            _ if deputy::is_ours(name) => Self::Ours,
            _ if deputy::is_amz(name) => Self::Amz,
            _ => Self::Other,
        }
    }
}

/// Writes a header whose value is made of `pieces`, and returns where name and value stand.
pub(crate) fn write_header(name: &[u8], pieces: &[&[u8]], out: &mut Vec<u8>) -> Written {
    let start = out.len();
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    let value = out.len();
    for piece in pieces {
        out.extend_from_slice(piece);
    }
    let end = out.len();
    out.extend_from_slice(b"\r\n");
    (start..start + name.len(), value..end)
}

fn shift(range: &Range<usize>, from: usize, to: usize) -> Range<usize> {
    range.start - from + to..range.end - from + to
}

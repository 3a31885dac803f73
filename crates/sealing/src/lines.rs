//! The header lines: which are sent, which the module writes, which are signed.

mod body;
mod header;

use std::ops::Range;

use aws_signing::UNSIGNED_PAYLOAD;
use smallvec::SmallVec;

use crate::caching;
use crate::context::SealContext;
use crate::error::SealError;
use crate::forwarding::{self, Forwarding};
use crate::head::{HeadError, Line, is_blank};
use crate::identity::Version;
use crate::method;
use crate::vendor::{self, Vendor};
use body::BodyLines;
use header::{SignedPositions, write_header};

/// Indices of header lines; the usual few need no allocation.
pub(crate) type Indices = SmallVec<[usize; 8]>;

/// Writes the header lines, except Authorization, and returns which of them are signed. The
/// client's lines that are left out since they are not allowed are put into `dropped`.
pub(crate) fn write(
    context: &SealContext<'_, '_>,
    lines: &[Line],
    out: &mut Vec<u8>,
    dropped: &mut Indices,
) -> Result<SignedPositions, SealError> {
    let SealContext {
        request,
        line,
        first_client_line,
        policy,
        destination,
        identity,
        now,
        s3,
    } = *context;
    let head = request.head;
    let sources = &request.sources;
    let v2 = identity.key.version() == Version::V2;
    let mut signed = SignedPositions::new();
    // The lines that are sent, and those that are added: Host, date, payload, token, decoded
    // length, encoding.
    let trailers = request.payload.unframed.unwrap_or_default();
    signed
        .try_reserve(lines.len() + 6 + trailers.len())
        .map_err(|_| SealError::OutOfMemory)?;
    let mut host_written = false;
    let mut body = BodyLines::new(&request.payload);
    let mut amz = Indices::new();
    let mut vendor = None;

    for (at, header) in lines.iter().enumerate() {
        let name = &head[header.name.clone()];
        let value = &head[header.value.clone()];
        let is_clients = at >= first_client_line;
        if is_clients && sources.configured.is_alias(name, sources.cacheable) {
            continue;
        }
        let mut sign = false;
        let mut kind = HeaderKind::of(name);
        if is_clients && matches!(kind, HeaderKind::Amz | HeaderKind::Other) {
            let vendor = match vendor::may_be_control_header(name) {
                true => *vendor.get_or_insert_with(|| vendor_of(context, lines)),
                false => None,
            };
            if sources.cacheable && caching::is_checksum_mode(name) {
                continue;
            }
            match forwarding::of_header(name, &policy.pass_headers, vendor) {
                Forwarding::Ordinary => {}
                Forwarding::Listed => kind = HeaderKind::Amz,
                Forwarding::Ignored => continue,
                // What was declared about the aws-chunked encoding, which has been removed.
                Forwarding::NotListed if body.replaces(name) => continue,
                Forwarding::NotListed if method::is_safe(line.method) => {
                    push(dropped, at)?;
                    continue;
                }
                Forwarding::NotListed => {
                    return Err(SealError::HeaderNotPassed(name.escape_ascii().to_string()));
                }
            }
        }
        match kind {
            HeaderKind::Host => {
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
            HeaderKind::ContentLength => {
                if !body.keeps_length(value)? {
                    continue;
                }
            }
            HeaderKind::TransferEncoding => {
                if !body.keeps_transfer_encoding(value)? {
                    continue;
                }
            }
            HeaderKind::ContentEncoding => {
                if !body.keeps_encoding(value)? {
                    continue;
                }
            }
            HeaderKind::OfBody => sign = true,
            HeaderKind::ProxyConnection if is_clients => continue,
            HeaderKind::Ours => continue,
            HeaderKind::Amz => {
                if !body.replaces(name) {
                    push(&mut amz, at)?;
                }
                continue;
            }
            HeaderKind::ProxyConnection | HeaderKind::Other => {}
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
    write_amz(head, lines, &mut amz, out, &mut signed)?;

    let encoding = body.write_missing(out, &mut signed)?;
    signed.extend(encoding.filter(|_| policy.signed_headers.contains(b"content-encoding")));
    if !host_written {
        let host = destination.host().ok_or(SealError::MissingHost)?;
        signed.push(write_header(b"Host", &host, out));
    }
    let mut add = |name: &[u8], value: &[u8]| signed.push(write_header(name, &[value], out));
    if policy.place.is_query() {
        // Date and token are there, too. If nothing is declared about the body, nothing is signed.
        if s3 && !v2 && request.payload.line != UNSIGNED_PAYLOAD.as_bytes() {
            add(b"x-amz-content-sha256", request.payload.line);
        }
        return Ok(signed);
    }
    if v2 {
        add(b"x-amz-date", now.http_date().as_bytes());
    } else {
        add(b"x-amz-date", now.amz_date_bytes());
        add(b"x-amz-content-sha256", request.payload.line);
    }
    if let Some(token) = identity.session_token {
        add(b"x-amz-security-token", token);
    }
    Ok(signed)
}

/// The upstream that the request is sent to, if its control headers have a prefix other than `x-amz-`.
fn vendor_of(context: &SealContext<'_, '_>, lines: &[Line]) -> Option<&'static Vendor> {
    if let Some([_, _, endpoint]) = context.destination.host() {
        return Vendor::of_host(endpoint);
    }
    let head = context.request.head;
    let host = |line: &&Line| head[line.name.clone()].eq_ignore_ascii_case(b"host");
    let host = lines.iter().find(host)?;
    Vendor::of_host(&head[host.value.clone()])
}

/// Writes the lines at the indices `amz` in their canonical form, since servers read other forms
/// differently: one line for each name, with the values joined by commas in the order sent, and
/// single spaces inside them.
fn write_amz(
    head: &[u8],
    lines: &[Line],
    amz: &mut Indices,
    out: &mut Vec<u8>,
    signed: &mut SignedPositions,
) -> Result<(), SealError> {
    let name = |index: usize| &head[lines[index].name.clone()];
    let lower = |index| name(index).iter().map(u8::to_ascii_lowercase);
    // Sorting finds the lines of one name without comparing each line with all others.
    amz.sort_unstable_by(|&a, &b| lower(a).cmp(lower(b)).then(a.cmp(&b)));
    let mut names: SmallVec<[&[usize]; 8]> = SmallVec::new();
    names
        .try_reserve(amz.len())
        .map_err(|_| SealError::OutOfMemory)?;
    names.extend(amz.chunk_by(|&a, &b| name(a).eq_ignore_ascii_case(name(b))));
    names.sort_unstable_by_key(|same| same[0]);

    for same in names {
        let start = out.len();
        out.extend_from_slice(name(same[0]));
        let name_end = out.len();
        out.extend_from_slice(b": ");
        let value = out.len();
        for (nth, index) in same.iter().enumerate() {
            if nth > 0 {
                out.push(b',');
            }
            write_folded(&head[lines[*index].value.clone()], out);
        }
        signed.push((start..name_end, value..out.len()));
        out.extend_from_slice(b"\r\n");
    }
    Ok(())
}

/// Appends a value without outer whitespace, with one space for each run of whitespace.
fn write_folded(value: &[u8], out: &mut Vec<u8>) {
    let words = value.split(|byte| is_blank(*byte));
    for (nth, word) in words.filter(|word| !word.is_empty()).enumerate() {
        if nth > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

fn push(indices: &mut Indices, index: usize) -> Result<(), SealError> {
    indices.try_reserve(1).map_err(|_| SealError::OutOfMemory)?;
    indices.push(index);
    Ok(())
}

/// What a header line means to the module.
enum HeaderKind {
    Host,
    ContentLength,
    TransferEncoding,
    ContentEncoding,
    /// Content-Type or Content-MD5. S3 rejects requests in which the latter is not signed, and
    /// AWS's documentation requires both.
    OfBody,
    ProxyConnection,
    Ours,
    /// A control header of the upstream, which is signed and sent in its canonical form.
    Amz,
    Other,
}

impl HeaderKind {
    fn of(name: &[u8]) -> Self {
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        match name.len() {
            4 if is(b"host") => Self::Host,
            11 if is(b"content-md5") => Self::OfBody,
            12 if is(b"content-type") => Self::OfBody,
            14 if is(b"content-length") => Self::ContentLength,
            16 if is(b"content-encoding") => Self::ContentEncoding,
            16 if is(b"proxy-connection") => Self::ProxyConnection,
            17 if is(b"transfer-encoding") => Self::TransferEncoding,
            _ if forwarding::is_ours(name) => Self::Ours,
            _ if forwarding::is_amz(name) => Self::Amz,
            _ => Self::Other,
        }
    }
}

fn shift(range: &Range<usize>, from: usize, to: usize) -> Range<usize> {
    range.start - from + to..range.end - from + to
}

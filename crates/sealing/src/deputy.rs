//! A safe deputy: whoever reaches a signed location borrows our rights, so what the client says
//! in the signature's own language does not reach the store unless it was allowed to.
//!
//! The rules stand in DESIGN.md, "A safe deputy".

use std::rc::Rc;

use aws_signing::Header;
use aws_signing::query::Parameter;

use crate::head::{Line, trim_blanks};

/// What the client may say by default. Not on it, on purpose: `x-amz-copy-source*`, `-acl`,
/// `-grant-*`, `-tagging`, `-storage-class`, `-object-lock-*`, `-bypass-*`, `-request-payer`,
/// `-target`.
const DEFAULT_PASS: [&str; 8] = [
    "x-amz-meta-*",
    "x-amz-checksum-*",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-checksum-mode",
    "x-amz-server-side-encryption*",
    "x-amz-trailer",
    "x-amz-decoded-content-length",
    "x-amz-content-sha256",
];

/// Headers that are always ours: whatever the client, or `proxy_set_header`, put there is
/// replaced.
const OURS: [&str; 4] = [
    "authorization",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
];

/// Headers that do not reach the store as they are sent, so that signing them would only break
/// the signature.
const UNSIGNABLE: [&str; 10] = [
    "authorization",
    "connection",
    "expect",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-authorization",
    "proxy-connection",
];

/// Why a directive's header name is refused. The text says what to write instead.
pub type NameError = &'static str;

/// Which `x-amz-*` headers of the client are passed on (`aws_pass_headers`). A clone needs no memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassHeaders(Rc<Vec<String>>);

impl PassHeaders {
    /// The list that passes nothing.
    pub fn none() -> Self {
        Self(Rc::default())
    }

    /// Adds a name, or a prefix with `*` at its end. Case does not matter.
    pub fn insert(&mut self, pattern: &[u8]) -> Result<(), NameError> {
        let pattern = header_name(pattern.strip_suffix(b"*").unwrap_or(pattern)).map(|name| {
            if pattern.ends_with(b"*") {
                name + "*"
            } else {
                name
            }
        })?;
        if !pattern.starts_with("x-amz-") {
            return Err("only \"x-amz-\" headers are held back: other headers need no entry");
        }
        if OURS.contains(&pattern.as_str()) && pattern != "x-amz-content-sha256" {
            return Err("this header is always the module's own");
        }
        Rc::make_mut(&mut self.0).push(pattern);
        Ok(())
    }

    /// Whether a header of this name, in any case, may be passed on.
    pub fn allows(&self, name: &[u8]) -> bool {
        self.0
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => starts_with_ignore_case(name, prefix.as_bytes()),
                None => name.eq_ignore_ascii_case(pattern.as_bytes()),
            })
    }
}

impl Default for PassHeaders {
    fn default() -> Self {
        Self(Rc::new(DEFAULT_PASS.map(String::from).to_vec()))
    }
}

/// Headers to sign, where they are sent, beside Host and every `x-amz-*` (`aws_signed_headers`). A clone
/// needs no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedHeaders(Rc<Vec<String>>);

impl SignedHeaders {
    /// Adds a name. Case does not matter.
    pub fn insert(&mut self, name: &[u8]) -> Result<(), NameError> {
        let name = header_name(name)?;
        if UNSIGNABLE.contains(&name.as_str()) {
            return Err("this header does not reach the store as it is sent");
        }
        Rc::make_mut(&mut self.0).push(name);
        Ok(())
    }

    /// Whether a header of this name, in any case, is to be signed.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.0
            .iter()
            .any(|signed| name.eq_ignore_ascii_case(signed.as_bytes()))
    }
}

fn header_name(name: &[u8]) -> Result<String, NameError> {
    // RFC 9110 allows a `*`, but no header has one: it is a pattern where none is understood.
    if !crate::head::is_token(name) || name.contains(&b'*') {
        return Err("not a header name");
    }
    Ok(String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// Whether a header of this name is written by the module and by nobody else.
pub fn is_ours(name: &[u8]) -> bool {
    OURS.iter()
        .any(|ours| name.eq_ignore_ascii_case(ours.as_bytes()))
}

/// Whether a header belongs to the language of AWS requests.
pub fn is_amz(name: &[u8]) -> bool {
    starts_with_ignore_case(name, b"x-amz-")
}

/// Whether a header of the client only says who it is, so that nothing is changed where it is
/// dropped: the SDKs for Rust and for browsers send it with every request.
pub(crate) fn is_idle(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"x-amz-user-agent")
}

/// The first header of the client that may not be passed on with a method that writes.
pub fn first_refused<'a>(
    client: impl IntoIterator<Item = &'a [u8]>,
    pass: &PassHeaders,
) -> Option<&'a [u8]> {
    client
        .into_iter()
        .find(|name| is_amz(name) && !is_ours(name) && !is_idle(name) && !pass.allows(name))
}

/// Whether a query parameter may be sent. The signature's own parameters never are: SigV4's in
/// any case and however they are encoded; to S3, V2's too.
pub fn passes_parameter(parameter: &Parameter<'_>, s3: bool, response_overrides: bool) -> bool {
    if parameter.decoded_name_starts_with_ignore_case(b"x-amz-") {
        return false;
    }
    if !s3 {
        return true;
    }
    if !response_overrides && parameter.decoded_name_starts_with_ignore_case(b"response-") {
        return false;
    }
    !["AWSAccessKeyId", "Signature", "Expires"]
        .iter()
        .any(|name| parameter.decoded_name_eq_ignore_case(name.as_bytes()))
}

/// The index of the first line that came from the client; those before it are nginx's own and
/// the operator's (`proxy_set_header`).
///
/// nginx writes its own lines first, then the client's, in the order they came in, without
/// those whose names it wrote itself. So the client's lines are the longest tail of `lines` that
/// is a subsequence of `client`. Only a client that repeats the operator's last line to the letter
/// is mistaken, and then the line is taken for the client's, that is for the less trusted one.
pub fn first_client_line(head: &[u8], lines: &[Line], client: &[Header<'_>]) -> usize {
    let mut first = lines.len();
    for header in client.iter().rev() {
        let Some(line) = first.checked_sub(1).map(|last| &lines[last]) else {
            break;
        };
        // nginx writes the value as it holds it; ours are trimmed, and so are the client's, by the
        // same rule: one line that does not match would make all before it nginx's own.
        if &head[line.name.clone()] == header.name
            && &head[line.value.clone()] == trim_blanks(header.value)
        {
            first -= 1;
        }
    }
    first
}

fn starts_with_ignore_case(name: &[u8], prefix: &[u8]) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

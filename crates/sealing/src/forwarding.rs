//! Which headers and query parameters of a client are forwarded to the upstream.
//!
//! Any client that can reach a signed location uses the permissions of the key. So control headers,
//! such as `x-amz-acl`, and parameters of a signature are forwarded only if the configuration
//! allows it. docs/security.md has the rules, DESIGN.md the reasons.

use std::rc::Rc;

use aws_signing::query::Parameter;
use aws_signing::token::is_token;

use crate::header_name::{is, starts_with};
use crate::vendor::{self, Vendor};

/// The control headers that are forwarded by default. Intentionally not included are
/// `x-amz-copy-source*`, `-acl`, `-grant-*`, `-tagging`, `-storage-class`, `-object-lock-*`,
/// `-bypass-*`, `-request-payer`, `-target`. The expected owner of a bucket is included since it
/// can only make a request fail.
const DEFAULT_PASS: [&str; 9] = [
    "x-amz-meta-*",
    "x-amz-checksum-*",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-checksum-mode",
    "x-amz-server-side-encryption*",
    "x-amz-trailer",
    "x-amz-decoded-content-length",
    "x-amz-content-sha256",
    "x-amz-expected-bucket-owner",
];

/// Headers that only the module writes: it replaces those of the client and of `proxy_set_header`.
const OURS: [&str; 4] = [
    "authorization",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
];

const AMZ: &str = "x-amz-";

/// Headers that are changed on their way to the upstream, so that signing them would only break the
/// signature.
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

/// Why a directive's header name is not accepted. The text says what to write instead.
pub type NameError = &'static str;

/// Which `x-amz-*` headers of the client are forwarded (`aws_pass_headers`). A clone needs no memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassHeaders(Rc<Vec<String>>);

impl PassHeaders {
    /// The list that forwards nothing.
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
        if !pattern.starts_with(AMZ) && vendor::prefix_of(pattern.as_bytes()).is_none() {
            return Err("only \"x-amz-\" headers have to be listed: others are always forwarded");
        }
        if OURS.contains(&pattern.as_str()) && pattern != "x-amz-content-sha256" {
            return Err("this header is always set by the module");
        }
        Rc::make_mut(&mut self.0).push(pattern);
        Ok(())
    }

    /// Whether a header of this name may be forwarded. Case does not matter, and `_` counts as `-`.
    pub fn allows(&self, name: &[u8]) -> bool {
        self.0
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => starts_with(name, prefix.as_bytes()),
                None => is(name, pattern.as_bytes()),
            })
    }

    /// The same as [`PassHeaders::allows`] for the `x-amz-` header that ends with `rest`.
    fn allows_amz(&self, rest: &[u8]) -> bool {
        let mut patterns = self.0.iter().filter_map(|text| text.strip_prefix(AMZ));
        patterns.any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => starts_with(rest, prefix.as_bytes()),
            None => is(rest, pattern.as_bytes()),
        })
    }
}

impl Default for PassHeaders {
    fn default() -> Self {
        Self(Rc::new(DEFAULT_PASS.map(String::from).to_vec()))
    }
}

/// Headers that are signed if they are sent, in addition to Host and every `x-amz-*`
/// (`aws_signed_headers`). A clone allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedHeaders(Rc<Vec<String>>);

impl SignedHeaders {
    /// Adds a name. Case does not matter.
    pub fn insert(&mut self, name: &[u8]) -> Result<(), NameError> {
        let name = header_name(name)?;
        if UNSIGNABLE.contains(&name.as_str()) {
            return Err("this header does not reach the upstream unchanged");
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
    // RFC 9110 allows a `*`, but no header contains one: it would be a pattern where patterns are
    // not supported.
    if !is_token(name) || name.contains(&b'*') {
        return Err("not a header name");
    }
    Ok(String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// Whether only the module writes a header of this name. Here and below, case does not matter, and
/// `_` counts as `-`, as some servers read it.
pub fn is_ours(name: &[u8]) -> bool {
    OURS.iter().any(|ours| is(name, ours.as_bytes()))
}

/// Whether a header is a control header of AWS.
pub fn is_amz(name: &[u8]) -> bool {
    starts_with(name, AMZ.as_bytes())
}

/// Whether a client's header is meaningless to the upstream and can be dropped: the SDKs for Rust
/// and for browsers identify themselves in every request, and CloudFront adds its own headers.
fn changes_nothing(name: &[u8]) -> bool {
    is(name, b"x-amz-user-agent") || starts_with(name, b"x-amz-cf-")
}

/// Whether a header that the client sent is forwarded, dropped or rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarding {
    /// It is not a control header and is forwarded.
    Ordinary,
    /// It is forwarded because `aws_pass_headers` lists it.
    Listed,
    /// It is dropped: the module writes it itself, or the upstream does not need it.
    Ignored,
    /// It is dropped from a request that reads; a request that writes is rejected.
    NotListed,
}

/// What to do with a client's header of this name. `vendor` is the object store that the request is
/// sent to, if its control headers have a prefix other than `x-amz-`.
pub fn of_header(name: &[u8], pass: &PassHeaders, vendor: Option<&Vendor>) -> Forwarding {
    let allowed = if is_amz(name) {
        if is_ours(name) {
            return Forwarding::Ignored;
        }
        pass.allows(name)
    } else if let Some(rest) = vendor.and_then(|vendor| vendor.control_header(name)) {
        let ours = OURS.iter().filter_map(|ours| ours.strip_prefix(AMZ));
        if ours.map(str::as_bytes).any(|ours| is(rest, ours)) {
            return Forwarding::Ignored;
        }
        pass.allows(name) || pass.allows_amz(rest)
    } else {
        return Forwarding::Ordinary;
    };
    match allowed {
        true => Forwarding::Listed,
        false if changes_nothing(name) => Forwarding::Ignored,
        false => Forwarding::NotListed,
    }
}

/// The first of the client's headers for which a request that writes is rejected.
pub fn first_not_listed<'a>(
    client: impl IntoIterator<Item = &'a [u8]>,
    pass: &PassHeaders,
    vendor: Option<&Vendor>,
) -> Option<&'a [u8]> {
    client
        .into_iter()
        .find(|name| of_header(name, pass, vendor) == Forwarding::NotListed)
}

/// Whether a client's query parameter is forwarded. The parameters of a signature never are: those
/// of Version 4 in any case and encoding; for S3, those of Version 2, too.
pub fn forwards_parameter(parameter: &Parameter<'_>, s3: bool, response_overrides: bool) -> bool {
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

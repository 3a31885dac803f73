//! The query that a location's requests are sent with, as far as it is known before nginx has
//! serialized them.

use aws_sealing::proxy_url;

use super::ProxyPass;
use crate::ffi::http::request::Request;
use crate::ffi::http::value::Template;

/// Which query `proxy_pass` sends.
#[derive(Clone, Copy, Default)]
pub(crate) struct SentQuery {
    source: QuerySource,
    /// `proxy_method` is set.
    replaces_method: bool,
}

#[derive(Clone, Copy, Default)]
enum QuerySource {
    /// Unknown: `proxy_pass` has a query, or there is none.
    #[default]
    Unknown,
    /// The request's own.
    Arguments,
    /// The one in the value of `proxy_pass`, if that has a path or a query; else the request's own.
    Template(Template),
}

impl SentQuery {
    /// Unknown.
    pub(crate) const UNKNOWN: Self = Self {
        source: QuerySource::Unknown,
        replaces_method: false,
    };

    /// Of a block with this `proxy_pass`; `replaces_method` if it may have a `proxy_method`.
    pub(super) fn new(proxy_pass: Option<&ProxyPass>, replaces_method: bool) -> Self {
        let source = match proxy_pass {
            None => QuerySource::Unknown,
            Some(ProxyPass {
                target: Some(target),
                ..
            }) => QuerySource::Template(*target),
            Some(proxy_pass) if proxy_pass.names_query() => QuerySource::Unknown,
            Some(_) => QuerySource::Arguments,
        };
        Self {
            source,
            replaces_method,
        }
    }

    /// Whether requests are sent with another method than their own.
    pub(crate) fn method_is_replaced(&self) -> bool {
        self.replaces_method
    }

    /// The query that `request` will be sent with; `None` if it is not known yet.
    pub(crate) fn evaluate<'r>(&'r self, request: &'r Request) -> Option<&'r [u8]> {
        match &self.source {
            QuerySource::Unknown => None,
            QuerySource::Arguments => Some(request.args()),
            QuerySource::Template(target) => {
                let url = target.evaluate_aside(request)?;
                let authority = proxy_url::authority(url)?;
                // The scheme ends where the authority begins.
                let start = authority.as_ptr() as usize - url.as_ptr() as usize;
                let rest = &url[start + authority.len()..];
                if rest.is_empty() {
                    return Some(request.args());
                }
                let query = rest.iter().position(|byte| *byte == b'?');
                Some(query.map_or(b"", |at| &rest[at + 1..]))
            }
        }
    }
}

//! The parts of http and https URLs.
//!
//! The grammar of `http::Uri` is stricter than what nginx accepts and what must be signed:
//! `proxy_pass` names sockets as `http://unix:/path:/uri`, and its paths can contain spaces and
//! bytes above ASCII.

/// Splits a URL into its scheme, in lower case, and what follows `://`.
pub(crate) fn split_scheme(url: &[u8]) -> Option<(&'static str, &[u8])> {
    ["https://", "http://"].into_iter().find_map(|scheme| {
        let (start, rest) = url.split_at_checked(scheme.len())?;
        let is_scheme = start.eq_ignore_ascii_case(scheme.as_bytes());
        is_scheme.then_some((scheme, rest))
    })
}

/// Splits what follows a scheme at the beginning of the path or the query.
pub(crate) fn split_authority(rest: &[u8]) -> (&[u8], &[u8]) {
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
    rest.split_at(end.unwrap_or(rest.len()))
}

//! HTTP or HTTPS.

/// How `proxy_pass` reaches the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
    /// The value of a variable determines it.
    Variable,
}

impl Scheme {
    pub(crate) fn of(target: &[u8]) -> Self {
        let is = |scheme: &[u8]| {
            target
                .get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        if is(b"https://") {
            Self::Https
        } else if is(b"http://") {
            Self::Http
        } else {
            Self::Variable
        }
    }
}

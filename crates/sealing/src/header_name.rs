//! Header names as object stores compare them: case is ignored, and `_` equals `-`, as some servers
//! read it.

/// Whether two names are the same.
pub(crate) fn is(name: &[u8], other: &[u8]) -> bool {
    name.len() == other.len() && starts_with(name, other)
}

/// Whether a name begins with `prefix`.
pub(crate) fn starts_with(name: &[u8], prefix: &[u8]) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.iter().map(folded).eq(prefix.iter().map(folded)))
}

/// A byte of a name in lower case, and `-` for `_`.
pub(crate) fn folded(byte: &u8) -> u8 {
    match byte {
        b'_' => b'-',
        byte => byte.to_ascii_lowercase(),
    }
}

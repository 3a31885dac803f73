//! Which request methods are signed.

use std::fmt;

/// The methods nginx knows, in the order its own `Allow` headers list them.
const KNOWN: [&str; 15] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "OPTIONS",
    "MKCOL",
    "COPY",
    "MOVE",
    "PROPFIND",
    "PROPPATCH",
    "LOCK",
    "UNLOCK",
    "TRACE",
];

/// A set of HTTP methods, one bit for each entry of the known ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodSet(u16);

impl MethodSet {
    /// What the C module signs, and the default of `aws_sign_methods`: GET and HEAD.
    pub const READ_ONLY: MethodSet = MethodSet(0b11);

    /// The set without any method.
    pub const EMPTY: MethodSet = MethodSet(0);

    /// Adds the method called `name` (upper case, as HTTP writes it). False if nginx knows no such
    /// method.
    #[must_use]
    pub fn insert(&mut self, name: &[u8]) -> bool {
        match KNOWN.iter().position(|known| known.as_bytes() == name) {
            Some(bit) => {
                self.0 |= 1 << bit;
                true
            }
            None => false,
        }
    }

    /// Whether `name` is in the set. Methods are case-sensitive (RFC 9110, section 9.1).
    pub fn contains(self, name: &[u8]) -> bool {
        // GET is nearly every request.
        if name == b"GET" {
            return self.0 & 1 != 0;
        }
        self.names().any(|known| known.as_bytes() == name)
    }

    /// Whether GET and HEAD are the only methods.
    pub fn is_read_only(self) -> bool {
        self.0 & !Self::READ_ONLY.0 == 0
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        KNOWN
            .iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, name)| *name)
    }
}

/// The value of an `Allow` header: `GET, HEAD`.
impl fmt::Display for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, name) in self.names().enumerate() {
            if nth > 0 {
                f.write_str(", ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

/// Whether a request of this method only reads: a header that must not be forwarded is then
/// dropped; with any other method the request is rejected.
pub fn is_safe(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_only_is_get_and_head() {
        assert_eq!(MethodSet::READ_ONLY.to_string(), "GET, HEAD");
        assert!(MethodSet::READ_ONLY.contains(b"GET"));
        assert!(MethodSet::READ_ONLY.contains(b"HEAD"));
        assert!(!MethodSet::READ_ONLY.contains(b"POST"));
        assert!(!MethodSet::READ_ONLY.contains(b"get"));
    }

    #[test]
    fn insert_takes_what_nginx_knows() {
        let mut set = MethodSet::EMPTY;
        assert!(set.insert(b"PUT"));
        assert!(set.insert(b"TRACE"));
        assert!(!set.insert(b"put"));
        assert!(!set.insert(b"FETCH"));
        assert!(!set.insert(b""));
        assert_eq!(set.to_string(), "PUT, TRACE");
        assert!(!set.contains(b"GET"));
    }
}

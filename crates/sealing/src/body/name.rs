//! The name of a trailer.

use std::fmt;

use aws_signing::token::is_token;

/// A trailer's name, in lower case. It is stored inline, so that a client's text allocates nothing
/// and an error can contain it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TrailerName {
    bytes: [u8; Self::MAX],
    length: u8,
}

impl TrailerName {
    /// The longest name, in bytes. AWS's own have at most 24.
    pub const MAX: usize = 64;

    /// A name that a client announces, in any case, if it can be one.
    pub(super) fn new(name: &[u8]) -> Option<Self> {
        (name.len() <= Self::MAX && is_token(name)).then(|| Self::clipped(name))
    }

    /// The part of a name that fits, to report it.
    pub(super) fn clipped(name: &[u8]) -> Self {
        let length = name.len().min(Self::MAX);
        let mut bytes = [0; Self::MAX];
        bytes[..length].copy_from_slice(&name[..length]);
        bytes.make_ascii_lowercase();
        Self {
            bytes,
            length: length as u8,
        }
    }

    /// The name in lower case.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl fmt::Display for TrailerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().escape_ascii().fmt(f)
    }
}

impl fmt::Debug for TrailerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_in_lower_case() {
        let name = TrailerName::new(b"X-Amz-Checksum-CRC32").unwrap();
        assert_eq!(name.as_bytes(), b"x-amz-checksum-crc32");
        assert_eq!(
            format!("{name} {name:?}"),
            "x-amz-checksum-crc32 \"x-amz-checksum-crc32\""
        );
        assert!(TrailerName::new(&[b'a'; 64]).is_some());
        for other in [&b""[..], b"a b", b"a:", b"\xc3\xa9", &[b'a'; 65]] {
            assert_eq!(TrailerName::new(other), None);
        }
    }

    #[test]
    fn what_is_shown_is_clipped_and_escaped() {
        assert_eq!(TrailerName::clipped(&[b'A'; 300]).as_bytes(), [b'a'; 64]);
        assert_eq!(
            TrailerName::clipped(b"a\r\n\x1b").to_string(),
            "a\\r\\n\\x1b"
        );
    }
}

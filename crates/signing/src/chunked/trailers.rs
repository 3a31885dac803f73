//! The fields after the last chunk.

use std::collections::TryReserveError;

use super::{TRAILER_SIGNATURE, TrailerError};
use crate::token::is_token;

/// Trailers in the order they are sent, without their signature.
///
/// Names are kept in lower case. Only names and values that all servers read in the same way are
/// accepted: a token, and visible ASCII without spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailers {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Trailers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a trailer at the end.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), TrailerError> {
        if !is_token(name) {
            return Err(TrailerError::Name);
        }
        if value.is_empty() || !value.iter().all(u8::is_ascii_graphic) {
            return Err(TrailerError::Value);
        }
        let mut name = copy(name)?;
        name.make_ascii_lowercase();
        if name == TRAILER_SIGNATURE {
            return Err(TrailerError::Reserved);
        }
        if self.fields.iter().any(|(other, _)| *other == name) {
            return Err(TrailerError::Duplicate);
        }
        let value = copy(value)?;
        self.fields
            .try_reserve(1)
            .map_err(|_| TrailerError::Memory)?;
        self.fields.push((name, value));
        Ok(())
    }

    /// Names, in lower case, and values, in the order sent.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.fields
            .iter()
            .map(|(name, value)| (&name[..], &value[..]))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The number of bytes that [`write`](Self::write) appends.
    /// [`field_length`](Self::field_length) gives the same before the values are known.
    pub fn length(&self) -> usize {
        let length = |(name, value): (&[u8], &[u8])| Self::field_length(name.len(), value.len());
        self.iter().map(length).sum()
    }

    /// The length of a trailer as sent, from the lengths of its name and value.
    pub const fn field_length(name: usize, value: usize) -> usize {
        name + b":".len() + value + b"\r\n".len()
    }

    /// Appends them as they are sent: `name:value` and CRLF each.
    pub fn write(&self, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            write_field(name, value, b"\r\n", out);
        }
    }

    /// Appends the form that is signed: `name:value` and LF each, sorted by name.
    pub fn write_canonical(&self, out: &mut Vec<u8>) -> Result<(), TryReserveError> {
        let mut sorted = Vec::new();
        sorted.try_reserve_exact(self.fields.len())?;
        sorted.extend(self.iter());
        sorted.sort_unstable();
        out.try_reserve(self.length())?;
        for (name, value) in sorted {
            write_field(name, value, b"\n", out);
        }
        Ok(())
    }
}

fn copy(bytes: &[u8]) -> Result<Vec<u8>, TrailerError> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len())
        .map_err(|_| TrailerError::Memory)?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

fn write_field(name: &[u8], value: &[u8], end: &[u8], out: &mut Vec<u8>) {
    for part in [name, b":", value, end] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_sent_in_order_and_signed_sorted() {
        let mut trailers = Trailers::new();
        assert!(trailers.is_empty());
        trailers.push(b"X-Second", b"2/==").unwrap();
        trailers.push(b"x-first", b"One").unwrap();
        let fields: Vec<_> = trailers.iter().collect();
        assert_eq!(
            fields,
            [
                (&b"x-second"[..], &b"2/=="[..]),
                (&b"x-first"[..], &b"One"[..])
            ]
        );
        let (mut wire, mut canonical) = (Vec::new(), Vec::new());
        trailers.write(&mut wire);
        trailers.write_canonical(&mut canonical).unwrap();
        assert_eq!(wire, b"x-second:2/==\r\nx-first:One\r\n");
        assert_eq!(canonical, b"x-first:One\nx-second:2/==\n");
        assert_eq!(trailers.length(), wire.len());
    }

    #[test]
    fn each_field_is_checked() {
        use TrailerError::*;
        for (name, value, error) in [
            (&b""[..], &b"v"[..], Name),
            (b"a b", b"v", Name),
            (b"a\n", b"v", Name),
            (b"a\xc3", b"v", Name),
            (b"a", b"", Value),
            (b"a", b" v", Value),
            (b"a", b"v ", Value),
            (b"a", b"v\r\nb:c", Value),
            (b"a", b"\xc3\xa9", Value),
            (b"X-Amz-Trailer-Signature", b"v", Reserved),
            (b"ONE", b"v", Duplicate),
        ] {
            let mut trailers = Trailers::new();
            trailers.push(b"one", b"1").unwrap();
            let before = trailers.clone();
            assert_eq!(trailers.push(name, value), Err(error), "{name:?} {value:?}");
            assert_eq!(trailers, before);
        }
    }
}

//! The query parameters that matter for operations.

use crate::selector::{Detail, FOREIGN, PLAIN, SubResource};

/// The length of the longest meaningful name, with room for what surrounds it.
const ROOM: usize = 64;

/// What the names of query parameters reveal about the operation. Collects them one by one, in any
/// order, without an allocation.
///
/// Names are compared decoded and in any case. S3 is exact; a name that only some servers
/// recognize, because of its case, spaces around it, or a value where S3 writes none, is noted as
/// uncertain: such a request needs the operations of both readings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parameters<'a> {
    /// Sub-resources that every server sees, one bit each.
    pub(crate) certain: u64,
    /// Sub-resources that some servers see.
    pub(crate) uncertain: u64,
    /// Details that every server sees.
    pub(crate) details: u8,
    /// Details that some servers see.
    pub(crate) uncertain_details: u8,
    /// A sub-resource of another object store, as reads name it.
    pub(crate) foreign: bool,
    /// Parameters that only requests which write may not have: an unknown one without a value, or
    /// another object store's sub-resource.
    pub(crate) unknown: bool,
    /// The name of the first parameter that is foreign or unknown, as it is written.
    pub(crate) strange: Option<&'a [u8]>,
    /// The name of the first sub-resource, as it is written.
    first: Option<&'a [u8]>,
    any: bool,
}

impl<'a> Parameters<'a> {
    /// Records a parameter: its name and what follows its first `=`, both as they are written.
    pub fn note(&mut self, name: &'a [u8], value: Option<&[u8]>) {
        self.any = true;
        let value = value.unwrap_or_default();
        let mut place = [0; ROOM];
        let Some((trimmed, exact)) = decode(name, &mut place) else {
            return self.note_unknown(name, value);
        };
        if let Some(sub) = SubResource::of_name(trimmed) {
            // `?acl=x` is not `?acl` to a server that compares the value.
            let is_written_so = sub.has_value() != value.is_empty();
            let certain = exact == sub.name().as_bytes() && is_written_so;
            self.first.get_or_insert(name);
            note(sub.bit(), certain, &mut self.certain, &mut self.uncertain);
        } else if let Some(detail) = Detail::of_name(trimmed) {
            let is_written_so = match detail {
                Detail::ListType => value == b"2",
                _ => !value.is_empty(),
            };
            let certain = exact == detail.name().as_bytes() && is_written_so;
            note(
                detail.bit(),
                certain,
                &mut self.details,
                &mut self.uncertain_details,
            );
        } else if is_one_of(trimmed, &FOREIGN) {
            self.foreign |= value.is_empty();
            self.note_unknown(name, b"");
        } else if !is_one_of(trimmed, &PLAIN) {
            self.note_unknown(name, value);
        }
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        !self.any
    }

    /// Whether they do not matter for the operation.
    pub(crate) fn are_silent(&self) -> bool {
        let certain = self.certain | u64::from(self.details);
        let uncertain = self.uncertain | u64::from(self.uncertain_details);
        certain | uncertain == 0 && !(self.foreign | self.unknown)
    }

    /// The name of the parameter that selects the operation, as it is written: the first unknown
    /// one, or else the first sub-resource.
    pub fn strange(&self) -> Option<&'a [u8]> {
        self.strange.or(self.first)
    }

    fn note_unknown(&mut self, name: &'a [u8], value: &[u8]) {
        if value.is_empty() {
            self.unknown = true;
            self.strange.get_or_insert(name);
        }
    }
}

/// Records one of several parameters with the same name: it is certain if all of them are.
fn note<T>(bit: T, is_certain: bool, certain: &mut T, uncertain: &mut T)
where
    T: Copy + std::ops::BitOrAssign,
{
    if is_certain {
        *certain |= bit;
    } else {
        *uncertain |= bit;
    }
}

fn is_one_of(name: &[u8], names: &[&str]) -> bool {
    let mut names = names.iter();
    names.any(|other| other.as_bytes().eq_ignore_ascii_case(name))
}

/// The decoded name, without and with the spaces and control characters around it. `None` if it is
/// longer than any meaningful name.
fn decode<'p>(name: &[u8], place: &'p mut [u8; ROOM]) -> Option<(&'p [u8], &'p [u8])> {
    let mut length = 0;
    let mut rest = name;
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, after) {
            (b'+', _) => (b' ', after),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (byte, rest.split_at(1).1),
            },
            _ => (byte, after),
        };
        *place.get_mut(length)? = byte;
        length += 1;
        rest = after;
    }
    let exact = &place[..length];
    let is_around = |byte: &u8| *byte <= b' ';
    let start = exact.iter().take_while(|byte| is_around(byte)).count();
    let end = exact
        .iter()
        .rev()
        .take_while(|byte| is_around(byte))
        .count();
    let trimmed = exact.get(start..length - end).unwrap_or_default();
    Some((trimmed, exact))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

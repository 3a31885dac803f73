//! Canonical headers.

use std::fmt;

use crate::SignError;

/// A header field as sent: the name in any case, the value raw.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// The field's name.
    pub name: &'a [u8],
    /// The field's value, with whatever blanks stand around and in it.
    pub value: &'a [u8],
}

impl fmt::Debug for Header<'_> {
    /// The value is left out: it may be a session token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Header({}: {} bytes)",
            self.name.escape_ascii(),
            self.value.len()
        )
    }
}

/// Appends the canonical headers, one a line, and puts the list of signed headers into `names`.
///
/// Names are lower-cased; values lose outer blanks, and inner runs of blanks become one space,
/// inside quotes too; the values of one name are joined with commas in the order sent. The
/// fields are sorted in place, stably.
pub(crate) fn canonicalize(
    headers: &mut [Header<'_>],
    names: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), SignError> {
    headers.sort_by(|a, b| lower_case(a.name).cmp(lower_case(b.name)));

    names.clear();
    let mut host = false;
    let mut previous: Option<&[u8]> = None;
    for header in &*headers {
        if previous.is_some_and(|name| name.eq_ignore_ascii_case(header.name)) {
            out.push(b',');
        } else {
            if previous.is_some() {
                out.push(b'\n');
                names.push(b';');
            }
            let start = out.len();
            write_name(header.name, out)?;
            let name = &out[start..];
            host |= name == b"host";
            names.extend_from_slice(name);
            out.push(b':');
        }
        write_value(header, out)?;
        previous = Some(header.name);
    }
    out.push(b'\n');
    if host { Ok(()) } else { Err(SignError::NoHost) }
}

fn lower_case(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().map(u8::to_ascii_lowercase)
}

fn write_name(name: &[u8], out: &mut Vec<u8>) -> Result<(), SignError> {
    let mut valid = !name.is_empty();
    out.extend(name.iter().map(|&byte| {
        let lower = TOKEN[usize::from(byte)];
        valid &= lower != 0;
        lower
    }));
    if valid {
        Ok(())
    } else {
        Err(SignError::HeaderName)
    }
}

fn write_value(header: &Header<'_>, out: &mut Vec<u8>) -> Result<(), SignError> {
    // Most values hold neither blanks nor control bytes. Looking at all bytes, not stopping at
    // the first hit, lets the compiler compare many at once.
    let plain = header
        .value
        .iter()
        .fold(true, |plain, &byte| plain & (byte > b' '));
    if plain {
        out.extend_from_slice(header.value);
        return Ok(());
    }
    if header
        .value
        .iter()
        .any(|&byte| matches!(byte, b'\r' | b'\n' | b'\0'))
    {
        let name = String::from_utf8_lossy(header.name).into_owned();
        return Err(SignError::HeaderValue { name });
    }
    let words = header.value.split(|&byte| matches!(byte, b' ' | b'\t'));
    for (at, word) in words.filter(|word| !word.is_empty()).enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
    Ok(())
}

/// The lower-case form of each byte that may stand in a name (RFC 9110, 5.6.2), else zero.
static TOKEN: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let raw = byte as u8;
        if raw.is_ascii_alphanumeric()
            || matches!(
                raw,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            )
        {
            table[byte] = raw.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

//! Canonical headers.

use std::cmp::Ordering;
use std::fmt;

use crate::{SignError, token};

/// A header field as sent: the name in any case, the value raw.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// The field's name.
    pub name: &'a [u8],
    /// The field's value, including whitespace around and in it.
    pub value: &'a [u8],
}

impl fmt::Debug for Header<'_> {
    /// The value is not shown: it can be a session token.
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
/// Names are converted to lower case. Outer whitespace of values is removed, and inner runs of
/// whitespace become one space, inside quotes too. The values of one name are joined with commas in
/// the order sent. The fields are sorted in place, stably.
///
/// # Errors
/// A name that is not a token, a value with a line break or a zero byte, or no Host header.
pub(crate) fn canonicalize(
    headers: &mut [Header<'_>],
    names: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), SignError> {
    headers.sort_by(|a, b| compare(a.name, b.name));

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

/// The order of two names in lower case. Most differ within a few bytes.
pub(crate) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        if a != b {
            let order = a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase());
            if order.is_ne() {
                return order;
            }
        }
    }
    a.len().cmp(&b.len())
}

pub(crate) fn write_name(name: &[u8], out: &mut Vec<u8>) -> Result<(), SignError> {
    let start = out.len();
    out.extend(name.iter().map(|&byte| token::LOWER[usize::from(byte)]));
    // As in `write_value`.
    let is_token = out[start..]
        .iter()
        .fold(true, |is_token, &byte| is_token & (byte != 0));
    if name.is_empty() || !is_token {
        return Err(SignError::HeaderName);
    }
    Ok(())
}

fn write_value(header: &Header<'_>, out: &mut Vec<u8>) -> Result<(), SignError> {
    // Most values contain neither spaces nor control bytes. Comparing all bytes, instead of
    // stopping at the first match, lets the compiler compare many at once.
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

/// A value without the whitespace around it: space and tab, and no other byte ([RFC 9110, section
/// 5.5][1]).
///
/// [1]: https://www.rfc-editor.org/rfc/rfc9110#section-5.5
#[inline]
pub fn trim_blanks(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(headers: &[(&str, &str)]) -> Result<(String, String), SignError> {
        let mut headers: Vec<Header<'_>> = headers
            .iter()
            .map(|(name, value)| Header {
                name: name.as_bytes(),
                value: value.as_bytes(),
            })
            .collect();
        let (mut names, mut out) = (b"left over".to_vec(), Vec::new());
        canonicalize(&mut headers, &mut names, &mut out)?;
        Ok((
            String::from_utf8(out).unwrap(),
            String::from_utf8(names).unwrap(),
        ))
    }

    #[test]
    fn names_are_lower_case_and_sorted() {
        let (lines, names) = made(&[
            ("X-Amz-Meta-a", "1"),
            ("x-amz-meta_a", "2"),
            ("X-AMZ-META", "3"),
            ("Host", "Example.com:8080"),
            ("date", ""),
        ])
        .unwrap();
        let want = "date:\nhost:Example.com:8080\nx-amz-meta:3\nx-amz-meta-a:1\nx-amz-meta_a:2\n";
        assert_eq!(lines, want);
        assert_eq!(names, "date;host;x-amz-meta;x-amz-meta-a;x-amz-meta_a");
    }

    #[test]
    fn blanks_are_trimmed_and_collapsed() {
        for (value, canonical) in [
            ("a", "a"),
            ("  a\t", "a"),
            ("a  b\t \tc", "a b c"),
            ("\" a   b \"", "\" a b \""),
            (" \t ", ""),
            ("\u{a0}a\u{a0}\u{a0}b", "\u{a0}a\u{a0}\u{a0}b"),
            ("a\u{1}\u{7f}b  c", "a\u{1}\u{7f}b c"),
        ] {
            let (lines, _) = made(&[("host", "h"), ("x", value)]).unwrap();
            assert_eq!(lines, format!("host:h\nx:{canonical}\n"), "{value:?}");
        }
    }

    #[test]
    fn values_of_one_name_are_joined_in_the_order_sent() {
        let (lines, names) = made(&[
            ("X-B", "2"),
            ("x-a", " z "),
            ("X-b", "1"),
            ("host", "h"),
            ("X-A", ""),
            ("x-B", "2"),
        ])
        .unwrap();
        assert_eq!(lines, "host:h\nx-a:z,\nx-b:2,1,2\n");
        assert_eq!(names, "host;x-a;x-b");
    }

    #[test]
    fn many_headers_are_sorted_stably() {
        let numbers: Vec<String> = (0..200).map(|number| number.to_string()).collect();
        let mut headers: Vec<Header<'_>> = numbers
            .iter()
            .map(|number| Header {
                name: if number.len() % 2 == 0 { b"X" } else { b"host" },
                value: number.as_bytes(),
            })
            .collect();
        canonicalize(&mut headers, &mut Vec::new(), &mut Vec::new()).unwrap();
        let values = |name: &[u8]| -> Vec<u32> {
            let of_name = headers.iter().filter(|header| header.name == name);
            of_name
                .map(|h| std::str::from_utf8(h.value).unwrap().parse().unwrap())
                .collect()
        };
        assert!(values(b"X").is_sorted() && values(b"host").is_sorted());
        assert_eq!((values(b"X").len(), headers[0].name), (90, &b"host"[..]));
    }

    #[test]
    fn what_would_forge_lines_is_refused() {
        for name in ["", "a b", "a:b", "a\n", "\u{e9}"] {
            assert_eq!(
                made(&[("host", "h"), (name, "1")]),
                Err(SignError::HeaderName),
                "{name:?}"
            );
        }
        for value in ["a\nb", "\r", "\0"] {
            let error = SignError::HeaderValue {
                name: "X-A".to_owned(),
            };
            assert_eq!(
                made(&[("host", "h"), ("X-A", value)]),
                Err(error),
                "{value:?}"
            );
        }
    }

    #[test]
    fn host_is_required() {
        assert_eq!(made(&[]), Err(SignError::NoHost));
        assert_eq!(
            made(&[("hostname", "h"), ("ghost", "h")]),
            Err(SignError::NoHost)
        );
        assert!(made(&[("HOST", "h")]).is_ok());
    }

    #[test]
    fn debug_shows_no_value() {
        let header = Header {
            name: b"X-Amz-Security-Token",
            value: b"secret",
        };
        assert_eq!(
            format!("{header:?}"),
            "Header(X-Amz-Security-Token: 6 bytes)"
        );
    }
}

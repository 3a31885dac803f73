//! The request head as nginx has serialized it: request line, header lines, empty line.
//!
//! The parser is strict, since with a lenient one two readers could see two requests: what the
//! module signs must be what the upstream parses. nginx writes well-formed heads. A malformed one
//! means that a variable has added bytes that nginx did not check.

use std::ops::Range;

use aws_signing::token::{is_token, is_token_byte};
use aws_signing::trim_blanks;
use memchr::memchr3;

/// One header line. The ranges index the head's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The whole line with its CRLF.
    pub all: Range<usize>,
    /// The name, in the case it was written.
    pub name: Range<usize>,
    /// The value without surrounding whitespace.
    pub value: Range<usize>,
}

/// The parts of the head other than target and header lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine<'a> {
    /// The method token.
    pub method: &'a [u8],
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub version: &'a [u8],
}

/// Why a head cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The target is not between method and version.
    #[error("the request line is not one that nginx writes")]
    RequestLine,
    /// A header line without a colon, with a name that is not a token, or with a bare CR, LF, or
    /// NUL.
    #[error("header line {number} is malformed")]
    HeaderLine {
        /// The line's number, 1 for the first after the request line.
        number: usize,
    },
    /// No empty line ends the head.
    #[error("the request head has no end")]
    Unterminated,
    /// There are bytes after the empty line, but no body belongs there.
    #[error("unannounced bytes follow the request head")]
    BytesAfterHead,
    /// A header line that neither the configuration nor the client has written: a line break in a
    /// variable has made it.
    #[error("header line {number} is neither configured nor sent by the client")]
    InjectedLine {
        /// The line's number, 1 for the first after the request line. If only the number of lines
        /// shows that one is injected, the number of the last one that can be.
        number: usize,
    },
    /// A configured header is missing: something has ended the head before it.
    #[error("a configured header is missing")]
    Incomplete,
    /// Two Host headers: it is not known which one a server would use.
    #[error("two Host headers would be sent")]
    DuplicateHost,
    /// There is no memory for the list of lines.
    #[error("not enough memory for the request head")]
    OutOfMemory,
}

/// Parses `head`, whose target is at `target`, and puts its header lines into `lines`.
///
/// The target is not searched for: `rewrite` and captures put unescaped spaces there, so splitting
/// at spaces does not find it. nginx knows its place.
pub fn parse<'a>(
    head: &'a [u8],
    target: &Range<usize>,
    lines: &mut Vec<Line>,
) -> Result<RequestLine<'a>, HeadError> {
    lines.clear();

    let method_end = target.start.checked_sub(1).ok_or(HeadError::RequestLine)?;
    if head.get(method_end) != Some(&b' ') || !is_token(&head[..method_end]) {
        return Err(HeadError::RequestLine);
    }

    let rest = head.get(target.end..).ok_or(HeadError::RequestLine)?;
    if target.end < target.start
        || !(rest.starts_with(b" HTTP/1.1\r\n") || rest.starts_with(b" HTTP/1.0\r\n"))
    {
        return Err(HeadError::RequestLine);
    }

    let version = target.end + 1..target.end + 9;
    let mut at = version.end + 2;

    loop {
        let number = lines.len() + 1;
        let bad = HeadError::HeaderLine { number };
        let length = memchr3(b'\r', b'\n', 0, &head[at..]).ok_or(HeadError::Unterminated)?;
        let end = at + length;
        if head[end] != b'\r' || head.get(end + 1) != Some(&b'\n') {
            return Err(bad);
        }
        if length == 0 {
            if end + 2 != head.len() {
                return Err(HeadError::BytesAfterHead);
            }
            return Ok(RequestLine {
                method: &head[..method_end],
                version: &head[version],
            });
        }

        let line = &head[at..end];
        let name = name_length(line).ok_or(bad)?;
        let value = trim_blanks(&line[name + 1..]);
        let start = at + name + 1 + leading_blanks(&line[name + 1..]);
        lines.try_reserve(1).map_err(|_| HeadError::OutOfMemory)?;
        lines.push(Line {
            all: at..end + 2,
            name: at..at + name,
            value: start..start + value.len(),
        });
        at = end + 2;
    }
}

/// The head in nginx's buffer, and what is after its empty line: the body of `proxy_set_body`.
/// `None` if no empty line ends a head.
pub fn split(buffer: &[u8]) -> Option<(&[u8], &[u8])> {
    const END: &[u8] = b"\r\n\r\n";
    let end = memchr::memmem::find(buffer, END)? + END.len();
    Some(buffer.split_at(end))
}

/// Whether nginx uses HTTP/2 to the upstream: it then sends the connection preface first, and
/// frames after what looks like the end of a head.
pub fn is_http2(head: &[u8]) -> bool {
    head.starts_with(b"PRI * HTTP/2.0\r\n")
}

/// The length of a line's name, if it is a token that ends at a colon.
fn name_length(line: &[u8]) -> Option<usize> {
    let length = line.iter().position(|byte| !is_token_byte(*byte))?;
    (length > 0 && line[length] == b':').then_some(length)
}

fn leading_blanks(value: &[u8]) -> usize {
    value.iter().take_while(|byte| is_blank(**byte)).count()
}

pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_with<'a>(
        head: &'a [u8],
        target: &[u8],
    ) -> (Result<RequestLine<'a>, HeadError>, Vec<Line>) {
        let start = memchr::memmem::find(head, target).unwrap();
        let mut lines = Vec::new();
        let parsed = parse(head, &(start..start + target.len()), &mut lines);
        (parsed, lines)
    }

    #[test]
    fn lines_are_found() {
        let head = b"GET /a b HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX: \t a  b \t\r\n\r\n";
        let (parsed, lines) = parse_with(head, b"/a b");
        assert_eq!(
            parsed,
            Ok(RequestLine {
                method: b"GET",
                version: b"HTTP/1.1"
            })
        );
        let pairs: Vec<_> = lines
            .iter()
            .map(|line| (&head[line.name.clone()], &head[line.value.clone()]))
            .collect();
        assert_eq!(
            pairs,
            [
                (&b"Host"[..], &b"h"[..]),
                (&b"X-Empty"[..], &b""[..]),
                (&b"X"[..], &b"a  b"[..])
            ]
        );
        assert_eq!(&head[lines[0].all.clone()], b"Host: h\r\n");
    }

    #[test]
    fn malformed_heads_are_refused() {
        let bad = |number| Err(HeadError::HeaderLine { number });
        for (head, expected) in [
            (
                &b"GET /a HTTP/1.1\r\nHost: h\r\n"[..],
                Err(HeadError::Unterminated),
            ),
            (
                b"GET /a HTTP/1.1\r\nHost: h\r\n\r\nbody",
                Err(HeadError::BytesAfterHead),
            ),
            (b"GET /a HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", bad(1)),
            (b"GET /a HTTP/1.1\r\nHost: h\r\nX: y\rz\r\n\r\n", bad(2)),
            (b"GET /a HTTP/1.1\r\nX: y\0z\r\n\r\n", bad(1)),
            (b"GET /a HTTP/1.1\r\nno colon\r\n\r\n", bad(1)),
            (b"GET /a HTTP/1.1\r\n: value\r\n\r\n", bad(1)),
            (b"GET /a HTTP/1.1\r\nHost : h\r\n\r\n", bad(1)),
            (b"GET /a HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", bad(2)),
            (
                b"GET /a HTTP/2.0\r\nHost: h\r\n\r\n",
                Err(HeadError::RequestLine),
            ),
            (
                b"GET /a HTTP/1.1 \r\nHost: h\r\n\r\n",
                Err(HeadError::RequestLine),
            ),
            (
                b"G(T /a HTTP/1.1\r\nHost: h\r\n\r\n",
                Err(HeadError::RequestLine),
            ),
            (
                b" /a HTTP/1.1\r\nHost: h\r\n\r\n",
                Err(HeadError::RequestLine),
            ),
        ] {
            assert_eq!(
                parse_with(head, b"/a").0,
                expected,
                "{}",
                head.escape_ascii()
            );
        }
    }

    #[test]
    fn a_target_elsewhere_is_refused() {
        let head = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
        for target in [0..0, 0..2, 4..5, 5..6, 4..400, 300..400] {
            assert_eq!(
                parse(head, &target, &mut Vec::new()),
                Err(HeadError::RequestLine),
                "{target:?}"
            );
        }
    }
}

//! Bodies of errors and redirects that repeat a signature or a token.
//!
//! A page can contain the URL as it was sent or in any encoding that its format requires:
//! percent-encoded once more, with references of XML and HTML, with escapes of JSON, in hexadecimal
//! dumps. So a body is searched as it is, then with all such escapes undone, and again, until
//! nothing changes. Undoing an escape that is not one can find too much, never too little.

use std::collections::TryReserveError;

use aws_signing::query::Parameter;
use memchr::memmem;

use super::Secrets;
use crate::auth_error;

/// How much of a body can be searched, in bytes. A longer one must be replaced.
pub const LIMIT: usize = 64 * 1024;

/// The maximum nesting of escapes. No encoding of a page is nested deeper, but such a page is not
/// trusted either.
const DEEPEST: usize = 8;

/// This many bytes of a secret are searched for in a hexadecimal dump.
const DUMPED: usize = 16;

/// What a client gets instead.
const MESSAGE: &str = "The response contained the signature that this server made, and was \
                       replaced.";

impl Secrets<'_> {
    /// Whether a complete body repeats one of the secrets, or can repeat it: a body that is longer
    /// than [`LIMIT`], or whose escapes are nested too deeply. `Err` if there is no memory to find
    /// out.
    pub fn may_be_in(&self, body: &[u8]) -> Result<bool, TryReserveError> {
        if body.len() > LIMIT {
            return Ok(true);
        }
        let mut needles: Vec<Vec<u8>> = Vec::new();
        needles.try_reserve(6)?;
        for secret in self.all() {
            for needle in spellings(secret)? {
                needles.push(needle);
            }
        }
        let is_in = |text: &[u8]| {
            needles
                .iter()
                .any(|needle| !needle.is_empty() && memmem::find(text, needle).is_some())
        };

        // Text with two bytes per character is text with one byte and zeros in between.
        let mut text = Vec::new();
        text.try_reserve(body.len())?;
        text.extend(body.iter().filter(|byte| **byte != 0));
        let mut next = Vec::new();
        next.try_reserve(text.len())?;
        for _ in 0..DEEPEST {
            if is_in(&text) {
                return Ok(true);
            }
            unescape(&text, &mut next);
            if next == text {
                return Ok(false);
            }
            std::mem::swap(&mut text, &mut next);
        }
        Ok(true)
    }
}

/// A secret as it was sent, decoded, and in a hexadecimal dump.
fn spellings(secret: &Parameter<'_>) -> Result<[Vec<u8>; 3], TryReserveError> {
    let sent = secret.value.unwrap_or_default();
    let [mut raw, mut decoded, mut dump] = [Vec::new(), Vec::new(), Vec::new()];
    raw.try_reserve(sent.len())?;
    decoded.try_reserve(sent.len())?;
    dump.try_reserve(3 * DUMPED)?;
    raw.extend_from_slice(sent);
    decoded.extend(secret.decoded_value());
    let digit =
        |value: u8| char::from_digit(u32::from(value), 16).map_or(b'0', |digit| digit as u8);
    for byte in sent.iter().take(DUMPED) {
        if !dump.is_empty() {
            dump.push(b' ');
        }
        dump.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    Ok([raw, decoded, dump])
}

/// Undoes one layer of escapes of `text` into `out`, which has room for all of it. A space becomes
/// `+`: neither secret contains a space, and a decoded query has a space for each `+`.
fn unescape(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let escape = match byte {
            b'%' => number(tail, 16, 2..=2).map(|(byte, used)| (byte, 1 + used)),
            b'&' => reference(tail).map(|(byte, used)| (byte, 1 + used)),
            b'\\' => backslash(tail).map(|(byte, used)| (byte, 1 + used)),
            b' ' => Some((b'+', 1)),
            _ => None,
        };
        let (byte, used) = escape.unwrap_or((byte, 1));
        out.push(byte);
        rest = &rest[used..];
    }
}

/// The byte that digits represent, and the number of digits, which has a minimum and a maximum.
fn number(text: &[u8], base: u32, digits: std::ops::RangeInclusive<usize>) -> Option<(u8, usize)> {
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(base);
    let length = text.iter().take(*digits.end()).take_while(is_digit).count();
    if length < *digits.start() {
        return None;
    }
    let digits = std::str::from_utf8(&text[..length]).ok()?;
    let value = u32::from_str_radix(digits, base).ok()?;
    u8::try_from(value).ok().map(|byte| (byte, length))
}

/// The character of an XML or HTML reference, after its `&`, and its length.
fn reference(text: &[u8]) -> Option<(u8, usize)> {
    const NAMES: [(&[u8], u8); 12] = [
        (b"amp;", b'&'),
        (b"lt;", b'<'),
        (b"gt;", b'>'),
        (b"quot;", b'"'),
        (b"apos;", b'\''),
        (b"percnt;", b'%'),
        (b"plus;", b'+'),
        (b"sol;", b'/'),
        (b"equals;", b'='),
        (b"nbsp;", b'+'),
        (b"bsol;", b'\\'),
        (b"num;", b'#'),
    ];
    if let Some((name, byte)) = NAMES.iter().find(|(name, _)| text.starts_with(name)) {
        return Some((*byte, name.len()));
    }
    let digits = text.strip_prefix(b"#")?;
    let (byte, used) = match digits.first() {
        Some(b'x' | b'X') => {
            number(&digits[1..], 16, 1..=8).map(|(byte, used)| (byte, used + 1))?
        }
        _ => number(digits, 10, 1..=8)?,
    };
    // Browsers accept it without the semicolon.
    let semicolon = usize::from(digits.get(used) == Some(&b';'));
    Some((byte, 1 + used + semicolon))
}

/// The character of an escape of JSON, or of a script, after its backslash, and its length.
fn backslash(text: &[u8]) -> Option<(u8, usize)> {
    match *text.first()? {
        b'u' => number(&text[1..], 16, 4..=4).map(|(byte, used)| (byte, 1 + used)),
        b'x' => number(&text[1..], 16, 2..=2).map(|(byte, used)| (byte, 1 + used)),
        byte @ (b'/' | b'\\' | b'"' | b'\'') => Some((byte, 1)),
        _ => None,
    }
}

/// What is sent instead of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement<'a> {
    form: Form,
    /// The error's code, if it could be read.
    code: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Xml,
    Json,
    Text,
}

impl<'a> Replacement<'a> {
    /// Instead of a body of this content type that cannot be searched.
    pub fn of_type(content_type: &[u8]) -> Self {
        let kind = content_type.split(|byte| *byte == b';').next();
        let kind = kind.unwrap_or_default().trim_ascii().to_ascii_lowercase();
        let form = match kind {
            kind if kind.ends_with(b"html") => Form::Text,
            kind if kind.ends_with(b"xml") => Form::Xml,
            kind if kind.ends_with(b"json") => Form::Json,
            _ => Form::Text,
        };
        Self { form, code: b"" }
    }

    /// Instead of a body with this beginning. An error of S3 keeps its code, which its clients
    /// need.
    pub fn of_body(content_type: &[u8], body: &'a [u8], secrets: &Secrets<'_>) -> Self {
        let replacement = Self::of_type(content_type);
        let code = auth_error::code(body).filter(|code| {
            code.len() <= 64
                && code
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
                && matches!(secrets.may_be_in(code), Ok(false))
        });
        match code {
            Some(code) => Self {
                form: Form::Xml,
                code,
            },
            None => replacement,
        }
    }

    /// The content type of [`parts`](Self::parts).
    pub fn content_type(&self) -> &'static str {
        match self.form {
            Form::Xml => "application/xml",
            Form::Json => "application/json",
            Form::Text => "text/plain",
        }
    }

    /// The body, in parts.
    pub fn parts(&self) -> [&'a [u8]; 6] {
        let (start, message, end): (&[u8], &[u8], &[u8]) = match self.form {
            Form::Xml => (
                b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>",
                b"<Message>",
                b"</Message></Error>",
            ),
            Form::Json => (b"{\"message\":\"", b"", b"\"}"),
            Form::Text => (b"", b"", b"\n"),
        };
        // A code is known for XML only.
        let (code, message): (&[u8], &[u8]) = match self.code {
            b"" => (b"", message),
            _ => (b"<Code>", b"</Code><Message>"),
        };
        [start, code, self.code, message, MESSAGE.as_bytes(), end]
    }
}

#[cfg(test)]
mod tests;

//! The code or the message of a JSON error, from a text that can be truncated.
//!
//! This is not a JSON parser: it distinguishes strings from the rest, and counts brackets. The
//! place of the code depends on the service: in `__type` (JSON protocols), in the object `Error`
//! (query services that were asked for JSON), or only in a header, in which case the message
//! decides.

use memchr::memchr2;

use super::{Code, Finding, Form, auth_error, message_code};

/// No error has its message nested deeper than this many brackets.
const DEEPEST: usize = 3;

/// The result for the object or array at the beginning of `text`.
pub(super) fn examine(text: &[u8]) -> Finding {
    let mut place = Place::default();
    let mut rest = text;
    while let Some(&byte) = rest.first() {
        match byte {
            b'{' | b'[' => place.enter(),
            b'}' | b']' if place.depth <= 1 => return Finding::Other,
            b'}' | b']' => place.depth -= 1,
            b'"' => {
                let text = &rest[1..];
                let end = string_end(text);
                // A long message is recognized by its beginning.
                if let Some(code) = place.message(&text[..end.unwrap_or(text.len())]) {
                    return auth_error(Some(code), Form::Json);
                }
                let Some(end) = end else {
                    return Finding::Undecided;
                };
                rest = text[end + 1..].trim_ascii_start();
                match rest.first() {
                    None => return Finding::Undecided,
                    Some(b':') => place.key = &text[..end],
                    Some(_) if place.is_code() => {
                        return auth_error(Code::of_shape(&text[..end]), Form::Json);
                    }
                    Some(_) => {}
                }
                continue;
            }
            _ => {}
        }
        rest = &rest[1..];
    }
    Finding::Undecided
}

/// The end of the string that `text` begins with.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// The place of a value in the object.
#[derive(Default)]
struct Place<'a> {
    depth: usize,
    /// The last key.
    key: &'a [u8],
    /// The key of the current object or array, inside the outermost one.
    outer: &'a [u8],
}

impl Place<'_> {
    fn enter(&mut self) {
        if self.depth == 1 {
            self.outer = self.key;
        }
        self.depth += 1;
        self.key = b"";
    }

    /// Whether a string here is the error's code.
    fn is_code(&self) -> bool {
        match self.depth {
            1 => self.key == b"__type",
            2 => self.outer == b"Error" && self.key == b"Code",
            _ => false,
        }
    }

    /// The result for a string that can be the error's message.
    fn message(&self, string: &[u8]) -> Option<Code> {
        (self.depth <= DEEPEST && self.key.eq_ignore_ascii_case(b"message"))
            .then(|| message_code(string))
            .flatten()
    }
}

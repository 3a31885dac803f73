//! The few elements of an error document that the module needs, from a document that can be
//! truncated.
//!
//! This is not an XML parser: it distinguishes markup from text, counts elements, and stops at the
//! first thing that does not occur in error documents.

use memchr::{memchr, memchr3, memmem};

use super::Form;

/// Why an element was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The document is not complete.
    Truncated,
    /// It is not an error document, or one without this element.
    Absent,
}

/// The text of the element `name` of the error, without whitespace around it and escaped as it is,
/// and the form of the document.
pub(super) fn find<'a>(body: &'a [u8], name: &[u8]) -> Result<(Form, &'a [u8]), Stop> {
    let mut cursor = Cursor { rest: body };
    let root = loop {
        match cursor.next()? {
            Token::Text(text) if text.trim_ascii().is_empty() => {}
            Token::Open { name, empty: false } => break name,
            _ => return Err(Stop::Absent),
        }
    };
    // Below the root, the elements that contain the error's own elements.
    let (form, path): (_, &[&[u8]]) = match root {
        b"Error" => (Form::Error, &[]),
        b"ErrorResponse" => (Form::ErrorResponse, &[b"Error"]),
        b"Response" => (Form::Response, &[b"Errors", b"Error"]),
        _ => return Err(Stop::Absent),
    };

    let (mut inside, mut skipped) = (0_usize, 0_usize);
    loop {
        match cursor.next()? {
            Token::Text(_) | Token::Open { empty: true, .. } => {}
            Token::Open { .. } if skipped > 0 => skipped += 1,
            Token::Open { name: open, .. } => match path.get(inside) {
                Some(next) if *next == open => inside += 1,
                None if open == name => return cursor.text().map(|text| (form, text)),
                _ => skipped += 1,
            },
            Token::Close if skipped > 0 => skipped -= 1,
            Token::Close => inside = inside.checked_sub(1).ok_or(Stop::Absent)?,
        }
    }
}

enum Token<'a> {
    /// Text, which can be empty, or a CDATA section.
    Text(&'a [u8]),
    /// A start tag; its name without the prefix of a namespace.
    Open { name: &'a [u8], empty: bool },
    /// An end tag.
    Close,
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// The next token; comments and processing instructions are skipped.
    fn next(&mut self) -> Result<Token<'a>, Stop> {
        loop {
            if self.rest.first() != Some(&b'<') {
                let end = memchr(b'<', self.rest).ok_or(Stop::Truncated)?;
                return Ok(Token::Text(self.take(end)));
            }
            match self.rest.get(1).ok_or(Stop::Truncated)? {
                b'?' => {
                    self.until(b"?>")?;
                }
                b'!' if self.begins(b"<!--")? => {
                    self.rest = &self.rest[4..];
                    self.until(b"-->")?;
                }
                b'!' if self.begins(b"<![CDATA[")? => {
                    self.rest = &self.rest[9..];
                    return self.until(b"]]>").map(Token::Text);
                }
                // Errors have no document type, while HTML pages have one.
                b'!' => return Err(Stop::Absent),
                b'/' => {
                    self.until(b">")?;
                    return Ok(Token::Close);
                }
                _ => return self.open(),
            }
        }
    }

    /// The text of the element whose start tag has been read.
    fn text(&mut self) -> Result<&'a [u8], Stop> {
        let end = memchr(b'<', self.rest).ok_or(Stop::Truncated)?;
        let text = self.take(end);
        if self.begins(b"</")? {
            Ok(text.trim_ascii())
        } else {
            Err(Stop::Absent)
        }
    }

    fn open(&mut self) -> Result<Token<'a>, Stop> {
        let mut at = 1;
        loop {
            let rest = self.rest.get(at..).unwrap_or_default();
            at += memchr3(b'>', b'"', b'\'', rest).ok_or(Stop::Truncated)?;
            match self.rest[at] {
                b'>' => break,
                quote => {
                    let value = &self.rest[at + 1..];
                    at += memchr(quote, value).ok_or(Stop::Truncated)? + 2;
                }
            }
        }
        let tag = &self.take(at + 1)[1..at];
        let empty = tag.last() == Some(&b'/');
        let name = tag
            .split(|byte| byte.is_ascii_whitespace() || *byte == b'/')
            .next()
            .unwrap_or_default();
        if !name.first().is_some_and(u8::is_ascii_alphabetic) {
            return Err(Stop::Absent);
        }
        let name = name.split(|byte| *byte == b':').next_back();
        Ok(Token::Open {
            name: name.unwrap_or_default(),
            empty,
        })
    }

    /// Whether the rest begins with `text`, as far as it goes.
    fn begins(&self, text: &[u8]) -> Result<bool, Stop> {
        if self.rest.len() < text.len() && text.starts_with(self.rest) {
            return Err(Stop::Truncated);
        }
        Ok(self.rest.starts_with(text))
    }

    /// The text before `end`, which is skipped too.
    fn until(&mut self, end: &[u8]) -> Result<&'a [u8], Stop> {
        let at = memmem::find(self.rest, end).ok_or(Stop::Truncated)?;
        let text = self.take(at);
        self.rest = &self.rest[end.len()..];
        Ok(text)
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
}

//! The signed parts of the headers.

use crate::Header;
use crate::header;

use super::SignError;

/// The headers whose values are in the string to sign without their names.
#[derive(Default)]
pub(super) struct Positional<'h> {
    pub(super) content_md5: &'h [u8],
    pub(super) content_type: &'h [u8],
    date: Option<&'h [u8]>,
    amz_date: bool,
}

impl<'h> Positional<'h> {
    /// Finds them among the headers that are sent.
    pub(super) fn find(headers: &[Header<'h>]) -> Result<Self, SignError> {
        let (mut content_md5, mut content_type) = (None, None);
        let mut found = Self::default();
        for header in headers {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name.as_bytes());
            let (slot, name) = match header.name.len() {
                4 if is("date") => (&mut found.date, "date"),
                10 if is("x-amz-date") => {
                    // Two dates joined would not be a date.
                    if std::mem::replace(&mut found.amz_date, true) {
                        return Err(SignError::RepeatedHeader { name: "x-amz-date" });
                    }
                    continue;
                }
                11 if is("content-md5") => (&mut content_md5, "content-md5"),
                12 if is("content-type") => (&mut content_type, "content-type"),
                _ => continue,
            };
            if slot.replace(trimmed(header)?).is_some() {
                return Err(SignError::RepeatedHeader { name });
            }
        }
        found.content_md5 = content_md5.unwrap_or_default();
        found.content_type = content_type.unwrap_or_default();
        Ok(found)
    }

    /// The date line: empty if an x-amz-date is signed among the other headers.
    pub(super) fn date(&self) -> Result<&'h [u8], SignError> {
        match self.date {
            _ if self.amz_date => Ok(b""),
            Some(date) if !date.is_empty() => Ok(date),
            _ => Err(SignError::NoDate),
        }
    }
}

/// The header that the session token of a presigned request is signed as.
pub(super) const TOKEN: &str = "x-amz-security-token";

/// Appends each `x-amz-*` header as a line, including `token`, which is sent in the query.
///
/// Names are converted to lower case. Outer whitespace of values is removed, and inner whitespace
/// is kept. The values of one name are joined with commas in the order sent. The fields are sorted
/// in place, stably.
pub(super) fn write_amz(
    headers: &mut [Header<'_>],
    mut token: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> Result<(), SignError> {
    headers.sort_by(|a, b| header::compare(a.name, b.name));

    let mut previous: Option<&[u8]> = None;
    for header in headers.iter().filter(|header| is_amz(header.name)) {
        let value = trimmed(header)?;
        if previous.is_some_and(|name| name.eq_ignore_ascii_case(header.name)) {
            out.push(b',');
        } else {
            if previous.is_some() {
                out.push(b'\n');
            }
            match header::compare(TOKEN.as_bytes(), header.name) {
                std::cmp::Ordering::Less => write_token(token.take(), out),
                std::cmp::Ordering::Equal if token.is_some() => {
                    return Err(SignError::RepeatedHeader { name: TOKEN });
                }
                _ => {}
            }
            header::write_name(header.name, out).map_err(|_| SignError::HeaderName)?;
            out.push(b':');
        }
        out.extend_from_slice(value);
        previous = Some(header.name);
    }
    if previous.is_some() {
        out.push(b'\n');
    }
    write_token(token, out);
    Ok(())
}

fn write_token(token: Option<&[u8]>, out: &mut Vec<u8>) {
    if let Some(token) = token {
        out.extend_from_slice(TOKEN.as_bytes());
        out.push(b':');
        out.extend_from_slice(token);
        out.push(b'\n');
    }
}

fn is_amz(name: &[u8]) -> bool {
    const PREFIX: &[u8] = b"x-amz-";
    name.get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// The value without outer whitespace.
fn trimmed<'h>(header: &Header<'h>) -> Result<&'h [u8], SignError> {
    if super::resource::breaks_line(header.value.iter().copied()) {
        let name = String::from_utf8_lossy(header.name).to_ascii_lowercase();
        return Err(SignError::HeaderValue { name });
    }
    Ok(header::trim_blanks(header.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers<'a>(fields: &[(&'a str, &'a str)]) -> Vec<Header<'a>> {
        let header = |(name, value): &(&'a str, &'a str)| Header {
            name: name.as_bytes(),
            value: value.as_bytes(),
        };
        fields.iter().map(header).collect()
    }

    fn amz(fields: &[(&str, &str)], token: Option<&str>) -> Result<String, SignError> {
        let mut out = b"kept\n".to_vec();
        let token = token.map(str::as_bytes);
        write_amz(&mut headers(fields), token, &mut out)?;
        let out = String::from_utf8(out).unwrap();
        Ok(out.strip_prefix("kept\n").unwrap().to_owned())
    }

    #[test]
    fn amz_headers_are_sorted_joined_and_trimmed() {
        let lines = amz(
            &[
                ("X-Amz-Meta-B", " 1  2\t"),
                ("Range", "bytes=0-9"),
                ("x-amz-meta-a", ""),
                ("X-AMZ-META-b", "\t \"3\" , 4"),
                ("x-amz", "no"),
                ("x-amzn-trace-id", "no"),
                ("X-Amz-Acl", "private"),
            ],
            None,
        );
        let want = "x-amz-acl:private\nx-amz-meta-a:\nx-amz-meta-b:1  2,\"3\" , 4\n";
        assert_eq!(lines.unwrap(), want);
        assert_eq!(amz(&[("Host", "h")], None).unwrap(), "");
    }

    #[test]
    fn a_token_of_the_query_takes_its_place() {
        let token = "x-amz-security-token:t\n";
        let (before, after) = ("x-amz-acl:a\n", "x-amz-storage-class:s\n");
        let sent = [("x-amz-storage-class", "s"), ("X-Amz-Acl", "a")];
        for (fields, lines) in [
            (&sent[..], [before, token, after].concat()),
            (&sent[..1], [token, after].concat()),
            (&sent[1..], [before, token].concat()),
            (&[], token.to_owned()),
        ] {
            assert_eq!(amz(fields, Some("t")).unwrap(), lines);
            assert_eq!(amz(fields, None).unwrap(), lines.replace(token, ""));
        }
        let sent = [("X-Amz-Security-Token", "u")];
        assert_eq!(amz(&sent, None).unwrap(), "x-amz-security-token:u\n");
        assert_eq!(
            amz(&sent, Some("t")),
            Err(SignError::RepeatedHeader { name: TOKEN })
        );
    }

    #[test]
    fn an_amz_date_takes_the_place_of_the_date() {
        let date = |fields: &[(&'static str, &'static str)]| {
            Positional::find(&headers(fields)).and_then(|found| found.date())
        };
        assert_eq!(date(&[("date", " today ")]), Ok(&b"today"[..]));
        assert_eq!(
            date(&[("Date", "today"), ("X-Amz-Date", "now")]),
            Ok(&b""[..])
        );
        assert_eq!(date(&[("x-amz-date", "now")]), Ok(&b""[..]));
        assert_eq!(date(&[("Date", " \t")]), Err(SignError::NoDate));
        assert_eq!(date(&[("x-amz-meta-date", "now")]), Err(SignError::NoDate));
    }

    #[test]
    fn what_would_forge_lines_is_refused() {
        for value in ["a\nb", "\r", "\0"] {
            let error = SignError::HeaderValue {
                name: "x-amz-a".to_owned(),
            };
            assert_eq!(amz(&[("X-Amz-A", value)], None), Err(error));
            for name in ["date", "content-md5", "content-type"] {
                let found = Positional::find(&headers(&[(name, value)]));
                let error = SignError::HeaderValue {
                    name: name.to_owned(),
                };
                assert_eq!(found.err(), Some(error));
            }
        }
        for name in ["x-amz-a b", "x-amz-a:b", "x-amz-\n"] {
            assert_eq!(amz(&[(name, "1")], None), Err(SignError::HeaderName));
        }
    }

    #[test]
    fn what_may_be_sent_once_is_not_sent_twice() {
        for name in ["date", "content-md5", "content-type", "x-amz-date"] {
            let upper = name.to_ascii_uppercase();
            let found = Positional::find(&headers(&[(name, "1"), ("a", "2"), (&upper, "1")]));
            assert_eq!(found.err(), Some(SignError::RepeatedHeader { name }));
        }
    }
}

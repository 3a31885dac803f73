//! The URL in the configuration, split into its parts.

use super::PresignedUrlError;
use crate::url::{split_authority, split_scheme};
use crate::value;

/// An absolute URL of HTTP.
pub(super) struct Url<'a> {
    /// `http://` or `https://`.
    pub(super) scheme: &'static str,
    /// Host and port, without the scheme's default port, which clients leave out of Host.
    pub(super) authority: &'a [u8],
    /// Empty, or from the first `/` on; encoded.
    path: &'a [u8],
    /// Without `?`; encoded.
    pub(super) query: &'a [u8],
}

impl<'a> Url<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, PresignedUrlError> {
        let (scheme, rest) = split_scheme(text).ok_or(PresignedUrlError::Scheme)?;
        let port: &[u8] = match scheme {
            "https://" => b":443",
            _ => b":80",
        };
        // Bytes that a client does not send, or reads differently.
        if let Some(byte) = rest
            .iter()
            .find(|byte| **byte <= b' ' || b"#\\\x7f".contains(byte))
        {
            return Err(PresignedUrlError::Byte(*byte));
        }

        let (authority, rest) = split_authority(rest);
        value::endpoint(authority).map_err(|_| PresignedUrlError::Host)?;
        let question = rest.iter().position(|byte| *byte == b'?');
        let (path, query) = rest.split_at(question.unwrap_or(rest.len()));
        Ok(Self {
            scheme,
            authority: authority.strip_suffix(port).unwrap_or(authority),
            path,
            query: query.strip_prefix(b"?").unwrap_or_default(),
        })
    }

    /// Appends this path and `more`, which is not encoded, with one `/` in between.
    pub(super) fn write_path(&self, more: Option<&[u8]>, out: &mut Vec<u8>) {
        let Some(more) = more else {
            out.extend_from_slice(self.path);
            return;
        };
        out.extend_from_slice(self.path.strip_suffix(b"/").unwrap_or(self.path));
        if !more.starts_with(b"/") {
            out.push(b'/');
        }
        aws_signing::encode::uri_encode(more, true, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (&str, &str, String, &str) {
        let url = Url::parse(text.as_bytes()).unwrap();
        let mut path = Vec::new();
        url.write_path(None, &mut path);
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        let path = String::from_utf8(path).unwrap();
        (url.scheme, text(url.authority), path, text(url.query))
    }

    #[test]
    fn a_url_has_parts() {
        for (url, scheme, authority, path, query) in [
            ("https://h", "https://", "h", "", ""),
            ("https://h/", "https://", "h", "/", ""),
            ("HTTPS://h/a?b=c?d", "https://", "h", "/a", "b=c?d"),
            ("http://h:8080?a", "http://", "h:8080", "", "a"),
            ("http://h:80/a", "http://", "h", "/a", ""),
            ("http://h:443/a", "http://", "h:443", "/a", ""),
            ("https://h:443//a", "https://", "h", "//a", ""),
            ("https://[::1]:9/a", "https://", "[::1]:9", "/a", ""),
        ] {
            let expected = (scheme, authority, path.to_owned(), query);
            assert_eq!(parts(url), expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        use PresignedUrlError::{Byte, Host, Scheme};
        for (url, error) in [
            ("", Scheme),
            ("/a", Scheme),
            ("ftp://h/", Scheme),
            ("https:/h", Scheme),
            ("https://", Host),
            ("https:///a", Host),
            ("https://u@h/", Host),
            ("https://h:p/", Host),
            ("https://h/a b", Byte(b' ')),
            ("https://h/a\r\nb", Byte(b'\r')),
            ("https://h/#a", Byte(b'#')),
            ("https://h\\@i/", Byte(b'\\')),
            ("https://h/\u{7f}", Byte(0x7f)),
        ] {
            assert_eq!(Url::parse(url.as_bytes()).err(), Some(error), "{url}");
        }
    }

    #[test]
    fn a_decoded_path_is_put_behind() {
        for (url, more, path) in [
            ("https://h", "/a b", "/a%20b"),
            ("https://h/", "/a b", "/a%20b"),
            ("https://h/", "a+b", "/a%2Bb"),
            ("https://h/bucket", "/k%", "/bucket/k%25"),
            ("https://h/bucket%20/", "k//", "/bucket%20/k//"),
            ("https://h", "//k", "//k"),
            ("https://h", "", "/"),
        ] {
            let mut out = Vec::new();
            let url = Url::parse(url.as_bytes()).unwrap();
            url.write_path(Some(more.as_bytes()), &mut out);
            assert_eq!(out, path.as_bytes(), "{more}");
        }
    }
}

//! The URL of `proxy_pass`, as nginx reads it.

use crate::url::{split_authority, split_scheme};

/// Host and port of `url`, as they are written; `None` if nginx does not accept such a URL.
pub fn authority(url: &[u8]) -> Option<&[u8]> {
    let (_, rest) = split_scheme(url)?;
    let (authority, _) = split_authority(rest);
    (!authority.is_empty()).then_some(authority)
}

/// Path and query of `url`, as they are written; empty if it has neither.
pub fn uri(url: &[u8]) -> &[u8] {
    const SOCKET: &[u8] = b"unix:";
    let Some((_, rest)) = split_scheme(url) else {
        return b"";
    };
    match rest.split_at_checked(SOCKET.len()) {
        Some((start, path)) if start.eq_ignore_ascii_case(SOCKET) => {
            let end = path.iter().position(|byte| *byte == b':');
            end.map_or(b"", |end| &path[end + 1..])
        }
        _ => split_authority(rest).1,
    }
}

#[cfg(test)]
mod tests {
    use super::{authority, uri};

    #[test]
    fn the_authority_ends_where_path_or_arguments_begin() {
        for (url, expected, expected_uri) in [
            ("http://stores", Some("stores"), ""),
            ("HTTPS://Stores/", Some("Stores"), "/"),
            ("http://stores/a?b", Some("stores"), "/a?b"),
            ("http://stores?a/b", Some("stores"), "?a/b"),
            ("http://stores:8080/a", Some("stores:8080"), "/a"),
            ("http://", None, ""),
            ("http:///a", None, "/a"),
            ("stores", None, ""),
            ("ftp://stores/a", None, ""),
            ("", None, ""),
        ] {
            let found = authority(url.as_bytes()).map(|found| str::from_utf8(found).unwrap());
            assert_eq!(found, expected, "{url}");
            assert_eq!(uri(url.as_bytes()), expected_uri.as_bytes(), "{url}");
        }
    }

    #[test]
    fn the_uri_behind_a_socket_follows_a_second_colon() {
        for (url, expected) in [
            ("http://unix:/run/a.sock", ""),
            ("http://unix:/run/a.sock:", ""),
            ("https://UNIX:/run/a.sock:/a?b", "/a?b"),
        ] {
            assert_eq!(uri(url.as_bytes()), expected.as_bytes(), "{url}");
        }
    }
}

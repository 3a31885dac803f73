//! The URL behind `proxy_pass`, as nginx reads it.

/// Host and port of `url`, as they stand there; `None` where nginx takes no such URL.
pub fn authority(url: &[u8]) -> Option<&[u8]> {
    let rest = behind_scheme(url)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
    let authority = &rest[..end.unwrap_or(rest.len())];
    (!authority.is_empty()).then_some(authority)
}

/// Path and query of `url`, as they are written; empty if it has neither.
pub fn uri(url: &[u8]) -> &[u8] {
    let Some(rest) = behind_scheme(url) else {
        return b"";
    };
    let start = match rest.split_at_checked(SOCKET.len()) {
        Some((start, path)) if start.eq_ignore_ascii_case(SOCKET) => {
            let end = path.iter().position(|byte| *byte == b':');
            end.map(|end| SOCKET.len() + end + 1)
        }
        _ => rest.iter().position(|byte| matches!(byte, b'/' | b'?')),
    };
    start.map_or(b"", |start| &rest[start..])
}

const SOCKET: &[u8] = b"unix:";

fn behind_scheme(url: &[u8]) -> Option<&[u8]> {
    [&b"http://"[..], b"https://"]
        .into_iter()
        .find_map(|scheme| {
            let (start, rest) = url.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        })
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

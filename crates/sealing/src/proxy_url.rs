//! The URL behind `proxy_pass`, as nginx reads it.

/// Host and port of `url`, as they stand there; `None` where nginx takes no such URL.
pub fn authority(url: &[u8]) -> Option<&[u8]> {
    let rest = [&b"http://"[..], b"https://"]
        .into_iter()
        .find_map(|scheme| {
            let (start, rest) = url.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        })?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
    let authority = &rest[..end.unwrap_or(rest.len())];
    (!authority.is_empty()).then_some(authority)
}

#[cfg(test)]
mod tests {
    use super::authority;

    #[test]
    fn the_authority_ends_where_path_or_arguments_begin() {
        for (url, expected) in [
            ("http://stores", Some("stores")),
            ("HTTPS://Stores/", Some("Stores")),
            ("http://stores/a?b", Some("stores")),
            ("http://stores?a/b", Some("stores")),
            ("http://stores:8080/a", Some("stores:8080")),
            ("http://", None),
            ("http:///a", None),
            ("stores", None),
            ("ftp://stores", None),
            ("", None),
        ] {
            let found = authority(url.as_bytes()).map(|found| str::from_utf8(found).unwrap());
            assert_eq!(found, expected, "{url}");
        }
    }
}

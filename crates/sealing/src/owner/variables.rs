//! The variables that cannot contain a line break.

/// Variables of nginx that never contain one, and that no directive can redefine: all of them are
/// in every nginx with the proxy module, and `set`, `map` and the like cannot change them.
const ONE_LINE: [&[u8]; 29] = [
    b"connection",
    b"connection_requests",
    b"content_length",
    b"content_type",
    b"host",
    b"hostname",
    b"http_cookie",
    b"http_host",
    b"http_referer",
    b"http_user_agent",
    b"http_via",
    b"http_x_forwarded_for",
    b"https",
    b"msec",
    b"nginx_version",
    b"pid",
    b"proxy_add_x_forwarded_for",
    b"remote_addr",
    b"remote_port",
    b"request_id",
    b"request_length",
    b"request_method",
    b"request_time",
    b"scheme",
    b"server_addr",
    b"server_name",
    b"server_port",
    b"time_iso8601",
    b"time_local",
];

/// Whether `value`, as it is written in the configuration, never contains a line break.
pub(super) fn hold_no_line_break(value: &[u8]) -> bool {
    if value.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return false;
    }
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'$', rest) {
        rest = &rest[at + 1..];
        rest = rest.strip_prefix(b"{").unwrap_or(rest);
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = rest.iter().take_while(|byte| is_name(byte)).count();
        let name = rest[..length].to_ascii_lowercase();
        if !ONE_LINE.contains(&&name[..]) {
            return false;
        }
        rest = &rest[length..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::hold_no_line_break;

    #[test]
    fn values_that_hold_no_line_break() {
        for value in [
            "",
            "text",
            "$remote_addr",
            "${scheme}://$HOST:$server_port",
            "a$msec",
        ] {
            assert!(hold_no_line_break(value.as_bytes()), "{value}");
        }
        for value in [
            "$uri",
            "$1",
            "${remote_addr}$args",
            "$remote_addr_x",
            "$http_x",
            "$",
            "$binary_remote_addr",
            "a\r\nb",
        ] {
            assert!(!hold_no_line_break(value.as_bytes()), "{value}");
        }
    }
}

//! Checks of access keys and secrets, before anything is signed with them.

/// The [maximum length][1] of an access key of AWS.
///
/// [1]: https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html
pub const LONGEST_AWS_ACCESS_KEY: usize = 128;

/// The maximum length of an access key of any object store: some are longer than those of AWS.
pub const LONGEST_ACCESS_KEY: usize = 256;

/// The maximum length of a secret key or session token.
pub const LONGEST_SECRET: usize = 16 * 1024;

/// Whether this can be an access key of up to `longest` bytes: visible ASCII without `/` and `,`,
/// which separate the parts of an Authorization header.
pub fn is_access_key(value: &[u8], longest: usize) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_graphic() && !b"/,".contains(byte);
    (1..=longest).contains(&value.len()) && value.iter().all(is_allowed)
}

/// Whether this can be a secret key or a session token: visible ASCII.
pub fn is_secret(value: &[u8]) -> bool {
    (1..=LONGEST_SECRET).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_keys() {
        for good in ["A", "AKIDEXAMPLE", "test:tester"] {
            assert!(is_access_key(good.as_bytes(), LONGEST_ACCESS_KEY), "{good}");
        }
        for bad in ["", "a/b", "a,b", "a b", "a\n", "\u{e9}"] {
            assert!(!is_access_key(bad.as_bytes(), LONGEST_ACCESS_KEY), "{bad}");
        }
        for longest in [LONGEST_AWS_ACCESS_KEY, LONGEST_ACCESS_KEY] {
            assert!(is_access_key(&vec![b'A'; longest], longest));
            assert!(!is_access_key(&vec![b'A'; longest + 1], longest));
        }
    }

    #[test]
    fn secrets() {
        assert!(is_secret(b"wJalr/+=,") && is_secret(&[b'a'; LONGEST_SECRET]));
        for bad in [
            &b""[..],
            b"a b",
            b"a\n",
            b"\xe9",
            &[b'a'; LONGEST_SECRET + 1],
        ] {
            assert!(!is_secret(bad));
        }
    }
}

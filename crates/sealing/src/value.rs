//! Checks values that become part of a Host header, a scope, or an Authorization header. They come
//! from the configuration or from a variable, that is, possibly from a client.

use aws_signing::identity::{LONGEST_ACCESS_KEY, is_access_key, is_secret};

/// Why a value is not accepted; completes the sentence `invalid value "x": ...`.
pub type ValueError = &'static str;

/// A bucket's name: letters, digits, `.`, `-`, `_`; at most 255 bytes (the oldest buckets of
/// us-east-1 have such names). No `/`, so that a client's value cannot extend into the path, and no
/// empty or dotted-only label, so that it cannot leave the bucket's host.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
pub fn bucket(value: &[u8]) -> Result<(), ValueError> {
    if value.len() > 255 {
        return Err("a bucket name has at most 255 characters");
    }
    if value.is_empty() {
        return Err("a bucket name cannot be empty");
    }
    if value.split(|byte| *byte == b'.').any(<[u8]>::is_empty) {
        return Err("a bucket name cannot have an empty part between dots");
    }
    all(value, |byte| {
        byte.is_ascii_alphanumeric() || b".-_".contains(&byte)
    })
    .ok_or("a bucket name consists of letters, digits, \".\", \"-\" and \"_\"")
}

/// A region: letters, digits, `-`, `_` (S3-compatible object stores have regions such as `RegionOne`).
pub fn region(value: &[u8]) -> Result<(), ValueError> {
    all(value, |byte| {
        byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
    })
    .filter(|()| value.len() <= 64)
    .ok_or("a region consists of letters, digits and \"-\", such as eu-west-1")
}

/// A service's name in a scope: letters, digits, `-`, `_`, `.`.
pub fn service(value: &[u8]) -> Result<(), ValueError> {
    all(value, |byte| {
        byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
    })
    .filter(|()| value.len() <= 64)
    .ok_or("a service consists of letters, digits and \"-\", such as s3 or execute-api")
}

/// An endpoint: a host name or address, with an optional port; no scheme and no path.
pub fn endpoint(value: &[u8]) -> Result<(), ValueError> {
    const ERROR: ValueError =
        "an endpoint is a host with an optional port, such as s3.eu-west-1.amazonaws.com";
    if value.len() > 255 {
        return Err(ERROR);
    }
    let (host, port) = match value.strip_prefix(b"[") {
        Some(rest) => {
            let end = rest.iter().position(|byte| *byte == b']').ok_or(ERROR)?;
            all(&rest[..end], |byte| {
                byte.is_ascii_hexdigit() || b":.".contains(&byte)
            })
            .ok_or(ERROR)?;
            (None, &rest[end + 1..])
        }
        None => {
            let end = value
                .iter()
                .position(|byte| *byte == b':')
                .unwrap_or(value.len());
            (Some(&value[..end]), &value[end..])
        }
    };
    if let Some(host) = host {
        all(host, |byte| {
            byte.is_ascii_alphanumeric() || b".-_".contains(&byte)
        })
        .ok_or(ERROR)?;
        if host.split(|byte| *byte == b'.').any(<[u8]>::is_empty) {
            return Err(ERROR);
        }
    }
    match port.strip_prefix(b":") {
        Some(digits) if digits.len() <= 5 => all(digits, |byte| byte.is_ascii_digit()).ok_or(ERROR),
        None if port.is_empty() => Ok(()),
        _ => Err(ERROR),
    }
}

/// An access key: printable ASCII without space, `/` and `,`, which separate the parts of an
/// Authorization header.
pub fn access_key(value: &[u8]) -> Result<(), ValueError> {
    is_access_key(value, LONGEST_ACCESS_KEY)
        .then_some(())
        .ok_or("an access key must not contain blanks, control characters, \"/\" or \",\"")
}

/// A secret key or session token: printable ASCII without spaces. Errors do not show the value.
pub fn secret(value: &[u8]) -> Result<(), ValueError> {
    is_secret(value)
        .then_some(())
        .ok_or("empty, or with blanks or control characters")
}

/// `Some` if `value` is not empty and each of its bytes is `allowed`.
fn all(value: &[u8], allowed: impl Fn(u8) -> bool) -> Option<()> {
    (!value.is_empty() && value.iter().all(|byte| allowed(*byte))).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets() {
        for good in ["b", "my-bucket", "a.b.c", "Old_Bucket", "123"] {
            assert_eq!(bucket(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in [
            "", ".", "..", "a..b", ".a", "a.", "a/b", "a b", "a:80", "a@b", "é", "a\r\nb",
        ] {
            assert!(bucket(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(bucket(&[b'a'; 256]).is_err());
    }

    #[test]
    fn endpoints() {
        for good in [
            "s3.amazonaws.com",
            "localhost:9000",
            "minio_1:9000",
            "127.0.0.1",
            "[::1]",
            "[::1]:9000",
        ] {
            assert_eq!(endpoint(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in [
            "",
            "https://s3.amazonaws.com",
            "s3.amazonaws.com/",
            "a b",
            "a:",
            "a:b",
            "a:123456",
            ":80",
            "a..b",
            "[::1",
            "[]",
            "[::1]x",
            "[g]",
            "user@host",
            "a\r\nb",
        ] {
            assert!(endpoint(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn scopes_keys_and_secrets() {
        assert!(region(b"eu-west-1").is_ok() && region(b"RegionOne").is_ok());
        assert!(region(b"").is_err() && region(b"eu/west").is_err() && region(b"a b").is_err());
        assert!(service(b"execute-api").is_ok() && service(b"s3/x").is_err());
        assert!(access_key(b"AKIDEXAMPLE").is_ok() && access_key(b"test:tester").is_ok());
        assert!(access_key(b"a/b").is_err() && access_key(b"a,b").is_err());
        assert!(access_key(b"a b").is_err() && access_key(b"").is_err());
        assert!(secret(b"wJalr/+=").is_ok() && secret(b"a b").is_err() && secret(b"a\n").is_err());
        assert!(secret(b"").is_err());
    }
}

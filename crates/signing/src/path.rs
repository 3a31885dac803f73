//! Canonical paths.
//!
//! S3 signs the path of the object as it is. Every other service signs a path that is first
//! normalized and then encoded once more. A path here is the part of the request line before `?`;
//! it begins with `/`, and an empty one is the root.

use crate::encode::{self, Plus, SEGMENT, SEMICOLON, SLASH, UNRESERVED};

/// How a service canonicalizes a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Encode the path as sent once more, `%` included, instead of decoding and encoding it.
    pub double_encode: bool,
    /// Remove empty segments, `.` and `..`.
    pub normalize: bool,
}

impl Rules {
    /// S3, S3 Object Lambda, S3 on Outposts, S3 Express: each byte of the path belongs to a key.
    pub const S3: Self = Self {
        double_encode: false,
        normalize: false,
    };
    /// All other services.
    pub const SERVICE: Self = Self {
        double_encode: true,
        normalize: true,
    };
}

/// Appends the canonical form of a path under any [`Rules`].
pub fn canonical(path: &[u8], rules: Rules, out: &mut Vec<u8>) {
    let encode = |text: &[u8], out: &mut Vec<u8>| {
        if rules.double_encode {
            encode::encode(text, UNRESERVED | SLASH, out);
        } else {
            encode::canonicalize(text, UNRESERVED | SLASH, Plus::Plus, out);
        }
    };
    if rules.normalize {
        normalize(path, out, encode);
    } else if path.is_empty() {
        out.push(b'/');
    } else {
        encode(path, out);
    }
}

/// Appends the canonical path of a request to S3.
///
/// The path is decoded once and each byte is encoded, except `/`. Nothing is normalized: `//`, `.`
/// and `..` are parts of a key. An S3 request can be sent with this form as well.
pub fn s3(path: &[u8], out: &mut Vec<u8>) {
    canonical(path, Rules::S3, out);
}

/// Appends the canonical path of a request to any other service, computed from the path as sent:
/// normalized without decoding, then every byte except the unreserved ones and `/` is encoded.
pub fn double_encoded(path: &[u8], out: &mut Vec<u8>) {
    canonical(path, Rules::SERVICE, out);
}

/// Appends the path that a proxy sends to any other service: normalized as for the signature, so
/// that no server in between has a reason to change it. Valid escapes are kept, and all bytes that
/// RFC 3986 forbids in a path are encoded.
pub fn service_wire(path: &[u8], out: &mut Vec<u8>) {
    normalize(path, out, |segment, out| {
        encode::encode_keeping_escapes(segment, UNRESERVED | SEGMENT | SEMICOLON, out);
    });
}

/// Appends `path` segment by segment, each through `encode`, without empty segments and `.`; `..`
/// removes the previous segment, down to the root. A final slash is kept if anything is left.
///
/// Segments are compared undecoded, as AWS does: `%2e%2e` is a name like any other.
fn normalize(path: &[u8], out: &mut Vec<u8>, encode: impl Fn(&[u8], &mut Vec<u8>)) {
    let root = out.len();
    for segment in path.split(|&byte| byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => {
                let parent = out[root..]
                    .iter()
                    .rposition(|&byte| byte == b'/')
                    .unwrap_or(0);
                out.truncate(root + parent);
            }
            _ => {
                out.push(b'/');
                encode(segment, out);
            }
        }
    }
    if out.len() == root || path.ends_with(b"/") {
        out.push(b'/');
    }
}

/// Whether the path contains a `.` or `..` segment, as written or once it is decoded: `..`,
/// `%2e%2e`, `..%2f`, `%252e.`.
///
/// A segment ends at `/` and at other bytes that some servers read as its end: a backslash, `?`,
/// `#`, and `;`. Escapes are decoded until none is left, since a service can decode more than once.
/// Time is linear in the length of the path.
pub fn has_dot_segment(path: &[u8]) -> bool {
    // A path without a relevant escape, as nearly all are, needs no memory.
    let matters = |at: usize| {
        encode::escape(&path[at..]).is_some_and(|byte| {
            matches!(byte, b'.' | b'%') || ends_segment(byte) || byte.is_ascii_hexdigit()
        })
    };
    if !(0..path.len()).any(matters) {
        return path
            .split(|&byte| ends_segment(byte))
            .any(|segment| matches!(segment, b"." | b".."));
    }

    let mut segment = Segment::default();
    // Decoded text whose end can still be the beginning of an escape: `%`, `%2`, `%%2` ...
    let mut pending: Vec<u8> = Vec::new();
    for &byte in path {
        pending.push(byte);
        while let [.., b'%', high, low] = pending[..]
            && let Some(decoded) = encode::escaped(high, low)
        {
            pending.truncate(pending.len() - 3);
            pending.push(decoded);
        }
        if !may_grow(&pending) && pending.drain(..).any(|byte| segment.ends_in_dots(byte)) {
            return true;
        }
    }
    pending.drain(..).any(|byte| segment.ends_in_dots(byte)) || segment.ends_in_dots(b'/')
}

fn ends_segment(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\' | b'?' | b'#' | b';')
}

/// Whether the end of `text` can still become an escape.
fn may_grow(text: &[u8]) -> bool {
    match text {
        [.., b'%'] => true,
        [.., b'%', high] => high.is_ascii_hexdigit(),
        _ => false,
    }
}

/// The current segment.
#[derive(Default)]
struct Segment {
    dots: u8,
    /// Something other than a dot was read, or a third dot.
    name: bool,
}

impl Segment {
    /// Reads one more byte; returns true if it ends a `.` or `..` segment.
    fn ends_in_dots(&mut self, byte: u8) -> bool {
        if ends_segment(byte) {
            let dots = !self.name && self.dots > 0;
            *self = Self::default();
            return dots;
        }
        match byte {
            b'.' if self.dots < 2 => self.dots += 1,
            _ => self.name = true,
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(write: fn(&[u8], &mut Vec<u8>), path: &str) -> String {
        let mut out = b"/kept".to_vec();
        write(path.as_bytes(), &mut out);
        String::from_utf8(out)
            .unwrap()
            .strip_prefix("/kept")
            .unwrap()
            .to_owned()
    }

    #[test]
    fn s3_keeps_the_key_and_changes_the_spelling() {
        for (path, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("//a/./../b//", "//a/./../b//"),
            ("/a b+c", "/a%20b%2Bc"),
            ("/%61%2e%7E", "/a.~"),
            ("/%c3%a9\u{e9}", "/%C3%A9%C3%A9"),
            ("/%ff%00", "/%FF%00"),
            ("/%252F%2F", "/%252F/"),
            ("/100%", "/100%25"),
            (
                "/(1)!'*;:@&=$,?#[]",
                "/%281%29%21%27%2A%3B%3A%40%26%3D%24%2C%3F%23%5B%5D",
            ),
        ] {
            assert_eq!(made(s3, path), canonical, "{path}");
            assert_eq!(made(s3, canonical), canonical, "again");
        }
    }

    #[test]
    fn services_normalise_and_encode_twice() {
        for (path, wire, canonical) in [
            ("", "/", "/"),
            ("/", "/", "/"),
            ("//", "/", "/"),
            ("/..", "/", "/"),
            ("/../../x/..", "/", "/"),
            ("/a/b/../", "/a/", "/a/"),
            ("/a/b/..", "/a", "/a"),
            ("/a/.", "/a", "/a"),
            ("/a/./", "/a/", "/a/"),
            ("/a//b", "/a/b", "/a/b"),
            ("/.../..a/b..", "/.../..a/b..", "/.../..a/b.."),
            ("/a/%2e%2e/b", "/a/%2e%2e/b", "/a/%252e%252e/b"),
            ("/a:b@c", "/a:b@c", "/a%3Ab%40c"),
            ("/a%3Ab", "/a%3Ab", "/a%253Ab"),
            ("/a b", "/a%20b", "/a%2520b"),
            ("/\u{e9}", "/%C3%A9", "/%25C3%25A9"),
            ("/100%", "/100%25", "/100%2525"),
            ("/%zz%4", "/%25zz%254", "/%2525zz%25254"),
            (
                "/a?b#c[d]\\",
                "/a%3Fb%23c%5Bd%5D%5C",
                "/a%253Fb%2523c%255Bd%255D%255C",
            ),
        ] {
            assert_eq!(made(service_wire, path), wire, "{path}");
            assert_eq!(made(service_wire, wire), wire, "again");
            assert_eq!(made(double_encoded, wire), canonical, "{path}");
        }
    }

    #[test]
    fn each_rule_can_be_chosen() {
        for (double_encode, normalize, canonical_form) in [
            (false, false, "/a//b/../c%20d"),
            (false, true, "/a/c%20d"),
            (true, false, "/a//b/../c%2520d"),
            (true, true, "/a/c%2520d"),
        ] {
            let mut out = Vec::new();
            canonical(
                b"/a//b/../c%20d",
                Rules {
                    double_encode,
                    normalize,
                },
                &mut out,
            );
            assert_eq!(out, canonical_form.as_bytes());
        }
    }

    #[test]
    fn dot_segments_are_found() {
        for path in [
            "/%2e%2e/b",
            "/a/%2E%2E",
            "/a/.%2e/b",
            "/a/%2e./b",
            "/a/%2e",
            "%2e",
            "/a/%2e/",
            "/a/..%2fb",
            "/a%2f..",
            "/a%2f../b",
            "/a%2F.%2Fb",
            "/a/..%5cb",
            "/a%5C..%5Cb",
            "/a\\..\\b",
            "/..\\b",
            "/a/%252e%252e/b",
            "/a/%25252e./b",
            "/a/..%252fb",
            "/a/..%255cb",
            "/a/%%32%65./b",
            "/a/%2%65./b",
            "/a/%%%33%32%65./b",
            "/a/%25%32%65/b",
            "/a/../%2e%2e/b",
            "..",
            ".",
            "/a/../b",
            "/./a",
            "/a/.",
            "/a/..",
            "/a%20b/../c",
            "/a/%2/../%",
            "/100%25/../x",
            "/%41/..",
            "/%61/./b",
            "/public/..?",
            "/public/..%3f",
            "/public/..%23x",
            "/a/..;/b",
            "/a/..%3Bx/b",
            "/..\\..",
            "/a/%2e%2e%5Cb",
            "/a/..%%32f",
        ] {
            assert!(has_dot_segment(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn other_paths_hold_no_dot_segment() {
        for path in [
            "",
            "/",
            "/%2e%2e%2e/a",
            "/.../a",
            "/a..b/..c/d..",
            "/a%2f/b",
            "/.a;.b/..c?d",
            "/a/..%20/b%2e",
            "/a%2eb",
            "/a/..b%2f",
            "/%2e%2ea/",
            "/a%2f/b",
            "/a/..%20/b",
            "/%252e%252e%252e",
            "/%",
            "/%%",
            "/%2",
            "/a%5cb",
            "/%2ehidden",
            "/x%2e%2e/",
        ] {
            assert!(!has_dot_segment(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn dot_segments_are_looked_for_in_linear_time() {
        // Decoding this round by round would take as many rounds as there are "25".
        let nested = [b"/%".to_vec(), b"25".repeat(1 << 20), b"2e./a".to_vec()].concat();
        assert!(has_dot_segment(&nested));
        assert!(!has_dot_segment(&b"%".repeat(1 << 20)));
    }
}

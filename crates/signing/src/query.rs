//! Canonical queries, and the parameters they are made of.
//!
//! A query here is the part of a request line after `?`. It is a list of `name=value` pairs
//! separated by `&`, in which any byte can be percent-encoded and `+` is a space.

use std::ops::Range;

use crate::encode::{self, Plus, QUERY, SEGMENT, SLASH, UNRESERVED};

/// One parameter of a query, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// What comes before the first `=`, undecoded.
    pub name: &'a [u8],
    /// What is after the first `=`, undecoded; `None` if there is no `=`.
    pub value: Option<&'a [u8]>,
    /// The whole parameter.
    pub raw: &'a [u8],
}

impl<'a> Parameter<'a> {
    fn new(raw: &'a [u8]) -> Self {
        match raw.iter().position(|&byte| byte == b'=') {
            Some(equals) => Self {
                name: &raw[..equals],
                value: Some(&raw[equals + 1..]),
                raw,
            },
            None => Self {
                name: raw,
                value: None,
                raw,
            },
        }
    }

    /// Whether the decoded name is `name`.
    pub(crate) fn decoded_name_eq(&self, name: &[u8]) -> bool {
        encode::decode(self.name, Plus::Space).eq(name.iter().copied())
    }

    /// The bytes that the value represents; none if there is no value.
    pub fn decoded_value(&self) -> impl Iterator<Item = u8> {
        encode::decode(self.value.unwrap_or_default(), Plus::Space)
    }

    /// Whether the decoded name is `name` in any case of ASCII letters.
    pub fn decoded_name_eq_ignore_case(&self, name: &[u8]) -> bool {
        let mut decoded = encode::decode(self.name, Plus::Space);
        name.iter().all(|byte| {
            decoded
                .next()
                .is_some_and(|got| got.eq_ignore_ascii_case(byte))
        }) && decoded.next().is_none()
    }

    /// Whether the decoded name begins with `prefix` in any case of ASCII letters.
    pub fn decoded_name_starts_with_ignore_case(&self, prefix: &[u8]) -> bool {
        let mut decoded = encode::decode(self.name, Plus::Space);
        prefix.iter().all(|byte| {
            decoded
                .next()
                .is_some_and(|got| got.eq_ignore_ascii_case(byte))
        })
    }
}

/// The parameters of a query in the order written. Empty pieces (`a=1&&b=2&`) are none.
pub fn parameters(query: &[u8]) -> impl Iterator<Item = Parameter<'_>> {
    query
        .split(|&byte| byte == b'&')
        .filter(|raw| !raw.is_empty())
        .map(Parameter::new)
}

/// Appends the query that a proxy sends to a service that does not get the canonical form: the
/// parameters for which `keep` returns true, in their own order and spelling. All bytes that RFC
/// 3986 forbids in a query are encoded, and `;`, since a server that splits there would see
/// parameters that `keep` has not seen. Returns the number of parameters that were left out.
pub fn service_wire(
    query: &[u8],
    mut keep: impl FnMut(&Parameter<'_>) -> bool,
    out: &mut Vec<u8>,
) -> usize {
    let start = out.len();
    let mut dropped = 0;
    for parameter in parameters(query) {
        if !keep(&parameter) {
            dropped += 1;
            continue;
        }
        if out.len() > start {
            out.push(b'&');
        }
        let raw = UNRESERVED | SLASH | SEGMENT | QUERY;
        encode::encode_keeping_escapes(parameter.raw, raw, out);
    }
    dropped
}

/// Canonicalizes queries; its buffers grow once and are reused.
#[derive(Debug, Default)]
pub struct Canonicalizer {
    written: Vec<Written>,
    sorted: Vec<u8>,
}

/// Where the name and the value of a parameter are in the output.
#[derive(Clone, Debug)]
struct Written {
    name: Range<usize>,
    value: Range<usize>,
}

impl Written {
    fn order<'t>(&self, text: &'t [u8]) -> (&'t [u8], &'t [u8]) {
        (&text[self.name.clone()], &text[self.value.clone()])
    }
}

impl Canonicalizer {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the canonical form of those parameters of `query` for which `keep` returns true, and
    /// returns the number of parameters that were left out.
    ///
    /// Names and values are decoded and encoded, then sorted by encoded name and, within one name,
    /// by encoded value; a parameter without `=` gets one. A query that is already canonical is
    /// recognized while it is copied.
    pub fn write<'q>(
        &mut self,
        query: &'q [u8],
        mut keep: impl FnMut(&Parameter<'q>) -> bool,
        out: &mut Vec<u8>,
    ) -> usize {
        self.written.clear();
        let start = out.len();
        let mut dropped = 0;
        let mut in_order = true;
        for parameter in parameters(query) {
            if !keep(&parameter) {
                dropped += 1;
                continue;
            }
            if out.len() > start {
                out.push(b'&');
            }
            let written = write_parameter(&parameter, out);
            if let Some(last) = self.written.last() {
                in_order &= last.order(out) <= written.order(out);
            }
            self.written.push(written);
        }
        if !in_order {
            self.sort(start, out);
        }
        dropped
    }

    /// Sorts the parameters written from `start` on.
    fn sort(&mut self, start: usize, out: &mut Vec<u8>) {
        // An unstable sort is enough: parameters that compare equal are identical.
        self.written
            .sort_unstable_by(|a, b| a.order(out).cmp(&b.order(out)));
        self.sorted.clear();
        for written in &self.written {
            if !self.sorted.is_empty() {
                self.sorted.push(b'&');
            }
            self.sorted
                .extend_from_slice(&out[written.name.start..written.value.end]);
        }
        out.truncate(start);
        out.extend_from_slice(&self.sorted);
    }
}

fn write_parameter(parameter: &Parameter<'_>, out: &mut Vec<u8>) -> Written {
    let name = out.len();
    encode::canonicalize(parameter.name, UNRESERVED, Plus::Space, out);
    let equals = out.len();
    out.push(b'=');
    if let Some(value) = parameter.value {
        encode::canonicalize(value, UNRESERVED, Plus::Space, out);
    }
    Written {
        name: name..equals,
        value: equals + 1..out.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(query: &str) -> String {
        let mut out = b"kept&".to_vec();
        assert_eq!(
            Canonicalizer::new().write(query.as_bytes(), |_| true, &mut out),
            0
        );
        String::from_utf8(out)
            .unwrap()
            .strip_prefix("kept&")
            .unwrap()
            .to_owned()
    }

    #[test]
    fn parameters_are_split_at_the_first_equals_sign() {
        let got: Vec<_> = parameters(b"&a=1&&b&=c&d=e=f&g=").collect();
        let parameter = |name, value, raw| Parameter { name, value, raw };
        assert_eq!(
            got,
            [
                parameter(b"a", Some(b"1"), b"a=1"),
                parameter(b"b", None, b"b"),
                parameter(b"", Some(b"c"), b"=c"),
                parameter(b"d", Some(b"e=f"), b"d=e=f"),
                parameter(b"g", Some(b""), b"g="),
            ]
        );
        assert_eq!(parameters(b"").count(), 0);
    }

    #[test]
    fn names_are_compared_decoded() {
        let parameter = |raw: &'static str| Parameter::new(raw.as_bytes());
        for raw in [
            "X-Amz-Date=1",
            "x-amz-date",
            "%58-%41mz-Dat%65=",
            "X%2DAMZ%2dDATE=x",
        ] {
            assert!(
                parameter(raw).decoded_name_eq_ignore_case(b"X-Amz-Date"),
                "{raw}"
            );
            assert!(
                parameter(raw).decoded_name_starts_with_ignore_case(b"x-amz-"),
                "{raw}"
            );
        }
        for raw in [
            "X-Amz-Dat=e",
            "X-Amz-Dates=1",
            "=X-Amz-Date",
            "X-Amz-%44ate%20",
        ] {
            assert!(
                !parameter(raw).decoded_name_eq_ignore_case(b"X-Amz-Date"),
                "{raw}"
            );
        }
        for raw in ["X-Amz=1", "", "%2558-Amz-Date=1", "+X-Amz-"] {
            assert!(
                !parameter(raw).decoded_name_starts_with_ignore_case(b"x-amz-"),
                "{raw}"
            );
        }
        assert!(parameter("a+b=c").decoded_name_eq_ignore_case(b"A B"));
        assert!(parameter("%61+b=c").decoded_name_eq(b"a b"));
        assert!(!parameter("a+b=c").decoded_name_eq(b"A B"));
        assert!(!parameter("a=c").decoded_name_eq(b"a "));
        assert!(parameter("%zz=c").decoded_name_eq_ignore_case(b"%ZZ"));
    }

    #[test]
    fn canonical_form_is_encoded_and_sorted() {
        for (query, want) in [
            ("", ""),
            ("&&", ""),
            ("acl", "acl="),
            ("=v&a=1", "=v&a=1"),
            ("a=2&a=1&a", "a=&a=1&a=2"),
            ("b=1&B=2&a=3&_=4&~=5", "B=2&_=4&a=3&b=1&~=5"),
            // By name, not by the text of the pair: '=' would sort after '-' and '.'.
            ("a.b=3&a-b=2&a=1", "a=1&a-b=2&a.b=3"),
            // By encoded name: '%' comes before every letter.
            ("Z=1&%C3%A4=2", "%C3%A4=2&Z=1"),
            ("p=a+b&q=a%2Bb&r=a%20b", "p=a%20b&q=a%2Bb&r=a%20b"),
            ("prefix=a/b/&x=%2f", "prefix=a%2Fb%2F&x=%2F"),
            ("a=b=c", "a=b%3Dc"),
            ("p=%61%7e%c3%a9%", "p=a~%C3%A9%25"),
            (
                "q=a:b@c,d;e!f'(g)*h$i?j",
                "q=a%3Ab%40c%2Cd%3Be%21f%27%28g%29%2Ah%24i%3Fj",
            ),
        ] {
            assert_eq!(canonical(query), want, "{query}");
            assert_eq!(canonical(want), want, "again");
        }
    }

    #[test]
    fn what_keep_refuses_is_left_out_and_counted() {
        let mut canonicalizer = Canonicalizer::new();
        for (query, dropped, sorted, wire) in [
            ("X-Amz-Date=1&b=2&x%2damz-c=3&a=1", 2, "a=1&b=2", "b=2&a=1"),
            ("b=2&X-Amz-Date=1", 1, "b=2", "b=2"),
            ("X-Amz-Date=1", 1, "", ""),
            ("z&&a", 0, "a=&z=", "z&a"),
            (
                "a=1;X-Amz-Date=2",
                0,
                "a=1%3BX-Amz-Date%3D2",
                "a=1%3BX-Amz-Date=2",
            ),
            (
                "z=%41+b c%zz&a=/?:\u{e9}#",
                0,
                "a=%2F%3F%3A%C3%A9%23&z=A%20b%20c%25zz",
                "z=%41+b%20c%25zz&a=/?:%C3%A9%23",
            ),
        ] {
            let keep = |parameter: &Parameter<'_>| {
                !parameter.decoded_name_starts_with_ignore_case(b"x-amz-")
            };
            let mut out = b"kept".to_vec();
            assert_eq!(
                canonicalizer.write(query.as_bytes(), keep, &mut out),
                dropped
            );
            assert_eq!(out, [b"kept", sorted.as_bytes()].concat(), "{query}");
            let mut out = b"kept".to_vec();
            assert_eq!(service_wire(query.as_bytes(), keep, &mut out), dropped);
            assert_eq!(out, [b"kept", wire.as_bytes()].concat(), "{query}");
        }
    }
}

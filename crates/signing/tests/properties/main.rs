//! What holds for every path, query and list of headers, compared where possible with a second,
//! naive computation.

mod presigned;
mod v2;

use std::collections::BTreeMap;

use aws_signing::query::{Canonicalizer, Parameter, parameters};
use aws_signing::{CredentialScope, Header, Request, Signer, SigningKey, Timestamp, path, query};
use proptest::collection::vec;
use proptest::prelude::*;

/// Bytes among which those with a meaning are frequent.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "[a-cA-C0-2._~-]{1,3}".prop_map(String::into_bytes),
        2 => "%[0-9a-fA-F]{2}".prop_map(String::into_bytes),
        2 => proptest::sample::select(vec![
            "/", "//", "/./", "/../", "..", ".", "%2e", "%2E.", "%2f", "%5c", "%252e", "%25", "%",
            "%2", "%%", "\\", "&", "=", "+", "?", "%26", "%3D", "%2B", "a=", "a-=", "a.b=",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn made(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn canonical_query(query: &[u8]) -> Vec<u8> {
    made(|out| assert_eq!(Canonicalizer::new().write(query, |_| true, out), 0))
}

fn naive_decode(text: &[u8], plus: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        // `from_str_radix` takes a sign as well.
        let digits = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        if let (b'%', Some(digits)) = (first, digits) {
            out.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &tail[2..];
        } else {
            out.push(if first == b'+' { plus } else { first });
            rest = tail;
        }
    }
    out
}

fn naive_encode(bytes: &[u8], kept: &str) -> String {
    let encode = |&byte: &u8| match char::from(byte) {
        c if c.is_ascii_alphanumeric() || "-._~".contains(c) || kept.contains(c) => c.to_string(),
        _ => format!("%{byte:02X}"),
    };
    bytes.iter().map(encode).collect()
}

fn is_canonical(text: &[u8], kept: &str) -> bool {
    naive_encode(&naive_decode(text, b'?'), kept).as_bytes() == text
}

/// Whether RFC 3986 lets a path be written so.
fn is_uri_path(path: &[u8]) -> bool {
    let mut pieces = path.split(|&byte| byte == b'%');
    let raw = |text: &[u8]| {
        text.iter()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(b))
    };
    pieces.next().is_none_or(raw)
        && pieces.all(|piece| {
            raw(piece) && piece.len() >= 2 && piece[..2].iter().all(u8::is_ascii_hexdigit)
        })
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn an_s3_path_is_decoded_once_and_encoded(path in bytes()) {
        let canonical = made(|out| path::s3(&path, out));
        let naive = naive_encode(&naive_decode(&path, b'+'), "/");
        let naive = if naive.is_empty() { "/".to_owned() } else { naive };
        prop_assert_eq!(&canonical, naive.as_bytes());
    }

    /// A proxy that sends the canonical form is understood alike by servers that sign the path
    /// as they get it and by those that decode and encode it.
    #[test]
    fn an_s3_path_on_the_wire_is_its_own_canonical_form(path in bytes()) {
        let wire = made(|out| path::s3(&path, out));
        prop_assert!(is_canonical(&wire, "/"), "{}", wire.escape_ascii());
        prop_assert_eq!(&made(|out| path::s3(&wire, out)), &wire);
    }

    #[test]
    fn a_service_path_is_normalised_and_may_stand_on_the_wire(path in bytes()) {
        let wire = made(|out| path::service_wire(&path, out));
        prop_assert_eq!(&made(|out| path::service_wire(&wire, out)), &wire, "idempotent");
        prop_assert!(wire.starts_with(b"/"));
        let inner = wire[1..].strip_suffix(b"/").unwrap_or(&wire[1..]);
        for segment in inner.split(|&byte| byte == b'/') {
            prop_assert!(inner.is_empty() || !matches!(segment, b"" | b"." | b".."));
        }
        prop_assert!(is_uri_path(&wire), "{}", wire.escape_ascii());
    }

    #[test]
    fn a_service_path_is_encoded_once_more(path in bytes()) {
        let wire = made(|out| path::service_wire(&path, out));
        let canonical = made(|out| path::double_encoded(&wire, out));
        let naive = naive_encode(&wire, "/");
        prop_assert_eq!(&canonical, naive.as_bytes());
        // Where nothing had to be encoded for the wire, the client's own path gives the same.
        if is_uri_path(&path) {
            prop_assert_eq!(&canonical, &made(|out| path::double_encoded(&path, out)));
        }
    }

    #[test]
    fn dot_segments_are_those_of_the_decoded_path_at_any_depth(path in bytes()) {
        let has_dots = |path: &[u8]| {
            let ends = |byte: &u8| matches!(byte, b'/' | b'\\' | b'?' | b'#' | b';');
            path.split(ends).any(|segment| matches!(segment, b"." | b".."))
        };
        let mut decoded = path.clone();
        loop {
            let next = naive_decode(&decoded, b'+');
            if next == decoded {
                break;
            }
            decoded = next;
        }
        let found = path::has_dot_segment(&path);
        prop_assert_eq!(found, has_dots(&decoded));
        // What has none as it is decoded to the end has none on the way there.
        prop_assert!(found || !has_dots(&path));
    }

    #[test]
    fn a_query_is_decoded_encoded_and_sorted(query in bytes()) {
        let mut pairs: Vec<(String, String)> = query
            .split(|&byte| byte == b'&')
            .filter(|piece| !piece.is_empty())
            .map(|piece| {
                let mut parts = piece.splitn(2, |&byte| byte == b'=');
                let mut part = || naive_encode(&naive_decode(parts.next().unwrap_or(b""), b' '), "");
                (part(), part())
            })
            .collect();
        pairs.sort();
        let naive: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        prop_assert_eq!(canonical_query(&query), naive.join("&").into_bytes());
    }

    #[test]
    fn a_canonical_query_stays_as_it_is(query in bytes()) {
        let canonical = canonical_query(&query);
        for pair in canonical.split(|&byte| byte == b'&').filter(|_| !canonical.is_empty()) {
            let parts: Vec<&[u8]> = pair.split(|&byte| byte == b'=').collect();
            prop_assert_eq!(parts.len(), 2, "{}", pair.escape_ascii());
            prop_assert!(parts.iter().all(|part| is_canonical(part, "")), "{}", pair.escape_ascii());
        }
        prop_assert_eq!(&canonical_query(&canonical), &canonical);
    }

    #[test]
    fn the_order_of_parameters_does_not_matter(query in bytes()) {
        let mut pieces: Vec<&[u8]> = query.split(|&byte| byte == b'&').collect();
        pieces.reverse();
        prop_assert_eq!(canonical_query(&pieces.join(&b'&')), canonical_query(&query));
    }

    /// Names, as compared by a filter, are those that the canonical form shows.
    #[test]
    fn parameters_are_recognised_by_their_decoded_names(query in bytes()) {
        for parameter in parameters(&query) {
            let name = naive_decode(parameter.name, b' ');
            prop_assert!(parameter.decoded_name_eq_ignore_case(&name.to_ascii_uppercase()));
            prop_assert!(!parameter.decoded_name_eq_ignore_case(&[&name[..], b"x"].concat()));
            for length in 0..name.len() {
                let prefix = name[..length].to_ascii_lowercase();
                prop_assert!(parameter.decoded_name_starts_with_ignore_case(&prefix));
                prop_assert!(!parameter.decoded_name_eq_ignore_case(&prefix));
            }
        }
    }

    #[test]
    fn a_service_query_on_the_wire_means_the_same(query in bytes(), dropped in any::<u8>()) {
        let keep = |parameter: &Parameter<'_>| parameter.name.first() != Some(&dropped);
        let wire = made(|out| { query::service_wire(&query, keep, out); });
        let expected = made(|out| { Canonicalizer::new().write(&query, keep, out); });
        prop_assert_eq!(canonical_query(&wire), expected);
        prop_assert_eq!(&made(|out| { query::service_wire(&wire, |_| true, out); }), &wire);
        prop_assert!(wire.iter().all(u8::is_ascii_graphic), "{}", wire.escape_ascii());
    }

    #[test]
    fn headers_are_grouped_by_name_in_the_order_sent(
        fields in vec(("[xyXY]-?[aA_]{0,2}", "[ \\ta-c\"]{0,8}"), 0..30)
    ) {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        groups.insert("host".to_owned(), vec!["h".to_owned()]);
        for (name, value) in &fields {
            let words: Vec<&str> = value.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            groups.entry(name.to_lowercase()).or_default().push(words.join(" "));
        }
        let lines: String =
            groups.iter().map(|(name, values)| format!("{name}:{}\n", values.join(","))).collect();
        let names = groups.keys().cloned().collect::<Vec<_>>().join(";");

        let mut headers = vec![Header { name: b"Host", value: b"h" }];
        headers.extend(fields.iter().map(|(name, value)| Header {
            name: name.as_bytes(),
            value: value.as_bytes(),
        }));
        let mut request =
            Request { method: b"GET", path: b"/", query: b"", headers: &mut headers, payload: b"-" };
        let timestamp = Timestamp::from_unix(0);
        let scope = CredentialScope::new(timestamp.date(), "r", "s").unwrap();
        let key = SigningKey::from_bytes(&[0; 32]);
        let mut signer = Signer::new();
        let signature = signer.sign(&mut request, &key, &scope, &timestamp).unwrap();
        let canonical = format!("GET\n/\n\n{lines}\n{names}\n-");
        prop_assert_eq!(signature.canonical_request(), canonical.as_bytes());
        prop_assert_eq!(signature.signed_headers(), names.as_bytes());
    }

    #[test]
    fn whatever_is_written_canonically_can_be_signed(path in bytes(), query in bytes()) {
        let timestamp = Timestamp::from_unix(0);
        let scope = CredentialScope::new(timestamp.date(), "r", "s").unwrap();
        let key = SigningKey::from_bytes(&[0; 32]);
        let query = canonical_query(&query);
        for path in [made(|out| path::s3(&path, out)), made(|out| path::double_encoded(&path, out))] {
            let mut headers = [Header { name: b"host", value: b"h" }];
            let mut request = Request {
                method: b"GET", path: &path, query: &query, headers: &mut headers, payload: b"-",
            };
            prop_assert!(Signer::new().sign(&mut request, &key, &scope, &timestamp).is_ok());
        }
    }
}

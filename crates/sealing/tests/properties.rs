//! Whatever the head: an error, or a head that a strict server reads as we meant it.

mod common;

use aws_sealing::{Addressing, PassHeaders};
use aws_signing::query::Canonicalizer;
use common::{Case, Pair, Sealed};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Bytes of which some have a meaning in a target.
fn target() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => select(vec![
            "/", "//", "a", "B9", "-._~", "%20", "%2F", "%2e%2e", "..", ".", "+", "%2B", "%", "%zz",
            "%c3%a9", "%C3%A9", "(", "'", "!", "*", ",", ":", "@", "$", ";", "\"", "<", "|", " ",
            "?", "&", "=", "#", "a=1", "&b=2", "X-Amz-Date=1", "x%2damz-signature=1", "Expires=1",
            "response-content-type=a", "%58-AMZ-a", "%0d%0a", "é",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    let rest = vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    (prop::bool::weighted(0.95), rest).prop_map(|(slash, rest)| match slash {
        true => [b"/", &rest[..]].concat(),
        false => rest,
    })
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => select(vec![
            "X-A", "x-b", "Range", "Content-Type", "X-Amz-Acl", "x-amz-acl", "x-amz-meta-a",
            "X-AMZ-META-B", "x-amz-date", "X-Amz-Security-Token", "x-amz-content-sha256",
            "Authorization", "x-amz-copy-source", "x-amz-checksum-crc32", "x-amz-", "x-amz", "Host",
            "Content-Length", "Connection",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => "[!-9;-~]{1,12}".prop_map(String::into_bytes),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => "[ -~\t]{0,12}".prop_map(String::into_bytes),
        2 => select(vec!["", " ", "0", "a  b", "\"a  b\"", " a\t", "\x0ca\x0c", "\x0b", "é"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..6),
        1 => Just(b"a\r\nX-Amz-Acl: public-read".to_vec()),
    ]
}

fn headers(most: usize) -> impl Strategy<Value = Vec<Pair>> {
    vec((name(), value()), 0..most)
}

fn case() -> impl Strategy<Value = Case> {
    let bucket = select(vec![
        None,
        Some(("bucket", "s3.example", Addressing::Virtual)),
        Some(("bucket", "s3.example:9000", Addressing::Path)),
    ]);
    let service = select(vec!["s3", "s3", "execute-api"]);
    let token = select(vec![None, Some("token")]);
    (
        target(),
        headers(5),
        headers(8),
        bucket,
        service,
        token,
        any::<bool>(),
    )
        .prop_map(|(target, own, client, bucket, service, token, overrides)| {
            let mut case = Case::get(target);
            // A client's line that holds a line break is none that nginx has read.
            let is_line = |pair: &Pair| !pair.1.iter().any(|b| matches!(b, b'\r' | b'\n' | 0));
            case.own.extend(own);
            case.client = client.into_iter().filter(is_line).collect();
            case.bucket = bucket;
            case.service = service;
            case.token = token;
            case.response_overrides = overrides;
            case
        })
}

fn is_amz(name: &[u8]) -> bool {
    name.len() >= 6 && name[..6].eq_ignore_ascii_case(b"x-amz-")
}

fn trimmed(value: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().take_while(|b| is_blank(b)).count();
    let value = &value[start..];
    &value[..value.len() - value.iter().rev().take_while(|b| is_blank(b)).count()]
}

/// With one space for each run of spaces.
fn folded(value: &[u8]) -> Vec<u8> {
    let words = value.split(|byte| matches!(byte, b' ' | b'\t'));
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(&b' ')
}

/// `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_sealed_head_is_signed_and_well_formed(case in case()) {
        let Ok(bytes) = case.seal() else { return Ok(()) };
        let sealed = Sealed::parse(&bytes).map_err(TestCaseError::fail)?;
        sealed.verify(case.service).map_err(TestCaseError::fail)?;
        prop_assert_eq!(sealed.all("x-amz-security-token").len(), usize::from(case.token.is_some()));
        if case.service == "s3" && let Some((bucket, endpoint, style)) = case.bucket {
            let host = match style {
                Addressing::Virtual => format!("{bucket}.{endpoint}"),
                Addressing::Path => endpoint.to_owned(),
            };
            prop_assert_eq!(sealed.all("host"), [host]);
        }
    }

    /// Each `x-amz-*` line is ours, the operator's, or a client's that may pass.
    #[test]
    fn nothing_of_the_clients_slips_through(case in case()) {
        let injected = case.own.iter().any(|(_, value)| value.contains(&b'\n'));
        let Ok(bytes) = case.seal() else { return Ok(()) };
        prop_assert!(!injected);
        let sealed = Sealed::parse(&bytes).map_err(TestCaseError::fail)?;
        let ours = ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];
        let pass = PassHeaders::default();
        for (name, value) in sealed.headers.iter().filter(|(name, _)| is_amz(name)) {
            let is = |pair: &&Pair| pair.0.eq_ignore_ascii_case(name) ;
            let named_ours = ours.iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes()));
            // One line for each name.
            let joined = |pairs: Vec<&Pair>| -> Vec<u8> {
                let values: Vec<_> = pairs.iter().map(|(_, value)| folded(value)).collect();
                values.join(&b","[..])
            };
            let own = case.own.iter().filter(is).filter(|(_, value)| !value.is_empty());
            let passed = case.forwarded().filter(is).filter(|(name, _)| pass.allows(name));
            prop_assert!(
                named_ours || joined(passed.collect()) == *value || joined(own.collect()) == *value,
                "{}: {}", name.escape_ascii(), value.escape_ascii()
            );
            prop_assert_eq!(sealed.headers.iter().filter(is).count(), 1);
        }
        let (_, query) = sealed.target_parts();
        for parameter in aws_signing::query::parameters(query) {
            prop_assert!(!parameter.decoded_name_starts_with_ignore_case(b"x-amz-"));
            let is_override = parameter.decoded_name_starts_with_ignore_case(b"response-");
            prop_assert!(!is_override || case.response_overrides || case.service != "s3");
        }
    }

    /// For S3 the target is canonical: made canonical once more, it stays as it is.
    #[test]
    fn the_target_is_canonical(case in case()) {
        let case = Case { service: "s3", ..case };
        let Ok(bytes) = case.seal() else { return Ok(()) };
        let sealed = Sealed::parse(&bytes).map_err(TestCaseError::fail)?;
        let (path, query) = sealed.target_parts();
        let (mut same_path, mut same_query) = (Vec::new(), Vec::new());
        aws_signing::path::s3(path, &mut same_path);
        Canonicalizer::new().write(query, |_| true, &mut same_query);
        prop_assert_eq!(path, same_path);
        prop_assert_eq!(query, same_query);
    }

    /// Lines that are nobody's business reach the upstream as they are, and in order.
    #[test]
    fn other_lines_are_left_alone(case in case()) {
        let Ok(bytes) = case.seal() else { return Ok(()) };
        let sealed = Sealed::parse(&bytes).map_err(TestCaseError::fail)?;
        let other = |(name, _): &&Pair| {
            !is_amz(name) && !name.eq_ignore_ascii_case(b"host") && !name.eq_ignore_ascii_case(b"authorization")
        };
        let sent: Vec<Pair> = sealed.headers.iter().filter(other).cloned().collect();
        let expected: Vec<Pair> = case
            .own
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .chain(case.forwarded())
            .filter(other)
            .map(|(name, value)| (name.clone(), trimmed(value).to_vec()))
            .collect();
        prop_assert_eq!(sent, expected);
    }

    /// Any bytes at all, with the target said to stand anywhere: no panic, and nothing unsigned.
    #[test]
    fn garbage_is_refused_or_signed(
        head in prop_oneof![
            vec(any::<u8>(), 0..200),
            vec(select(vec!["GET ", "/", " HTTP/1.0", "\r\n", ": ", "Host", "a", "x-amz-acl", "\n"]), 0..20)
                .prop_map(|pieces| pieces.concat().into_bytes()),
        ],
        start in 0usize..20,
        length in 0usize..40,
    ) {
        if let Ok(bytes) = Case::get("/").seal_head(&head, start..start + length) {
            let sealed = Sealed::parse(&bytes).map_err(TestCaseError::fail)?;
            sealed.verify("s3").map_err(TestCaseError::fail)?;
        }
    }
}

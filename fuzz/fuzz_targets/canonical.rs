//! Canonical forms of arbitrary paths, queries and headers, and all that is signed of them. See `../README.md` for the input.

#![no_main]

use aws_signing::presign::{Expires, QueryAuth, SessionToken};
use aws_signing::query::{Canonicalizer, Parameter, parameters, service_wire};
use aws_signing::{CredentialScope, Header, Request, Signer, SigningKey, Timestamp, path, v2};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|&byte| byte == b'\n');
    let path = lines.next().unwrap_or_default();
    let query = lines.next().unwrap_or_default();
    let mut headers: Vec<Header<'_>> = lines
        .map(|line| match line.iter().position(|&byte| byte == b':') {
            Some(colon) => Header {
                name: &line[..colon],
                value: &line[colon + 1..],
            },
            None => Header {
                name: line,
                value: b"",
            },
        })
        .collect();
    check_v2(path, query, &mut headers);
    let (s3, service) = check_path(path);
    let query = check_query(query);
    check_request(&s3, &query, &mut headers);
    check_request(&service, &query, &mut headers);
    check_presigned(&s3, &query, &mut headers);
    check_v2(&s3, &query, &mut headers);
});

/// Returns the canonical paths for S3 and for other services.
fn check_path(path: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let s3 = made(|out| path::s3(path, out));
    assert!(!s3.is_empty() && is_canonical(&s3, b"/"));
    assert_eq!(
        made(|out| path::s3(&s3, out)),
        s3,
        "the canonical form is stable"
    );

    let wire = made(|out| path::service_wire(path, out));
    assert!(wire.starts_with(b"/") && wire.iter().all(u8::is_ascii_graphic));
    assert_eq!(
        made(|out| path::service_wire(&wire, out)),
        wire,
        "the wire form is stable"
    );
    let service = made(|out| path::double_encoded(&wire, out));
    assert!(is_canonical(&service, b"/"));
    // The service decodes once and finds what was sent.
    assert_eq!(made(|out| path::s3(&service, out)), service);

    // A path without dot segments has none once it is decoded.
    if !path::has_dot_segment(&wire) {
        let decoded = decode(&wire);
        let mut segments = decoded.split(|&byte| byte == b'/' || byte == b'\\');
        assert!(
            !segments.any(|segment| segment == b".."),
            "{}",
            wire.escape_ascii()
        );
    }
    (s3, service)
}

/// Returns the canonical query.
fn check_query(query: &[u8]) -> Vec<u8> {
    let mut canonicalizer = Canonicalizer::new();
    let mut canonical = |query: &[u8]| {
        made(|out| {
            canonicalizer.write(query, |_| true, out);
        })
    };
    let written = canonical(query);
    assert_eq!(canonical(&written), written, "the canonical form is stable");
    let pairs: Vec<(&[u8], &[u8])> = parameters(&written)
        .map(|parameter| (parameter.name, parameter.value.expect("each has a value")))
        .collect();
    assert!(pairs.is_sorted(), "{}", written.escape_ascii());
    for (name, value) in &pairs {
        assert!(is_canonical(name, b"") && is_canonical(value, b""));
    }
    assert_eq!(pairs.len(), parameters(query).count());

    let wire = made(|out| {
        service_wire(query, |_| true, out);
    });
    assert!(wire.iter().all(u8::is_ascii_graphic));
    assert_eq!(canonical(&wire), written, "the wire form means the same");

    // What a filter holds back is not there in any spelling.
    let is_amz =
        |parameter: &Parameter<'_>| parameter.decoded_name_starts_with_ignore_case(b"x-amz-");
    let kept = made(|out| {
        let dropped = Canonicalizer::new().write(query, |parameter| !is_amz(parameter), out);
        assert_eq!(parameters(out).count() + dropped, pairs.len());
    });
    assert!(!parameters(&kept).any(|parameter| is_amz(&parameter)));
    written
}

fn check_request(path: &[u8], query: &[u8], headers: &mut [Header<'_>]) {
    let timestamp = Timestamp::from_unix(1_767_225_600);
    let scope = CredentialScope::new(timestamp.date(), "us-east-1", "s3").unwrap();
    let key = SigningKey::from_bytes(&[7; 32]);
    let mut signer = Signer::new();
    let mut request = Request {
        method: b"GET",
        path,
        query,
        headers,
        payload: b"UNSIGNED-PAYLOAD",
    };
    let Ok(signature) = signer.sign(&mut request, &key, &scope, &timestamp) else {
        return;
    };
    let names: Vec<&[u8]> = signature
        .signed_headers()
        .split(|&byte| byte == b';')
        .collect();
    assert!(
        names.windows(2).all(|pair| pair[0] < pair[1]),
        "names are sorted, each once"
    );
    assert!(names.contains(&&b"host"[..]));
    let lines: Vec<&[u8]> = signature
        .canonical_request()
        .split(|&byte| byte == b'\n')
        .collect();
    assert_eq!(
        lines.len(),
        6 + names.len(),
        "no header makes a line of its own"
    );
    for (line, name) in lines[3..].iter().zip(&names) {
        let value = line
            .strip_prefix(*name)
            .and_then(|rest| rest.strip_prefix(b":"))
            .unwrap();
        assert!(!value.starts_with(b" ") && !value.ends_with(b" "));
        assert!(!value.contains(&b'\t') && !value.windows(2).any(|pair| pair == b"  "));
    }
}

/// A presigned request is one whose query had the signature's parameters all along.
fn check_presigned(path: &[u8], query: &[u8], headers: &mut [Header<'_>]) {
    let timestamp = Timestamp::from_unix(1_767_225_600);
    let scope = CredentialScope::new(timestamp.date(), "us-east-1", "s3").unwrap();
    let key = SigningKey::from_bytes(&[7; 32]);
    let mut request = Request {
        method: b"GET",
        path,
        query,
        headers,
        payload: b"UNSIGNED-PAYLOAD",
    };
    let auth = QueryAuth {
        access_key: b"A+K",
        session_token: Some(SessionToken::Signed(b"to/ken=")),
        expires: Expires::MAX,
    };
    let mut signer = Signer::new();
    let Ok(presigned) = signer.presign(&mut request, &auth, &key, &scope, &timestamp) else {
        return;
    };
    let hex = *presigned.hex();
    let sent = made(|out| presigned.write_query(out));
    let own = made(|out| presigned.write_parameters(out));
    assert!(sent.ends_with(&hex) && own.ends_with(&hex));
    let canonical = |query: &[u8], signature: bool| {
        let keep = |parameter: &Parameter<'_>| {
            signature || !parameter.decoded_name_eq_ignore_case(b"X-Amz-Signature")
        };
        made(|out| {
            Canonicalizer::new().write(query, keep, out);
        })
    };
    let joined = [query, b"&", &own].concat();
    assert_eq!(canonical(&joined, true), canonical(&sent, true));
    let signed = canonical(&sent, false);
    assert!(sent.starts_with(&signed), "{}", sent.escape_ascii());
    request.query = &signed;
    let signature = signer.sign(&mut request, &key, &scope, &timestamp).unwrap();
    assert_eq!(signature.hex(), &hex);
}

/// Whatever the bytes, no part of a Version 2 string to sign makes a line of its own.
fn check_v2(path: &[u8], query: &[u8], headers: &mut [Header<'_>]) {
    let key = v2::SecretKey::new(b"secret");
    let amz = |header: &Header<'_>| {
        let name = header.name.to_ascii_lowercase();
        name.starts_with(b"x-amz-").then_some(name)
    };
    let mut names: Vec<Vec<u8>> = headers.iter().filter_map(amz).collect();
    names.sort();
    names.dedup();
    let mut request = v2::Request {
        method: b"GET",
        bucket: Some(b"bucket"),
        path,
        query,
        headers,
    };
    let mut signer = v2::Signer::new();
    if let Ok(signature) = signer.sign(&mut request, &key) {
        check_v2_lines(signature.string_to_sign(), &names, path);
    }
    let auth = v2::QueryAuth {
        access_key: b"A+K",
        session_token: Some(b"to/ken="),
        expires_at: 1_767_229_200,
    };
    if let Ok(presigned) = signer.presign(&mut request, &auth, &key) {
        names.push(b"x-amz-security-token".to_vec());
        names.sort();
        check_v2_lines(presigned.string_to_sign(), &names, path);
        let own = made(|out| presigned.write_parameters(out));
        assert_eq!(parameters(&own).count(), 4);
    }
}

fn check_v2_lines(text: &[u8], names: &[Vec<u8>], path: &[u8]) {
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    assert_eq!(lines.len(), 5 + names.len(), "{}", text.escape_ascii());
    for (line, name) in lines[4..].iter().zip(names) {
        let value = line
            .strip_prefix(&name[..])
            .and_then(|rest| rest.strip_prefix(b":"))
            .unwrap();
        assert!(!value.starts_with(b" ") && !value.ends_with(b"\t"));
    }
    let resource = lines[lines.len() - 1].strip_prefix(b"/bucket").unwrap();
    let subresources = resource.strip_prefix(path).unwrap();
    assert!(subresources.is_empty() || subresources.starts_with(b"?"));
}

/// Whether a text consists of unreserved bytes, bytes of `kept`, and upper-case escapes of others.
fn is_canonical(text: &[u8], kept: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = if plain(first) || kept.contains(first) {
            tail
        } else {
            let decoded = decode(&rest[..rest.len().min(3)]);
            let upper = tail.iter().take(2).all(|digit| !digit.is_ascii_lowercase());
            if *first != b'%' || decoded.len() != 1 || !upper {
                return false;
            }
            if plain(&decoded[0]) || kept.contains(&decoded[0]) {
                return false;
            }
            &tail[2..]
        };
    }
    true
}

fn decode(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

fn made(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

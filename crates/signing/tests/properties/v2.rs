//! Signature Version 2, compared with a string to sign that is put together naively.

use std::collections::BTreeMap;

use aws_signing::Header;
use aws_signing::v2::{QueryAuth, Request, SUBRESOURCES, SecretKey, SignError, Signer};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{bytes, config, made, naive_decode, naive_encode};

/// Header fields among which those that are signed are frequent.
fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        4 => "[xX]-[aA]mz-[a-cA-C]{1,2}",
        1 => "[xX]-amz-(s|security-token|t)",
        1 => "[a-z]{4}|x-amzn-a|x-am|[rR]ange",
        1 => proptest::sample::select(vec![
            "Date", "x-amz-date", "X-Amz-Date", "Content-Type", "content-MD5",
        ]).prop_map(str::to_owned),
    ];
    vec((name, "[ \\ta-c\",]{0,8}"), 0..12)
}

/// Queries among whose parameters sub-resources are frequent.
fn query() -> impl Strategy<Value = Vec<u8>> {
    let name = proptest::sample::select(SUBRESOURCES.to_vec());
    let value = prop_oneof![Just(String::new()), Just("=".to_owned()), "=[ab%/+=~]{1,4}"];
    let subresource =
        (name, value).prop_map(|(name, value)| (name.to_owned() + &value).into_bytes());
    let parameter = prop_oneof![subresource, bytes()];
    vec(parameter, 0..5).prop_map(|parameters| {
        let mut query = parameters.join(&b'&');
        query.retain(u8::is_ascii_graphic);
        query
    })
}

/// The string to sign, and whether one of the parts that may be there once stands there twice.
fn naive(
    fields: &[(String, String)],
    query: &[u8],
    token: Option<&str>,
    expires: Option<u64>,
) -> (Vec<u8>, bool) {
    let mut headers: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, value) in fields {
        let values = headers.entry(name.to_ascii_lowercase()).or_default();
        values.push(value.trim_matches([' ', '\t']));
    }
    let once = ["date", "x-amz-date", "content-type", "content-md5"];
    let mut repeated = once
        .iter()
        .any(|name| headers.get(*name).is_some_and(|values| values.len() > 1));
    let one = |name: &str| headers.get(name).map_or("", |values| values[0]).to_owned();
    let date = match expires {
        Some(expires) => expires.to_string(),
        None if headers.contains_key("x-amz-date") => String::new(),
        None => one("date"),
    };
    let mut text = format!(
        "PUT\n{}\n{}\n{date}\n",
        one("content-md5"),
        one("content-type")
    );
    if let Some(token) = token {
        let values = headers
            .entry("x-amz-security-token".to_owned())
            .or_default();
        values.push(token);
        repeated |= values.len() > 1;
    }
    headers.retain(|name, _| name.starts_with("x-amz-"));
    for (name, values) in &headers {
        text += &format!("{name}:{}\n", values.join(","));
    }

    let mut text = (text + "/bucket/a%2fb//c").into_bytes();
    let mut subresources: Vec<(Vec<u8>, Vec<u8>)> = query
        .split(|&byte| byte == b'&')
        .map(|piece| {
            let mut parts = piece.splitn(2, |&byte| byte == b'=');
            let mut part = || naive_decode(parts.next().unwrap_or(b""), b' ');
            (part(), part())
        })
        .filter(|(name, _)| SUBRESOURCES.iter().any(|known| known.as_bytes() == name))
        .collect();
    subresources.sort();
    repeated |= subresources.windows(2).any(|pair| pair[0].0 == pair[1].0);
    for (at, (name, value)) in subresources.iter().enumerate() {
        text.push(if at == 0 { b'?' } else { b'&' });
        text.extend_from_slice(name);
        if !value.is_empty() {
            text.push(b'=');
            text.extend_from_slice(value);
        }
    }
    (text, repeated)
}

fn with_request<T>(
    fields: &[(String, String)],
    query: &[u8],
    sign: impl FnOnce(&mut Request<'_, '_>) -> T,
) -> T {
    let mut headers: Vec<Header<'_>> = fields
        .iter()
        .map(|(name, value)| Header {
            name: name.as_bytes(),
            value: value.as_bytes(),
        })
        .collect();
    sign(&mut Request {
        method: b"PUT",
        bucket: Some(b"bucket"),
        path: b"/a%2fb//c",
        query,
        headers: &mut headers,
    })
}

/// What is rejected because it is there twice; a line break in a sub-resource is another matter.
fn is_repeated(error: &SignError) -> bool {
    matches!(
        error,
        SignError::RepeatedHeader { .. } | SignError::RepeatedSubresource { .. }
    )
}

fn breaks_line(text: &[u8]) -> bool {
    let resource = text.len() - text.iter().rev().take_while(|&&byte| byte != b'\n').count();
    !text[resource..].starts_with(b"/bucket/") || text.contains(&b'\r') || text.contains(&0)
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn the_string_to_sign_of_a_header(fields in fields(), query in query()) {
        let (text, repeated) = naive(&fields, &query, None, None);
        let key = SecretKey::new(b"secret");
        let mut signer = Signer::new();
        match with_request(&fields, &query, |request| signer.sign(request, &key)) {
            Ok(signature) => {
                prop_assert!(!repeated && !breaks_line(&text));
                prop_assert_eq!(signature.string_to_sign(), text);
            }
            Err(SignError::NoDate) => {
                let dated = |(name, value): &(String, String)| {
                    let date = name.eq_ignore_ascii_case("date") && !value.trim().is_empty();
                    date || name.eq_ignore_ascii_case("x-amz-date")
                };
                prop_assert!(!fields.iter().any(dated));
            }
            Err(SignError::SubresourceValue { .. }) => prop_assert!(breaks_line(&text)),
            Err(error) => prop_assert!(is_repeated(&error) && repeated, "{error}"),
        }
    }

    #[test]
    fn the_string_to_sign_of_a_query(
        (fields, query) in (fields(), query()),
        token in proptest::option::of("[!-~]{1,20}"),
        (access_key, expires_at) in ("[!-~]{1,20}", any::<u64>()),
    ) {
        let (text, repeated) = naive(&fields, &query, token.as_deref(), Some(expires_at));
        let key = SecretKey::new(b"secret");
        let auth = QueryAuth {
            access_key: access_key.as_bytes(),
            session_token: token.as_deref().map(str::as_bytes),
            expires_at,
        };
        let mut signer = Signer::new();
        match with_request(&fields, &query, |request| signer.presign(request, &auth, &key)) {
            Ok(presigned) => {
                prop_assert!(!repeated && !breaks_line(&text));
                prop_assert_eq!(presigned.string_to_sign(), &text);
                let encoded = |text: &str| naive_encode(text.as_bytes(), "");
                let token = token.as_deref().map(encoded);
                let token = token.map(|token| format!("&x-amz-security-token={token}"));
                let sent = format!(
                    "AWSAccessKeyId={}&Expires={expires_at}{}&Signature={}",
                    encoded(&access_key),
                    token.unwrap_or_default(),
                    naive_encode(presigned.base64(), ""),
                );
                prop_assert_eq!(made(|out| presigned.write_parameters(out)), sent.into_bytes());
            }
            Err(SignError::SubresourceValue { .. }) => prop_assert!(breaks_line(&text)),
            Err(error) => prop_assert!(is_repeated(&error) && repeated, "{error}"),
        }
    }

    #[test]
    fn the_order_of_parameters_does_not_matter(query in query()) {
        let sign = |query: &[u8]| {
            let mut signer = Signer::new();
            let fields = [("Date".to_owned(), "today".to_owned())];
            let key = SecretKey::new(b"secret");
            let signed = with_request(&fields, query, |request| signer.sign(request, &key));
            signed.ok().map(|signature| *signature.base64())
        };
        let mut pieces: Vec<&[u8]> = query.split(|&byte| byte == b'&').collect();
        pieces.reverse();
        prop_assert_eq!(sign(&query), sign(&pieces.join(&b'&')));
    }
}

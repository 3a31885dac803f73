//! Presigned requests: the parameters are merged as if they had been there all along.

use aws_signing::presign::{Expires, PresignError, QueryAuth, SessionToken};
use aws_signing::query::{Parameter, parameters};
use aws_signing::{CredentialScope, Header, Request, Signer, SigningKey, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{bytes, canonical_query, config, is_canonical, made, naive_encode};

/// Queries in which parameters that sort beside and between the signature's own are frequent.
fn query() -> impl Strategy<Value = Vec<u8>> {
    let near = proptest::sample::select(vec![
        "X",
        "X-Amz",
        "X-Amz-",
        "X-Amz-A",
        "X-Amz-Algorithm0",
        "X-Amz-D",
        "X-Amz-Datf=1",
        "X-Amz-Signaturf",
        "X-Amz-T=2",
        "x-amz-z",
        "X%20",
        "=v",
        "~",
        "%58-Amz-E",
    ]);
    let parameter = prop_oneof![bytes(), near.prop_map(|text| text.as_bytes().to_vec())];
    vec(parameter, 0..6).prop_map(|parameters| parameters.join(&b'&'))
}

const RESERVED: [&str; 7] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

fn reserved(parameter: &Parameter<'_>) -> bool {
    RESERVED
        .iter()
        .any(|name| parameter.decoded_name_eq_ignore_case(name.as_bytes()))
}

proptest! {
    #![proptest_config(config(2000))]

    /// `Signer::sign` with the whole query gives the same texts and the same signature.
    #[test]
    fn a_presigned_request_is_signed_as_any_with_that_query(
        query in query(),
        access_key in "[!-~]{1,20}",
        (token, appended) in (proptest::option::of("[!-~]{1,40}"), any::<bool>()),
        expires in 1..=604_800_u64,
        name in "[xX]-[aA][mM]z-[a-c!'*%]{0,3}",
    ) {
        let timestamp = Timestamp::from_unix(1_700_000_000);
        let scope = CredentialScope::new(timestamp.date(), "r:1", "s3").unwrap();
        let key = SigningKey::from_bytes(&[5; 32]);
        let token = token.as_deref().map(str::as_bytes);
        let auth = QueryAuth {
            access_key: access_key.as_bytes(),
            session_token: token.map(|token| match appended {
                true => SessionToken::Appended(token),
                false => SessionToken::Signed(token),
            }),
            expires: Expires::from_secs(expires).unwrap(),
        };
        let canonical = canonical_query(&query);
        let mut headers = [
            Header { name: name.as_bytes(), value: b" 1 " },
            Header { name: b"Host", value: b"h" },
        ];
        let mut request = Request {
            method: b"GET", path: b"/", query: &canonical, headers: &mut headers, payload: b"-",
        };
        let mut signer = Signer::new();
        let presigned = signer.presign(&mut request, &auth, &key, &scope, &timestamp);
        if parameters(&canonical).any(|parameter| reserved(&parameter)) {
            let refused = matches!(presigned, Err(PresignError::Reserved { .. }));
            prop_assert!(refused);
            return Ok(());
        }
        let presigned = presigned.unwrap();

        let names = format!("host;{}", name.to_ascii_lowercase());
        let scope_of_key = format!("{access_key}/{scope}");
        let mut signed = vec![
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", naive_encode(scope_of_key.as_bytes(), "")),
            ("X-Amz-Date", timestamp.amz_date().to_owned()),
            ("X-Amz-Expires", expires.to_string()),
            ("X-Amz-SignedHeaders", naive_encode(names.as_bytes(), "")),
        ];
        let mut unsigned = Vec::new();
        if let Some(token) = token {
            let place = if appended { &mut unsigned } else { &mut signed };
            place.push(("X-Amz-Security-Token", naive_encode(token, "")));
        }
        unsigned.push(("X-Amz-Signature", String::from_utf8_lossy(presigned.hex()).into_owned()));
        let text = |parameters: &[(&str, String)]| -> String {
            parameters.iter().map(|(name, value)| format!("&{name}={value}")).collect()
        };
        let with = |added: &str| canonical_query(&[&query, added.as_bytes()].concat());

        let whole = with(&text(&signed));
        let all = with(&(text(&signed) + &text(&unsigned)));
        let sent = made(|out| presigned.write_query(out));
        prop_assert_eq!(&canonical_query(&sent), &all);
        prop_assert_eq!(&sent[..whole.len()], &whole[..], "what is signed comes first, in order");
        let own = made(|out| presigned.write_parameters(out));
        prop_assert_eq!(&canonical_query(&[&query, &b"&"[..], &own].concat()), &all);
        for parameter in parameters(&own) {
            prop_assert!(is_canonical(parameter.value.unwrap(), ""));
        }
        for written in [&sent, &own] {
            let (_, last) = written.split_at(written.len() - 80);
            prop_assert!(last.starts_with(b"X-Amz-Signature="));
        }

        request.query = &whole;
        let (hex, texts) = (*presigned.hex(), presigned.canonical_request().to_vec());
        let signature = signer.sign(&mut request, &key, &scope, &timestamp).unwrap();
        prop_assert_eq!(texts, signature.canonical_request());
        prop_assert_eq!(&hex, signature.hex());
    }

    #[test]
    fn reserved_parameters_are_found_in_any_spelling(
        name in proptest::sample::select(RESERVED.to_vec()),
        choices in vec(0..4_u8, 20),
    ) {
        let spell = |(byte, choice): (u8, &u8)| match choice {
            0 => format!("%{byte:02X}"),
            1 => format!("%{byte:02x}"),
            2 => char::from(byte.to_ascii_uppercase()).to_string(),
            _ => char::from(byte).to_string(),
        };
        let spelled: String = name.bytes().zip(&choices).map(spell).collect();
        let query = format!("a=b&{spelled}=c");
        let timestamp = Timestamp::from_unix(0);
        let scope = CredentialScope::new(timestamp.date(), "r", "s3").unwrap();
        let auth = QueryAuth { access_key: b"k", session_token: None, expires: Expires::MAX };
        let mut request = Request {
            method: b"GET",
            path: b"/",
            query: query.as_bytes(),
            headers: &mut [Header { name: b"host", value: b"h" }],
            payload: b"-",
        };
        let mut signer = Signer::new();
        let key = SigningKey::from_bytes(&[5; 32]);
        let result = signer.presign(&mut request, &auth, &key, &scope, &timestamp);
        prop_assert_eq!(result.unwrap_err(), PresignError::Reserved { name: spelled });
    }
}

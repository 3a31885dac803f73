use super::*;

fn scope() -> CredentialScope {
    CredentialScope::parse("20130524/us-east-1/s3/aws4_request").unwrap()
}

/// Signs with one part of an otherwise valid request replaced.
fn error(change: fn(&mut Request<'_, '_>)) -> Option<SignError> {
    let mut headers = [
        Header {
            name: b"Host",
            value: b"h",
        },
        Header {
            name: b"X-A",
            value: b"1",
        },
    ];
    let mut request = Request {
        method: b"GET",
        path: b"/a",
        query: b"b=c",
        headers: &mut headers,
        payload: crate::UNSIGNED_PAYLOAD.as_bytes(),
    };
    change(&mut request);
    let key = SigningKey::from_bytes(&[7; 32]);
    let timestamp = Timestamp::from_unix(1_369_353_600);
    Signer::new()
        .sign(&mut request, &key, &scope(), &timestamp)
        .err()
}

#[test]
fn each_part_is_checked() {
    assert_eq!(error(|_| {}), None);
    assert_eq!(error(|request| request.query = b""), None);
    assert_eq!(
        error(|request| request.method = b""),
        Some(SignError::Method)
    );
    assert_eq!(
        error(|request| request.method = b"GET /"),
        Some(SignError::Method)
    );
    assert_eq!(error(|request| request.path = b""), Some(SignError::Path));
    assert_eq!(
        error(|request| request.path = b"/a b"),
        Some(SignError::Path)
    );
    assert_eq!(
        error(|request| request.path = b"/a\n"),
        Some(SignError::Path)
    );
    assert_eq!(
        error(|request| request.query = b"a=b\nc"),
        Some(SignError::Query)
    );
    assert_eq!(
        error(|request| request.query = b"\x7f"),
        Some(SignError::Query)
    );
    assert_eq!(
        error(|request| request.payload = b""),
        Some(SignError::Payload)
    );
    assert_eq!(
        error(|request| request.payload = b"a\n"),
        Some(SignError::Payload)
    );
    assert_eq!(
        error(|request| request.headers[1].name = b""),
        Some(SignError::HeaderName)
    );
    assert_eq!(
        error(|request| request.headers[1].value = b"a\r\nb"),
        Some(SignError::HeaderValue {
            name: "X-A".to_owned()
        })
    );
    assert_eq!(
        error(|request| request.headers[0].name = b"X-B"),
        Some(SignError::NoHost)
    );
}

#[test]
fn a_signer_keeps_nothing_of_the_request_before() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let (scope, timestamp) = (scope(), Timestamp::from_unix(1_369_353_600));
    let sign = |signer: &mut Signer, path: &[u8], token: &[u8]| {
        let mut headers = [
            Header {
                name: b"x-amz-security-token",
                value: token,
            },
            Header {
                name: b"host",
                value: b"h",
            },
        ];
        let headers = &mut headers[usize::from(token.is_empty())..];
        let mut request = Request {
            method: b"GET",
            path,
            query: b"",
            headers,
            payload: b"-",
        };
        let signature = signer.sign(&mut request, &key, &scope, &timestamp).unwrap();
        (*signature.hex(), signature.canonical_request().to_vec())
    };
    let mut used = Signer::new();
    sign(&mut used, b"/a/long/path", b"token");
    assert_eq!(
        sign(&mut used, b"/", b""),
        sign(&mut Signer::new(), b"/", b"")
    );
    assert_ne!(sign(&mut used, b"/", b"").0, sign(&mut used, b"/b", b"").0);
}

/// A key that was derived yesterday continues to sign for its own day.
#[test]
fn scope_and_timestamp_may_differ() {
    let timestamp = Timestamp::from_unix(1_369_353_600 + 86_400);
    let mut headers = [Header {
        name: b"host",
        value: b"h",
    }];
    let mut request = Request {
        method: b"GET",
        path: b"/",
        query: b"",
        headers: &mut headers,
        payload: b"UNSIGNED-PAYLOAD",
    };
    let (mut signer, scope) = (Signer::new(), scope());
    let key = SigningKey::from_bytes(&[7; 32]);
    let signature = signer.sign(&mut request, &key, &scope, &timestamp).unwrap();
    let lines = "AWS4-HMAC-SHA256\n20130525T000000Z\n20130524/us-east-1/s3/aws4_request\n";
    assert!(signature.string_to_sign().starts_with(lines.as_bytes()));
}

#[test]
fn debug_shows_neither_token_nor_signature() {
    let mut signer = Signer::new();
    let mut headers = [
        Header {
            name: b"host",
            value: b"h",
        },
        Header {
            name: b"x-amz-security-token",
            value: b"hush",
        },
    ];
    let mut request = Request {
        method: b"GET",
        path: b"/",
        query: b"",
        headers: &mut headers,
        payload: b"-",
    };
    assert!(!format!("{request:?}").contains("hush"));
    let key = SigningKey::from_bytes(&[7; 32]);
    let (scope, timestamp) = (scope(), Timestamp::from_unix(0));
    let signature = signer.sign(&mut request, &key, &scope, &timestamp).unwrap();
    assert_eq!(
        format!("{signature:?}"),
        "Signature(20130524/us-east-1/s3/aws4_request, host;x-amz-security-token)"
    );
    assert_eq!(format!("{signer:?}"), "Signer { .. }");
}

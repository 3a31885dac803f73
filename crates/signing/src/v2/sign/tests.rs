use super::*;
use crate::Header;

const AUTH: QueryAuth<'_> = QueryAuth {
    access_key: b"A+K",
    session_token: None,
    expires_at: 1_709_254_799,
};

const HEADERS: [Header<'_>; 4] = [
    Header {
        name: b"Content-Type",
        value: b" text/plain ",
    },
    Header {
        name: b"X-Amz-Acl",
        value: b"private",
    },
    Header {
        name: b"Content-MD5",
        value: b"rL0Y20zC+Fzt72VPzMSk2A==",
    },
    Header {
        name: b"Date",
        value: b"Thu, 29 Feb 2024 23:59:59 GMT",
    },
];

fn key() -> SecretKey {
    SecretKey::new(b"secret")
}

/// A request to sign or, with `auth`, to presign; returns its string to sign.
fn made(
    auth: Option<&QueryAuth<'_>>,
    change: impl FnOnce(&mut Request<'_, '_>),
) -> Result<String, SignError> {
    let mut headers = HEADERS;
    let mut request = Request {
        method: b"PUT",
        bucket: Some(b"b"),
        path: b"/k",
        query: b"acl&x=1",
        headers: &mut headers,
    };
    change(&mut request);
    let mut signer = Signer::new();
    let text = match auth {
        None => signer.sign(&mut request, &key())?.string_to_sign().to_vec(),
        Some(auth) => {
            let presigned = signer.presign(&mut request, auth, &key())?;
            presigned.string_to_sign().to_vec()
        }
    };
    assert_eq!(signer.string_to_sign(), text);
    Ok(String::from_utf8(text).unwrap())
}

#[test]
fn the_string_to_sign_has_its_lines_in_order() {
    let lines = |date: &str, amz: &str| {
        let fixed = "PUT\nrL0Y20zC+Fzt72VPzMSk2A==\ntext/plain";
        format!("{fixed}\n{date}\n{amz}/b/k?acl")
    };
    let acl = "x-amz-acl:private\n";
    assert_eq!(
        made(None, |_| {}).unwrap(),
        lines("Thu, 29 Feb 2024 23:59:59 GMT", acl)
    );
    assert_eq!(made(Some(&AUTH), |_| {}).unwrap(), lines("1709254799", acl));
    let auth = QueryAuth {
        session_token: Some(b"t+"),
        ..AUTH
    };
    assert_eq!(
        made(Some(&auth), |_| {}).unwrap(),
        lines("1709254799", &format!("{acl}x-amz-security-token:t+\n"))
    );
    // With an x-amz-date, the date line of a header is empty, but that of a query is not.
    let change = |request: &mut Request<'_, '_>| request.headers[3].name = b"X-Amz-Date";
    let amz = format!("{acl}x-amz-date:Thu, 29 Feb 2024 23:59:59 GMT\n");
    assert_eq!(made(None, change).unwrap(), lines("", &amz));
    assert_eq!(
        made(Some(&AUTH), change).unwrap(),
        lines("1709254799", &amz)
    );
    assert_eq!(
        made(None, |request| request.headers = &mut []),
        Err(SignError::NoDate)
    );
    assert_eq!(
        made(Some(&AUTH), |request| request.headers = &mut []).unwrap(),
        "PUT\n\n\n1709254799\n/b/k?acl"
    );
}

#[test]
fn each_part_is_checked() {
    for auth in [None, Some(&AUTH)] {
        for method in [&b""[..], b"PUT /", b"PUT\n"] {
            assert_eq!(
                made(auth, |request| request.method = method),
                Err(SignError::Method)
            );
        }
        assert_eq!(
            made(auth, |request| request.path = b""),
            Err(SignError::Path)
        );
        assert_eq!(
            made(auth, |request| request.bucket = Some(b"")),
            Err(SignError::Bucket)
        );
        assert_eq!(
            made(auth, |request| request.headers[0].name = b"content-md5"),
            Err(SignError::RepeatedHeader {
                name: "content-md5"
            })
        );
    }
    let auth = QueryAuth {
        session_token: Some(b"t\n"),
        ..AUTH
    };
    let name = "x-amz-security-token".to_owned();
    assert_eq!(
        made(Some(&auth), |_| {}),
        Err(SignError::HeaderValue { name })
    );
}

#[test]
fn a_query_that_is_presigned_already_is_refused() {
    for name in [
        "AWSAccessKeyId",
        "Expires",
        "Signature",
        "x-amz-security-token",
        "X-Amz-Acl",
        "signature",
        "E%78pires",
    ] {
        let query = format!("acl&{name}=1");
        let mut headers = HEADERS;
        let mut request = Request {
            method: b"GET",
            bucket: None,
            path: b"/",
            query: query.as_bytes(),
            headers: &mut headers,
        };
        let mut signer = Signer::new();
        assert!(signer.sign(&mut request, &key()).is_ok(), "{name}");
        let error = signer.presign(&mut request, &AUTH, &key()).unwrap_err();
        let name = name.to_owned();
        assert_eq!(error, SignError::Reserved { name });
    }
    for query in [&b"response-expires=1"[..], b"aExpires", b"SignatureX"] {
        assert!(made(Some(&AUTH), |request| request.query = query).is_ok());
    }
}

#[test]
fn parameters_are_encoded() {
    let mut headers = HEADERS;
    let mut request = Request {
        method: b"PUT",
        bucket: None,
        path: b"/k",
        query: b"",
        headers: &mut headers,
    };
    let auth = QueryAuth {
        session_token: Some(b"t/+="),
        ..AUTH
    };
    let mut signer = Signer::new();
    let presigned = signer.presign(&mut request, &auth, &key()).unwrap();
    let mut out = b"kept&".to_vec();
    presigned.write_parameters(&mut out);
    let mut want = b"kept&AWSAccessKeyId=A%2BK&Expires=1709254799\
        &x-amz-security-token=t%2F%2B%3D&Signature="
        .to_vec();
    encode::uri_encode(presigned.base64(), false, &mut want);
    assert_eq!(out, want);
    assert!(out.ends_with(b"%3D"));
}

#[test]
fn debug_shows_neither_token_nor_signature() {
    let auth = QueryAuth {
        session_token: Some(b"hush"),
        ..AUTH
    };
    let mut headers = HEADERS;
    let mut request = Request {
        method: b"PUT",
        bucket: None,
        path: b"/k",
        query: b"policy=hush",
        headers: &mut headers,
    };
    assert!(!format!("{auth:?}").contains("hush"));
    let mut signer = Signer::new();
    assert_eq!(format!("{signer:?}"), "Signer { .. }");
    let signature = signer.sign(&mut request, &key()).unwrap();
    assert_eq!(format!("{signature:?}"), "Signature { .. }");
    let presigned = signer.presign(&mut request, &auth, &key()).unwrap();
    assert_eq!(
        format!("{presigned:?}"),
        "Presigned(QueryAuth { expires_at: 1709254799, .. })"
    );
}

use super::*;
use crate::{Header, SignError, UNSIGNED_PAYLOAD};

const AUTH: QueryAuth<'_> = QueryAuth {
    access_key: b"A/K",
    session_token: None,
    expires: Expires::MAX,
};

/// The parameters of [`AUTH`], except the signature.
const ADDED: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256\
    &X-Amz-Credential=A%2FK%2F20130524%2Fr%3A1%2Fs3%2Faws4_request\
    &X-Amz-Date=20130524T000000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host%3Bx-a";

/// The canonical query, the query to send, and only the parameters; the signature is cut off.
#[derive(Debug, PartialEq)]
struct Made {
    canonical: String,
    query: String,
    parameters: String,
}

fn presign(query: &str, auth: &QueryAuth<'_>) -> Result<Made, PresignError> {
    let timestamp = Timestamp::from_unix(1_369_353_600);
    let scope = CredentialScope::new(timestamp.date(), "r:1", "s3").unwrap();
    let key = SigningKey::from_bytes(&[7; 32]);
    let mut request = Request {
        method: b"GET",
        path: b"/a",
        query: query.as_bytes(),
        headers: &mut [
            Header {
                name: b"X-A",
                value: b" 1  2 ",
            },
            Header {
                name: b"Host",
                value: b"h",
            },
        ],
        payload: UNSIGNED_PAYLOAD.as_bytes(),
    };
    let mut signer = Signer::new();
    // What the previous request has left must not matter.
    let token = SessionToken::Appended(b"left over");
    let before = QueryAuth {
        session_token: Some(token),
        ..AUTH
    };
    let mut other = Request {
        query: b"",
        headers: &mut [request.headers[1]],
        ..request
    };
    signer.presign(&mut other, &before, &key, &scope, &timestamp)?;

    let presigned = signer.presign(&mut request, auth, &key, &scope, &timestamp)?;
    let signature = format!("&X-Amz-Signature={}", text(presigned.hex()));
    let (mut query, mut parameters) = (b"kept?".to_vec(), b"kept?".to_vec());
    presigned.write_query(&mut query);
    presigned.write_parameters(&mut parameters);
    let unsigned = |written: &[u8]| {
        let written = text(written).strip_prefix("kept?").unwrap();
        written.strip_suffix(&signature).unwrap().to_owned()
    };
    let made = Made {
        canonical: text(presigned.query).to_owned(),
        query: unsigned(&query),
        parameters: unsigned(&parameters),
    };
    let lines = "host:h\nx-a:1 2\n\nhost;x-a\nUNSIGNED-PAYLOAD";
    assert_eq!(
        text(presigned.canonical_request()),
        format!("GET\n/a\n{}\n{lines}", made.canonical)
    );
    assert_eq!(text(presigned.signed_headers()), "host;x-a");
    Ok(made)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn parameters_are_merged_in_order() {
    let date = ADDED.find("&X-Amz-Date").unwrap();
    for (query, canonical) in [
        ("", ADDED.to_owned()),
        ("A=2", format!("A=2&{ADDED}")),
        ("=v&A=", format!("=v&A=&{ADDED}")),
        ("a=1&b=2", format!("{ADDED}&a=1&b=2")),
        (
            "X-Amz-A=4&X-Amz-CredentialX=1&X-Amz-Z=3&x-id=1",
            format!(
                "X-Amz-A=4&{}&X-Amz-CredentialX=1{}&X-Amz-Z=3&x-id=1",
                &ADDED[..date],
                &ADDED[date..]
            ),
        ),
        (
            "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD",
            ADDED.replace(
                "&X-Amz-Credential",
                "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Credential",
            ),
        ),
        ("X=1&X=2&y=", format!("X=1&X=2&{ADDED}&y=")),
    ] {
        let made = presign(query, &AUTH).unwrap();
        assert_eq!(made.canonical, canonical, "{query}");
        assert_eq!(made.query, canonical, "{query}");
        assert_eq!(made.parameters, ADDED, "{query}");
    }
}

#[test]
fn a_token_is_signed_or_appended() {
    let auth = |session_token| QueryAuth {
        session_token: Some(session_token),
        ..AUTH
    };
    let token = "&X-Amz-Security-Token=t%2Bo%2Fk%3D";
    let signed = ADDED.replace(
        "&X-Amz-SignedHeaders",
        &format!("{token}&X-Amz-SignedHeaders"),
    );
    assert_eq!(
        presign("a=1", &auth(SessionToken::Signed(b"t+o/k="))).unwrap(),
        Made {
            canonical: format!("{signed}&a=1"),
            query: format!("{signed}&a=1"),
            parameters: signed,
        }
    );
    assert_eq!(
        presign("a=1", &auth(SessionToken::Appended(b"t+o/k="))).unwrap(),
        Made {
            canonical: format!("{ADDED}&a=1"),
            query: format!("{ADDED}&a=1{token}"),
            parameters: format!("{ADDED}{token}"),
        }
    );
    for (service, token) in [
        ("s3", SessionToken::Signed(b"t")),
        ("transcribe", SessionToken::Signed(b"t")),
        ("iotdevicegateway", SessionToken::Appended(b"t")),
    ] {
        assert_eq!(SessionToken::of_service(service, b"t"), token);
    }
}

#[test]
fn a_query_that_is_presigned_already_is_refused() {
    for name in [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
        "x-amz-date",
        "X-AMZ-SIGNATURE",
        "X%2DAmz-Expires",
    ] {
        let error = PresignError::Reserved {
            name: name.to_owned(),
        };
        assert_eq!(
            presign(&format!("A=1&{name}=2&z=3"), &AUTH),
            Err(error),
            "{name}"
        );
    }
    for name in ["Expires", "X-Amz-", "X-Amz-Dates", "aX-Amz-Date"] {
        assert!(presign(&format!("{name}="), &AUTH).is_ok(), "{name}");
    }
}

#[test]
fn what_cannot_be_signed_cannot_be_presigned() {
    assert_eq!(
        presign("a=b c", &AUTH),
        Err(PresignError::Sign(SignError::Query))
    );
    let scope = CredentialScope::parse("20130524/r/s3/aws4_request").unwrap();
    let mut request = Request {
        method: b"GET",
        path: b"/",
        query: b"",
        headers: &mut [],
        payload: b"-",
    };
    let key = SigningKey::from_bytes(&[7; 32]);
    let mut signer = Signer::new();
    let timestamp = Timestamp::from_unix(0);
    let mut error = |request: &mut Request<'_, '_>| {
        let result = signer.presign(request, &AUTH, &key, &scope, &timestamp);
        result.err()
    };
    assert_eq!(error(&mut request), Some(SignError::NoHost.into()));
    request.payload = b"";
    assert_eq!(error(&mut request), Some(SignError::Payload.into()));
}

#[test]
fn debug_shows_neither_token_nor_signature() {
    let auth = QueryAuth {
        session_token: Some(SessionToken::Signed(b"hush")),
        ..AUTH
    };
    let scope = CredentialScope::parse("20130524/r/s3/aws4_request").unwrap();
    let key = SigningKey::from_bytes(&[7; 32]);
    let mut request = Request {
        method: b"GET",
        path: b"/",
        query: b"",
        headers: &mut [Header {
            name: b"host",
            value: b"h",
        }],
        payload: b"-",
    };
    let mut signer = Signer::new();
    let timestamp = Timestamp::from_unix(0);
    let presigned = signer.presign(&mut request, &auth, &key, &scope, &timestamp);
    assert_eq!(
        format!("{:?}", presigned.unwrap()),
        "Presigned(Signature(20130524/r/s3/aws4_request, host))"
    );
    for token in [
        SessionToken::Signed(b"hush"),
        SessionToken::Appended(b"hush"),
    ] {
        assert!(!format!("{token:?}").contains("hush"));
    }
}

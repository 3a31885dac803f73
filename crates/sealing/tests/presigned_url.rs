//! Links. The vectors are those of `aws-signing`, whose format is described beside them.

mod vectors;

use aws_sealing::presigned_url::{PresignedUrlError, Presigner, UrlToSign};
use aws_sealing::{Identity, Key, SignatureError};
use aws_signing::presign::Expires;
use aws_signing::{CredentialScope, SigningKey, Timestamp, v2};
use proptest::collection::vec;
use proptest::prelude::*;
use vectors::{Vector, canonical_query};

const SECRET_KEY: &[u8] = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// 2013-05-24T00:00:00Z
const NOW: i64 = 1_369_353_600;

/// A link and who signs it.
struct Case<'a> {
    link: UrlToSign<'a>,
    service: &'a str,
    token: Option<&'a str>,
    expires_at: Option<i64>,
    version_2: bool,
}

impl<'a> Case<'a> {
    fn get(url: &'a str) -> Self {
        Self {
            link: UrlToSign {
                url: url.as_bytes(),
                path: None,
                bucket: None,
                method: b"GET",
                expires: Expires::from_secs(86_400).unwrap(),
            },
            service: "s3",
            token: None,
            expires_at: None,
            version_2: false,
        }
    }

    fn made(&self) -> Result<String, PresignedUrlError> {
        let now = Timestamp::from_unix(NOW);
        let scope = CredentialScope::new(now.date(), "us-east-1", self.service).unwrap();
        let (v4, v2) = (
            SigningKey::derive(SECRET_KEY, &scope),
            v2::SecretKey::new(SECRET_KEY),
        );
        let identity = Identity {
            access_key: b"AKIAIOSFODNN7EXAMPLE",
            session_token: self.token.map(str::as_bytes),
            expires_at: self.expires_at,
            key: match self.version_2 {
                true => Key::V2(&v2),
                false => Key::V4 {
                    scope: &scope,
                    key: &v4,
                },
            },
        };
        let mut presigner = Presigner::new();
        // What an earlier presigned URL has left does not matter.
        let other = Case::get("https://other.example.net/with/a/path?and=a%20query");
        presigner.presign(&other.link, &identity, &now)?;
        let link = presigner.presign(&self.link, &identity, &now)?;
        Ok(String::from_utf8(link.to_vec()).unwrap())
    }

    #[track_caller]
    fn expires(&self) -> String {
        parameter(&self.made().expect("a link"), "X-Amz-Expires")
    }
}

fn parameter(link: &str, name: &str) -> String {
    let (_, query) = link.split_once('?').expect("a query");
    let value = query.split('&').find_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        (found == name).then_some(value)
    });
    value.unwrap_or_else(|| panic!("{name} in {link}")).into()
}

/// The example of the Amazon S3 API Reference.
#[test]
fn the_documented_link() {
    let link = Case::get("https://examplebucket.s3.amazonaws.com/test.txt").made();
    assert_eq!(
        link.unwrap(),
        "https://examplebucket.s3.amazonaws.com/test.txt\
         ?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

#[test]
fn vectors() {
    let mut checked = [0, 0];
    for (version_2, style) in [(false, "query"), (true, "v2-query")] {
        for vector in vectors::of_style(style) {
            // A presigned URL has no header except Host, and no parameter instead of one. A space
            // in a URL is rejected.
            let query = vector.text("query_on_wire");
            if vector.headers().count() > 1
                || query.to_ascii_lowercase().contains("x-amz-")
                || query.contains([' ', '\t'])
            {
                continue;
            }
            check(&vector, version_2);
            checked[usize::from(version_2)] += 1;
        }
    }
    assert!(checked[0] >= 24 && checked[1] >= 9, "{checked:?}");
}

fn check(vector: &Vector, version_2: bool) {
    let text = |field: &str| vector.text(field);
    let name = text("name");
    let (_, host) = vector.headers().next().unwrap();
    let url = format!(
        "https://{host}{}?{}",
        text("path_on_wire"),
        text("query_on_wire")
    );
    let now = vector.now();
    let scope = CredentialScope::new(now.date(), text("region"), text("service")).unwrap();
    let secret_key = text("secret_key").as_bytes();
    let v4 = SigningKey::derive(secret_key, &scope);
    let v2 = v2::SecretKey::new(secret_key);
    let identity = Identity {
        access_key: text("access_key").as_bytes(),
        session_token: vector.token().map(str::as_bytes),
        expires_at: None,
        key: match version_2 {
            true => Key::V2(&v2),
            false => Key::V4 {
                scope: &scope,
                key: &v4,
            },
        },
    };
    let link = UrlToSign {
        url: url.as_bytes(),
        path: None,
        bucket: vector.bucket().map(str::as_bytes),
        method: text("method").as_bytes(),
        expires: vector.expires(),
    };

    let mut presigner = Presigner::new();
    let made = presigner.presign(&link, &identity, &now).unwrap();
    let made = std::str::from_utf8(made).unwrap();
    let (_, query) = made.split_once('?').unwrap();
    assert_eq!(
        canonical_query(query),
        canonical_query(text("signed_query")),
        "{name}"
    );
}

#[test]
fn a_link_never_outlives_its_credentials() {
    let mut case = Case::get("https://b.example.net/k");
    assert_eq!(case.expires(), "86400");
    case.expires_at = Some(NOW + 86_401);
    assert_eq!(case.expires(), "86400");
    case.expires_at = Some(NOW + 3600);
    assert_eq!(case.expires(), "3600");
    case.expires_at = Some(NOW + 1);
    assert_eq!(case.expires(), "1");

    case.version_2 = true;
    let link = case.made().unwrap();
    assert_eq!(parameter(&link, "Expires"), (NOW + 1).to_string());
}

/// Such credentials are used while their service is out of order.
#[test]
fn credentials_past_their_time_make_short_links() {
    let mut case = Case::get("https://b.example.net/k");
    for expires_at in [NOW, NOW - 1, i64::MIN] {
        case.expires_at = Some(expires_at);
        assert_eq!(case.expires(), "300");
    }
    case.link.expires = Expires::from_secs(10).unwrap();
    assert_eq!(case.expires(), "10");
}

#[test]
fn a_decoded_path_is_encoded() {
    for (url, path, expected) in [
        ("https://b.net", "/a b+c%", "https://b.net/a%20b%2Bc%25?"),
        ("https://b.net/", "/caf\u{e9}", "https://b.net/caf%C3%A9?"),
        ("https://b.net/x", "a//../b", "https://b.net/x/a//../b?"),
        (
            "https://b.net/x",
            "/?y=1#z",
            "https://b.net/x/%3Fy%3D1%23z?",
        ),
        ("http://B.Net:80", "/k", "http://b.net/k?"),
        ("https://b.net:80", "/k", "https://b.net:80/k?"),
    ] {
        let mut case = Case::get(url);
        case.link.path = Some(path.as_bytes());
        let link = case.made().unwrap();
        assert!(link.starts_with(expected), "{link}");
    }
}

#[test]
fn an_encoded_url_stays_what_it_is() {
    for (url, expected) in [
        ("https://b.net", "https://b.net/?"),
        ("https://b.net/a%20b%2bc", "https://b.net/a%20b%2Bc?"),
        (
            "https://b.net/k?b=2&a=%28",
            "https://b.net/k?X-Amz-Algorithm=",
        ),
    ] {
        let link = Case::get(url).made().unwrap();
        assert!(link.starts_with(expected), "{link}");
    }
    let link = Case::get("https://b.net/k?b=2&response-content-type=text/html").made();
    let link = link.unwrap();
    assert_eq!(parameter(&link, "b"), "2");
    assert_eq!(parameter(&link, "response-content-type"), "text%2Fhtml");
}

/// Variables may bring in a client's query.
#[test]
fn parameters_of_another_signature_are_left_out() {
    let url = "https://b.net/k?X-Amz-Signature=bad&x%2Damz-Expires=604800&AWSAccessKeyId=bad\
               &Signature=bad&Expires=1&x-amz-acl=public-read&keep=1";
    let plain = Case::get("https://b.net/k?keep=1").made();
    assert_eq!(Case::get(url).made(), plain);
    let version_2 = |url| {
        let mut case = Case::get(url);
        case.version_2 = true;
        case.made()
    };
    assert_eq!(version_2(url), version_2("https://b.net/k?keep=1"));
}

#[test]
fn the_token_is_a_part_of_the_link() {
    let mut case = Case::get("https://b.net/k");
    case.token = Some("IQoJ/+=");
    let link = case.made().unwrap();
    assert_eq!(parameter(&link, "X-Amz-Security-Token"), "IQoJ%2F%2B%3D");
    case.version_2 = true;
    let link = case.made().unwrap();
    assert_eq!(parameter(&link, "x-amz-security-token"), "IQoJ%2F%2B%3D");
}

/// MQTT over WebSocket: AWS IoT Core adds the token to what it has signed.
#[test]
fn a_service_may_leave_the_token_unsigned() {
    let signature = |token| {
        let mut case = Case::get("https://b.net/mqtt");
        case.service = "iotdevicegateway";
        case.token = token;
        parameter(&case.made().unwrap(), "X-Amz-Signature")
    };
    assert_eq!(signature(Some("token")), signature(None));
}

#[test]
fn version_2_signs_the_bucket_that_the_host_names() {
    let signature = |url, bucket: Option<&'static str>| {
        let mut case = Case::get(url);
        case.version_2 = true;
        case.link.bucket = bucket.map(str::as_bytes);
        parameter(&case.made().unwrap(), "Signature")
    };
    let path_style = signature("https://s3.net/bucket/k", None);
    assert_eq!(
        signature("https://bucket.s3.net/k", Some("bucket")),
        path_style
    );
    assert_eq!(
        signature("https://s3.net/bucket/k", Some("bucket")),
        path_style
    );
    assert_ne!(signature("https://bucket.s3.net/k", None), path_style);
    assert_ne!(
        signature("https://bucket2.s3.net/k", Some("bucket")),
        path_style
    );
}

#[test]
fn methods_and_other_services() {
    let signature = |method: &'static str, service| {
        let mut case = Case::get("https://b.net//a/../b%20c");
        case.link.method = method.as_bytes();
        case.service = service;
        case.made()
    };
    let get = signature("GET", "s3").unwrap();
    assert_ne!(
        parameter(&signature("PUT", "s3").unwrap(), "X-Amz-Signature"),
        parameter(&get, "X-Amz-Signature")
    );
    assert!(get.starts_with("https://b.net//a/../b%20c?"), "{get}");
    let other = signature("GET", "execute-api").unwrap();
    assert!(other.starts_with("https://b.net/b%20c?"), "{other}");
    let refused = signature("GET \r\n", "s3").unwrap_err();
    assert!(
        matches!(refused, PresignedUrlError::Sign(SignatureError::Query(_))),
        "{refused}"
    );
}

proptest! {
    /// A link is a URL like any other, and signing it once more changes nothing.
    #[test]
    fn signing_a_link_again_changes_nothing(rest in ".{0,40}", version_2: bool, s3: bool) {
        let url = format!("https://b.net/{rest}");
        let made = |url: &str| {
            let mut case = Case::get(url);
            case.version_2 = version_2;
            case.service = if s3 { "s3" } else { "execute-api" };
            case.made()
        };
        let Ok(link) = made(&url) else {
            prop_assert!(url.bytes().any(|byte| byte <= b' ' || b"#\\\x7f".contains(&byte)));
            return Ok(());
        };
        prop_assert!(link.starts_with("https://b.net/"));
        prop_assert!(link.bytes().all(|byte| byte.is_ascii_graphic()), "{}", link);
        prop_assert_eq!(link.matches("Signature=").count(), 1, "{}", link);
        prop_assert_eq!(made(&link), Ok(link));
    }

    /// The decoded path of the presigned URL is the key.
    #[test]
    fn each_byte_of_a_decoded_path_arrives(key in vec(any::<u8>(), 0..40)) {
        let mut case = Case::get("https://b.net/bucket/");
        let path = [b"/", &key[..]].concat();
        case.link.path = Some(&path);
        let link = case.made().unwrap();
        let encoded = link.strip_prefix("https://b.net/bucket/").unwrap();
        let (encoded, _) = encoded.split_once('?').unwrap();
        let mut decoded = Vec::new();
        let mut rest = encoded.as_bytes();
        while let [first, tail @ ..] = rest {
            let (byte, next) = match (first, tail) {
                (b'%', [high, low, tail @ ..]) => {
                    let digits = [*high, *low];
                    let digits = std::str::from_utf8(&digits).unwrap();
                    (u8::from_str_radix(digits, 16).unwrap(), tail)
                }
                _ => (*first, tail),
            };
            decoded.push(byte);
            rest = next;
        }
        prop_assert_eq!(decoded, key);
    }
}

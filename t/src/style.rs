//! The styles of signatures: the directives that ask for them, and whether a recorded request is
//! signed so.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_origin::Head;
use aws_signing::{Header, query, v2};

use crate::account::{ACCESS_KEY, ENDPOINT, SECRET_KEY, expect_signed};
use crate::http::Request;
use crate::signer::Signer;
use crate::signing::parse_date;

/// How far the clock of a signature may be off in a test.
const SKEW: Duration = Duration::from_secs(60);

/// How long a signature in the query is valid by default.
const EXPIRES: u64 = 900;

/// A version, and a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Version 4, in headers.
    Headers,
    /// Version 4, in the query.
    Query,
    /// Version 2, in headers.
    HeadersV2,
    /// Version 2, in the query.
    QueryV2,
}

impl Style {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Headers, Self::Query, Self::HeadersV2, Self::QueryV2];

    /// The directives that ask for it.
    pub fn directives(self) -> &'static str {
        match self {
            Self::Headers => "aws_signature_in headers; aws_signature_version 4;",
            Self::Query => "aws_signature_in query;",
            Self::HeadersV2 => "aws_signature_version 2;",
            Self::QueryV2 => "aws_signature_in query; aws_signature_version 2;",
        }
    }

    /// Whether the signature is in the query.
    pub fn is_query(self) -> bool {
        matches!(self, Self::Query | Self::QueryV2)
    }

    /// Fails the test unless the account's user has signed this request now, in this style and no
    /// other. Its bucket is in the path, or in a Host below [`ENDPOINT`].
    #[track_caller]
    pub fn expect_signed(self, head: &Head) {
        if self == Self::Headers {
            assert_eq!(signature_parameters(head), [""; 0], "{}", text(head));
            return expect_signed(head);
        }
        let host = head.header("Host").unwrap_or_default();
        let below = host.split(':').next().and_then(|host| {
            let bucket = host.strip_suffix(ENDPOINT)?;
            bucket.strip_suffix('.')
        });
        self.expect_signed_in(head, below);
    }

    /// The same, but with the bucket that Host names; no matter where Version 2 is not asked for.
    #[track_caller]
    pub fn expect_signed_in(self, head: &Head, bucket: Option<&str>) {
        if let Err(fault) = self.verify(head, bucket) {
            panic!("{fault}:\n{}", text(head));
        }
    }

    fn verify(self, head: &Head, bucket: Option<&str>) -> Result<(), String> {
        let authorization = head.header_all("Authorization");
        let names = signature_parameters(head);
        let expected: &[&str] = match self {
            Self::Headers | Self::HeadersV2 => &[],
            Self::Query => &[
                "X-Amz-Algorithm",
                "X-Amz-Credential",
                "X-Amz-Date",
                "X-Amz-Expires",
                "X-Amz-SignedHeaders",
                "X-Amz-Signature",
            ],
            Self::QueryV2 => &["AWSAccessKeyId", "Expires", "Signature"],
        };
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.retain(|name| !name.eq_ignore_ascii_case("x-amz-security-token"));
        if names != expected || authorization.len() != usize::from(!self.is_query()) {
            return Err(format!("it is not signed as {self:?}: {names:?}"));
        }
        match self {
            Self::Query => verify_query(head),
            _ => self.verify_v2(head, bucket),
        }
    }

    /// Signs what was sent once more.
    fn verify_v2(self, head: &Head, bucket: Option<&str>) -> Result<(), String> {
        let key = v2::SecretKey::new(SECRET_KEY.as_bytes());
        let headers = head.headers();
        let mut sent: Vec<Header<'_>> = headers
            .iter()
            .map(|(name, value)| Header {
                name: name.as_bytes(),
                value: value.as_bytes(),
            })
            .collect();
        let target = head.target();
        let (path, own) = without_signature(&target);
        let method = head.method();
        let mut request = v2::Request {
            method: method.as_bytes(),
            bucket: bucket.map(str::as_bytes),
            path: path.as_bytes(),
            query: own.as_bytes(),
            headers: &mut sent,
        };

        let mut signer = v2::Signer::new();
        if self == Self::HeadersV2 {
            if head.header("x-amz-date").is_none() {
                return Err("no x-amz-date is sent".to_owned());
            }
            let signature = signer.sign(&mut request, &key).map_err(|e| e.to_string())?;
            let mut expected = Vec::new();
            signature.write_authorization(ACCESS_KEY.as_bytes(), &mut expected);
            let found = head.header("Authorization").unwrap_or_default();
            return equal(&found, &String::from_utf8_lossy(&expected));
        }
        let token = parameter(head, "x-amz-security-token");
        let expires_at = parameter(head, "Expires").unwrap_or_default();
        let expires_at = expires_at.parse::<u64>().map_err(|e| e.to_string())?;
        let signed_at = UNIX_EPOCH + Duration::from_secs(expires_at - EXPIRES);
        expect_now(signed_at)?;
        let auth = v2::QueryAuth {
            access_key: ACCESS_KEY.as_bytes(),
            session_token: token.as_deref().map(str::as_bytes),
            expires_at,
        };
        let presigned = signer
            .presign(&mut request, &auth, &key)
            .map_err(|e| e.to_string())?;
        let found = parameter(head, "Signature").unwrap_or_default();
        equal(&found, &String::from_utf8_lossy(presigned.base64()))
    }
}

/// A target's path, and its query without what a signature has in it.
fn without_signature(target: &str) -> (&str, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let own: Vec<&str> = query
        .split('&')
        .filter(|parameter| !is_of_signature(name(parameter)))
        .collect();
    (path, own.join("&"))
}

/// Recomputes a signature in the query with the official crate.
fn verify_query(head: &Head) -> Result<(), String> {
    let date = parameter(head, "X-Amz-Date").unwrap_or_default();
    let time = parse_date(&date).ok_or_else(|| format!("bad X-Amz-Date {date:?}"))?;
    expect_now(time)?;
    let expires = parameter(head, "X-Amz-Expires").unwrap_or_default();
    let expires = expires.parse::<u64>().map_err(|e| e.to_string())?;

    let signed = parameter(head, "X-Amz-SignedHeaders").unwrap_or_default();
    let signed: Vec<&str> = signed.split(';').collect();
    for (name, _) in head.headers() {
        let name = name.to_ascii_lowercase();
        if (name == "host" || name.starts_with("x-amz-")) && !signed.contains(&name.as_str()) {
            return Err(format!("{name} is sent but not signed"));
        }
    }
    let target = head.target();
    let (path, own) = without_signature(&target);
    let own = if own.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{own}")
    };
    let mut request = Request::new(&head.method(), own);
    for name in signed {
        let value = head
            .header(name)
            .ok_or_else(|| format!("{name} is signed but not sent"))?;
        request = request.header(name, value);
    }
    let token = parameter(head, "X-Amz-Security-Token");
    let expected = Signer::new(ACCESS_KEY, SECRET_KEY).at(time).presign(
        &request,
        Duration::from_secs(expires),
        token.as_deref(),
    );
    equal(
        &parameter(head, "X-Amz-Signature").unwrap_or_default(),
        &expected,
    )
}

fn expect_now(time: SystemTime) -> Result<(), String> {
    let now = SystemTime::now();
    if time + SKEW < now || now + SKEW < time {
        return Err(format!("it was signed at {time:?}, which is not now"));
    }
    Ok(())
}

fn equal(found: &str, expected: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("the signature should be {expected}"))
}

/// The decoded value of the parameter `wanted`, of any case.
pub fn parameter(head: &Head, wanted: &str) -> Option<String> {
    let target = head.target();
    let (_, query) = target.split_once('?')?;
    let found = query::parameters(query.as_bytes())
        .find(|parameter| parameter.name.eq_ignore_ascii_case(wanted.as_bytes()))?;
    let value: Vec<u8> = found.decoded_value().collect();
    Some(String::from_utf8_lossy(&value).into_owned())
}

/// The names of the parameters that belong to a signature, as they are sent.
fn signature_parameters(head: &Head) -> Vec<String> {
    let target = head.target();
    let (_, query) = target.split_once('?').unwrap_or_default();
    let names = query.split('&').map(name);
    names
        .filter(|name| is_of_signature(name))
        .map(str::to_owned)
        .collect()
}

fn name(parameter: &str) -> &str {
    parameter.split('=').next().unwrap_or_default()
}

fn is_of_signature(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("x-amz-")
        || ["AWSAccessKeyId", "Expires", "Signature"].contains(&name)
}

fn text(head: &Head) -> String {
    String::from_utf8_lossy(head.bytes()).into_owned()
}

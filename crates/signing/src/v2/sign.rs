//! The string to sign, and where its signature goes.

use std::collections::TryReserveError;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::headers::{self, Positional};
use super::{Request, SecretKey, SignError, resource};
use crate::encode::{self, UNRESERVED};
use crate::query::{Parameter, parameters};
use crate::sign::has_separator;

/// Base64 of an HMAC-SHA1, padded.
const SIGNATURE_LEN: usize = 28;

/// What the query of a presigned request says of its signer.
#[derive(Clone, Copy)]
pub struct QueryAuth<'a> {
    /// The access key ID.
    pub access_key: &'a [u8],
    /// The session token of temporary credentials. It is signed as if it were sent in the header
    /// `x-amz-security-token`.
    pub session_token: Option<&'a [u8]>,
    /// The second since 1970-01-01T00:00:00Z from which on the request is refused.
    pub expires_at: u64,
}

impl fmt::Debug for QueryAuth<'_> {
    /// The token is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryAuth")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Signs requests; its buffer grows once and is used again.
#[derive(Default)]
pub struct Signer {
    string_to_sign: Vec<u8>,
}

impl Signer {
    /// One with an empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for requests of `length` bytes, so that signing them allocates nothing. The
    /// bucket, even if Host names it, and the token of a presigned request are part of it.
    pub fn try_reserve(&mut self, length: usize) -> Result<(), TryReserveError> {
        // Line breaks, separators, the time of expiry, and the name of the token's header.
        const FIXED: usize = 128;
        self.string_to_sign.clear();
        self.string_to_sign.try_reserve(length + FIXED)
    }

    /// Signs `request` for its Authorization header.
    pub fn sign(
        &mut self,
        request: &mut Request<'_, '_>,
        key: &SecretKey,
    ) -> Result<Signature<'_>, SignError> {
        let positional = Positional::find(request.headers)?;
        let date = positional.date()?;
        self.write(
            request,
            &positional,
            |out| out.extend_from_slice(date),
            None,
        )?;
        Ok(self.finish(key))
    }

    /// Signs `request` in its query.
    pub fn presign<'a>(
        &'a mut self,
        request: &mut Request<'_, '_>,
        auth: &QueryAuth<'a>,
        key: &SecretKey,
    ) -> Result<Presigned<'a>, SignError> {
        if let Some(taken) = parameters(request.query).find(is_reserved) {
            let name = taken.name.escape_ascii().to_string();
            return Err(SignError::Reserved { name });
        }
        let token = auth.session_token;
        if token.is_some_and(|token| resource::breaks_line(token.iter().copied())) {
            let name = headers::TOKEN.to_owned();
            return Err(SignError::HeaderValue { name });
        }
        let positional = Positional::find(request.headers)?;
        let expires = |out: &mut Vec<u8>| encode::decimal(auth.expires_at, out);
        self.write(request, &positional, expires, token)?;
        Ok(Presigned {
            signature: self.finish(key),
            auth: *auth,
        })
    }

    /// The string to sign of the last signature, for a debug log. It may hold a session token.
    pub fn string_to_sign(&self) -> &[u8] {
        &self.string_to_sign
    }

    fn write(
        &mut self,
        request: &mut Request<'_, '_>,
        positional: &Positional<'_>,
        write_date: impl FnOnce(&mut Vec<u8>),
        token: Option<&[u8]>,
    ) -> Result<(), SignError> {
        if request.method.is_empty() || has_separator(request.method) {
            return Err(SignError::Method);
        }
        let text = &mut self.string_to_sign;
        text.clear();
        for line in [
            request.method,
            positional.content_md5,
            positional.content_type,
        ] {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        write_date(text);
        text.push(b'\n');
        headers::write_amz(request.headers, token, text)?;
        resource::write(request, text)
    }

    fn finish(&self, key: &SecretKey) -> Signature<'_> {
        let mut base64 = [0; SIGNATURE_LEN];
        let written = STANDARD.encode_slice(key.mac(&self.string_to_sign), &mut base64);
        assert_eq!(written, Ok(SIGNATURE_LEN), "20 bytes become 28 digits");
        Signature {
            string_to_sign: &self.string_to_sign,
            base64,
        }
    }
}

impl fmt::Debug for Signer {
    /// The buffer is left out: a string to sign may hold a session token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

fn is_reserved(parameter: &Parameter<'_>) -> bool {
    parameter.decoded_name_starts_with_ignore_case(b"x-amz-")
        || [&b"AWSAccessKeyId"[..], b"Expires", b"Signature"]
            .iter()
            .any(|name| parameter.decoded_name_eq_ignore_case(name))
}

/// A signature, with the string that was signed; it borrows that from its [`Signer`].
pub struct Signature<'s> {
    string_to_sign: &'s [u8],
    base64: [u8; SIGNATURE_LEN],
}

impl Signature<'_> {
    /// The string to sign. It may hold a session token: not for logs.
    pub fn string_to_sign(&self) -> &[u8] {
        self.string_to_sign
    }

    /// The signature itself, in base64.
    pub fn base64(&self) -> &[u8; SIGNATURE_LEN] {
        &self.base64
    }

    /// Appends the value of the Authorization header.
    pub fn write_authorization(&self, access_key: &[u8], out: &mut Vec<u8>) {
        for part in [b"AWS ", access_key, b":", &self.base64] {
            out.extend_from_slice(part);
        }
    }
}

impl fmt::Debug for Signature<'_> {
    /// Neither text nor signature is shown: the one may hold a session token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature").finish_non_exhaustive()
    }
}

/// A presigned request's signature, with the string that was signed. Whoever has the parameters
/// can send the request: they belong into no log.
pub struct Presigned<'s> {
    signature: Signature<'s>,
    auth: QueryAuth<'s>,
}

impl Presigned<'_> {
    /// The string to sign. It may hold a session token: not for logs.
    pub fn string_to_sign(&self) -> &[u8] {
        self.signature.string_to_sign()
    }

    /// The signature itself, in base64.
    pub fn base64(&self) -> &[u8; SIGNATURE_LEN] {
        self.signature.base64()
    }

    /// Appends the signature's own parameters. They follow, behind a `&` where there is something
    /// to follow, the request's own query.
    pub fn write_parameters(&self, out: &mut Vec<u8>) {
        let auth = &self.auth;
        out.extend_from_slice(b"AWSAccessKeyId=");
        encode::encode(auth.access_key, UNRESERVED, out);
        out.extend_from_slice(b"&Expires=");
        encode::decimal(auth.expires_at, out);
        if let Some(token) = auth.session_token {
            out.extend_from_slice(b"&x-amz-security-token=");
            encode::encode(token, UNRESERVED, out);
        }
        out.extend_from_slice(b"&Signature=");
        encode::encode(&self.signature.base64, UNRESERVED, out);
    }
}

impl fmt::Debug for Presigned<'_> {
    /// Neither text nor signature is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presigned({:?})", self.auth)
    }
}

#[cfg(test)]
mod tests {
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

    /// A request to sign or, with `auth`, to presign; what comes back is its string to sign.
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
        // With an x-amz-date, a header's date line is empty, but that of a query is not.
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
}

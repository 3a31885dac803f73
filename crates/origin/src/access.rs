//! What the origin requires of a request in addition to a correct signature.

use std::borrow::Cow;

use http::{HeaderMap, Uri};
use s3s::access::{S3Access, S3AccessContext};
use s3s::host::{S3Host, VirtualHost};
use s3s::{S3Result, s3_error};

/// The rules of stricter object stores: the signature must cover what it has to.
///
/// Checked after s3s has verified the signature: s3s accepts a signed header that is missing, and
/// an `x-amz-*` header that is not signed.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The region that a scope must name; `None` accepts any.
    pub(crate) region: Option<String>,
}

#[async_trait::async_trait]
impl S3Access for Rules {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        if cx.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "the request is not signed"));
        }
        match Signature::find(cx.uri(), cx.headers()) {
            Some(signature) => self.check_coverage(&signature, cx.headers()),
            // Signature Version 2 has neither a scope nor a list of headers.
            None => Ok(()),
        }
    }
}

impl Rules {
    fn check_coverage(&self, signature: &Signature, headers: &HeaderMap) -> S3Result<()> {
        if let Some(region) = &self.region
            && signature.region() != Some(region.as_str())
        {
            return Err(s3_error!(
                AccessDenied,
                "the scope's region is not {}",
                region
            ));
        }

        let signed = |name: &str| signature.signed_headers.split(';').any(|s| s == name);
        if !signed("host") {
            return Err(s3_error!(AccessDenied, "Host is not signed"));
        }
        for name in headers.keys().map(http::HeaderName::as_str) {
            let is_needed = match name {
                // Its value is the last line of what is signed.
                "x-amz-content-sha256" => false,
                // S3 rejects it in a presigned URL, too (HeadersNotSigned: content-md5).
                "content-md5" => true,
                name => name.starts_with("x-amz-"),
            };
            if is_needed && !signed(name) {
                return Err(s3_error!(AccessDenied, "{} is not signed", name));
            }
        }
        match signature
            .signed_headers
            .split(';')
            .find(|name| !headers.contains_key(*name))
        {
            Some(name) => Err(s3_error!(AccessDenied, "{} is signed but missing", name)),
            None => Ok(()),
        }
    }
}

/// What a signature declares about itself, in the Authorization header or in the query.
struct Signature {
    credential: String,
    signed_headers: String,
}

impl Signature {
    fn find(uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        let query = uri.query().unwrap_or_default();
        if let (Some(credential), Some(signed_headers)) = (
            parameter(query, "X-Amz-Credential"),
            parameter(query, "X-Amz-SignedHeaders"),
        ) {
            return Some(Self {
                credential,
                signed_headers,
            });
        }

        let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
        let fields = value.strip_prefix("AWS4-HMAC-SHA256")?;
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|f| f.trim().strip_prefix(name)?.strip_prefix('='))
        };
        Some(Self {
            credential: field("Credential")?.to_owned(),
            signed_headers: field("SignedHeaders")?.to_owned(),
        })
    }

    /// The third part of `key/date/region/service/aws4_request`, counted from the end since an
    /// access key can contain slashes.
    fn region(&self) -> Option<&str> {
        self.credential.rsplit('/').nth(2)
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let value = query
        .split('&')
        .find_map(|p| p.strip_prefix(name)?.strip_prefix('='))?;
    // These two parameters contain no other bytes that need encoding.
    Some(value.replace("%2F", "/").replace("%3B", ";"))
}

/// The domain whose subdomains are buckets; a port in the Host header does not matter.
#[derive(Debug)]
pub(crate) struct Domain(pub(crate) String);

impl S3Host for Domain {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
        let bucket = name
            .strip_suffix(self.0.as_str())
            .and_then(|rest| rest.strip_suffix('.'));

        let host = VirtualHost::new(Cow::Borrowed(name));
        Ok(match bucket {
            Some(bucket) => host.with_bucket(bucket),
            None => host,
        })
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Uri};
    use s3s::host::S3Host;

    use super::{Domain, Rules, Signature};

    fn check(signed: &str, headers: &[&'static str], region: Option<&str>) -> Result<(), String> {
        let mut map = HeaderMap::new();
        for name in headers {
            map.insert(*name, HeaderValue::from_static("x"));
        }
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=A/K/20150830/eu-west-1/s3/aws4_request,\
             SignedHeaders={signed}, Signature=0"
        );
        map.insert("authorization", authorization.parse().unwrap());

        let signature = Signature::find(&Uri::from_static("/b/k"), &map).expect("a signature");
        Rules {
            region: region.map(str::to_owned),
        }
        .check_coverage(&signature, &map)
        .map_err(|e| e.message().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_signature_must_cover_what_stores_insist_on() {
        let all = ["host", "x-amz-date", "x-amz-content-sha256"];
        assert_eq!(check("host;x-amz-date", &all, None), Ok(()));
        assert_eq!(check("host;x-amz-date", &all, Some("eu-west-1")), Ok(()));

        let refused = |signed, headers: &[&'static str], region| {
            check(signed, headers, region).expect_err("a refusal")
        };
        assert_eq!(refused("x-amz-date", &all, None), "Host is not signed");
        assert_eq!(refused("host", &all, None), "x-amz-date is not signed");
        for name in ["content-md5", "x-amz-acl"] {
            let headers = [&all[..], &[name]].concat();
            let signed = format!("host;x-amz-date;{name}");
            assert_eq!(check(&signed, &headers, None), Ok(()));
            assert_eq!(
                refused("host;x-amz-date", &headers, None),
                format!("{name} is not signed")
            );
        }
        assert_eq!(
            refused("host;range;x-amz-date", &all, None),
            "range is signed but missing"
        );
        assert_eq!(
            refused("host;x-amz-date", &all, Some("us-east-1")),
            "the scope's region is not us-east-1"
        );
    }

    #[test]
    fn a_query_signature_is_found_with_its_scope() {
        let uri = Uri::from_static(
            "/b/k?X-Amz-Credential=AK%2F20150830%2Feu-west-1%2Fs3%2Faws4_request\
             &X-Amz-SignedHeaders=host%3Brange",
        );
        let signature = Signature::find(&uri, &HeaderMap::new()).expect("a signature");
        assert_eq!(signature.region(), Some("eu-west-1"));
        assert_eq!(signature.signed_headers, "host;range");

        let rules = Rules { region: None };
        let check = |name: &'static str| {
            let mut headers = HeaderMap::new();
            for name in ["host", "range", name] {
                headers.insert(name, HeaderValue::from_static("x"));
            }
            rules.check_coverage(&signature, &headers).is_ok()
        };
        assert!(check("content-type") && !check("content-md5") && !check("x-amz-acl"));
    }

    #[test]
    fn buckets_are_subdomains_with_or_without_a_port() {
        let domain = Domain("s3.example.test".to_owned());
        let bucket = |host| {
            domain
                .parse_host_header(host)
                .unwrap()
                .bucket()
                .map(str::to_owned)
        };

        assert_eq!(
            bucket("my.bucket.s3.example.test").as_deref(),
            Some("my.bucket")
        );
        assert_eq!(
            bucket("bucket.s3.example.test:8080").as_deref(),
            Some("bucket")
        );
        assert_eq!(bucket("s3.example.test"), None);
        assert_eq!(bucket("xs3.example.test"), None);
        assert_eq!(bucket("127.0.0.1:9000"), None);
    }
}

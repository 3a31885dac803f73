//! Signs requests with the official crate `aws-sigv4`, as the clients of an object store do.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningParams, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;

use crate::http::Request;
use crate::signing::parse_date;

/// Signs requests with Signature Version 4 in the Authorization header.
#[derive(Clone, Debug)]
pub struct Signer {
    access_key: String,
    secret_key: String,
    region: String,
    service: String,
    time: Option<SystemTime>,
    payload_hash: Option<String>,
    sends_hash: bool,
}

impl Signer {
    /// Signs for S3 in us-east-1, at the time of signing.
    pub fn new(access_key: &str, secret_key: &str) -> Self {
        Self {
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            region: "us-east-1".to_owned(),
            service: "s3".to_owned(),
            time: None,
            payload_hash: None,
            sends_hash: true,
        }
    }

    /// Names another region.
    pub fn region(mut self, region: &str) -> Self {
        self.region = region.to_owned();
        self
    }

    /// Names another service. The paths of S3 are encoded once and never normalized; those of any
    /// other are normalized, and encoded once more than they are sent.
    pub fn service(mut self, service: &str) -> Self {
        self.service = service.to_owned();
        self
    }

    /// Signs as if it were this time.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.time = Some(time);
        self
    }

    /// Signs as of this `x-amz-date`.
    #[track_caller]
    pub fn at_amz_date(self, text: &str) -> Self {
        let time = parse_date(text).unwrap_or_else(|| panic!("bad x-amz-date {text:?}"));
        self.at(time)
    }

    /// Declares this payload hash (`x-amz-content-sha256`) instead of that of the body.
    pub fn payload_hash(mut self, hash: &str) -> Self {
        self.payload_hash = Some(hash.to_owned());
        self
    }

    /// Leaves out `x-amz-content-sha256`, as SDKs do for services other than S3.
    pub fn without_hash_header(mut self) -> Self {
        self.sends_hash = false;
        self
    }

    /// Adds the headers of a signature; all headers the request has, and its body, are signed.
    ///
    /// The target must be in canonical form already: see [`encode_key`].
    #[track_caller]
    pub fn sign(&self, request: Request) -> Request {
        let request = request.with_host();
        // The Host header is what is signed; the URI's authority is not looked at.
        let uri = format!("http://localhost{}", request.target_text());
        let headers = request.header_pairs();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let body = match &self.payload_hash {
            Some(hash) => SignableBody::Precomputed(hash.clone()),
            None => SignableBody::Bytes(request.body_bytes()),
        };
        let signable = SignableRequest::new(request.method(), uri.as_str(), headers, body)
            .unwrap_or_else(|e| panic!("cannot be signed: {e}: {request:?}"));
        let output = self.with_params(|params| sign(signable, &SigningParams::from(params)));
        let (instructions, _signature) = output.unwrap_or_else(|e| panic!("{e}")).into_parts();

        let (added, _parameters) = instructions.into_parts();
        added.iter().fold(request.clone(), |r, header| {
            r.header(header.name(), header.value())
        })
    }

    /// The signature that a presigned request has: all headers it has are signed, and its body where
    /// `x-amz-content-sha256` is among them.
    #[track_caller]
    pub fn presign(&self, request: &Request, expires: Duration, token: Option<&str>) -> String {
        let uri = format!("http://localhost{}", request.target_text());
        let headers = request.header_pairs();
        let hash = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("x-amz-content-sha256"));
        let body = match hash.map(|(_, hash)| hash).or(self.payload_hash.as_ref()) {
            Some(hash) => SignableBody::Precomputed(hash.clone()),
            None => SignableBody::UnsignedPayload,
        };
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let signable = SignableRequest::new(request.method(), uri.as_str(), headers, body)
            .unwrap_or_else(|e| panic!("cannot be signed: {e}: {request:?}"));
        let change = |settings: &mut SigningSettings| {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(expires);
            settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        };
        let output = self.with_settings(token, change, |params| {
            sign(signable, &SigningParams::from(params))
        });
        output.unwrap_or_else(|e| panic!("{e}")).into_parts().1
    }

    /// The signature of a chunk that follows the chunk, or the head, whose signature is `previous`.
    #[track_caller]
    pub fn sign_chunk(&self, previous: &str, chunk: &[u8]) -> String {
        let chunk = chunk.to_vec().into();
        let output = self.with_params(|params| v4::sign_chunk(&chunk, previous, &params));
        let output = output.unwrap_or_else(|e| panic!("{e}"));
        output.signature().to_owned()
    }

    fn with_params<T>(
        &self,
        use_them: impl FnOnce(v4::SigningParams<'_, SigningSettings>) -> T,
    ) -> T {
        self.with_settings(None, |_| (), use_them)
    }

    fn with_settings<T>(
        &self,
        token: Option<&str>,
        change: impl FnOnce(&mut SigningSettings),
        use_them: impl FnOnce(v4::SigningParams<'_, SigningSettings>) -> T,
    ) -> T {
        let token = token.map(str::to_owned);
        let credentials =
            Credentials::new(&self.access_key, &self.secret_key, token, None, "tests");
        let identity = credentials.into();

        let mut settings = SigningSettings::default();
        if self.sends_hash {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        if self.service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        change(&mut settings);

        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(self.time.unwrap_or_else(SystemTime::now))
            .settings(settings)
            .build();
        use_them(params.expect("all parameters are given"))
    }
}

/// A key in the canonical form of S3's paths: every byte but `A-Za-z0-9-._~/` as `%XX`.
pub fn encode_key(key: impl AsRef<[u8]>) -> String {
    let mut text = String::new();
    for &byte in key.as_ref() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

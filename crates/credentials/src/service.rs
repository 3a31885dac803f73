//! An AWS service whose requests are signed: its endpoint, and the header fields that sign.

mod endpoint;

use std::time::Duration;

use aws_signing::{CredentialScope, Header, Signer, SigningKey, Timestamp, encode, path};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::host::{Method, Request};
use crate::{Credentials, Endpoint, Url};

pub(crate) use endpoint::{configured, region_of};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(10);
const LIMIT: usize = 64 * 1024;

/// The fields of a request: names in lower case.
pub(crate) type Fields = Vec<(&'static str, Zeroizing<String>)>;

/// A service, in one region.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Service {
    /// Its name in credential scopes.
    pub(crate) name: &'static str,
    /// Its URL, whose query, if it has one, is in [canonical form][1].
    ///
    /// [1]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    pub(crate) url: Url,
    /// The region that requests are signed for, part of the scope.
    pub(crate) region: String,
}

impl Service {
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.url.endpoint.clone()
    }

    /// The request that POSTs `body` with `fields`, all of which are signed with `credentials` at
    /// `now`, Unix time in seconds.
    pub(crate) fn request(
        &self,
        fields: Fields,
        body: Zeroizing<Vec<u8>>,
        credentials: &Credentials,
        now: i64,
    ) -> Request {
        let headers = self.sign(fields, &body, credentials, now);
        self.unsigned_request(headers, body)
    }

    /// The same without a signature.
    pub(crate) fn unsigned_request(&self, headers: Fields, body: Zeroizing<Vec<u8>>) -> Request {
        Request {
            method: Method::Post,
            url: self.url.clone(),
            headers,
            body,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: TIMEOUT,
            limit: LIMIT,
        }
    }

    /// `fields`, and those that sign them and the body.
    fn sign(&self, mut fields: Fields, body: &[u8], credentials: &Credentials, now: i64) -> Fields {
        let now = Timestamp::from_unix(now);
        let scope = CredentialScope::new(now.date(), &self.region, self.name)
            .expect("the region was checked when it was set");
        let key = SigningKey::derive(credentials.secret_access_key.expose().as_bytes(), &scope);

        let host = Zeroizing::new(self.url.endpoint.authority());
        fields.push(("x-amz-date", Zeroizing::new(now.amz_date().to_owned())));
        if let Some(token) = &credentials.session_token {
            let token = Zeroizing::new(token.expose().to_owned());
            fields.push(("x-amz-security-token", token));
        }

        let mut payload = Vec::with_capacity(64);
        encode::hex(&Sha256::digest(body), &mut payload);
        let (path, query) = match self.url.target.split_once('?') {
            Some((path, query)) => (path, query),
            None => (self.url.target.as_str(), ""),
        };
        let mut canonical_path = Vec::new();
        path::double_encoded(path.as_bytes(), &mut canonical_path);
        let mut signed: Vec<Header<'_>> = fields
            .iter()
            .map(|(name, value)| (*name, value))
            .chain([("host", &host)])
            .map(|(name, value)| Header {
                name: name.as_bytes(),
                value: value.as_bytes(),
            })
            .collect();
        let mut request = aws_signing::Request {
            method: b"POST",
            path: &canonical_path,
            query: query.as_bytes(),
            headers: &mut signed,
            payload: &payload,
        };
        let mut signer = Signer::new();
        let signature = signer
            .sign(&mut request, &key, &scope, &now)
            .expect("all parts are visible ASCII");
        let mut authorization = Vec::new();
        signature.write_authorization(credentials.access_key_id.as_bytes(), &mut authorization);
        let authorization = String::from_utf8(authorization).expect("all parts are ASCII");
        fields.push(("authorization", Zeroizing::new(authorization)));
        fields
    }
}

//! How a location signs: what the request path reads. All of it is decided when the configuration
//! is read.

use std::fmt;
use std::rc::Rc;

use aws_operations::Levels;
use aws_sealing::auth_error::Cause;
use aws_sealing::forwarding::{self, Forwarding};
use aws_sealing::vendor::Vendor;
use aws_sealing::{
    Addressing, Destination, PayloadMode, PayloadRule, PayloadSigning, Policy, Version, caching,
    destination, is_s3, value,
};
use nginx_sys::ngx_http_handler_pt;

use super::credentials::checked;
use super::credentials::{Credentials, CredentialsError, Incomplete};
use super::proxy_headers::ProxyHeaders;
use super::{Switch, same_handler};
use crate::ffi::http::request::Request;
use crate::ffi::http::value::Value;
use crate::renewal::counting::BlockCounters;

/// How a location signs.
pub(crate) struct Plan {
    pub(super) switch: Switch,
    pub(crate) policy: Policy,
    /// Complete credentials, or what is missing; in the latter case every request is rejected.
    pub(crate) credentials: Result<Credentials, Incomplete>,
    /// `aws_credentials_timeout` in milliseconds.
    pub(crate) credentials_timeout: u64,
    pub(super) bucket: Option<Value>,
    pub(super) endpoint: Option<Value>,
    /// Whether `aws_endpoint` is set.
    pub(super) has_endpoint: bool,
    pub(super) addressing: Addressing,
    /// `aws_payload`
    pub(crate) payload: PayloadMode,
    /// `aws_hide_auth_errors`
    pub(crate) hides_auth_errors: bool,
    /// Whether nginx may send a body while nginx receives it.
    pub(crate) streams_bodies: bool,
    /// Whether this is also true of a body whose length the client has not announced.
    pub(crate) streams_unannounced: bool,
    /// Whether the client's body is sent: `proxy_pass_request_body`, without `proxy_set_body`.
    pub(crate) passes_bodies: bool,
    /// What nginx writes into the heads of requests.
    pub(crate) headers: Rc<ProxyHeaders>,
    /// `proxy_pass_request_headers`
    pub(crate) passes_headers: bool,
    /// The kind of object store, if its control headers have their own prefix, as far as the
    /// configuration tells.
    pub(crate) vendor: Option<&'static Vendor>,
    /// Whether the location has a cache, which can respond if nothing can be signed.
    pub(crate) has_cache: bool,
    /// Whether nginx stores copies of responses (`proxy_store`).
    pub(crate) stores_responses: bool,
    /// The counters of the `upstream{}` that requests are sent to, if there is a status, and the block
    /// has directives of ours.
    pub(crate) upstream_counters: Option<Rc<BlockCounters>>,
    /// The handler of proxy_pass: the module does not act on requests with another content handler.
    pub(super) proxy_handler: ngx_http_handler_pt,
}

impl Plan {
    /// Whether proxy_pass is this request's content handler, and the request is to be signed.
    pub(crate) fn acts_on(&self, request: &Request) -> bool {
        same_handler(request.content_handler(), self.proxy_handler) && self.signs(request)
    }

    /// Whether this request is to be signed.
    pub(crate) fn signs(&self, request: &Request) -> bool {
        self.switch.is_on(request)
    }

    /// Whether no cache may respond to this request or store its response: a forwarded header or
    /// parameter of the client changes the response, and is not part of the cache key.
    pub(crate) fn bypasses_cache(&self, request: &Request) -> bool {
        let header = |name: &[u8]| {
            // The knowledge about S3's headers does not apply to other object stores.
            let may_change = !forwarding::is_amz(name) || caching::header_changes_response(name);
            may_change
                && forwarding::of_header(name, &self.policy.pass_headers, self.vendor)
                    == Forwarding::Listed
        };
        (self.passes_headers && request.has_client_header(header))
            || (self.policy.response_overrides && self.overrides_response(request))
    }

    /// Whether a query that changes headers of the response is forwarded, and is not part of the
    /// cache key that nginx has made.
    fn overrides_response(&self, request: &Request) -> bool {
        let mut key = request.cache_key().peekable();
        key.peek().is_some() && caching::query_overrides_response(request.args(), key)
    }

    /// What the path of a request can name, as far as the configuration determines it: a key, or
    /// also a bucket.
    pub(crate) fn levels(&self) -> Levels {
        let in_bucket = Levels::BUCKET.or(Levels::OBJECT);
        if self.bucket.is_some() || self.policy.addressing == Some(Addressing::Virtual) {
            in_bucket
        } else {
            in_bucket.or(Levels::SERVICE)
        }
    }

    /// Whether this request is signed for S3, as far as this is known yet.
    pub(crate) fn signs_for_s3(&self, request: &Request) -> bool {
        let Ok(credentials) = &self.credentials else {
            return true;
        };
        match credentials.static_service() {
            Some(service) => is_s3(service),
            None => credentials
                .service(request)
                .is_ok_and(|service| is_s3(&*service)),
        }
    }

    /// The service that all requests are signed for; `None` if it depends on a variable or a
    /// provider.
    pub(super) fn static_service(&self) -> Option<&[u8]> {
        self.credentials.as_ref().ok()?.static_service()
    }

    /// How that service requires bodies to be signed.
    pub(super) fn static_payload_rule(&self) -> Option<PayloadRule> {
        let service = self.static_service()?;
        Some(PayloadRule::of(service))
    }

    /// What the signature of this request can declare about a body.
    pub(crate) fn payload_signing(
        &self,
        request: &Request,
    ) -> Result<PayloadSigning, CredentialsError> {
        let (version, rule) = match &self.credentials {
            Ok(credentials) => {
                let service = credentials.service(request)?;
                (credentials.version(), PayloadRule::of(&*service))
            }
            // Nothing will be signed.
            Err(_) => (Version::V4, PayloadRule::S3),
        };
        Ok(PayloadSigning::new(version, self.policy.place, rule))
    }

    /// The upstream has rejected this request for `cause`. Credentials of a provider are fetched again if
    /// they have expired, or if the upstream does not know them; those in the configuration cannot be.
    pub(crate) fn credentials_refused(&self, request: &Request, cause: Cause) {
        if let (Cause::Expired | Cause::Unknown, Ok(Credentials::Provided(provided))) =
            (cause, &self.credentials)
            && let Ok(provider) = provided.provider(request)
        {
            provider.reject();
        }
    }

    /// The destination of this request. `regional` is a buffer for S3's endpoint in a region.
    pub(crate) fn destination<'a>(
        &'a self,
        credentials: &Credentials,
        request: &'a Request,
        regional: &'a mut Vec<u8>,
    ) -> Result<Destination<'a>, CredentialsError> {
        let needs_endpoint = self.bucket.is_some() || self.has_endpoint;
        if !needs_endpoint && credentials.version() == Version::V4 {
            return Ok(Destination::AsSent);
        }
        let endpoint = match &self.endpoint {
            Some(endpoint) => checked(endpoint, request, "aws_endpoint", value::endpoint)?,
            None => {
                destination::s3_endpoint(&credentials.region(request)?, regional);
                regional
            }
        };
        let Some(bucket) = &self.bucket else {
            return Ok(Destination::AsSentBelow { endpoint });
        };
        Ok(Destination::Bucket {
            bucket: checked(bucket, request, "aws_s3_bucket", value::bucket)?,
            endpoint,
            addressing: self.addressing,
        })
    }
}

/// Shows nothing of the credentials.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

//! Presigned URLs: what `aws_presigned_url` declares, and the variable that contains one.

use std::cell::RefCell;
use std::fmt;

use aws_sealing::MethodSet;
use aws_sealing::presigned_url::{PresignedUrlError, Presigner, UrlToSign};
use aws_signing::Timestamp;
use aws_signing::presign::Expires;
use aws_status::Counter;
use nginx_sys::ngx_str_t;

use super::advice_on_errors::WithAdvice;
use super::counting::count;
use crate::conf::{CredentialsError, Incomplete, LocationConf};
use crate::ffi::http::request::Request;
use crate::ffi::http::value::Value;
use crate::ffi::http::variable::Variable;
use crate::ffi::process::log::Level;

/// An `aws_presigned_url`.
pub(crate) struct PresignedUrl {
    /// The variable's name, with `$`, for the log.
    pub(crate) name: Box<str>,
    pub(crate) url: Value,
    /// Of `path=`: decoded.
    pub(crate) path: Option<Value>,
    pub(crate) method: Value,
    pub(crate) expires: Expires,
}

thread_local! {
    static PRESIGNER: RefCell<Presigner> = RefCell::new(Presigner::new());
}

impl Variable for PresignedUrl {
    fn evaluate(&self, request: &Request) -> Option<ngx_str_t> {
        match self.link(request) {
            Ok(link) => {
                count(request, None, Counter::PRESIGNED_URLS);
                Some(link)
            }
            Err(reason) => {
                let name = &self.name;
                let line = format_args!("the presigned URL in \"{name}\" is empty: {reason}");
                request.log().write(Level::Error, line);
                None
            }
        }
    }
}

impl PresignedUrl {
    /// The presigned URL, in the request's pool.
    fn link(&self, request: &Request) -> Result<ngx_str_t, NoLink> {
        let conf = request.location::<LocationConf>();
        let signer = conf.and_then(|conf| conf.presigned_url_signer.as_deref());
        let signer = signer.ok_or(NoLink::Incomplete(Incomplete::Nothing))?;
        let credentials = signer
            .credentials
            .as_ref()
            .map_err(|missing| NoLink::Incomplete(*missing))?;

        let method = evaluate(&self.method, request)?;
        // What the configuration contains itself is intended by its author; a variable can be a
        // client's.
        if self.method.as_text().is_none() && !signer.methods.contains(method) {
            return Err(NoLink::Method(signer.methods));
        }
        let path = self.path.as_ref().map(|path| evaluate(path, request));
        let link = UrlToSign {
            url: evaluate(&self.url, request)?,
            path: path.transpose()?,
            bucket: signer.bucket(request)?,
            method,
            expires: self.expires,
        };

        let unix_time = nginx_sys::ngx_time();
        let now = Timestamp::from_unix(unix_time);
        credentials.identify(request, &now, unix_time, |identity| {
            PRESIGNER.with_borrow_mut(|presigner| {
                let link = presigner.presign(&link, identity, &now)?;
                request.copy(&[link]).ok_or(NoLink::OutOfMemory)
            })
        })?
    }
}

fn evaluate<'a>(value: &'a Value, request: &'a Request) -> Result<&'a [u8], NoLink> {
    value.evaluate(request).ok_or(NoLink::OutOfMemory)
}

/// Why there is no presigned URL.
enum NoLink {
    Incomplete(Incomplete),
    Credentials(CredentialsError),
    /// The variable in `method=` names one that is not among these.
    Method(MethodSet),
    Url(PresignedUrlError),
    OutOfMemory,
}

impl From<CredentialsError> for NoLink {
    fn from(error: CredentialsError) -> Self {
        Self::Credentials(error)
    }
}

impl From<PresignedUrlError> for NoLink {
    fn from(error: PresignedUrlError) -> Self {
        Self::Url(error)
    }
}

impl fmt::Display for NoLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete(missing) => write!(f, "{missing}"),
            Self::Credentials(error) => write!(f, "{error}"),
            Self::Method(methods) => write!(
                f,
                "the variable in \"method=\" must be one of {methods}, which \
                 \"aws_sign_methods\" allows here"
            ),
            Self::Url(error) => write!(f, "{}", WithAdvice(error)),
            Self::OutOfMemory => f.write_str("not enough memory"),
        }
    }
}

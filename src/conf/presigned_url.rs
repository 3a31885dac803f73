//! What signs presigned URLs in a block, whether or not the block signs requests.

use aws_sealing::{MethodSet, value};

use super::credentials::checked;
use super::credentials::{Credentials, CredentialsError, Incomplete};
use super::{Directives, MainConf};
use crate::ffi::http::request::Request;
use crate::ffi::http::value::Value;

/// What signs the URLs of `aws_presigned_url`.
pub(crate) struct PresignedUrlSigner {
    /// Complete credentials, or what is missing.
    pub(crate) credentials: Result<Credentials, Incomplete>,
    /// `aws_sign_methods`
    pub(crate) methods: MethodSet,
    bucket: Option<Value>,
}

impl PresignedUrlSigner {
    /// Of a block to which the directives `effective` apply; `None` if no `aws_presigned_url` is declared.
    pub(super) fn new(effective: &Directives, main: &MainConf) -> Option<Self> {
        main.has_presigned_urls.then(|| Self {
            credentials: effective.resolve_credentials(&main.providers),
            methods: effective.methods.unwrap_or(MethodSet::READ_ONLY),
            bucket: effective.used_bucket().cloned(),
        })
    }

    /// `aws_s3_bucket`, if there is one.
    pub(crate) fn bucket<'a>(
        &'a self,
        request: &'a Request,
    ) -> Result<Option<&'a [u8]>, CredentialsError> {
        let bucket = self.bucket.as_ref();
        bucket
            .map(|bucket| checked(bucket, request, "aws_s3_bucket", value::bucket))
            .transpose()
    }
}

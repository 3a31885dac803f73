//! What signs links in a block, whether the block signs requests or not.

use aws_sealing::{MethodSet, value};

use super::credentials::{Credentials, CredentialsError, Incomplete};
use super::keys::checked;
use super::{LocationConf, MainConf};
use crate::ffi::request::Request;
use crate::ffi::value::Value;

/// What signs the links of `aws_presigned_url`.
pub(crate) struct LinkSigner {
    /// Complete credentials, or what is missing of them.
    pub(crate) credentials: Result<Credentials, Incomplete>,
    /// `aws_sign_methods`
    pub(crate) methods: MethodSet,
    bucket: Option<Value>,
}

impl LinkSigner {
    /// Of a block that is merged; `None` where no links are declared.
    pub(super) fn new(block: &LocationConf, main: &MainConf) -> Option<Self> {
        main.has_links.then(|| Self {
            credentials: block.credentials.resolve(
                block.region.as_ref(),
                block.service.as_ref(),
                &main.providers,
            ),
            methods: block.methods.unwrap_or(MethodSet::READ_ONLY),
            bucket: block.used_bucket().cloned(),
        })
    }

    /// `aws_s3_bucket`, where there is one.
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

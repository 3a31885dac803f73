//! What to do about a request or a URL that cannot be signed.
//!
//! The crates report causes and name no directive. The log line is the cause with the advice that
//! is added here.

use std::fmt;

use aws_sealing::body::BodyError;
use aws_sealing::head::HeadError;
use aws_sealing::presigned_url::PresignedUrlError;
use aws_sealing::{DeniedOperations, SealError};

/// What to do about an HTML form that uploads to S3.
pub(crate) const FORM_ADVICE: &str = "S3 rejects a signed HTML form (multipart/form-data), which is authorized by \
    the policy in it: have browsers upload with PUT or a presigned URL, or send the form to the bucket \
    directly";

/// A cause that is shown with what to do about it.
pub(crate) struct WithAdvice<'e, E>(pub(crate) &'e E);

impl fmt::Display for WithAdvice<'_, SealError> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.0;
        let advice = match error {
            SealError::Head(error) => return WithAdvice(error).fmt(f),
            SealError::OperationDenied(denied) => return WithAdvice(&**denied).fmt(f),
            SealError::Http2Upstream => ": use \"proxy_http_version 1.1\"",
            SealError::ControlByteInTarget(_) => " (a decoded $uri in proxy_pass?)",
            SealError::MethodNotSigned(_) => " in \"aws_sign_methods\"",
            SealError::UnexpectedBody => " (\"proxy_set_header Content-Length\"?)",
            SealError::BodyLength => {
                " (\"proxy_set_header\" of Content-Length or Transfer-Encoding?)"
            }
            SealError::QueryUnknown => {
                ": end \"proxy_pass\" with \"$is_args$args\", or use $1 or $uri"
            }
            SealError::ArgumentsFromPath => {
                ": redirect to a named location, or use \"rewrite\" with $1"
            }
            SealError::ParameterAdded => ": write parameters out in \"proxy_pass\", or use $args",
            SealError::MissingHost => ": set \"aws_s3_bucket\" or \"proxy_set_header Host\"",
            SealError::HeaderNotPassed(_) => " in \"aws_pass_headers\"",
            SealError::TargetForm
            | SealError::DotSegment
            | SealError::OutOfMemory
            | SealError::Sign(_) => "",
        };
        write!(f, "{error}{advice}")
    }
}

impl fmt::Display for WithAdvice<'_, HeadError> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.0;
        let advice = match error {
            HeadError::Incomplete => {
                return f.write_str(
                    "a header of \"proxy_set_header\" is missing (a line break in a variable of \
                     another \"proxy_set_header\"?)",
                );
            }
            HeadError::HeaderLine { .. } | HeadError::BytesAfterHead => {
                " (a decoded variable in proxy_set_header?)"
            }
            HeadError::InjectedLine { .. } => {
                " (a line break in a variable of \"proxy_set_header\"?)"
            }
            HeadError::RequestLine
            | HeadError::Unterminated
            | HeadError::DuplicateHost
            | HeadError::OutOfMemory => "",
        };
        write!(f, "{error}{advice}")
    }
}

impl fmt::Display for WithAdvice<'_, DeniedOperations> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let denied = self.0;
        let known = denied.known();
        let mut each = known.iter();
        match (each.next(), each.next()) {
            (Some(operation), None) => write!(
                f,
                "{denied}: list \"{operation}\" or its class \"{}\" in \"aws_sign_operations\"",
                operation.class()
            )?,
            (Some(_), Some(_)) => {
                write!(
                    f,
                    "{denied}: list it or its class in \"aws_sign_operations\""
                )?;
            }
            (None, _) => write!(
                f,
                "{denied}: list \"admin\" in \"aws_sign_operations\" to allow it"
            )?,
        }
        if denied.operation().name() == "PostObject" {
            write!(f, "; {FORM_ADVICE}")?;
        }
        if denied.path_names_bucket() {
            f.write_str(
                "; the path is read as /bucket/key, because Host is not known to name a bucket: if it \
                 does, set \"aws_s3_bucket\", \"aws_endpoint\" or \"aws_addressing_style virtual\"",
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for WithAdvice<'_, BodyError> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.0;
        match error {
            BodyError::TrailerNotPassed(_) => write!(f, "{error} in \"aws_pass_headers\""),
            _ => error.fmt(f),
        }
    }
}

impl fmt::Display for WithAdvice<'_, PresignedUrlError> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.0;
        match error {
            PresignedUrlError::Byte(_) => write!(
                f,
                "{error}: write a decoded path such as $uri as \"path=$uri\""
            ),
            _ => error.fmt(f),
        }
    }
}

//! What services require of a payload: one row for each that differs from the rest.

/// What the last line of a canonical request, and x-amz-content-sha256, declare about the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadRule {
    /// S3: the hash, signed chunks, or `UNSIGNED-PAYLOAD`; paths are decoded and encoded once, and
    /// never normalized.
    S3,
    /// The SHA-256 of the body.
    Hash,
    /// Always `UNSIGNED-PAYLOAD`.
    Unsigned,
}

/// The services with a different rule, and its documentation. All others get the hash, which
/// Signature Version 4 requires:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
const RULES: [(&str, PayloadRule); 5] = [
    // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    ("s3", PayloadRule::S3),
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/olap-writing-lambda.html
    ("s3-object-lambda", PayloadRule::S3),
    // https://docs.aws.amazon.com/AmazonS3/latest/s3-outposts/S3OutpostsWorkingObjects.html
    ("s3-outposts", PayloadRule::S3),
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-authenticating-authorizing.html
    ("s3express", PayloadRule::S3),
    // https://docs.aws.amazon.com/vpc-lattice/latest/ug/sigv4-authenticated-requests.html
    ("vpc-lattice-svcs", PayloadRule::Unsigned),
];

impl PayloadRule {
    /// The rule of a service, by its name in the credential scope.
    pub fn of(service: impl AsRef<[u8]>) -> Self {
        let service = service.as_ref();
        RULES
            .iter()
            .find(|(name, _)| name.as_bytes() == service)
            .map_or(Self::Hash, |(_, rule)| *rule)
    }
}

/// Whether S3's rules apply to a service.
pub fn is_s3(service: impl AsRef<[u8]>) -> bool {
    PayloadRule::of(service) == PayloadRule::S3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_without_a_row_get_the_hash() {
        for service in [
            "execute-api",
            "lambda",
            "es",
            "aoss",
            "vpc-lattice",
            "S3",
            "",
        ] {
            assert_eq!(PayloadRule::of(service), PayloadRule::Hash, "{service}");
        }
        assert!(is_s3("s3") && is_s3("s3express") && !is_s3("vpc-lattice-svcs"));
        assert_eq!(PayloadRule::of("vpc-lattice-svcs"), PayloadRule::Unsigned);
    }
}

//! Which host a request is sent to: the bucket's, the endpoint's, or the one nginx chose.

use aws_signing::partition;
use smallvec::SmallVec;

use crate::bucket_host::{label_before, without_port};
use crate::value;

/// The size of any bucket's name in bytes, without an allocation.
pub(crate) const BUCKET_ROOM: usize = 256;

/// Where the bucket is named (`aws_addressing_style`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// In the host: `bucket.s3.eu-west-1.amazonaws.com/key`.
    #[default]
    Virtual,
    /// In the path: `s3.eu-west-1.amazonaws.com/bucket/key`.
    Path,
}

/// What is sent and signed as Host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination<'a> {
    /// The Host that nginx sends.
    AsSent,
    /// The Host that nginx sends. If it is a name below this endpoint, the first part is a bucket,
    /// which Version 2 signs.
    AsSentBelow {
        /// Host and port, checked by [`crate::value::endpoint`].
        endpoint: &'a [u8],
    },
    /// The bucket's own host or, with [`Addressing::Path`], the endpoint's host and the bucket at
    /// the beginning of the path.
    Bucket {
        /// The bucket's name, checked by [`crate::value::bucket`].
        bucket: &'a [u8],
        /// Host and, if it is not the scheme's default, port; checked by
        /// [`crate::value::endpoint`].
        endpoint: &'a [u8],
        /// Where the bucket is named.
        addressing: Addressing,
    },
}

impl<'a> Destination<'a> {
    /// The pieces of the Host to send; `None` if it is the one that nginx sends.
    pub(crate) fn host(&self) -> Option<[&'a [u8]; 3]> {
        match *self {
            Self::AsSent | Self::AsSentBelow { .. } => None,
            Self::Bucket {
                bucket,
                endpoint,
                addressing,
            } => Some(match addressing {
                Addressing::Virtual => [bucket, b".", endpoint],
                Addressing::Path => [b"", b"", endpoint],
            }),
        }
    }

    /// The bucket that the sent `host` names, in lower case; empty if the path must name it.
    pub(crate) fn bucket_in(&self, host: &[u8]) -> SmallVec<[u8; BUCKET_ROOM]> {
        match *self {
            Self::Bucket {
                bucket,
                addressing: Addressing::Virtual,
                ..
            } => SmallVec::from_slice(bucket),
            Self::AsSentBelow { endpoint } => {
                let bucket = label_before(host, endpoint)
                    .or_else(|| label_before(without_port(host), endpoint));
                let bucket = bucket.filter(|bucket| value::bucket(bucket).is_ok());
                let mut bucket = SmallVec::from_slice(bucket.unwrap_or_default());
                bucket.make_ascii_lowercase();
                bucket
            }
            _ => SmallVec::new(),
        }
    }
}

/// The endpoint of the C module, and of AWS in us-east-1 from before regions had endpoints.
pub const LEGACY_S3_ENDPOINT: &str = "s3.amazonaws.com";

/// Appends S3's endpoint in `region`: `s3.eu-west-1.amazonaws.com`.
pub fn s3_endpoint(region: &str, out: &mut Vec<u8>) {
    for part in ["s3.", region, ".", partition::dns_suffix(region)] {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_below_the_endpoint_names_a_bucket() {
        for (host, endpoint, bucket) in [
            ("b.s3.amazonaws.com", "s3.amazonaws.com", "b"),
            (
                "My.Bucket.S3.amazonaws.com",
                "s3.amazonaws.com",
                "my.bucket",
            ),
            ("b.store:8080", "store:8080", "b"),
            ("b.store:8080", "store", "b"),
            ("b.store", "store:8080", ""),
            ("s3.amazonaws.com", "s3.amazonaws.com", ""),
            ("bs3.amazonaws.com", "s3.amazonaws.com", ""),
            (".s3.amazonaws.com", "s3.amazonaws.com", ""),
            ("a/b.s3.amazonaws.com", "s3.amazonaws.com", ""),
            ("elsewhere", "s3.amazonaws.com", ""),
            ("", "store", ""),
        ] {
            let destination = Destination::AsSentBelow {
                endpoint: endpoint.as_bytes(),
            };
            let found = destination.bucket_in(host.as_bytes());
            assert_eq!(&found[..], bucket.as_bytes(), "{host} {endpoint}");
        }
        assert!(Destination::AsSent.bucket_in(b"b.store").is_empty());
    }

    #[test]
    fn partitions_have_their_own_suffixes() {
        for (region, expected) in [
            ("eu-west-1", "s3.eu-west-1.amazonaws.com"),
            ("us-gov-west-1", "s3.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", "s3.eusc-de-east-1.amazonaws.eu"),
            ("us-iso-east-1", "s3.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", "s3.us-isob-east-1.sc2s.sgov.gov"),
            ("us-isof-south-1", "s3.us-isof-south-1.csp.hci.ic.gov"),
            ("eu-isoe-west-1", "s3.eu-isoe-west-1.cloud.adc-e.uk"),
        ] {
            let mut endpoint = Vec::new();
            s3_endpoint(region, &mut endpoint);
            assert_eq!(endpoint, expected.as_bytes());
        }
    }
}

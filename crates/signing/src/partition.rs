//! The partitions of AWS, and the DNS suffixes of their hosts.
//!
//! The table is that of the AWS SDKs' [`partitions.json`][1].
//!
//! [1]: https://github.com/aws/aws-sdk-rust/blob/main/sdk/s3/src/endpoint_lib/partition.rs

/// The beginning of a partition's region names, and the DNS suffix of its hosts.
const PARTITIONS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
];

/// The DNS suffix of all other regions.
const COMMERCIAL: &str = "amazonaws.com";

/// The DNS suffix of the hosts in `region`.
pub fn dns_suffix(region: &str) -> &'static str {
    let mut partitions = PARTITIONS.iter();
    partitions
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or(COMMERCIAL, |(_, suffix)| suffix)
}

/// The DNS suffixes of all partitions.
pub fn dns_suffixes() -> impl Iterator<Item = &'static str> {
    let others = PARTITIONS.iter().map(|(_, suffix)| *suffix);
    std::iter::once(COMMERCIAL).chain(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_suffix() {
        for (region, suffix) in [
            ("eu-west-1", "amazonaws.com"),
            ("us-gov-west-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("eusc-de-east-1", "amazonaws.eu"),
            ("us-iso-east-1", "c2s.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
            ("us-isof-south-1", "csp.hci.ic.gov"),
            ("eu-isoe-west-1", "cloud.adc-e.uk"),
            ("", "amazonaws.com"),
        ] {
            assert_eq!(dns_suffix(region), suffix, "{region}");
            assert!(dns_suffixes().any(|known| known == suffix));
        }
        assert_eq!(dns_suffixes().count(), 7);
    }
}

//! Which bucket a Host header names.

use aws_signing::partition;

/// Whether `host`, which can have a port, names a bucket (virtual-hosted style): a name below
/// `endpoint`, which can have a port, or one of AWS's S3 host names with a label before it.
///
/// Unknown host names do not: the path is then read as `/bucket/key`, which requires more
/// permissions.
pub(crate) fn host_names_bucket(host: &[u8], endpoint: Option<&[u8]>) -> bool {
    let name = without_port(host);
    if let Some(endpoint) = endpoint {
        let is_below = |host: &[u8]| label_before(host, endpoint).is_some();
        if is_below(host) || is_below(name) {
            return true;
        }
    }
    is_s3_host_with_label(name)
}

/// `bucket.s3.eu-west-1.amazonaws.com` and the older, dual-stack, FIPS, accelerated, access point,
/// Express and VPC endpoint forms of it.
/// <https://docs.aws.amazon.com/general/latest/gr/s3.html>
fn is_s3_host_with_label(host: &[u8]) -> bool {
    let below = |suffix| strip_suffix(host, suffix)?.strip_suffix(b".");
    let mut suffixes = partition::dns_suffixes().map(str::as_bytes);
    let Some(name) = suffixes.find_map(below) else {
        return false;
    };
    // The service's label is the last one of its kind, since a bucket can have the same name.
    let mut before = name;
    loop {
        let start = before.iter().rposition(|byte| *byte == b'.');
        let label = &before[start.map_or(0, |dot| dot + 1)..];
        let is_service = label.eq_ignore_ascii_case(b"s3")
            || starts_with(label, b"s3-")
            || starts_with(label, b"s3express-");
        match start {
            Some(start) => before = &before[..start],
            None => return false,
        }
        if is_service {
            break;
        }
    }
    // bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com is an endpoint as a whole.
    let start = before.iter().rposition(|byte| *byte == b'.');
    if starts_with(&before[start.map_or(0, |dot| dot + 1)..], b"vpce-") {
        let kind = &before[..start.unwrap_or(0)];
        let kinds: [&[u8]; 4] = [b"", b"bucket", b"accesspoint", b"control"];
        return !kinds.iter().any(|known| kind.eq_ignore_ascii_case(known));
    }
    !before.is_empty()
}

/// The name before `.endpoint` in `host`.
pub(crate) fn label_before<'h>(host: &'h [u8], endpoint: &[u8]) -> Option<&'h [u8]> {
    let label = strip_suffix(host, endpoint)?.strip_suffix(b".")?;
    (!label.is_empty()).then_some(label)
}

fn strip_suffix<'h>(host: &'h [u8], suffix: &[u8]) -> Option<&'h [u8]> {
    let (start, end) = host.split_at_checked(host.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(start)
}

fn starts_with(label: &[u8], prefix: &[u8]) -> bool {
    label
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

pub(crate) fn without_port(host: &[u8]) -> &[u8] {
    let end = host.iter().rposition(|byte| *byte == b':');
    &host[..end.unwrap_or(host.len())]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_s3_host_may_name_a_bucket() {
        for (host, expected) in [
            ("b.s3.amazonaws.com", true),
            ("s3.amazonaws.com", false),
            ("b.s3.eu-west-1.amazonaws.com:443", true),
            ("s3.eu-west-1.amazonaws.com", false),
            ("B.S3-eu-west-1.AmazonAWS.com", true),
            ("s3-eu-west-1.amazonaws.com", false),
            ("b.s3.dualstack.eu-west-1.amazonaws.com", true),
            ("s3.dualstack.eu-west-1.amazonaws.com", false),
            ("a.b.s3-fips.us-gov-west-1.amazonaws.com", true),
            ("b.s3-accelerate.amazonaws.com", true),
            ("s3-accelerate.dualstack.amazonaws.com", false),
            (
                "ap-123456789012.s3-accesspoint.eu-west-1.amazonaws.com",
                true,
            ),
            (
                "b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com",
                true,
            ),
            ("s3express-control.us-east-1.amazonaws.com", false),
            ("b.s3.cn-north-1.amazonaws.com.cn", true),
            ("s3.cn-north-1.amazonaws.com.cn", false),
            ("b.s3.eusc-de-east-1.amazonaws.eu", true),
            ("vpce-1a-2b.s3.us-east-1.vpce.amazonaws.com", false),
            ("bucket.vpce-1a-2b.s3.us-east-1.vpce.amazonaws.com", false),
            ("b.bucket.vpce-1a-2b.s3.us-east-1.vpce.amazonaws.com", true),
            // A bucket whose name is like the service's.
            ("s3.s3.eu-west-1.amazonaws.com", true),
            ("s3-logs.s3.eu-west-1.amazonaws.com", true),
            // Other hosts.
            ("b.execute-api.eu-west-1.amazonaws.com", false),
            ("b.s3.eu-west-1.amazonaws.com.example.net", false),
            ("amazonaws.com", false),
            ("minio.s3.example.net", false),
            ("s3.example.net", false),
            ("127.0.0.1:9000", false),
            ("[::1]", false),
            ("", false),
        ] {
            assert_eq!(host_names_bucket(host.as_bytes(), None), expected, "{host}");
        }
    }

    proptest! {
        #[test]
        fn any_host_can_be_examined(host in any::<Vec<u8>>(), endpoint in any::<Vec<u8>>()) {
            let below = [&host[..], b".", &endpoint].concat();
            let _ = host_names_bucket(&host, None);
            prop_assert_eq!(host_names_bucket(&below, Some(&endpoint)), !host.is_empty());
        }
    }

    #[test]
    fn a_name_below_the_endpoint_is_a_bucket() {
        for (host, endpoint, expected) in [
            ("b.store.example", "store.example", true),
            ("B.Store.Example:9000", "store.example:9000", true),
            ("b.store.example:9000", "store.example", true),
            ("b.store.example", "store.example:9000", false),
            ("store.example", "store.example", false),
            (".store.example", "store.example", false),
            ("bstore.example", "store.example", false),
            ("b.s3.amazonaws.com", "store.example", true),
        ] {
            let names = host_names_bucket(host.as_bytes(), Some(endpoint.as_bytes()));
            assert_eq!(names, expected, "{host} {endpoint}");
        }
    }
}

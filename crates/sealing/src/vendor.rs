//! S3-compatible object stores whose control headers have other prefixes than `x-amz-`.

use crate::header_name;

/// An object store whose control headers have their own prefix.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Vendor {
    /// In lower case.
    prefix: &'static str,
    /// The domains of its endpoints.
    domains: &'static [&'static str],
}

static VENDORS: [Vendor; 5] = [
    Vendor {
        prefix: "x-goog-",
        domains: &["storage.googleapis.com"],
    },
    Vendor {
        prefix: "x-oss-",
        domains: &["aliyuncs.com"],
    },
    Vendor {
        prefix: "x-cos-",
        domains: &["myqcloud.com", "tencentcos.cn"],
    },
    Vendor {
        prefix: "x-obs-",
        domains: &["myhuaweicloud.com", "myhuaweicloud.eu"],
    },
    Vendor {
        prefix: "x-ms-",
        domains: &["blob.core.windows.net"],
    },
];

impl Vendor {
    /// The object store that has endpoints of this name. A port does not matter.
    pub fn of_host(host: &[u8]) -> Option<&'static Self> {
        let end = host.iter().position(|byte| *byte == b':');
        let host = &host[..end.unwrap_or(host.len())];
        let host = host.strip_suffix(b".").unwrap_or(host);
        let is_in = |domain: &&str| {
            let start = host.len().checked_sub(domain.len());
            start.is_some_and(|start| {
                host[start..].eq_ignore_ascii_case(domain.as_bytes())
                    && (start == 0 || host[start - 1] == b'.')
            })
        };
        VENDORS
            .iter()
            .find(|vendor| vendor.domains.iter().any(is_in))
    }

    /// What follows the prefix in the name of a control header; `None` for other headers.
    pub(crate) fn control_header<'n>(&self, name: &'n [u8]) -> Option<&'n [u8]> {
        header_name::starts_with(name, self.prefix.as_bytes()).then(|| &name[self.prefix.len()..])
    }
}

/// Whether a header of this name can be a control header of any upstream: most headers of clients
/// are not.
pub(crate) fn may_be_control_header(name: &[u8]) -> bool {
    header_name::starts_with(name, b"x-")
}

/// The prefix of an upstream's control headers that `name`, in lower case, begins with.
pub(crate) fn prefix_of(name: &[u8]) -> Option<&'static str> {
    let mut prefixes = VENDORS.iter().map(|vendor| vendor.prefix);
    prefixes.find(|prefix| name.starts_with(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{VENDORS, Vendor, may_be_control_header};

    #[test]
    fn prefixes_begin_as_is_assumed() {
        for vendor in &VENDORS {
            assert!(
                may_be_control_header(vendor.prefix.as_bytes()),
                "{vendor:?}"
            );
        }
    }

    #[test]
    fn vendors_are_known_by_their_endpoints() {
        let prefix = |host: &str| Vendor::of_host(host.as_bytes()).map(|vendor| vendor.prefix);
        for (host, expected) in [
            ("storage.googleapis.com", "x-goog-"),
            ("b.Storage.GoogleAPIs.com:443", "x-goog-"),
            ("b.oss-cn-hangzhou.aliyuncs.com.", "x-oss-"),
            ("b-125.cos.ap-guangzhou.myqcloud.com", "x-cos-"),
            ("obs.cn-north-4.myhuaweicloud.com", "x-obs-"),
            ("account.blob.core.windows.net", "x-ms-"),
        ] {
            assert_eq!(prefix(host), Some(expected), "{host}");
        }
        for host in [
            "s3.amazonaws.com",
            "evilstorage.googleapis.com",
            "googleapis.com",
            "storage.googleapis.com.example",
            "",
            ":",
        ] {
            assert_eq!(prefix(host), None, "{host}");
        }
    }
}

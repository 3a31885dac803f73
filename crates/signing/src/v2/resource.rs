//! The signed parts of the target.

use crate::query::{Parameter, parameters};
use crate::sign::has_separator;

use super::{Request, SignError};

/// The query parameters that are signed, in order.
///
/// These are the parameters in the documentation of Version 2, and those that S3 added while it was
/// the only version. Later ones (`encryption`, `object-lock`, `replication`...) are not included:
/// servers disagree about them.
pub const SUBRESOURCES: [&str; 25] = [
    "acl",
    "cors",
    "delete",
    "lifecycle",
    "location",
    "logging",
    "notification",
    "partNumber",
    "policy",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// Appends bucket, path and sub-resources.
///
/// The path is appended as it is sent. Sub-resources are sorted by name; their values are decoded,
/// and an empty value is left out together with its `=`.
pub(super) fn write(request: &Request<'_, '_>, out: &mut Vec<u8>) -> Result<(), SignError> {
    if let Some(bucket) = request.bucket {
        if bucket.is_empty() || bucket.contains(&b'/') || has_separator(bucket) {
            return Err(SignError::Bucket);
        }
        out.push(b'/');
        out.extend_from_slice(bucket);
    }
    if !request.path.starts_with(b"/") || has_separator(request.path) {
        return Err(SignError::Path);
    }
    out.extend_from_slice(request.path);

    if has_separator(request.query) {
        return Err(SignError::Query);
    }
    let mut found: [Option<Parameter<'_>>; SUBRESOURCES.len()] = [None; SUBRESOURCES.len()];
    for parameter in parameters(request.query) {
        let is = |name: &&str| parameter.decoded_name_eq(name.as_bytes());
        if let Some(at) = SUBRESOURCES.iter().position(is)
            && found[at].replace(parameter).is_some()
        {
            let name = SUBRESOURCES[at];
            return Err(SignError::RepeatedSubresource { name });
        }
    }
    let mut separator = b'?';
    for (name, parameter) in SUBRESOURCES.into_iter().zip(&found) {
        let Some(parameter) = parameter else { continue };
        if breaks_line(parameter.decoded_value()) {
            return Err(SignError::SubresourceValue { name });
        }
        out.push(std::mem::replace(&mut separator, b'&'));
        out.extend_from_slice(name.as_bytes());
        if parameter.value.is_some_and(|value| !value.is_empty()) {
            out.push(b'=');
            out.extend(parameter.decoded_value());
        }
    }
    Ok(())
}

/// Whether a text that is put into lines could look like several of them.
pub(super) fn breaks_line(mut text: impl Iterator<Item = u8>) -> bool {
    text.any(|byte| matches!(byte, b'\r' | b'\n' | b'\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(bucket: Option<&str>, path: &str, query: &str) -> Result<String, SignError> {
        let mut out = b"kept".to_vec();
        let request = Request {
            method: b"GET",
            bucket: bucket.map(str::as_bytes),
            path: path.as_bytes(),
            query: query.as_bytes(),
            headers: &mut [],
        };
        write(&request, &mut out)?;
        let out = String::from_utf8(out).unwrap();
        Ok(out.strip_prefix("kept").unwrap().to_owned())
    }

    #[test]
    fn the_list_is_in_order() {
        assert!(SUBRESOURCES.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn bucket_and_path_stand_as_they_are() {
        for (bucket, path, want) in [
            (None, "/", "/"),
            (Some("b"), "/", "/b/"),
            (Some("b"), "/b/k", "/b/b/k"),
            (None, "//a/../%c3%a9%2F(1)", "//a/../%c3%a9%2F(1)"),
        ] {
            assert_eq!(resource(bucket, path, "x=1").unwrap(), want);
        }
    }

    #[test]
    fn subresources_are_chosen_sorted_and_decoded() {
        for (query, want) in [
            ("", ""),
            ("acl", "?acl"),
            ("acl=", "?acl"),
            (
                "versionId=3%2F4&prefix=a&acl&&uploads",
                "?acl&uploads&versionId=3/4",
            ),
            ("uploadId=a=b", "?uploadId=a=b"),
            ("%61cl&Acl&aclx&ac=l", "?acl"),
            (
                "response-content-type=a%2fb+c&response-expires=%zz",
                "?response-content-type=a/b c&response-expires=%zz",
            ),
            ("response-other=1&encryption&list-type=2", ""),
            ("x=%0a", ""),
        ] {
            assert_eq!(
                resource(None, "/", query).unwrap(),
                format!("/{want}"),
                "{query}"
            );
        }
        let all: Vec<&str> = SUBRESOURCES.into_iter().rev().collect();
        assert_eq!(
            resource(None, "/", &all.join("&")).unwrap(),
            format!("/?{}", SUBRESOURCES.join("&"))
        );
    }

    #[test]
    fn each_part_is_checked() {
        for bucket in ["", "a/b", "a b", "a\n"] {
            assert_eq!(resource(Some(bucket), "/", ""), Err(SignError::Bucket));
        }
        for path in ["", "a", "/a b", "/a\n", "/\x7f"] {
            assert_eq!(resource(None, path, ""), Err(SignError::Path), "{path:?}");
        }
        for query in ["a b", "\n", "a=\x01"] {
            assert_eq!(
                resource(None, "/", query),
                Err(SignError::Query),
                "{query:?}"
            );
        }
        for value in ["%0a", "a%0Db", "%00"] {
            assert_eq!(
                resource(None, "/", &format!("policy={value}")),
                Err(SignError::SubresourceValue { name: "policy" })
            );
        }
        for query in ["acl&acl", "acl=1&x=2&%61cl"] {
            assert_eq!(
                resource(None, "/", query),
                Err(SignError::RepeatedSubresource { name: "acl" })
            );
        }
    }
}

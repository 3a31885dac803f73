//! Which parts of a client request change the response, but not the key under which nginx caches it.
//!
//! nginx serves a cached response to every client whose request has the same key. A header that
//! changes the response must be part of the key, or the response must not be cached: otherwise an
//! object that S3 has decrypted with one client's key would be served to all others. So the rule is
//! the safe one: a forwarded `x-amz-*` header changes the response unless it is known not to.

use aws_signing::query::parameters;
use memchr::memmem;

use crate::forwarding;
use crate::header_name;

/// Headers, and prefixes of headers, that do not change a response to GET or HEAD. The others that
/// S3 defines for these methods do: SSE-C keys (the content), `expected-bucket-owner` (403 for a
/// wrong one), `object-attributes`, `optional-object-attributes`, `max-parts` and
/// `part-number-marker` (what is listed), `server-side-encryption` (400).
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
const NEUTRAL: [&str; 8] = [
    // For uploads.
    "x-amz-meta-*",
    "x-amz-checksum-*",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-trailer",
    "x-amz-decoded-content-length",
    // Replaced before they are sent.
    "x-amz-content-sha256",
    "x-amz-user-agent",
    // The key that signs determines who pays.
    "x-amz-request-payer",
];

/// Whether a client's header of this name, in any case, changes the response if it is forwarded.
pub fn header_changes_response(name: &[u8]) -> bool {
    forwarding::is_amz(name)
        && !forwarding::is_ours(name)
        && !NEUTRAL
            .iter()
            .any(|neutral| match neutral.strip_suffix('*') {
                Some(prefix) => name
                    .get(..prefix.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes())),
                None => name.eq_ignore_ascii_case(neutral.as_bytes()),
            })
}

/// Whether this header asks for checksums in the response. SDKs send it with every GetObject. It is
/// dropped from a request whose response can be cached. Dropping it does not change the content,
/// while bypassing the cache would make the cache useless.
pub(crate) fn is_checksum_mode(name: &[u8]) -> bool {
    header_name::is(name, b"x-amz-checksum-mode")
}

/// Whether a query has one of S3's parameters that change headers of the response
/// (`response-content-type` and so on), also an encoded one, and no part of the cache key contains
/// that query.
pub fn query_overrides_response<'k>(query: &[u8], mut key: impl Iterator<Item = &'k [u8]>) -> bool {
    parameters(query).any(|parameter| parameter.decoded_name_starts_with_ignore_case(b"response-"))
        && !key.any(|part| memmem::find(part, query).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_changes_the_response_unless_it_is_known_not_to() {
        for name in [
            "x-amz-server-side-encryption-customer-algorithm",
            "X-Amz-Server-Side-Encryption-Customer-Key",
            "x-amz-server-side-encryption-customer-key-MD5",
            "x-amz-server-side-encryption",
            "x-amz-expected-bucket-owner",
            "x-amz-object-attributes",
            "x-amz-optional-object-attributes",
            "x-amz-max-parts",
            "x-amz-target",
            "x-amz-of-tomorrow",
        ] {
            assert!(header_changes_response(name.as_bytes()), "{name}");
        }
        for name in [
            "x-amz-meta-colour",
            "X-Amz-Checksum-Mode",
            "x-amz-checksum-crc32",
            "x-amz-sdk-checksum-algorithm",
            "x-amz-request-payer",
            "x-amz-content-sha256",
            "x-amz-date",
            "x-amz-security-token",
            "authorization",
            "range",
            "x-amzn-trace-id",
        ] {
            assert!(!header_changes_response(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn an_override_is_found_however_it_is_encoded() {
        for query in [
            "response-content-type=text/html",
            "a&Response-Expires=1",
            "%72esponse-cache-control=x",
        ] {
            let query = query.as_bytes();
            assert!(query_overrides_response(
                query,
                [&b"http://b/k"[..]].into_iter()
            ));
            let whole = [b"http://b/k?", query, b""].concat();
            assert!(!query_overrides_response(query, [&whole[..]].into_iter()));
        }
        for query in ["", "versionId=1", "x=response-expires", "responses=1"] {
            let key = [&b"http://b/k"[..]].into_iter();
            assert!(!query_overrides_response(query.as_bytes(), key), "{query}");
        }
    }
}

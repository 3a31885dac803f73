//! Removes a signature that was in the query from responses that repeat it.
//!
//! A redirect can contain the URL of the request with its whole query. As long as the signature is
//! valid, anyone who reads that URL can use it. Other presigned URLs, which a service can
//! legitimately redirect to, are not changed.

mod body;

use std::collections::TryReserveError;

use aws_signing::query::{Parameter, parameters};
use memchr::memmem;

use crate::forwarding;

pub use body::{LIMIT, Replacement};

/// The secrets in the query of a request that was sent.
pub struct Secrets<'a> {
    signature: Parameter<'a>,
    token: Option<Parameter<'a>>,
    v2: bool,
}

/// The result for a header's value.
#[derive(Debug, PartialEq, Eq)]
pub enum Redaction {
    /// It does not repeat the signature.
    Unchanged,
    /// It does; this is the value without it.
    Redacted(Vec<u8>),
    /// It does, in a place from which it cannot be removed.
    Impossible,
}

impl<'a> Secrets<'a> {
    /// The secrets in a target that the sealer has made; `None` if its signature is in a header.
    pub fn of(target: &'a [u8]) -> Option<Self> {
        let query = memchr::memchr(b'?', target)?;
        let all = || parameters(&target[query + 1..]);
        let signature = all().last()?;
        let v2 = signature.name == b"Signature";
        if !v2 && signature.name != b"X-Amz-Signature" {
            return None;
        }
        let token =
            all().find(|parameter| parameter.name.eq_ignore_ascii_case(b"x-amz-security-token"));
        Some(Self {
            signature,
            token,
            v2,
        })
    }

    /// Removes them from the value of a response header. `Err` if there is not enough memory.
    pub fn redact(&self, value: &[u8]) -> Result<Redaction, TryReserveError> {
        let (mut out, mut rest, mut found) = (Vec::new(), value, false);
        out.try_reserve(value.len())?;
        while let Some(start) = memchr::memchr(b'?', rest) {
            let query = &rest[start + 1..];
            let end = query.iter().position(|byte| ends_url(*byte));
            let query = &query[..end.unwrap_or(query.len())];
            let repeats = parameters(query).any(|parameter| self.is_in(&parameter));
            found |= repeats;

            if repeats {
                out.extend_from_slice(&rest[..start]);
                let mut separator = b'?';
                for parameter in parameters(query).filter(|parameter| self.may_stay(parameter)) {
                    out.push(std::mem::replace(&mut separator, b'&'));
                    out.extend_from_slice(parameter.raw);
                }
            } else {
                out.extend_from_slice(&rest[..start + 1 + query.len()]);
            }
            rest = &rest[start + 1 + query.len()..];
        }
        out.extend_from_slice(rest);
        Ok(if self.stands_in(&out) {
            Redaction::Impossible
        } else if found {
            Redaction::Redacted(out)
        } else {
            Redaction::Unchanged
        })
    }

    /// Whether a parameter, other than those with the secrets, reveals nothing about the signature.
    fn may_stay(&self, parameter: &Parameter<'_>) -> bool {
        forwarding::forwards_parameter(parameter, self.v2, true) && !self.is_in(parameter)
    }

    fn all(&self) -> impl Iterator<Item = &Parameter<'a>> {
        std::iter::once(&self.signature).chain(&self.token)
    }

    /// Whether a parameter contains one of them, in the spelling that was sent or in another.
    fn is_in(&self, parameter: &Parameter<'_>) -> bool {
        self.all().any(|secret| {
            // Neither contains a space: if a `+` has become one, it was not encoded.
            let plus = |byte| if byte == b' ' { b'+' } else { byte };
            let decoded = parameter.decoded_value().map(plus);
            decoded.eq(secret.decoded_value())
                || secret
                    .value
                    .is_some_and(|value| memmem::find(parameter.raw, value).is_some())
        })
    }

    /// Whether one of them is in a text as it was sent.
    fn stands_in(&self, text: &[u8]) -> bool {
        self.all().any(|secret| {
            let value = secret.value.unwrap_or_default();
            !value.is_empty() && memmem::find(text, value).is_some()
        })
    }
}

/// Bytes that no query contains, and that end a query in `Location`, `Refresh` and `Link`.
fn ends_url(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'#' | b'"' | b'<' | b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "/k?X-Amz-Algorithm=A&X-Amz-Credential=AK%2Fscope&X-Amz-Date=D&X-Amz-Expires=900\
                      &X-Amz-Security-Token=to%2Bken%3D&X-Amz-SignedHeaders=host&x=1\
                      &X-Amz-Signature=5197";
    const V2: &str =
        "/k?acl=&AWSAccessKeyId=AK&Expires=9&x-amz-security-token=token7&Signature=a%2Bb%3D";

    #[track_caller]
    fn removed(target: &str, value: &str) -> Option<String> {
        let secrets = Secrets::of(target.as_bytes()).expect("a signature");
        match secrets.redact(value.as_bytes()).unwrap() {
            Redaction::Unchanged => None,
            Redaction::Redacted(left) => Some(String::from_utf8(left).unwrap()),
            Redaction::Impossible => Some("everywhere".to_owned()),
        }
    }

    #[test]
    fn only_a_signature_in_the_query_has_secrets() {
        for target in [
            "/",
            "/k",
            "/k?",
            "/k?x=1",
            "/k?X-Amz-Signature=1&x=1",
            "/Signature=1",
        ] {
            assert!(Secrets::of(target.as_bytes()).is_none(), "{target}");
        }
    }

    #[test]
    fn what_repeats_the_signature_loses_it() {
        let echo = format!("https://b.example{V4}");
        assert_eq!(removed(V4, &echo).unwrap(), "https://b.example/k?x=1");
        let refresh = format!("0; url={echo}#top");
        let left = "0; url=https://b.example/k?x=1#top";
        assert_eq!(removed(V4, &refresh).unwrap(), left);
        let link = format!("<{echo}>; rel=\"next\", </other?X-Amz-Date=1&y>; rel=\"prev\"");
        let left = "<https://b.example/k?x=1>; rel=\"next\", </other?X-Amz-Date=1&y>; rel=\"prev\"";
        assert_eq!(removed(V4, &link).unwrap(), left);

        assert_eq!(removed(V4, "?X-Amz-Signature=5197").unwrap(), "");
        assert_eq!(removed(V4, "/k?X-Amz-Signature=%35197&a").unwrap(), "/k?a");
        assert_eq!(
            removed(V4, "/k?a&X-Amz-Security-Token=to+ken=").unwrap(),
            "/k?a"
        );
        assert_eq!(
            removed(V4, "/login?to=%2Fk%3FX-Amz-Signature%3D5197").unwrap(),
            "/login"
        );
        assert_eq!(
            removed(V2, &format!("http://b{V2}")).unwrap(),
            "http://b/k?acl="
        );
        assert_eq!(
            removed(V2, "/k?Signature=a+b=&Expires=9&x").unwrap(),
            "/k?x"
        );
    }

    #[test]
    fn what_is_another_ones_stays() {
        for value in [
            "/k",
            "/k?",
            "https://other/k?X-Amz-Credential=AK%2Fscope&X-Amz-Date=D&X-Amz-Signature=77",
            "/k?X-Amz-Expires=900&x=1",
            "/k?Signature=77&Expires=9",
            "?&&=",
        ] {
            assert_eq!(removed(V4, value), None, "{value}");
            assert_eq!(removed(V2, value), None, "{value}");
        }
    }

    #[test]
    fn what_cannot_be_taken_out_is_told() {
        for value in ["/k/5197", "/k#X-Amz-Signature=5197", "5197"] {
            assert_eq!(removed(V4, value).unwrap(), "everywhere", "{value}");
        }
    }
}

//! The credential scope: the day, region, and service for which a signing key is valid.

use std::fmt;

use crate::timestamp;

/// The last part of every scope.
const TERMINATOR: &str = "aws4_request";

/// `yyyymmdd/region/service/aws4_request`, as it is in a string to sign.
///
/// See [Elements of an AWS API request signature][1].
///
/// [1]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CredentialScope {
    text: String,
    /// Where region and service end in `text`; the date always ends at 8.
    region_end: usize,
    service_end: usize,
}

impl CredentialScope {
    /// The scope of one UTC day (`yyyymmdd`), one region and one service.
    pub fn new(date: &str, region: &str, service: &str) -> Result<Self, ScopeError> {
        if timestamp::parse_date(date.as_bytes()).is_none() {
            return Err(ScopeError::Date);
        }
        if !is_name(region) {
            return Err(ScopeError::Region);
        }
        if !is_name(service) {
            return Err(ScopeError::Service);
        }
        let region_end = date.len() + 1 + region.len();
        let parts = [date, "/", region, "/", service, "/", TERMINATOR];
        let mut text = String::new();
        text.try_reserve_exact(parts.iter().map(|part| part.len()).sum())
            .map_err(|_| ScopeError::OutOfMemory)?;
        text.extend(parts);
        Ok(Self {
            text,
            region_end,
            service_end: region_end + 1 + service.len(),
        })
    }

    /// Parses a whole scope, e.g. `20130524/us-east-1/s3/aws4_request`.
    pub fn parse(scope: &str) -> Result<Self, ScopeError> {
        let mut parts = scope.split('/');
        let (Some(date), Some(region), Some(service), Some(terminator), None) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return Err(ScopeError::Parts);
        };
        if terminator != TERMINATOR {
            return Err(ScopeError::Terminator);
        }
        Self::new(date, region, service)
    }

    /// The UTC day, `yyyymmdd`.
    pub fn date(&self) -> &str {
        &self.text[..8]
    }

    /// The region, e.g. `eu-west-1`.
    pub fn region(&self) -> &str {
        &self.text[9..self.region_end]
    }

    /// The service, e.g. `s3`.
    pub fn service(&self) -> &str {
        &self.text[self.region_end + 1..self.service_end]
    }

    /// The whole scope.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for CredentialScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is not a credential scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Not four parts separated by `/`.
    #[error("a credential scope has the form yyyymmdd/region/service/aws4_request")]
    Parts,
    /// The date is not a day of the calendar, written as eight digits.
    #[error("the date of a credential scope must be a calendar day in the form yyyymmdd")]
    Date,
    /// The region is empty or contains a character that is not allowed in regions.
    #[error("a region is one or more ASCII letters, digits and any of \"-._:\"")]
    Region,
    /// The service is empty or contains a character that is not allowed in services.
    #[error("a service is one or more ASCII letters, digits and any of \"-._:\"")]
    Service,
    /// The last part is not `aws4_request`.
    #[error("a credential scope ends with aws4_request")]
    Terminator,
    /// There is no memory for the text.
    #[error("not enough memory for a credential scope")]
    OutOfMemory,
}

/// AWS uses lower-case letters, digits and `-`; other object stores also have `RegionOne` or
/// `s3.local`. An accepted value is used in an Authorization header as it is, so no space, comma or
/// slash is.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_again() {
        let scope = CredentialScope::parse("20240229/eu-west-1/execute-api/aws4_request").unwrap();
        assert_eq!(scope.date(), "20240229");
        assert_eq!(scope.region(), "eu-west-1");
        assert_eq!(scope.service(), "execute-api");
        assert_eq!(
            scope.as_str(),
            "20240229/eu-west-1/execute-api/aws4_request"
        );
        assert_eq!(
            CredentialScope::new("20240229", "eu-west-1", "execute-api"),
            Ok(scope)
        );
    }

    #[test]
    fn names_of_other_stores_are_taken() {
        for region in ["auto", "RegionOne", "default", "us_east.1", "garage", "a:b"] {
            assert_eq!(
                CredentialScope::new("20240101", region, "s3")
                    .unwrap()
                    .region(),
                region
            );
        }
    }

    #[test]
    fn each_part_is_checked() {
        use ScopeError::*;
        for (scope, error) in [
            ("", Parts),
            ("20240101/us-east-1/s3", Parts),
            ("20240101/us-east-1/s3/aws4_request/", Parts),
            ("20240101//us-east-1/s3/aws4_request", Parts),
            ("2024011/us-east-1/s3/aws4_request", Date),
            ("202401011/us-east-1/s3/aws4_request", Date),
            ("2024-1-1/us-east-1/s3/aws4_request", Date),
            ("+2240101/us-east-1/s3/aws4_request", Date),
            ("20230229/us-east-1/s3/aws4_request", Date),
            ("20240431/us-east-1/s3/aws4_request", Date),
            ("20241301/us-east-1/s3/aws4_request", Date),
            ("20240001/us-east-1/s3/aws4_request", Date),
            ("20240100/us-east-1/s3/aws4_request", Date),
            ("20240101//s3/aws4_request", Region),
            ("20240101/us east/s3/aws4_request", Region),
            ("20240101/us,east/s3/aws4_request", Region),
            ("20240101/us\neast/s3/aws4_request", Region),
            ("20240101/\u{e9}/s3/aws4_request", Region),
            ("20240101/us-east-1//aws4_request", Service),
            ("20240101/us-east-1/s3\"/aws4_request", Service),
            ("20240101/us-east-1/s3/aws4_request ", Terminator),
            ("20240101/us-east-1/s3/", Terminator),
            ("/20240101/us-east-1/s3", Terminator),
            ("20240101/us-east-1/s3/AWS4_REQUEST", Terminator),
        ] {
            assert_eq!(CredentialScope::parse(scope), Err(error), "{scope:?}");
        }
    }
}

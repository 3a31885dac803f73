//! The first difference between the canonical request that was signed and the one that the upstream
//! has calculated, which some services send back with `SignatureDoesNotMatch`.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::fmt;

/// Headers whose values are never shown.
const SECRET_HEADERS: [&str; 5] = [
    "authorization",
    "cookie",
    "x-amz-security-token",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-copy-source-server-side-encryption-customer-key",
];

/// Parameters whose values are never shown.
const SECRET_PARAMETERS: [&str; 2] = ["X-Amz-Security-Token", "X-Amz-Signature"];

/// The most of a value that is shown, in bytes.
const SHOWN: usize = 100;

/// What differs first, in the order of the lines of a canonical request. What is shown of values holds
/// no secret, and is short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The method.
    Method {
        /// The one that was signed.
        signed: String,
        /// The one that the upstream saw.
        seen: String,
    },
    /// The path.
    Path {
        /// The one that was signed.
        signed: String,
        /// The one that the upstream saw.
        seen: String,
    },
    /// A parameter of the query that the upstream did not see, or not with this value.
    ParameterMissing {
        /// The parameter as it was signed.
        parameter: String,
    },
    /// A parameter of the query that was not signed.
    ParameterAdded {
        /// The parameter as the upstream saw it.
        parameter: String,
    },
    /// The same parameters in another order.
    ParameterOrder,
    /// A header that the upstream did not see.
    HeaderMissing {
        /// Its name in lower case.
        name: String,
    },
    /// A header that has been changed on the way.
    Header {
        /// Its name in lower case.
        name: String,
        /// The value that was signed.
        signed: String,
        /// The value that the upstream saw.
        seen: String,
    },
    /// The list of signed headers.
    SignedHeaders {
        /// The list that was signed.
        signed: String,
        /// The list that the upstream saw.
        seen: String,
    },
    /// The hash of the body, or what is declared instead.
    Payload {
        /// The one that was signed.
        signed: String,
        /// The one that the upstream calculated.
        seen: String,
    },
    /// Something in a text that is not a canonical request of Signature Version 4.
    Other,
}

/// The first difference between both canonical requests; `None` if they are equal.
///
/// `seen` is plain text: entities of XML have been replaced.
pub fn first_difference(signed: &[u8], seen: &[u8]) -> Option<Difference> {
    // The end of a text does not matter: services append line breaks to it.
    let (signed, seen) = (signed.trim_ascii_end(), seen.trim_ascii_end());
    if signed == seen {
        return None;
    }
    let (Some(signed), Some(seen)) = (Canonical::parse(signed), Canonical::parse(seen)) else {
        return Some(Difference::Other);
    };
    let difference = signed.difference(&seen).unwrap_or(Difference::Other);
    // Lines may have run into each other on their way.
    match signed.secrets().any(|secret| difference.shows(secret)) {
        true => Some(Difference::Other),
        false => Some(difference),
    }
}

/// The parts of a canonical request.
struct Canonical<'a> {
    method: &'a [u8],
    path: &'a [u8],
    query: &'a [u8],
    /// Lines of `name:value`.
    headers: Vec<&'a [u8]>,
    signed_headers: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Canonical<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let lines: Vec<_> = text.split(|byte| *byte == b'\n').map(trim_return).collect();
        let [
            method,
            path,
            query,
            headers @ ..,
            empty,
            signed_headers,
            payload,
        ] = &lines[..]
        else {
            return None;
        };
        empty.is_empty().then(|| Self {
            method,
            path,
            query,
            headers: headers.to_vec(),
            signed_headers,
            payload,
        })
    }

    /// The values of headers and parameters that are not shown.
    fn secrets(&self) -> impl Iterator<Item = &'a [u8]> {
        let headers = self.headers.iter().map(|line| split_once(line, b':'));
        let headers = headers.filter(|(name, _)| is_secret_header(name));
        let parameters = pieces(self.query).map(|one| split_once(one, b'='));
        let parameters = parameters.filter(|(name, _)| is_secret_parameter(name));
        let secrets = headers.chain(parameters).map(|(_, value)| value);
        secrets.filter(|value| !value.is_empty())
    }

    fn difference(&self, seen: &Self) -> Option<Difference> {
        if self.method != seen.method {
            let [signed, seen] = [self.method, seen.method].map(show);
            return Some(Difference::Method { signed, seen });
        }
        if self.path != seen.path {
            let [signed, seen] = [self.path, seen.path].map(show);
            return Some(Difference::Path { signed, seen });
        }
        if self.query != seen.query {
            return Some(query_difference(self.query, seen.query));
        }
        if self.headers != seen.headers
            && let Some(difference) = self.header_difference(seen)
        {
            return Some(difference);
        }
        if self.signed_headers != seen.signed_headers {
            let [signed, seen] = [self.signed_headers, seen.signed_headers].map(show);
            return Some(Difference::SignedHeaders { signed, seen });
        }
        if self.payload != seen.payload {
            let [signed, seen] = [self.payload, seen.payload].map(show);
            return Some(Difference::Payload { signed, seen });
        }
        None
    }

    /// Headers are compared by name: services leave a header out that they did not see, or write it
    /// without a value.
    fn header_difference(&self, seen: &Self) -> Option<Difference> {
        self.headers.iter().find_map(|line| {
            let (name, signed) = split_once(line, b':');
            let seen = seen.headers.iter().map(|line| split_once(line, b':'));
            let mut seen = seen.filter(|(other, _)| other.eq_ignore_ascii_case(name));
            let name = show(name);
            match seen.next() {
                Some((_, value)) if value == signed => None,
                Some((_, value)) if !value.is_empty() => {
                    let show = |value| match is_secret_header(name.as_bytes()) {
                        true => "(not shown)".to_owned(),
                        false => show(value),
                    };
                    let (signed, seen) = (show(signed), show(value));
                    Some(Difference::Header { name, signed, seen })
                }
                _ => Some(Difference::HeaderMissing { name }),
            }
        })
    }
}

fn query_difference(signed: &[u8], seen: &[u8]) -> Difference {
    let mut seen: Vec<_> = pieces(seen).collect();
    for parameter in pieces(signed) {
        match seen.iter().position(|other| *other == parameter) {
            Some(at) => drop(seen.remove(at)),
            None => {
                let parameter = show_parameter(parameter);
                return Difference::ParameterMissing { parameter };
            }
        }
    }
    match seen.first() {
        Some(parameter) => Difference::ParameterAdded {
            parameter: show_parameter(parameter),
        },
        None => Difference::ParameterOrder,
    }
}

/// The parameters of a query.
fn pieces(query: &[u8]) -> impl Iterator<Item = &[u8]> {
    let pieces = query.split(|byte| *byte == b'&');
    pieces.filter(|piece| !piece.is_empty())
}

fn show_parameter(parameter: &[u8]) -> String {
    let (name, _) = split_once(parameter, b'=');
    match is_secret_parameter(name) {
        true => format!("{}=(not shown)", show(name)),
        false => show(parameter),
    }
}

fn is_secret_header(name: &[u8]) -> bool {
    let mut names = SECRET_HEADERS.iter();
    names.any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
}

fn is_secret_parameter(name: &[u8]) -> bool {
    let mut names = SECRET_PARAMETERS.iter();
    names.any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
}

/// Short, and of one line.
fn show(text: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&text[..text.len().min(SHOWN)]);
    let shown: String = shown
        .chars()
        .map(|part| if part.is_control() { ' ' } else { part })
        .collect();
    match text.len() > SHOWN {
        true => format!("{shown}..."),
        false => shown,
    }
}

fn split_once(text: &[u8], separator: u8) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == separator) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, b""),
    }
}

fn trim_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

impl Difference {
    /// Whether a text that is shown holds `secret`.
    fn shows(&self, secret: &[u8]) -> bool {
        let text = self.to_string();
        text.as_bytes()
            .windows(secret.len())
            .any(|part| part == secret)
    }
}

/// As a part of a sentence: `the upstream saw ...`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method { signed, seen } => {
                write!(
                    f,
                    "the upstream saw the method {seen}, and {signed} was signed"
                )
            }
            Self::Path { signed, seen } => {
                write!(
                    f,
                    "the upstream saw the path \"{seen}\", and \"{signed}\" was signed"
                )
            }
            Self::ParameterMissing { parameter } => write!(
                f,
                "the upstream did not see the query parameter \"{parameter}\", which was signed"
            ),
            Self::ParameterAdded { parameter } => write!(
                f,
                "the upstream saw the query parameter \"{parameter}\", which was not signed"
            ),
            Self::ParameterOrder => {
                f.write_str("the upstream sorts the query parameters in another order")
            }
            Self::HeaderMissing { name } => write!(
                f,
                "the upstream did not see the header \"{name}\", which was signed"
            ),
            Self::Header { name, signed, seen } if signed == seen => {
                write!(
                    f,
                    "the upstream saw another value of the header \"{name}\" than was signed"
                )
            }
            Self::Header { name, signed, seen } => write!(
                f,
                "the upstream saw the header \"{name}: {seen}\", and \"{signed}\" was signed"
            ),
            Self::SignedHeaders { signed, seen } => write!(
                f,
                "the upstream read the list of signed headers as \"{seen}\", and it is \"{signed}\""
            ),
            Self::Payload { signed, seen } => write!(
                f,
                "the upstream has the payload hash \"{seen}\", and \"{signed}\" was signed"
            ),
            Self::Other => f.write_str("the upstream calculated another canonical request"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIGNED: &str = "GET\n/bucket/a%20b\nlist-type=2&prefix=a\nhost:s3.example.com\n\
                          range:bytes=0-9\nx-amz-date:20260102T030405Z\nx-amz-security-token:SECRET\n\n\
                          host;range;x-amz-date;x-amz-security-token\nUNSIGNED-PAYLOAD";

    fn sentence(replace: &str, by: &str) -> String {
        let seen = SIGNED.replacen(replace, by, 1);
        assert_ne!(seen, SIGNED, "{replace}");
        first_difference(SIGNED.as_bytes(), seen.as_bytes())
            .expect("a difference")
            .to_string()
    }

    #[test]
    fn the_first_difference_is_named() {
        for (replace, by, expected) in [
            (
                "GET",
                "HEAD",
                "the upstream saw the method HEAD, and GET was signed",
            ),
            (
                "a%20b",
                "a+b",
                "the upstream saw the path \"/bucket/a+b\", and \"/bucket/a%20b\" was signed",
            ),
            (
                "&prefix=a",
                "",
                "the upstream did not see the query parameter \"prefix=a\", which was signed",
            ),
            (
                "prefix=a",
                "prefix=a&x=1",
                "the upstream saw the query parameter \"x=1\", which was not signed",
            ),
            (
                "list-type=2&prefix=a",
                "prefix=a&list-type=2",
                "the upstream sorts the query parameters in another order",
            ),
            (
                "host:s3.example.com",
                "host:10.0.0.1",
                "the upstream saw the header \"host: 10.0.0.1\", and \"s3.example.com\" was signed",
            ),
            (
                "range:bytes=0-9\n",
                "",
                "the upstream did not see the header \"range\", which was signed",
            ),
            (
                "range:bytes=0-9",
                "range:",
                "the upstream did not see the header \"range\", which was signed",
            ),
            (
                "token:SECRET",
                "token:OTHER",
                "the upstream saw another value of the header \"x-amz-security-token\" than was signed",
            ),
            (
                "host;range",
                "host",
                "the upstream read the list of signed headers as \"host;x-amz-date;x-amz-security-token\", \
                 and it is \"host;range;x-amz-date;x-amz-security-token\"",
            ),
            (
                "UNSIGNED-PAYLOAD",
                "e3b0c442",
                "the upstream has the payload hash \"e3b0c442\", and \"UNSIGNED-PAYLOAD\" was signed",
            ),
        ] {
            assert_eq!(sentence(replace, by), expected);
        }
    }

    #[test]
    fn equal_requests_do_not_differ() {
        assert_eq!(first_difference(SIGNED.as_bytes(), SIGNED.as_bytes()), None);
        let with_end = format!("{SIGNED}\n");
        assert_eq!(
            first_difference(SIGNED.as_bytes(), with_end.as_bytes()),
            None
        );
    }

    #[test]
    fn other_texts_are_no_canonical_requests() {
        for seen in ["", "GET", "AWS4-HMAC-SHA256\n1\n2\n3"] {
            let difference = first_difference(SIGNED.as_bytes(), seen.as_bytes());
            assert_eq!(difference, Some(Difference::Other), "{seen}");
        }
    }

    #[test]
    fn a_token_in_the_query_is_not_shown() {
        let signed = SIGNED.replace("prefix=a", "X-Amz-Security-Token=SECRET");
        let difference = first_difference(signed.as_bytes(), SIGNED.as_bytes());
        assert_eq!(
            difference.expect("a difference").to_string(),
            "the upstream did not see the query parameter \"X-Amz-Security-Token=(not shown)\", \
             which was signed"
        );
    }

    #[test]
    fn what_is_shown_is_short_and_of_one_line() {
        let long = "a".repeat(500);
        let text = sentence("a%20b", &format!("\u{1}{long}"));
        assert!(text.len() < 400 && text.contains("aaa...\""), "{text}");
        assert!(!text.chars().any(char::is_control), "{text}");
    }

    proptest! {
        /// Whatever an upstream sends: no panic, no secret, one line.
        #[test]
        fn any_text_is_compared(seen in prop::collection::vec(any::<u8>(), 0..300), at in 0_usize..SIGNED.len()) {
            let mut changed = SIGNED.as_bytes().to_vec();
            let end = (at + seen.len()).min(changed.len());
            changed.splice(at..end, seen.iter().copied());
            for seen in [&seen, &changed] {
                if let Some(difference) = first_difference(SIGNED.as_bytes(), seen) {
                    let text = difference.to_string();
                    prop_assert!(!text.contains("SECRET") && !text.contains('\n'), "{}", text);
                } else {
                    prop_assert_eq!(SIGNED.as_bytes().trim_ascii_end(), seen.trim_ascii_end());
                }
            }
        }
    }
}

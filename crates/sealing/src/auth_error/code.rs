//! The codes of authentication errors, and what each of them says about the cause.

use std::fmt;

/// The code of an authentication error: one of those that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    pub(super) name: &'static str,
    /// Services with JSON protocols append "Exception".
    pub(super) suffix: &'static str,
    /// The cause.
    pub cause: Cause,
}

/// The cause of an authentication error, according to the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The signature is not the one that the upstream calculates.
    Signature,
    /// The Authorization header, or its counterpart in the query, cannot be parsed.
    Form,
    /// The signature is for another region or service.
    Scope,
    /// The token has expired.
    Expired,
    /// The upstream does not know the access key, or does not accept the token with it.
    Unknown,
    /// The time of the signature differs too much from the upstream's clock.
    Clock,
    /// The upstream does not accept signatures of Version 2.
    Version,
    /// The upstream requires headers to be signed that are not.
    Headers,
}

/// The codes, without "Exception".
const CODES: [(&str, Cause); 20] = [
    ("SignatureDoesNotMatch", Cause::Signature),
    ("InvalidSignature", Cause::Signature),
    ("AuthorizationHeaderMalformed", Cause::Scope),
    ("AuthorizationQueryParametersError", Cause::Form),
    ("IncompleteSignature", Cause::Form),
    ("ExpiredToken", Cause::Expired),
    ("TokenRefreshRequired", Cause::Expired),
    ("InvalidToken", Cause::Unknown),
    ("InvalidTokenId", Cause::Unknown),
    ("InvalidAccessKeyId", Cause::Unknown),
    ("InvalidClientTokenId", Cause::Unknown),
    ("UnrecognizedClient", Cause::Unknown),
    ("InvalidSecurity", Cause::Unknown),
    ("AuthFailure", Cause::Unknown),
    ("RequestTimeTooSkewed", Cause::Clock),
    ("RequestExpired", Cause::Clock),
    ("RequestInTheFuture", Cause::Clock),
    // About an argument that contains the Authorization header: see `of_argument`.
    (ARGUMENT, Cause::Form),
    // With specific messages: see `SENTENCES`.
    (DENIED, Cause::Clock),
    (REQUEST, Cause::Version),
];

/// An error about a parameter. S3 also uses it for the Authorization header, and then repeats the
/// header.
pub(super) const ARGUMENT: &str = "InvalidArgument";

/// Among the causes of AccessDenied, only a request that is too late, or too early, for the time in
/// its query.
const DENIED: &str = "AccessDenied";

/// Among the causes of InvalidRequest, only signatures of Version 2.
const REQUEST: &str = "InvalidRequest";

/// The beginnings of messages that show that a code with several meanings is an authentication
/// error.
pub(super) const SENTENCES: [(&str, &str, Cause); 4] = [
    (DENIED, "Request has expired", Cause::Clock),
    (DENIED, "Request is not valid yet", Cause::Clock),
    (
        DENIED,
        "There were headers present in the request which were not signed",
        Cause::Headers,
    ),
    (
        REQUEST,
        "The authorization mechanism you have provided is not supported",
        Cause::Version,
    ),
];

impl Code {
    /// The code of this name; the comparison is exact.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let (name, suffix) = match text.strip_suffix(b"Exception") {
            Some(name) => (name, "Exception"),
            None => (text, ""),
        };
        CODES
            .iter()
            .find(|(code, _)| code.as_bytes() == name)
            .map(|&(name, cause)| Self {
                name,
                suffix,
                cause,
            })
    }

    /// Whether the code alone is not enough to identify an authentication error.
    fn needs_more(self) -> bool {
        [ARGUMENT, DENIED, REQUEST].contains(&self.name)
    }

    /// The code in a shape's name: `namespace#Code`, or `Code:url`.
    pub(super) fn of_shape(text: &[u8]) -> Option<Self> {
        let text = text.split(|byte| *byte == b'#').next_back()?;
        let text = text.split(|byte| *byte == b':').next()?;
        Self::of(text.trim_ascii()).filter(|code| !code.needs_more())
    }
}

impl Code {
    /// Its name, without the "Exception" that JSON services append.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.suffix)
    }
}

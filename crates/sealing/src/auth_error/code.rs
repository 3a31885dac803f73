//! The codes of authentication errors, and what each of them says about the cause.

use std::fmt;

/// The code of an authentication error: one of those that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    pub(super) name: &'static str,
    /// Services that speak JSON append "Exception".
    pub(super) suffix: &'static str,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong with a request's authentication, as the upstream sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The signature is not the one that the upstream calculates.
    Signature,
    /// The Authorization header, or what is for it in the query, cannot be read.
    Form,
    /// The signature is for another region or service.
    Scope,
    /// The token has expired.
    Expired,
    /// The upstream does not know the access key, or not this token of it.
    Unknown,
    /// The signature's time is not the upstream's.
    Clock,
    /// The upstream does not take signatures of Version 2.
    Version,
    /// Headers are sent that the upstream wants signed.
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
    // Of an argument that holds the Authorization header: see `of_argument`.
    (ARGUMENT, Cause::Form),
    // With messages of their own: see `SENTENCES`.
    (DENIED, Cause::Clock),
    (REQUEST, Cause::Version),
];

/// An error of a parameter, which S3 also says of the Authorization header, and then repeats it.
pub(super) const ARGUMENT: &str = "InvalidArgument";

/// Of what S3 denies, only a request that came too late, or too early, for the time in its query.
const DENIED: &str = "AccessDenied";

/// Of the requests that S3 does not take, only those of Version 2.
const REQUEST: &str = "InvalidRequest";

/// How messages begin that make an authentication error of a code which says many things.
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
    /// The code of this name, which is compared to the letter.
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

    /// Whether the code alone does not make it an authentication error.
    fn needs_more(self) -> bool {
        [ARGUMENT, DENIED, REQUEST].contains(&self.name)
    }

    /// The code of a shape's name: `namespace#Code`, or `Code:url`.
    pub(super) fn of_shape(text: &[u8]) -> Option<Self> {
        let text = text.split(|byte| *byte == b'#').next_back()?;
        let text = text.split(|byte| *byte == b':').next()?;
        Self::of(text.trim_ascii()).filter(|code| !code.needs_more())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.suffix)
    }
}

//! What is counted for each block: the places of the counters in a row of words, and their names.
//!
//! The module adds to a place, by a [`Counter`]; rows of several processes are added up into a
//! [`Row`], which the formats read by name.

/// How many words a row has.
pub const ROW_WORDS: usize = SKEW + 2;

const SIGNED: usize = 0;
const UNSIGNED: usize = SIGNED + Method::ALL.len() * Payload::ALL.len();
const REJECTED: usize = UNSIGNED + 1;
const HASHED_BYTES: usize = REJECTED + Rejection::ALL.len();
const UPSTREAM_ERRORS: usize = HASHED_BYTES + 1;
const PRESIGNED_URLS: usize = UPSTREAM_ERRORS + UPSTREAM_ERROR_CODES.len();
const WAITS: usize = PRESIGNED_URLS + 1;
const WAITED_MILLIS: usize = WAITS + WAIT_BOUNDS_MILLIS.len() + 1;
const SEALING_NANOS: usize = WAITED_MILLIS + 1;
const SEALINGS_TIMED: usize = SEALING_NANOS + 1;
/// Not a sum: see [`Row::add`].
const SKEW: usize = SEALINGS_TIMED + 1;

/// The upper bounds of the histogram of how long requests waited for credentials, in milliseconds.
pub(crate) const WAIT_BOUNDS_MILLIS: [u64; 7] = [10, 50, 100, 500, 1000, 2500, 5000];

/// The codes of upstream errors that are counted by name; any other is counted as `other`.
///
/// The codes that S3 and other AWS services use when they reject a signature, a key, or a token,
/// and `AccessDenied`, which some object stores use for a wrong secret key.
const UPSTREAM_ERROR_CODES: [&str; 22] = [
    "AccessDenied",
    "AuthFailure",
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "ExpiredToken",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidArgument",
    "InvalidClientTokenId",
    "InvalidRequest",
    "InvalidSecurity",
    "InvalidSignature",
    "InvalidToken",
    "InvalidTokenId",
    "PermanentRedirect",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClient",
    "other",
];

/// The methods of signed requests, in classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET, HEAD and OPTIONS.
    Read,
    /// PUT, POST and all other methods that are not in another class.
    Write,
    /// DELETE.
    Delete,
}

impl Method {
    const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Delete];

    /// The class of a method, whose name is in capitals.
    pub fn of(name: &[u8]) -> Self {
        match name {
            b"GET" | b"HEAD" | b"OPTIONS" => Self::Read,
            b"DELETE" => Self::Delete,
            _ => Self::Write,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }
}

/// What a signature says of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// There is no body.
    Empty,
    /// Its SHA-256 hash.
    Hash,
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// Chunks, with or without signatures of their own.
    Chunks,
    /// Nothing: Signature Version 2 does not cover bodies.
    NotCovered,
}

impl Payload {
    const ALL: [Self; 5] = [
        Self::Empty,
        Self::Hash,
        Self::Unsigned,
        Self::Chunks,
        Self::NotCovered,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Hash => "hash",
            Self::Unsigned => "unsigned",
            Self::Chunks => "chunks",
            Self::NotCovered => "not_covered",
        }
    }
}

/// Why a request was rejected instead of signed and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// 405: the method is not one of `aws_sign_methods`.
    Method,
    /// 403: the operation is not one of `aws_sign_operations`.
    Operation,
    /// 403: a header that only the operator may set.
    Header,
    /// 400: a request target from which no path can be signed.
    Target,
    /// 400: the aws-chunked encoding of the body is malformed.
    Framing,
    /// 400 or 502: the body is not the one that was declared, or did not arrive completely.
    Body,
    /// 411: the length of the body is not known, and has to be.
    Length,
    /// 501: a kind of payload that cannot be signed again.
    Unsupported,
    /// 502: what nginx was about to send could not be signed.
    Unsealable,
    /// 503: there are no usable credentials.
    Credentials,
    /// 503: a required token is missing.
    Token,
    /// 500: not enough memory, or a fault of the module.
    Internal,
}

impl Rejection {
    const ALL: [Self; 12] = [
        Self::Method,
        Self::Operation,
        Self::Header,
        Self::Target,
        Self::Framing,
        Self::Body,
        Self::Length,
        Self::Unsupported,
        Self::Unsealable,
        Self::Credentials,
        Self::Token,
        Self::Internal,
    ];

    /// The name in labels and variables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Operation => "operation",
            Self::Header => "header",
            Self::Target => "target",
            Self::Framing => "framing",
            Self::Body => "body",
            Self::Length => "length",
            Self::Unsupported => "unsupported",
            Self::Unsealable => "unsealable",
            Self::Credentials => "credentials",
            Self::Token => "token",
            Self::Internal => "internal",
        }
    }
}

/// The error code in an upstream's response to a signed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamError(usize);

impl UpstreamError {
    /// The code of this name, with or without the "Exception" that JSON services append.
    pub fn of(code: &str) -> Self {
        let code = code.strip_suffix("Exception").unwrap_or(code);
        let known = UPSTREAM_ERROR_CODES.iter().position(|known| *known == code);
        Self(known.unwrap_or(UPSTREAM_ERROR_CODES.len() - 1))
    }
}

/// A place in a row to which something is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter(usize);

impl Counter {
    /// Requests that were not signed, since `aws_sign` is off for them. By one.
    pub const UNSIGNED: Self = Self(UNSIGNED);
    /// Bodies hashed. By their bytes.
    pub const HASHED_BYTES: Self = Self(HASHED_BYTES);
    /// Presigned URLs made. By one.
    pub const PRESIGNED_URLS: Self = Self(PRESIGNED_URLS);
    /// The time that requests waited for credentials. By milliseconds.
    pub const WAITED_MILLIS: Self = Self(WAITED_MILLIS);
    /// The time that sealing took, of the requests of which it is measured. By nanoseconds.
    pub const SEALING_NANOS: Self = Self(SEALING_NANOS);
    /// The requests of which it is measured. By one.
    pub const SEALINGS_TIMED: Self = Self(SEALINGS_TIMED);

    /// Requests signed. By one.
    pub fn signed(method: Method, payload: Payload) -> Self {
        Self(SIGNED + method as usize * Payload::ALL.len() + payload as usize)
    }

    /// Requests rejected. By one.
    pub fn rejected(reason: Rejection) -> Self {
        Self(REJECTED + reason as usize)
    }

    /// Errors of upstreams. By one.
    pub fn upstream_error(error: UpstreamError) -> Self {
        Self(UPSTREAM_ERRORS + error.0)
    }

    /// Requests that waited so long for credentials. By one; their time is counted apart.
    pub fn waited(millis: u64) -> Self {
        let bounds = WAIT_BOUNDS_MILLIS.iter();
        let bucket = bounds.take_while(|bound| millis > **bound).count();
        Self(WAITS + bucket)
    }

    /// The place of the counter in a row.
    pub fn place(self) -> usize {
        self.0
    }
}

/// The counters of one block, summed over all processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row([u64; ROW_WORDS]);

impl Default for Row {
    fn default() -> Self {
        Self([0; ROW_WORDS])
    }
}

impl Row {
    /// The places of the last clock difference seen: milliseconds as an `i64`, and when, as Unix time in
    /// milliseconds (0: never). Written in this order, time last.
    pub const CLOCK_SKEW: [usize; 2] = [SKEW, SKEW + 1];

    /// Adds the row of one process. Of clock differences the last one seen counts.
    pub fn add(&mut self, words: &[u64; ROW_WORDS]) {
        for (sum, word) in self.0[..SKEW].iter_mut().zip(words) {
            *sum = sum.wrapping_add(*word);
        }
        if words[SKEW + 1] > self.0[SKEW + 1] {
            self.0[SKEW..].copy_from_slice(&words[SKEW..]);
        }
    }

    /// The value at the place of `counter`.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter.0]
    }

    /// Requests signed, by class of methods and what the signature says of bodies.
    pub(crate) fn signed(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + Clone {
        Method::ALL.into_iter().flat_map(move |method| {
            Payload::ALL.into_iter().map(move |payload| {
                let count = self.get(Counter::signed(method, payload));
                (method.name(), payload.name(), count)
            })
        })
    }

    /// How many requests were signed in all.
    pub(crate) fn all_signed(&self) -> u64 {
        self.signed().map(|(.., count)| count).sum()
    }

    /// Requests rejected, by reason.
    pub(crate) fn rejected(&self) -> impl Iterator<Item = (&'static str, u64)> + Clone {
        let reasons = Rejection::ALL.into_iter();
        reasons.map(|reason| (reason.name(), self.get(Counter::rejected(reason))))
    }

    /// How many requests were rejected in all.
    pub(crate) fn all_rejected(&self) -> u64 {
        self.rejected().map(|(_, count)| count).sum()
    }

    /// Errors of upstreams, by code.
    pub(crate) fn upstream_errors(&self) -> impl Iterator<Item = (&'static str, u64)> + Clone {
        let codes = UPSTREAM_ERROR_CODES.into_iter().enumerate();
        codes.map(|(nth, code)| (code, self.0[UPSTREAM_ERRORS + nth]))
    }

    /// The total number of errors in responses of upstreams.
    pub(crate) fn all_upstream_errors(&self) -> u64 {
        self.upstream_errors().map(|(_, count)| count).sum()
    }

    /// How many requests waited for credentials at most as long as each bound in milliseconds, and how
    /// many did in all.
    pub(crate) fn waits(&self) -> (impl Iterator<Item = (u64, u64)>, u64) {
        let counts = &self.0[WAITS..=WAITS + WAIT_BOUNDS_MILLIS.len()];
        let mut sum = 0;
        let bounds = WAIT_BOUNDS_MILLIS.into_iter().zip(counts);
        let bounds = bounds.map(move |(bound, count)| {
            sum += count;
            (bound, sum)
        });
        (bounds, counts.iter().sum())
    }

    /// By how many milliseconds the clock of the upstream was ahead when it last complained; `None` if
    /// it never did.
    pub(crate) fn clock_skew_millis(&self) -> Option<i64> {
        (self.0[SKEW + 1] != 0).then_some(self.0[SKEW].cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_has_a_place_of_its_own() {
        let mut places = vec![
            Counter::UNSIGNED,
            Counter::HASHED_BYTES,
            Counter::PRESIGNED_URLS,
            Counter::WAITED_MILLIS,
            Counter::SEALING_NANOS,
            Counter::SEALINGS_TIMED,
        ];
        for method in Method::ALL {
            for payload in Payload::ALL {
                places.push(Counter::signed(method, payload));
            }
        }
        places.extend(Rejection::ALL.map(Counter::rejected));
        let codes = UPSTREAM_ERROR_CODES.map(UpstreamError::of);
        places.extend(codes.map(Counter::upstream_error));
        places.extend(WAIT_BOUNDS_MILLIS.map(Counter::waited));
        places.push(Counter::waited(u64::MAX));
        let mut places: Vec<_> = places.into_iter().map(Counter::place).collect();
        places.extend(Row::CLOCK_SKEW);
        places.sort_unstable();
        assert_eq!(places, (0..ROW_WORDS).collect::<Vec<_>>());
    }

    #[test]
    fn an_unknown_code_is_another_one() {
        assert_eq!(
            UpstreamError::of("NoSuchTagSet"),
            UpstreamError::of("other")
        );
        assert_eq!(
            UpstreamError::of("ExpiredTokenException"),
            UpstreamError::of("ExpiredToken")
        );
        assert_ne!(
            UpstreamError::of("ExpiredToken"),
            UpstreamError::of("other")
        );
    }

    #[test]
    fn a_wait_counts_up_to_its_bound() {
        let mut words = [0; ROW_WORDS];
        for millis in [0, 10, 11, 5000, 5001] {
            words[Counter::waited(millis).place()] += 1;
        }
        let mut row = Row::default();
        row.add(&words);
        let (bounds, all) = row.waits();
        let counts: Vec<_> = bounds.map(|(_, count)| count).collect();
        assert_eq!((counts, all), (vec![2, 3, 3, 3, 3, 3, 4], 5));
    }

    #[test]
    fn the_last_clock_difference_counts() {
        let (mut early, mut late) = ([0; ROW_WORDS], [0; ROW_WORDS]);
        early[SKEW..].copy_from_slice(&[1200, 100]);
        late[SKEW..].copy_from_slice(&[(-900_i64).cast_unsigned(), 200]);
        for rows in [[early, late], [late, early]] {
            let mut row = Row::default();
            assert_eq!(row.clock_skew_millis(), None);
            rows.iter().for_each(|words| row.add(words));
            assert_eq!(row.clock_skew_millis(), Some(-900));
        }
    }
}

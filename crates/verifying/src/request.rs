//! A request as it came in, and what it is verified by.

use aws_signing::{Header, trim_blanks};

/// A request as it came in.
#[derive(Debug)]
pub struct Incoming<'r> {
    /// The method, as on the request line.
    pub method: &'r [u8],
    /// The path of the request target up to `?`, undecoded. Empty, it is `/`.
    pub path: &'r [u8],
    /// The text after the `?`, undecoded.
    pub query: &'r [u8],
    /// All lines of the header in the order in which they came in, Host among them.
    pub headers: &'r [Header<'r>],
    /// The host that the client has signed. It may differ from the Host line by the default port of the
    /// scheme only, unless a proxy in front changes Host.
    pub host: &'r [u8],
    /// Whether the client's connection, or that to a trusted proxy in front, uses TLS.
    pub is_tls: bool,
}

impl<'r> Incoming<'r> {
    /// The value of the only line of this name, in lower case. `Err` if there are several.
    pub(crate) fn header(&self, name: &str) -> Result<Option<&'r [u8]>, Repeated> {
        let mut lines = self.lines(name);
        let first = lines.next();
        match lines.next() {
            Some(_) => Err(Repeated),
            None => Ok(first.map(trim_blanks)),
        }
    }

    /// The values of all lines of this name.
    pub(crate) fn lines(&self, name: &str) -> impl Iterator<Item = &'r [u8]> {
        let lines = self.headers.iter();
        let lines = lines.filter(move |line| line.name.eq_ignore_ascii_case(name.as_bytes()));
        lines.map(|line| line.value)
    }

    /// The host once more, with the scheme's default port if it has no port, and without it if it has
    /// that: clients differ in what they sign.
    pub(crate) fn other_host(&self) -> Option<Vec<u8>> {
        let port: &[u8] = if self.is_tls { b":443" } else { b":80" };
        if let Some(bare) = self.host.strip_suffix(port) {
            return Some(bare.to_vec());
        }
        let after_address = self.host.rsplit(|byte| *byte == b']').next()?;
        (!after_address.contains(&b':')).then(|| [self.host, port].concat())
    }
}

/// There are several lines, of which only one may be.
#[derive(Debug)]
pub(crate) struct Repeated;

/// What requests are verified by.
#[derive(Clone, Debug)]
pub struct Settings<'s> {
    /// The region that requests must be signed for; `None`: any.
    pub region: Option<&'s str>,
    /// The service that requests must be signed for.
    pub service: &'s str,
    /// How far the time of a request may be from now, in seconds.
    pub skew: i64,
    /// Whether `UNSIGNED-PAYLOAD` and its kin are accepted without TLS.
    pub accepts_unsigned_payload: bool,
    /// Whether requests without any authentication are let through, as nobody's.
    pub is_optional: bool,
}

impl Settings<'_> {
    /// Whether requests are signed as those to S3 are: paths encoded once and not normalized, and with
    /// `x-amz-content-sha256`.
    pub(crate) fn is_s3(&self) -> bool {
        matches!(
            self.service,
            "s3" | "s3-object-lambda" | "s3-outposts" | "s3express"
        )
    }
}

//! What a client declares its body to be.

use aws_signing::chunked::Framing;
use aws_signing::{Header, UNSIGNED_PAYLOAD, trim_blanks};

/// The name of the header that declares the body.
const CONTENT_SHA256: &[u8] = b"x-amz-content-sha256";

/// The two values for bodies whose chunks are signed with SigV4a.
const ECDSA: [&str; 2] = [
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
];

/// What `X-Amz-Content-SHA256` declares about the body. The values are those of [Authenticating
/// requests: using the Authorization header][1].
///
/// [1]: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// There is no such header.
    Nothing,
    /// SHA-256 of the body, in lower-case hexadecimal digits.
    Hash([u8; 64]),
    /// `UNSIGNED-PAYLOAD`: a plain body that the signature does not cover.
    Unsigned,
    /// A body in aws-chunked encoding.
    Framed(Framing),
}

impl Declared {
    /// Parses the header's value, which may be missing.
    ///
    /// The literals must match exactly. The hash is defined in lower-case digits (`Hex()` is
    /// "Lowercase base 16 encoding" on AWS's pages), and a server can compare it as text. A client
    /// that writes upper case means the same hash, which is signed here in lower case.
    pub fn parse(value: Option<&[u8]>) -> Result<Self, DeclaredError> {
        let Some(value) = value.map(trim_blanks) else {
            return Ok(Self::Nothing);
        };
        if let Ok(mut hash) = <[u8; 64]>::try_from(value)
            && hash.iter().all(u8::is_ascii_hexdigit)
        {
            hash.make_ascii_lowercase();
            return Ok(Self::Hash(hash));
        }
        if value == UNSIGNED_PAYLOAD.as_bytes() {
            return Ok(Self::Unsigned);
        }
        if let Some(framing) = Framing::from_payload(value) {
            return Ok(Self::Framed(framing));
        }
        if ECDSA.iter().any(|other| other.as_bytes() == value) {
            return Err(DeclaredError::Ecdsa);
        }
        Err(DeclaredError::Unknown)
    }

    /// Finds the header among the client's, which may contain it once.
    pub fn from_headers<'a>(
        headers: impl IntoIterator<Item = Header<'a>>,
    ) -> Result<Self, DeclaredError> {
        let mut values = headers
            .into_iter()
            .filter(|header| header.name.eq_ignore_ascii_case(CONTENT_SHA256))
            .map(|header| header.value);
        let value = values.next();
        if values.next().is_some() {
            return Err(DeclaredError::Repeated);
        }
        Self::parse(value)
    }
}

/// Why the declaration of a body cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclaredError {
    /// The chunks are signed with ECDSA (SigV4a), which is not supported here.
    #[error("the client signs its chunks with ECDSA, which is not supported")]
    Ecdsa,
    /// The value is neither a hash nor a literal that AWS documents.
    #[error(
        "the client's X-Amz-Content-SHA256 is neither a SHA-256 hash in hexadecimal digits nor a known literal"
    )]
    Unknown,
    /// There are several such headers.
    #[error("the client sent several X-Amz-Content-SHA256 headers")]
    Repeated,
}

impl DeclaredError {
    /// The HTTP status of the response.
    pub fn status(self) -> u16 {
        match self {
            Self::Ecdsa => 501,
            Self::Unknown | Self::Repeated => 400,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_apart() {
        let hash = [b'a'; 64];
        for (value, want) in [
            (None, Ok(Declared::Nothing)),
            (Some(&hash[..]), Ok(Declared::Hash(hash))),
            (Some(&[b'A'; 64]), Ok(Declared::Hash(hash))),
            (Some(b"UNSIGNED-PAYLOAD"), Ok(Declared::Unsigned)),
            (Some(b" UNSIGNED-PAYLOAD\t"), Ok(Declared::Unsigned)),
            (
                Some(b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
                Ok(Declared::Framed(Framing::UnsignedTrailer)),
            ),
            (
                Some(b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
                Ok(Declared::Framed(Framing::Signed)),
            ),
            (
                Some(b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
                Ok(Declared::Framed(Framing::SignedTrailer)),
            ),
            (
                Some(b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"),
                Err(DeclaredError::Ecdsa),
            ),
            (
                Some(b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"),
                Err(DeclaredError::Ecdsa),
            ),
            (Some(b""), Err(DeclaredError::Unknown)),
            (Some(&[b'a'; 63]), Err(DeclaredError::Unknown)),
            (Some(&[b'a'; 65]), Err(DeclaredError::Unknown)),
            (Some(&[b'g'; 64]), Err(DeclaredError::Unknown)),
            (Some(b"unsigned-payload"), Err(DeclaredError::Unknown)),
            (
                Some(b"STREAMING-UNSIGNED-PAYLOAD"),
                Err(DeclaredError::Unknown),
            ),
        ] {
            assert_eq!(Declared::parse(value), want, "{value:?}");
        }
    }

    #[test]
    fn the_header_stands_once() {
        let header = |name, value| Header { name, value };
        let other = header(b"x-amz-content-sha1", b"UNSIGNED-PAYLOAD");
        let one = header(b"X-AMZ-content-SHA256", b"UNSIGNED-PAYLOAD");
        let declared = |headers: &[Header<'_>]| Declared::from_headers(headers.iter().copied());
        assert_eq!(declared(&[other]), Ok(Declared::Nothing));
        assert_eq!(declared(&[other, one]), Ok(Declared::Unsigned));
        assert_eq!(declared(&[one, other, one]), Err(DeclaredError::Repeated));
    }

    #[test]
    fn each_error_has_its_status() {
        for (error, status) in [
            (DeclaredError::Ecdsa, 501),
            (DeclaredError::Unknown, 400),
            (DeclaredError::Repeated, 400),
        ] {
            assert_eq!(error.status(), status);
            assert!(error.to_string().starts_with("the client"), "{error}");
        }
    }
}

//! Why a body is rejected.

use aws_signing::chunked::{FramingError, TrailerError};

use super::{DeclaredError, MAX_ANNOUNCED, TrailerName};

/// Why a body is rejected. The client has caused the error, unless there is no memory, and the
/// status of the response says so. The text is for the log and contains nothing unescaped from the
/// client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The declaration of the body cannot be used.
    #[error(transparent)]
    Declared(#[from] DeclaredError),
    /// The head does not contain the length of the body without its encoding.
    #[error("the client sent an aws-chunked body without X-Amz-Decoded-Content-Length")]
    DecodedLengthMissing,
    /// The head contains this length several times.
    #[error("the client sent several X-Amz-Decoded-Content-Length headers")]
    DecodedLengthRepeated,
    /// The length is not a decimal number below 2^63 without leading zeros.
    #[error("the client's X-Amz-Decoded-Content-Length is not a decimal number")]
    DecodedLength,
    /// The announced name cannot be a trailer's, or is longer than [`TrailerName::MAX`].
    #[error("the client's X-Amz-Trailer contains an invalid header name")]
    TrailerName,
    /// Trailers are announced, but the declared encoding has none.
    #[error("the client announced trailers, but its X-Amz-Content-SHA256 declares none")]
    TrailerWithoutFraming,
    /// No trailer is announced, but the declared encoding has signed ones.
    #[error("the client's X-Amz-Content-SHA256 declares signed trailers, but it announced none")]
    NoTrailerAnnounced,
    /// More than [`MAX_ANNOUNCED`] trailers are announced.
    #[error("the client announced more than {MAX_ANNOUNCED} trailers")]
    TooManyTrailers,
    /// A trailer is announced twice.
    #[error("the client announced trailer \"{0}\" twice")]
    TrailerAnnouncedTwice(TrailerName),
    /// An announced trailer is also in the head.
    #[error("the client announced trailer \"{0}\", but sent a header of this name")]
    TrailerInHead(TrailerName),
    /// An announced trailer may not be forwarded.
    #[error("client trailer \"{0}\" is not listed")]
    TrailerNotPassed(TrailerName),
    /// The aws-chunked encoding is wrong.
    #[error("the client's aws-chunked body: {0}")]
    Framing(#[from] FramingError),
    /// A trailer was sent that was not announced.
    #[error("the client sent trailer \"{0}\" without announcing it")]
    TrailerNotAnnounced(TrailerName),
    /// An announced trailer was not sent.
    #[error("the client announced trailer \"{0}\", but did not send it")]
    TrailerMissing(TrailerName),
    /// A trailer is not a checksum that can be verified here.
    #[error("client trailer \"{0}\" cannot be verified: not a supported checksum")]
    ChecksumUnsupported(TrailerName),
    /// A checksum is not base64 of the length of its digest.
    #[error("client trailer \"{0}\" is not a checksum in base64")]
    ChecksumForm(TrailerName),
    /// A checksum is not that of the data.
    #[error("client trailer \"{0}\" does not match the body")]
    ChecksumMismatch(TrailerName),
}

impl BodyError {
    /// The HTTP status of the response.
    pub fn status(&self) -> u16 {
        match self {
            Self::Declared(error) => error.status(),
            Self::DecodedLengthMissing => 411,
            Self::TrailerNotPassed(_) => 403,
            Self::ChecksumUnsupported(_) => 501,
            Self::Framing(FramingError::Memory | FramingError::Trailer(TrailerError::Memory)) => {
                500
            }
            Self::DecodedLengthRepeated
            | Self::DecodedLength
            | Self::TrailerName
            | Self::TrailerWithoutFraming
            | Self::NoTrailerAnnounced
            | Self::TooManyTrailers
            | Self::TrailerAnnouncedTwice(_)
            | Self::TrailerInHead(_)
            | Self::Framing(_)
            | Self::TrailerNotAnnounced(_)
            | Self::TrailerMissing(_)
            | Self::ChecksumForm(_)
            | Self::ChecksumMismatch(_) => 400,
        }
    }

    /// Whether the aws-chunked encoding itself is malformed.
    pub fn is_of_framing(&self) -> bool {
        matches!(self, Self::Framing(_)) && self.status() == 400
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_signing::chunked::TrailerError;

    #[test]
    fn each_error_has_its_status_and_names_the_client() {
        use BodyError::*;
        let name = super::TrailerName::clipped(b"x-amz-evil\r\n\x1b\xff");
        for (error, status) in [
            (Declared(DeclaredError::Ecdsa), 501),
            (Declared(DeclaredError::Unknown), 400),
            (DecodedLengthMissing, 411),
            (DecodedLengthRepeated, 400),
            (DecodedLength, 400),
            (TrailerName, 400),
            (TrailerWithoutFraming, 400),
            (NoTrailerAnnounced, 400),
            (TooManyTrailers, 400),
            (TrailerAnnouncedTwice(name), 400),
            (TrailerInHead(name), 400),
            (TrailerNotPassed(name), 403),
            (Framing(FramingError::Truncated), 400),
            (Framing(FramingError::Trailer(TrailerError::Value)), 400),
            (TrailerNotAnnounced(name), 400),
            (TrailerMissing(name), 400),
            (ChecksumUnsupported(name), 501),
            (ChecksumForm(name), 400),
            (ChecksumMismatch(name), 400),
        ] {
            assert_eq!(error.status(), status, "{error}");
            let text = error.to_string();
            assert!(text.contains("client"), "{text}");
            assert!(
                text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{text}"
            );
        }
    }
}

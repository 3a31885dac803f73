//! `aws-chunked` among the content codings of a body.
//!
//! AWS documents it as the first, `aws-chunked,gzip`. SDKs write it in either place, and some in a
//! separate header. It names the framing and not a coding of the object: S3 does not store it.

use std::collections::TryReserveError;

use aws_signing::trim_blanks;

const AWS_CHUNKED: &[u8] = b"aws-chunked";

/// Whether a value of `Content-Encoding` names `aws-chunked`, in any case and anywhere.
pub fn names_aws_chunked(value: &[u8]) -> bool {
    codings(value).any(is_aws_chunked)
}

/// Appends the codings in the values of all `Content-Encoding` headers, joined by commas in the
/// order sent, without `aws-chunked`: the one header to send instead. If nothing is appended, no
/// `Content-Encoding` is sent.
pub fn without_aws_chunked<'a>(
    values: impl IntoIterator<Item = &'a [u8]>,
    out: &mut Vec<u8>,
) -> Result<(), TryReserveError> {
    append(values, out.len(), out)
}

/// The same with `aws-chunked` before the others, once: the header to send if the module applies
/// the encoding.
pub fn with_aws_chunked<'a>(
    values: impl IntoIterator<Item = &'a [u8]>,
    out: &mut Vec<u8>,
) -> Result<(), TryReserveError> {
    let start = out.len();
    out.try_reserve(AWS_CHUNKED.len())?;
    out.extend_from_slice(AWS_CHUNKED);
    append(values, start, out)
}

/// Appends all codings except `aws-chunked` to the list that begins at `start`.
fn append<'a>(
    values: impl IntoIterator<Item = &'a [u8]>,
    start: usize,
    out: &mut Vec<u8>,
) -> Result<(), TryReserveError> {
    for coding in values.into_iter().flat_map(codings) {
        if !is_aws_chunked(coding) {
            out.try_reserve(coding.len() + 1)?;
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(coding);
        }
    }
    Ok(())
}

/// The codings in one value. RFC 9110 allows empty elements in a list; they mean nothing.
fn codings(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&byte| byte == b',')
        .map(trim_blanks)
        .filter(|coding| !coding.is_empty())
}

fn is_aws_chunked(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(AWS_CHUNKED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_chunked_stands_anywhere() {
        for (values, with, without) in [
            (&[][..], "aws-chunked", ""),
            (&["aws-chunked"], "aws-chunked", ""),
            (&[" AWS-Chunked\t"], "aws-chunked", ""),
            (&["gzip"], "aws-chunked,gzip", "gzip"),
            (&["aws-chunked,gzip"], "aws-chunked,gzip", "gzip"),
            (&["gzip, aws-chunked"], "aws-chunked,gzip", "gzip"),
            (&["gzip", "aws-chunked"], "aws-chunked,gzip", "gzip"),
            (
                &["aws-chunked", "GZIP , br"],
                "aws-chunked,GZIP,br",
                "GZIP,br",
            ),
            (
                &["br,aws-chunked,gzip,aws-chunked"],
                "aws-chunked,br,gzip",
                "br,gzip",
            ),
            (&["", ",", " , aws-chunked , "], "aws-chunked", ""),
            (
                &["aws-chunked2,xaws-chunked"],
                "aws-chunked,aws-chunked2,xaws-chunked",
                "aws-chunked2,xaws-chunked",
            ),
        ] {
            let bytes = || values.iter().map(|value| value.as_bytes());
            let mut out = b"before:".to_vec();
            with_aws_chunked(bytes(), &mut out).unwrap();
            assert_eq!(out, format!("before:{with}").as_bytes(), "{values:?}");
            let mut out = b"before:".to_vec();
            without_aws_chunked(bytes(), &mut out).unwrap();
            assert_eq!(out, format!("before:{without}").as_bytes(), "{values:?}");
        }
    }

    #[test]
    fn it_is_found_as_a_whole() {
        for value in ["aws-chunked", "gzip,AWS-CHUNKED", " aws-chunked ,br"] {
            assert!(names_aws_chunked(value.as_bytes()), "{value}");
        }
        for value in ["", "gzip", "aws-chunked-2", "x aws-chunked"] {
            assert!(!names_aws_chunked(value.as_bytes()), "{value}");
        }
    }
}

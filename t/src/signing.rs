//! Checks a recorded request's signature as a strict object store does: from its bytes alone, with
//! the official crate `aws-sigv4`, whatever nginx or the module took them for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_origin::Head;

use crate::http::Request;
use crate::raw_origin::RawRequest;
use crate::signer::Signer;

/// How far the clock of a signature may be off in a test.
const SKEW: Duration = Duration::from_secs(60);

/// The names in a request's SignedHeaders, lower-case; empty where it is not signed.
pub fn signed_headers(head: &Head) -> Vec<String> {
    let authorization = head.header("Authorization").unwrap_or_default();
    authorization
        .split_once("SignedHeaders=")
        .and_then(|(_, rest)| rest.split(',').next())
        .map(|names| names.split(';').map(str::to_owned).collect())
        .unwrap_or_default()
}

/// The access key in a request's Authorization; empty where it is not signed.
pub fn access_key(head: &Head) -> String {
    let authorization = head.header("Authorization").unwrap_or_default();
    authorization
        .split_once("Credential=")
        .and_then(|(_, rest)| rest.split('/').next())
        .unwrap_or_default()
        .to_owned()
}

/// Fails the test unless `signer` could have signed this request, and its signature covers Host
/// and every `x-amz-*` header that is sent.
#[track_caller]
pub fn expect_signed(head: &Head, signer: &Signer) {
    if let Err(fault) = verify(head, signer) {
        panic!("{fault}:\n{}", String::from_utf8_lossy(head.bytes()));
    }
}

/// Fails the test unless `access_key` has signed this request with `secret_key`, for us-east-1, and
/// with no other.
#[track_caller]
pub fn expect_signed_by(head: &Head, access_key: &str, secret_key: &str) {
    expect_signed(head, &Signer::new(access_key, secret_key));
    assert!(verify(head, &Signer::new(access_key, "another")).is_err());
}

/// Fails the test where this request has something of a signature in its headers.
#[track_caller]
pub fn expect_unsigned(head: &Head) {
    for (name, _) in head.headers() {
        let name = name.to_ascii_lowercase();
        assert!(
            name != "authorization" && !name.starts_with("x-amz-"),
            "{name} is sent:\n{}",
            String::from_utf8_lossy(head.bytes())
        );
    }
}

/// Why the signature is not `signer`'s own.
pub fn verify(head: &Head, signer: &Signer) -> Result<(), String> {
    let payload = only(head, "x-amz-content-sha256")?;
    verify_with(head, b"", &signer.clone().payload_hash(&payload))
}

/// The same of a request to a service other than S3, which hashes the body itself.
pub fn verify_call(request: &RawRequest, signer: &Signer) -> Result<(), String> {
    let signer = signer.clone().without_hash_header();
    verify_with(&request.head, &request.body, &signer)
}

fn verify_with(head: &Head, body: &[u8], signer: &Signer) -> Result<(), String> {
    let authorization = only(head, "authorization")?;
    only(head, "host")?;

    let signed = signed_headers(head);
    for (name, _) in head.headers() {
        let name = name.to_ascii_lowercase();
        if (name == "host" || name.starts_with("x-amz-")) && !signed.contains(&name) {
            return Err(format!("{name} is sent but not signed"));
        }
    }
    for name in &signed {
        if head.header(name).is_none() {
            return Err(format!("{name} is signed but not sent"));
        }
    }

    let time = time_of(head)?;
    let now = SystemTime::now();
    if time + SKEW < now || now + SKEW < time {
        return Err(format!("it was signed at {time:?}, which is not now"));
    }

    let mut request = Request::new(&head.method(), head.target());
    if !body.is_empty() {
        request = request.body(body);
    }
    for (name, value) in head.headers() {
        if signed.contains(&name.to_ascii_lowercase()) {
            request = request.header(&name, value);
        }
    }
    let expected = signer.clone().at(time).sign(request);
    let expected = expected
        .header_pairs()
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        .map(|(_, value)| value)
        .ok_or("aws-sigv4 made no signature")?;
    if authorization != expected {
        return Err(format!("the signature should be {expected}"));
    }
    Ok(())
}

/// The bytes that a body in signed chunks holds, or why not every chunk is signed by `signer`,
/// after a head that is.
pub fn verify_chunks(head: &Head, body: &[u8], signer: &Signer) -> Result<Vec<u8>, String> {
    let authorization = only(head, "authorization")?;
    let (_, signature) = authorization
        .split_once("Signature=")
        .ok_or("the head has no signature")?;
    let signer = signer.clone().at(time_of(head)?);

    let (mut rest, mut previous, mut decoded) = (body, signature.to_owned(), Vec::new());
    loop {
        let (line, behind) = split_line(rest).ok_or("a chunk has no size line")?;
        let (size, signature) = line
            .split_once(";chunk-signature=")
            .ok_or_else(|| format!("bad size line {line:?}"))?;
        let size = usize::from_str_radix(size, 16).map_err(|e| format!("{e}: {line:?}"))?;
        let chunk = behind.get(..size).ok_or("a chunk is cut short")?;
        let expected = signer.sign_chunk(&previous, chunk);
        if signature != expected {
            let at = decoded.len();
            return Err(format!(
                "the signature at {at} should be {expected}: {line:?}"
            ));
        }
        decoded.extend_from_slice(chunk);
        previous = expected;
        rest = behind[size..]
            .strip_prefix(b"\r\n")
            .ok_or("a chunk has no end")?;
        if size == 0 {
            return match rest {
                b"" => Ok(decoded),
                _ => Err("bytes follow the last chunk".to_owned()),
            };
        }
    }
}

/// A line of ASCII without its CRLF, and what stands after it.
fn split_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    Some((line, &bytes[end + 2..]))
}

/// When a request was signed.
fn time_of(head: &Head) -> Result<SystemTime, String> {
    let date = only(head, "x-amz-date")?;
    parse_date(&date).ok_or_else(|| format!("bad x-amz-date {date:?}"))
}

fn only(head: &Head, name: &str) -> Result<String, String> {
    let mut values = head.header_all(name);
    match (values.pop(), values.is_empty()) {
        (Some(value), true) => Ok(value),
        (None, _) => Err(format!("no {name} is sent")),
        (Some(_), false) => Err(format!("{name} is sent more than once")),
    }
}

/// The time of an `x-amz-date` such as `20130524T000000Z`.
pub(crate) fn parse_date(text: &str) -> Option<SystemTime> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let well_formed = text.len() == 16 && text.get(8..9)? == "T" && text.ends_with('Z');
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    if !well_formed || year < 1970 || !(1..=12).contains(&month) || day < 1 {
        return None;
    }

    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let length = |month: u64| match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let days = (1970..year).map(|year| 365 + u64::from(is_leap(year)));
    let days = days.sum::<u64>() + (1..month).map(length).sum::<u64>() + day - 1;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new("AKIDEXAMPLE", "secret")
    }

    /// A request as `signer` sends it, now.
    fn signed() -> String {
        let request = Request::get("/bucket/a%20b?a=1&b=").header("X-Amz-Meta-A", "1");
        let signed = signer().sign(request);
        String::from_utf8(signed.to_bytes()).expect("ASCII")
    }

    fn verify_text(text: &str) -> Result<(), String> {
        verify(&Head::new(text.as_bytes().to_vec()), &signer())
    }

    #[test]
    fn dates_are_read() {
        let seconds = |text| {
            let time: Option<SystemTime> = parse_date(text);
            time.and_then(|time| Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs()))
        };
        assert_eq!(seconds("19700101T000000Z"), Some(0));
        assert_eq!(seconds("20130524T000000Z"), Some(1_369_353_600));
        assert_eq!(seconds("20240229T235959Z"), Some(1_709_251_199));
        assert_eq!(seconds("20130524 000000Z"), None);
        assert_eq!(seconds("yesterday"), None);
    }

    #[test]
    fn a_good_signature_is_taken_and_any_other_rejected() {
        let good = signed();
        assert_eq!(verify_text(&good), Ok(()), "{good}");

        for (from, to) in [
            ("/a%20b", "/a%20c"),
            ("b= ", "b=x "),
            ("GET", "PUT"),
            ("Meta-A: 1", "Meta-A: 2"),
            ("Host: localhost", "Host: elsewhere"),
            ("AKIDEXAMPLE", "AKIDOTHER"),
            ("us-east-1", "us-east-2"),
            ("\r\n\r\n", "\r\nX-Amz-Acl: public-read\r\n\r\n"),
            ("\r\n\r\n", "\r\nAuthorization: Basic Og==\r\n\r\n"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            assert!(verify_text(&bad).is_err(), "{bad}");
        }
    }

    /// The body of [`Signer::sign_chunk`]s in chunks of these, after a signed head.
    fn chunked(chunks: &[&str]) -> (Head, String) {
        let head = signer().sign(Request::new("PUT", "/").header("X-Amz-Meta-A", "1"));
        let head = Head::new(head.to_bytes());
        let authorization = head.header("Authorization").expect("it is signed");
        let mut signature = authorization
            .split_once("Signature=")
            .expect("V4")
            .1
            .to_owned();
        let signer = signer().at(time_of(&head).expect("a date"));
        let mut body = String::new();
        for chunk in chunks.iter().chain(&[""]) {
            signature = signer.sign_chunk(&signature, chunk.as_bytes());
            let size = chunk.len();
            body.push_str(&format!(
                "{size:x};chunk-signature={signature}\r\n{chunk}\r\n"
            ));
        }
        (head, body)
    }

    #[test]
    fn good_chunks_are_taken_and_any_other_rejected() {
        let (head, good) = chunked(&["first", "second"]);
        let verify = |body: &str| verify_chunks(&head, body.as_bytes(), &signer());
        assert_eq!(verify(&good), Ok(b"firstsecond".to_vec()));
        assert_eq!(verify(&chunked(&[]).1), Ok(Vec::new()));

        let end = good.rfind("0;").expect("the last chunk");
        for bad in [
            good.replace("first", "other"),
            good.replace("second", "sexond"),
            good.replacen("5;", "05,", 1),
            good[..end].to_owned(),
            good[..end - 3].to_owned(),
            good.trim_end().to_owned(),
            format!("{good}0"),
            chunked(&["second", "first"]).1.replace("first", "fxrst"),
            String::new(),
        ] {
            assert!(verify(&bad).is_err(), "{bad}");
        }
        let other = Signer::new("AKIDEXAMPLE", "other");
        assert!(verify_chunks(&head, good.as_bytes(), &other).is_err());
    }

    #[test]
    fn an_old_signature_is_rejected() {
        let old = signer()
            .at(SystemTime::now() - Duration::from_secs(300))
            .sign(Request::get("/"));
        let head = Head::new(old.to_bytes());
        assert!(verify(&head, &signer()).is_err());
    }
}

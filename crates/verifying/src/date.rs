//! HTTP dates, which may stand in for `x-amz-date`.

use std::time::UNIX_EPOCH;

use aws_signing::Timestamp;

/// The time of an HTTP date.
pub(crate) fn parse_http_date(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    let unix = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(Timestamp::from_unix(i64::try_from(unix).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates() {
        let unix = |text: &str| parse_http_date(text.as_bytes()).map(|time| time.unix());
        assert_eq!(unix("Fri, 24 May 2013 00:00:00 GMT"), Some(1_369_353_600));
        assert_eq!(unix("20130524T000000Z"), None);
        assert_eq!(unix(""), None);
    }
}

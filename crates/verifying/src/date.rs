//! Dates as requests carry them.

use std::time::UNIX_EPOCH;

use aws_signing::Timestamp;

/// The time of `yyyymmddThhmmssZ`, the only form that Signature Version 4 knows.
pub(crate) fn parse_amz_date(text: &[u8]) -> Option<Timestamp> {
    let text = <&[u8; 16]>::try_from(text).ok()?;
    if text[8] != b'T' || text[15] != b'Z' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        text[range].iter().try_fold(0_i64, |sum, byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let [year, month, day] = [number(0..4)?, number(4..6)?, number(6..8)?];
    let [hour, minute, second] = [number(9..11)?, number(11..13)?, number(13..15)?];
    let unix = days(year, month, day)? * 86_400 + hour * 3600 + minute * 60 + second;
    let timestamp = Timestamp::from_unix(unix);
    // What no calendar and no clock has comes out as something else.
    (timestamp.amz_date().as_bytes() == text).then_some(timestamp)
}

/// The time of an HTTP date.
pub(crate) fn parse_http_date(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    let unix = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(Timestamp::from_unix(i64::try_from(unix).ok()?))
}

/// Days from 1970-01-01 to a day of the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) {
        return None;
    }
    // Years begin in March here, so that the leap day is their last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    Some(
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
            - 719_468,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amz_dates() {
        for unix in [0, 951_782_400, 1_369_353_600, 1_796_040_000, 4_107_542_399] {
            let text = Timestamp::from_unix(unix);
            let parsed = parse_amz_date(text.amz_date().as_bytes()).expect("a date");
            assert_eq!(parsed.unix(), unix);
        }
        for text in [
            "",
            "20130524",
            "20130524T000000",
            "20130524T000000z",
            "20130524t000000Z",
            "20130230T000000Z",
            "20131324T000000Z",
            "20130024T000000Z",
            "20130500T000000Z",
            "20130524T240000Z",
            "20130524T006000Z",
            "20130524T000060Z",
            "+0130524T000000Z",
            "20130524 000000Z",
            "20130524T000000Z ",
        ] {
            assert!(parse_amz_date(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn http_dates() {
        let unix = |text: &str| parse_http_date(text.as_bytes()).map(|time| time.unix());
        assert_eq!(unix("Fri, 24 May 2013 00:00:00 GMT"), Some(1_369_353_600));
        assert_eq!(unix("20130524T000000Z"), None);
        assert_eq!(unix(""), None);
    }
}

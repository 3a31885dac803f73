//! The time of a signature, in the formats that signatures use.

use std::fmt;

use time::{Date, Month, OffsetDateTime, Time};

use crate::encode::fill_decimal;

/// Length of `20130524T000000Z`.
const AMZ_DATE_LEN: usize = 16;
/// Length of `20130524`, with which the longer form begins.
const DATE_LEN: usize = 8;
/// Length of `Fri, 24 May 2013 00:00:00 GMT`.
const HTTP_DATE_LEN: usize = 29;

/// A UTC time, to the second, kept as the texts that headers contain.
///
/// Making one costs a calendar computation; a caller that signs often makes one per second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    text: [u8; AMZ_DATE_LEN],
    http_date: [u8; HTTP_DATE_LEN],
    unix: i64,
}

impl Timestamp {
    /// The time `secs` seconds after (or, below zero, before) 1970-01-01T00:00:00Z.
    ///
    /// The text has room for four digits of year: times outside the years 0 to 9999 become the
    /// nearest time inside.
    pub fn from_unix(secs: i64) -> Self {
        const FIRST: i64 = -62_167_219_200; // 0000-01-01T00:00:00Z
        const LAST: i64 = 253_402_300_799; // 9999-12-31T23:59:59Z
        let unix = secs.clamp(FIRST, LAST);
        let moment = OffsetDateTime::from_unix_timestamp(unix)
            .expect("every second of the years 0 to 9999 has a date");

        let mut text = *b"00000000T000000Z";
        fill_decimal(&mut text[0..4], moment.year().unsigned_abs().into());
        fill_decimal(&mut text[4..6], u8::from(moment.month()).into());
        fill_decimal(&mut text[6..8], moment.day().into());
        fill_decimal(&mut text[9..11], moment.hour().into());
        fill_decimal(&mut text[11..13], moment.minute().into());
        fill_decimal(&mut text[13..15], moment.second().into());

        let mut http_date = *b"Day, 00 Mon 0000 00:00:00 GMT";
        let day = usize::from(moment.weekday().number_days_from_monday());
        http_date[0..3].copy_from_slice(&b"MonTueWedThuFriSatSun"[day * 3..][..3]);
        http_date[5..7].copy_from_slice(&text[6..8]);
        let month = usize::from(u8::from(moment.month())) - 1;
        http_date[8..11]
            .copy_from_slice(&b"JanFebMarAprMayJunJulAugSepOctNovDec"[month * 3..][..3]);
        http_date[12..16].copy_from_slice(&text[0..4]);
        http_date[17..19].copy_from_slice(&text[9..11]);
        http_date[20..22].copy_from_slice(&text[11..13]);
        http_date[23..25].copy_from_slice(&text[13..15]);
        Self {
            text,
            http_date,
            unix,
        }
    }

    /// Reads [`Self::amz_date`], the only form that Signature Version 4 knows. `None` if it is another
    /// form, or no time of the calendar.
    pub fn from_amz_date(text: &[u8]) -> Option<Self> {
        let text = <&[u8; AMZ_DATE_LEN]>::try_from(text).ok()?;
        if text[8] != b'T' || text[15] != b'Z' {
            return None;
        }
        let two = |at: usize| number(&text[at..at + 2]).and_then(|number| number.try_into().ok());
        let time = Time::from_hms(two(9)?, two(11)?, two(13)?).ok()?;
        let moment = parse_date(&text[..DATE_LEN])?.with_time(time).assume_utc();
        Some(Self::from_unix(moment.unix_timestamp()))
    }

    /// The value of `X-Amz-Date`: `yyyymmddThhmmssZ`.
    pub fn amz_date(&self) -> &str {
        ascii(&self.text)
    }

    /// The bytes of [`Self::amz_date`].
    pub fn amz_date_bytes(&self) -> &[u8; AMZ_DATE_LEN] {
        &self.text
    }

    /// The date of a credential scope: `yyyymmdd`.
    pub fn date(&self) -> &str {
        ascii(&self.text[..DATE_LEN])
    }

    /// The value of `Date`, and of `x-amz-date` if Signature Version 2 signs it: `Fri, 24 May 2013
    /// 00:00:00 GMT` (RFC 9110, 5.6.7).
    pub fn http_date(&self) -> &str {
        ascii(&self.http_date)
    }

    /// The extended form of ISO 8601: `2013-05-24T00:00:00Z`.
    pub fn iso8601(&self) -> String {
        let text = self.amz_date();
        let (date, time) = (&text[..DATE_LEN], &text[DATE_LEN + 1..]);
        format!(
            "{}-{}-{}T{}:{}:{}Z",
            &date[..4],
            &date[4..6],
            &date[6..],
            &time[..2],
            &time[2..4],
            &time[4..6]
        )
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn unix(&self) -> i64 {
        self.unix
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({})", self.amz_date())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.amz_date())
    }
}

/// Reads `yyyymmdd`. `None` if it is another form, or no day of the calendar.
pub(crate) fn parse_date(text: &[u8]) -> Option<Date> {
    let text = <&[u8; DATE_LEN]>::try_from(text).ok()?;
    let month = Month::try_from(u8::try_from(number(&text[4..6])?).ok()?).ok()?;
    let day = u8::try_from(number(&text[6..])?).ok()?;
    Date::from_calendar_date(number(&text[..4])?.into(), month, day).ok()
}

/// Reads at most four digits.
fn number(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + u16::from(byte - b'0'))
    })
}

fn ascii(text: &[u8]) -> &str {
    std::str::from_utf8(text).expect("digits, letters and separators")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_known_moments() {
        for (secs, text, http_date) in [
            (0, "19700101T000000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (
                1_369_353_600,
                "20130524T000000Z",
                "Fri, 24 May 2013 00:00:00 GMT",
            ),
            (
                1_440_938_160,
                "20150830T123600Z",
                "Sun, 30 Aug 2015 12:36:00 GMT",
            ),
            (
                951_827_696,
                "20000229T123456Z",
                "Tue, 29 Feb 2000 12:34:56 GMT",
            ),
            (
                4_107_542_399,
                "21000228T235959Z",
                "Sun, 28 Feb 2100 23:59:59 GMT",
            ),
            (
                4_107_542_400,
                "21000301T000000Z",
                "Mon, 01 Mar 2100 00:00:00 GMT",
            ),
            (-1, "19691231T235959Z", "Wed, 31 Dec 1969 23:59:59 GMT"),
        ] {
            let timestamp = Timestamp::from_unix(secs);
            assert_eq!(timestamp.amz_date(), text);
            assert_eq!(timestamp.date(), &text[..8]);
            assert_eq!(timestamp.http_date(), http_date);
            assert_eq!(timestamp.unix(), secs);
            let iso8601 = timestamp.iso8601();
            assert_eq!(iso8601.replace(['-', ':'], ""), text);
        }
        let moment = Timestamp::from_unix(951_827_696);
        assert_eq!(moment.iso8601(), "2000-02-29T12:34:56Z");
    }

    #[test]
    fn stays_within_four_digits_of_year() {
        assert_eq!(
            Timestamp::from_unix(i64::MIN).amz_date(),
            "00000101T000000Z"
        );
        assert_eq!(
            Timestamp::from_unix(-62_167_219_200).amz_date(),
            "00000101T000000Z"
        );
        assert_eq!(
            Timestamp::from_unix(253_402_300_799).amz_date(),
            "99991231T235959Z"
        );
        assert_eq!(
            Timestamp::from_unix(i64::MAX).amz_date(),
            "99991231T235959Z"
        );
    }

    #[test]
    fn an_amz_date_is_read() {
        for unix in [0, 951_782_400, 1_369_353_600, 1_796_040_000, 4_107_542_399] {
            let text = Timestamp::from_unix(unix);
            let parsed = Timestamp::from_amz_date(text.amz_date().as_bytes()).expect("a date");
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
            assert!(
                Timestamp::from_amz_date(text.as_bytes()).is_none(),
                "{text}"
            );
        }
    }

    #[test]
    fn orders_as_time_does() {
        assert!(Timestamp::from_unix(999_999_999) < Timestamp::from_unix(1_000_000_000));
    }
}

//! Times in the formats of services.

use aws_signing::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The end of a UTC day, `yyyymmdd` of the calendar, as Unix time in seconds.
pub(crate) fn end_of_day(date: &str) -> i64 {
    let (year, month, day) = (&date[..4], &date[4..6], &date[6..]);
    let midnight = parse_iso8601(&format!("{year}-{month}-{day}T00:00:00Z"));
    midnight.expect("a day of the calendar") + 86_400
}

/// Parses `2026-01-02T03:04:05Z` as Unix time in seconds.
///
/// AWS writes times in this format. Others add a fraction of a second, which is cut off. An offset
/// other than zero is accepted, also without a colon (`-0500`); a time without an offset is not.
pub(crate) fn parse_iso8601(text: &str) -> Option<i64> {
    // RFC 3339 allows a space between date and time, and ISO 8601 does not.
    if !matches!(text.as_bytes().get(10), Some(b'T' | b't')) {
        return None;
    }
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339);
    let time = match text.len().checked_sub(2) {
        Some(minutes) if is_offset_without_colon(text) => {
            let (hours, minutes) = text.split_at(minutes);
            parse(&format!("{hours}:{minutes}"))
        }
        _ => parse(text),
    };
    Some(time.ok()?.unix_timestamp())
}

/// Whether `text` ends in a sign and four digits.
fn is_offset_without_colon(text: &str) -> bool {
    let end = text.as_bytes().last_chunk::<5>();
    end.is_some_and(|[sign, digits @ ..]| {
        matches!(sign, b'+' | b'-') && digits.iter().all(u8::is_ascii_digit)
    })
}

/// Writes Unix time in seconds as `2026-01-02T03:04:05Z`, for a log line.
pub(crate) fn format_iso8601(secs: i64) -> String {
    Timestamp::from_unix(secs).iso8601()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_are_read() {
        for (text, secs) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-01-02T03:04:05Z", 1_767_323_045),
            ("2026-01-02T03:04:05.678Z", 1_767_323_045),
            ("2026-01-02t03:04:05z", 1_767_323_045),
            ("2026-01-02T03:04:05+00:00", 1_767_323_045),
            ("2026-01-02T05:34:05+02:30", 1_767_323_045),
            ("2026-01-01T22:04:05-0500", 1_767_323_045),
            ("2024-02-29T23:59:59Z", 1_709_251_199),
        ] {
            assert_eq!(parse_iso8601(text), Some(secs), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "T",
            "never",
            "1767323045",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04Z",
            "2026-01-02T03:04:05:06Z",
            "2026-01-02 03:04:05Z",
            "2026-1-2T03:04:05Z",
            "2026-01-02T3:04:05Z",
            "2026-13-02T03:04:05Z",
            "2026-02-29T03:04:05Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:04:60Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05.1xZ",
            "2026-01-02T03:04:05Zx",
            "2026-01-02T03:04:05+2",
            "2026-01-02T03:04:05+24:00",
            "2026-01-02T03:04:05+02:60",
            "2026-01-02T03:04:05+\u{e9}02",
            "+026-01-02T03:04:05Z",
            "-2026-01-02T03:04:05Z",
        ] {
            assert_eq!(parse_iso8601(text), None, "{text:?}");
        }
    }

    #[test]
    fn moments_are_written() {
        assert_eq!(format_iso8601(1_767_323_045), "2026-01-02T03:04:05Z");
        assert_eq!(format_iso8601(i64::MAX), "9999-12-31T23:59:59Z");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(secs in 0..=253_402_300_799_i64) {
            prop_assert_eq!(parse_iso8601(&format_iso8601(secs)), Some(secs));
        }

        #[test]
        fn a_text_that_is_read_begins_with_a_date(text in "[0-9TZ:+.\u{e9}-]{0,30}") {
            let begins_with_a_date = || {
                let bytes = text.as_bytes();
                bytes.len() >= 20 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[10] == b'T'
            };
            prop_assert!(parse_iso8601(&text).is_none() || begins_with_a_date());
        }
    }

    #[test]
    fn a_day_ends_where_the_next_begins() {
        assert_eq!(end_of_day("19700101"), 86_400);
        assert_eq!(end_of_day("20260102"), 1_767_398_400);
        assert_eq!(end_of_day("99991231"), 253_402_300_800);
    }
}

//! Times as people and JSON write them.

use aws_signing::Timestamp;

/// `2026-01-02T03:04:05Z`, of Unix time in milliseconds; a time that needs more than four digits for
/// its year is shown as a number.
pub(crate) fn iso8601(millis: i64) -> String {
    let secs = millis.div_euclid(1000);
    let time = Timestamp::from_unix(secs);
    if time.unix() == secs {
        time.iso8601()
    } else {
        millis.to_string()
    }
}

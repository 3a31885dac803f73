//! The requests in the vectors of `aws-signing`; their format is described beside them.

use std::fs;
use std::path::Path;

use aws_signing::Timestamp;
use aws_signing::presign::Expires;
use aws_signing::query::Canonicalizer;
use serde_json::Value;

/// A line of `s3-vectors.jsonl`.
pub(crate) struct Vector(pub(crate) Value);

impl Vector {
    pub(crate) fn text(&self, field: &str) -> &str {
        let text = self.0[field].as_str();
        text.unwrap_or_else(|| panic!("no {field} in {}", self.0["name"]))
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.0["session_token"].as_str()
    }

    pub(crate) fn bucket(&self) -> Option<&str> {
        self.0["virtual_bucket"].as_str()
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.0["headers"].as_array().unwrap();
        headers
            .iter()
            .map(|header| (header[0].as_str().unwrap(), header[1].as_str().unwrap()))
    }

    pub(crate) fn now(&self) -> Timestamp {
        let text = self.text("timestamp");
        let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
        // Days since 1970 of the proleptic Gregorian calendar, from its years that begin in March.
        let (year, month) = match number(4..6) {
            month @ 1..=2 => (number(0..4) - 1, month + 9),
            month => (number(0..4), month - 3),
        };
        let leaps = year / 4 - year / 100 + year / 400;
        let days = 365 * year + leaps + (153 * month + 2) / 5 + number(6..8) - 1 - 719_468;
        let seconds = number(9..11) * 3600 + number(11..13) * 60 + number(13..15);
        Timestamp::from_unix(days * 86_400 + seconds)
    }

    pub(crate) fn expires(&self) -> Expires {
        Expires::from_secs(self.0["expires"].as_u64().unwrap()).unwrap()
    }
}

pub(crate) fn of_style(style: &str) -> Vec<Vector> {
    let file = "../signing/tests/vectors/s3-vectors.jsonl";
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let vectors = text
        .lines()
        .map(|line| Vector(serde_json::from_str(line).unwrap()));
    vectors
        .filter(|vector| vector.text("style") == style)
        .collect()
}

/// A query, its parameters in canonical form and order.
pub(crate) fn canonical_query(query: &str) -> String {
    let mut out = Vec::new();
    Canonicalizer::new().write(query.as_bytes(), |_| true, &mut out);
    String::from_utf8(out).unwrap()
}

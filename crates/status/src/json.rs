//! The status as a JSON document; its schema is `docs/status.schema.json`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::counters::{Counter, Row};
use crate::status::{
    Explained, Kind, RenewalState, RenewalStatus, SCHEMA_VERSION, Series, Status, Zone,
};
use crate::time::iso8601;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    module_version: &'a str,
    nginx_version: &'a str,
    time: String,
    counting_since: String,
    counting_seconds: i64,
    generation: u64,
    zone: &'a Zone,
    credentials: Vec<Renewal<'a>>,
    tokens: Vec<Renewal<'a>>,
    series: Vec<Block<'a>>,
    explained: Vec<Explanation<'a>>,
}

#[derive(Serialize)]
struct Renewal<'a> {
    name: &'a str,
    source: &'a str,
    state: RenewalState,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<&'a str>,
    expires: Option<String>,
    seconds_left: Option<i64>,
    last_success: Option<String>,
    last_error: Option<LastError<'a>>,
    fetches: u64,
    failures: u64,
    next_fetch: Option<String>,
}

#[derive(Serialize)]
struct LastError<'a> {
    time: String,
    text: &'a str,
}

#[derive(Serialize)]
struct Explanation<'a> {
    time: String,
    text: &'a str,
}

#[derive(Serialize)]
struct Block<'a> {
    block: &'static str,
    name: &'a str,
    signed: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    unsigned: u64,
    rejected: BTreeMap<&'static str, u64>,
    hashed_bytes: u64,
    upstream_errors: BTreeMap<&'static str, u64>,
    clock_skew_seconds: Option<f64>,
    presigned_urls: u64,
    credentials_wait: Wait,
    sealing: Sealing,
}

#[derive(Serialize)]
struct Wait {
    count: u64,
    seconds: f64,
    buckets: Vec<Bucket>,
}

#[derive(Serialize)]
struct Bucket {
    seconds: f64,
    count: u64,
}

/// Of the requests that are measured: one in 64.
#[derive(Serialize)]
struct Sealing {
    count: u64,
    seconds: f64,
}

impl Status {
    /// The JSON document.
    pub fn json(&self) -> String {
        let of_kind = |kind: Kind| {
            let renewals = self.renewals.iter().filter(move |one| one.kind == kind);
            renewals.map(|one| Renewal::new(one, self.now)).collect()
        };
        let document = Document {
            schema_version: SCHEMA_VERSION,
            module_version: &self.module_version,
            nginx_version: &self.nginx_version,
            time: iso8601(self.now),
            counting_since: iso8601(self.counting_since),
            counting_seconds: self.now.saturating_sub(self.counting_since) / 1000,
            generation: self.generation,
            zone: &self.zone,
            credentials: of_kind(Kind::Credentials),
            tokens: of_kind(Kind::Token),
            series: self.series.iter().map(Block::new).collect(),
            explained: self.explained.iter().map(Explanation::new).collect(),
        };
        let mut text = serde_json::to_string_pretty(&document)
            .expect("strings and numbers, as members with fixed names");
        text.push('\n');
        text
    }
}

impl<'a> Renewal<'a> {
    fn new(one: &'a RenewalStatus, now: i64) -> Self {
        Self {
            name: &one.name,
            source: &one.source,
            state: one.state(now),
            access_key_id: one.access_key_id.as_deref(),
            expires: one.expires_at.map(iso8601),
            seconds_left: one
                .expires_at
                .map(|at| at.saturating_sub(now).div_euclid(1000)),
            last_success: one.last_success.map(iso8601),
            last_error: one.last_error.as_ref().map(|(at, text)| LastError {
                time: iso8601(*at),
                text,
            }),
            fetches: one.fetches,
            failures: one.failures,
            next_fetch: one.next_fetch.map(iso8601),
        }
    }
}

impl<'a> Explanation<'a> {
    fn new(one: &'a Explained) -> Self {
        Self {
            time: iso8601(one.at),
            text: &one.text,
        }
    }
}

impl<'a> Block<'a> {
    fn new(series: &'a Series) -> Self {
        let (block, name) = series.block.labels();
        let row = &series.row;
        let mut signed: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (method, payload, count) in row.signed() {
            signed.entry(method).or_default().insert(payload, count);
        }
        Self {
            block,
            name,
            signed,
            unsigned: row.get(Counter::UNSIGNED),
            rejected: row.rejected().collect(),
            hashed_bytes: row.get(Counter::HASHED_BYTES),
            upstream_errors: row.upstream_errors().collect(),
            clock_skew_seconds: row.clock_skew_millis().map(|skew| skew as f64 / 1000.0),
            presigned_urls: row.get(Counter::PRESIGNED_URLS),
            credentials_wait: Wait::new(row),
            sealing: Sealing {
                count: row.get(Counter::SEALINGS_TIMED),
                seconds: row.get(Counter::SEALING_NANOS) as f64 / 1e9,
            },
        }
    }
}

impl Wait {
    fn new(row: &Row) -> Self {
        let (buckets, count) = row.waits();
        let bucket = |(millis, count)| Bucket {
            seconds: millis as f64 / 1000.0,
            count,
        };
        Self {
            count,
            seconds: row.get(Counter::WAITED_MILLIS) as f64 / 1000.0,
            buckets: buckets.map(bucket).collect(),
        }
    }
}

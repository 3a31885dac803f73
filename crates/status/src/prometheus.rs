//! The status as metrics, in Prometheus's text format and in OpenMetrics.
//!
//! Both are written by one pass over the families, since they differ in little: where `_total` is a part
//! of the family's name, units, the time since when a counter counts, and the end.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>,
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use std::fmt::{self, Write};

use crate::counters::{Counter, Row};
use crate::status::{RenewalState, RenewalStatus, Status};

/// What all names begin with.
const PREFIX: &str = "nginx_aws_auth_";

impl Status {
    /// The metrics in Prometheus's text format.
    pub fn prometheus(&self) -> String {
        self.metrics(false)
    }

    /// The metrics in the format of OpenMetrics.
    pub fn open_metrics(&self) -> String {
        self.metrics(true)
    }

    fn metrics(&self, is_open: bool) -> String {
        let mut text = Exposition {
            text: String::with_capacity(4096 + 2048 * (self.renewals.len() + self.series.len())),
            is_open,
            since: self.counting_since,
        };
        self.write_module(&mut text);
        self.write_renewals(&mut text);
        self.write_requests(&mut text);
        if is_open {
            text.text.push_str("# EOF\n");
        }
        text.text
    }

    fn write_module(&self, text: &mut Exposition) {
        text.gauge("build_info", "", "The versions of the module and of nginx.");
        text.sample(
            "build_info",
            &[
                ("version", &self.module_version),
                ("nginx_version", &self.nginx_version),
            ],
            1,
        );
        text.gauge(
            "config_generation",
            "",
            "How many configurations have been in use.",
        );
        text.sample("config_generation", &[], self.generation);
        let zone = [("zone", self.zone.name.as_str())];
        text.gauge(
            "zone_size_bytes",
            "bytes",
            "The size of the shared memory zone.",
        );
        text.sample("zone_size_bytes", &zone, self.zone.size_bytes);
        text.gauge(
            "zone_used_bytes",
            "bytes",
            "How much of the shared memory zone is in use.",
        );
        text.sample("zone_used_bytes", &zone, self.zone.used_bytes);
    }

    fn write_renewals(&self, text: &mut Exposition) {
        text.gauge(
            "provider_state",
            "",
            "1 for the state that a credential provider or token is in, else 0.",
        );
        for one in &self.renewals {
            let state = one.state(self.now);
            for other in RenewalState::ALL {
                let [kind, name, source] = labels(one);
                let labels = [kind, name, source, ("state", other.name())];
                text.sample("provider_state", &labels, u8::from(other == state));
            }
        }
        type Time = fn(&RenewalStatus) -> Option<i64>;
        let times: [(&str, &str, Time); 4] = [
            (
                "provider_expiry_timestamp_seconds",
                "When what was fetched expires.",
                |one| one.expires_at,
            ),
            (
                "provider_last_success_timestamp_seconds",
                "When the last fetch succeeded.",
                |one| one.last_success,
            ),
            (
                "provider_last_error_timestamp_seconds",
                "When the last fetch failed; absent once one has succeeded after it.",
                |one| one.last_error.as_ref().map(|(at, _)| *at),
            ),
            (
                "provider_next_fetch_timestamp_seconds",
                "When the next fetch is planned.",
                |one| one.next_fetch,
            ),
        ];
        for (name, help, time) in times {
            text.gauge(name, "seconds", help);
            for one in &self.renewals {
                if let Some(at) = time(one) {
                    text.sample(name, &labels(one), Seconds(at, 1000));
                }
            }
        }
        text.counter(
            "provider_fetches",
            "",
            "How often something was fetched, or that was tried.",
        );
        for one in &self.renewals {
            text.total("provider_fetches", &labels(one), one.fetches);
        }
        text.counter("provider_fetch_failures", "", "How many fetches failed.");
        for one in &self.renewals {
            text.total("provider_fetch_failures", &labels(one), one.failures);
        }
    }

    fn write_requests(&self, text: &mut Exposition) {
        text.counter("requests_signed", "", "Requests that were signed.");
        self.each_row(|block, name, row| {
            for (method, payload, count) in row.signed() {
                let labels = [
                    ("block", block),
                    ("name", name),
                    ("method", method),
                    ("payload", payload),
                ];
                text.total("requests_signed", &labels, count);
            }
        });
        text.counter(
            "requests_unsigned",
            "",
            "Requests for which aws_sign was off.",
        );
        self.each_row(|block, name, row| {
            text.total(
                "requests_unsigned",
                &[("block", block), ("name", name)],
                row.get(Counter::UNSIGNED),
            );
        });
        text.counter(
            "requests_rejected",
            "",
            "Requests that were rejected instead of signed.",
        );
        self.each_row(|block, name, row| {
            for (reason, count) in row.rejected() {
                let labels = [("block", block), ("name", name), ("reason", reason)];
                text.total("requests_rejected", &labels, count);
            }
        });
        text.counter(
            "hashed_bytes",
            "bytes",
            "Bytes of request bodies that signatures cover.",
        );
        self.each_row(|block, name, row| {
            text.total(
                "hashed_bytes",
                &[("block", block), ("name", name)],
                row.get(Counter::HASHED_BYTES),
            );
        });
        text.counter(
            "upstream_errors",
            "",
            "Errors that upstreams answered signed requests with.",
        );
        self.each_row(|block, name, row| {
            for (code, count) in row.upstream_errors() {
                let labels = [("block", block), ("name", name), ("code", code)];
                text.total("upstream_errors", &labels, count);
            }
        });
        text.gauge(
            "clock_skew_seconds",
            "seconds",
            "How far the clock of the upstream was ahead when it last rejected a signature for its time.",
        );
        self.each_row(|block, name, row| {
            if let Some(skew) = row.clock_skew_millis() {
                text.sample(
                    "clock_skew_seconds",
                    &[("block", block), ("name", name)],
                    Seconds(skew, 1000),
                );
            }
        });
        text.counter("presigned_urls", "", "Presigned URLs that were made.");
        self.each_row(|block, name, row| {
            text.total(
                "presigned_urls",
                &[("block", block), ("name", name)],
                row.get(Counter::PRESIGNED_URLS),
            );
        });
        text.family(
            "credentials_wait_seconds",
            "histogram",
            "seconds",
            "How long requests waited for the first credentials.",
        );
        self.each_row(|block, name, row| text.waits(block, name, row));
        text.family(
            "sealing_seconds",
            "summary",
            "seconds",
            "The time that signing took, of one request in 64.",
        );
        self.each_row(|block, name, row| {
            let labels = [("block", block), ("name", name)];
            let nanos = row.get(Counter::SEALING_NANOS).cast_signed();
            text.sample(
                "sealing_seconds_sum",
                &labels,
                Seconds(nanos, 1_000_000_000),
            );
            text.sample(
                "sealing_seconds_count",
                &labels,
                row.get(Counter::SEALINGS_TIMED),
            );
            text.created("sealing_seconds", &labels);
        });
    }

    fn each_row(&self, mut each: impl FnMut(&'static str, &str, &Row)) {
        for series in &self.series {
            let (block, name) = series.block.labels();
            each(block, name, &series.row);
        }
    }
}

fn labels(one: &RenewalStatus) -> [(&str, &str); 3] {
    [
        ("kind", one.kind.name()),
        ("name", &one.name),
        ("source", &one.source),
    ]
}

/// The text, and which of both formats it is in.
struct Exposition {
    text: String,
    is_open: bool,
    /// Since when counters count, as Unix time in milliseconds.
    since: i64,
}

impl Exposition {
    /// What is said of a family of samples, ahead of them.
    fn family(&mut self, name: &str, kind: &str, unit: &str, help: &str) {
        let (is_open, text) = (self.is_open, &mut self.text);
        let _ = writeln!(text, "# HELP {PREFIX}{name} {help}");
        let _ = writeln!(text, "# TYPE {PREFIX}{name} {kind}");
        if is_open && !unit.is_empty() {
            let _ = writeln!(text, "# UNIT {PREFIX}{name} {unit}");
        }
    }

    fn gauge(&mut self, name: &str, unit: &str, help: &str) {
        self.family(name, "gauge", unit, help);
    }

    /// A family of counters. In OpenMetrics, `_total` is no part of its name.
    fn counter(&mut self, name: &str, unit: &str, help: &str) {
        match self.is_open {
            true => self.family(name, "counter", unit, help),
            false => self.family(&format!("{name}_total"), "counter", unit, help),
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) {
        let text = &mut self.text;
        let _ = write!(text, "{PREFIX}{name}");
        for (nth, (label, value)) in labels.iter().enumerate() {
            text.push(if nth == 0 { '{' } else { ',' });
            let _ = write!(text, "{label}=\"{}\"", Escaped(value));
        }
        if !labels.is_empty() {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
    }

    /// A sample of a counter.
    fn total(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.sample(&format!("{name}_total"), labels, value);
        self.created(name, labels);
    }

    /// Since when it counts, which only OpenMetrics says.
    fn created(&mut self, name: &str, labels: &[(&str, &str)]) {
        if self.is_open {
            self.sample(
                &format!("{name}_created"),
                labels,
                Seconds(self.since, 1000),
            );
        }
    }

    fn waits(&mut self, block: &str, name: &str, row: &Row) {
        const NAME: &str = "credentials_wait_seconds";
        let (bounds, count) = row.waits();
        for (millis, count) in bounds {
            let bound = Seconds(millis.cast_signed(), 1000).to_string();
            let labels = [("block", block), ("name", name), ("le", bound.as_str())];
            self.sample(&format!("{NAME}_bucket"), &labels, count);
        }
        let labels = [("block", block), ("name", name), ("le", "+Inf")];
        self.sample(&format!("{NAME}_bucket"), &labels, count);
        let waited = row.get(Counter::WAITED_MILLIS).cast_signed();
        self.sample(&format!("{NAME}_sum"), &labels[..2], Seconds(waited, 1000));
        self.sample(&format!("{NAME}_count"), &labels[..2], count);
        self.created(NAME, &labels[..2]);
    }
}

/// A number of seconds, given in parts of this size.
struct Seconds(i64, u32);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A float of 53 bits holds the milliseconds of today, and prints the shortest text that is it.
        write!(f, "{:?}", self.0 as f64 / f64::from(self.1))
    }
}

/// The value of a label.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.chars() {
            match part {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                part => f.write_char(part)?,
            }
        }
        Ok(())
    }
}

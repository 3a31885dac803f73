//! The table of what a GET costs.

use std::fmt;

use super::variant::Variant;
use crate::cpus::CpuTime;
use crate::load::Load;
use crate::options::Options;
use crate::quartiles::Quartiles;

/// What a signed GET may cost above the same headers as constants, in microseconds (DESIGN.md).
const BUDGET: f64 = 1.5;

/// What was measured.
pub(crate) struct Report {
    heading: String,
    series: Vec<(Variant, Vec<f64>)>,
    requests: u64,
    total: CpuTime,
}

impl Report {
    /// One without measurements.
    pub(crate) fn new(options: &Options, load: &Load, variants: &[Variant], cpu: usize) -> Self {
        Self {
            heading: format!(
                "CPU time of an nginx worker on CPU {cpu}, {} rounds of {} s, error_log level {}\n\
                 GET {}",
                options.rounds,
                options.seconds,
                options.log_level,
                load.target()
            ),
            series: variants.iter().map(|v| (*v, Vec::new())).collect(),
            requests: 0,
            total: CpuTime::default(),
        }
    }

    /// Adds what the variant of this number took for so many requests.
    pub(crate) fn add(&mut self, variant: usize, time: CpuTime, requests: u64) {
        let microseconds = time.run.as_secs_f64() * 1e6 / requests as f64;
        self.series[variant].1.push(microseconds);
        self.requests += requests;
        self.total += time;
    }

    fn of(&self, variant: Variant) -> Option<&[f64]> {
        let (_, samples) = self.series.iter().find(|(other, _)| *other == variant)?;
        Some(samples)
    }

    /// Compares two variants within each round.
    fn compare(&self, a: Variant, b: Variant, with: fn(f64, f64) -> f64) -> Option<Quartiles> {
        Quartiles::within_rounds(self.of(a)?, self.of(b)?, with)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.heading)?;
        writeln!(f, "{:22}{:>8}{:>20}", "", "median", "quartiles")?;
        for (variant, samples) in &self.series {
            if let Some(quartiles) = Quartiles::of(samples.iter().copied()) {
                writeln!(f, "{:22}{quartiles} us a request", variant.to_string())?;
            }
        }
        writeln!(f)?;
        for (a, b) in [
            (Variant::Signed, Variant::Constant),
            (Variant::Query, Variant::Constant),
            (Variant::V2, Variant::Constant),
            (Variant::QueryV2, Variant::Constant),
            (Variant::Peer, Variant::Constant),
        ] {
            if let Some(difference) = self.compare(a, b, |a, b| a - b) {
                writeln!(f, "{:22}{difference} us", format!("{a} - {b}"))?;
            }
        }
        for (a, b) in [
            (Variant::Signed, Variant::Plain),
            (Variant::Signed, Variant::Constant),
            (Variant::Peer, Variant::Constant),
        ] {
            if let Some(ratio) = self.compare(a, b, |a, b| a / b) {
                writeln!(f, "{:22}{ratio}", format!("{a} / {b}"))?;
            }
        }
        let waited = self.total.waited_percent();
        writeln!(
            f,
            "\n{} requests, each answered with 200; of the time it had work, the worker waited \
             {waited:.0} % for its CPU",
            self.requests,
        )?;

        let Some(cost) = self.compare(Variant::Signed, Variant::Constant, |a, b| a - b) else {
            return Ok(());
        };
        let cost = cost.median;
        let verdict = if cost <= BUDGET { "within" } else { "over" };
        let doubt = self.total.doubt();
        writeln!(
            f,
            "a signed GET costs {cost:.2} us above constant headers: {verdict} the budget of \
             {BUDGET} us{doubt}"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report(constant: &[u64], signed: &[u64], waited: u32) -> String {
        let mut report = Report {
            heading: String::new(),
            series: vec![(Variant::Constant, vec![]), (Variant::Signed, vec![])],
            requests: 0,
            total: CpuTime::default(),
        };
        for (variant, samples) in [constant, signed].into_iter().enumerate() {
            for nanoseconds in samples {
                let run = Duration::from_nanos(nanoseconds * 1000);
                let waited = run * waited / 100;
                report.add(variant, CpuTime { run, waited }, 1000);
            }
        }
        report.to_string()
    }

    /// The first round ran while the machine was busy: that is no cost of signing.
    #[test]
    fn differences_are_taken_within_a_round() {
        let text = report(&[40_000, 20_000, 20_000], &[41_200, 21_300, 21_100], 0);
        assert!(text.contains("costs 1.20 us above"), "{text}");
        assert!(text.ends_with("within the budget of 1.5 us\n"), "{text}");
        let text = report(&[20_000], &[22_000], 0);
        assert!(text.contains("costs 2.00 us above"), "{text}");
        assert!(text.ends_with("over the budget of 1.5 us\n"), "{text}");
    }

    #[test]
    fn a_busy_machine_is_named() {
        let text = report(&[20_000], &[21_000], 25);
        assert!(text.contains("the worker waited 20 % for"), "{text}");
        assert!(text.ends_with("(measured on a busy machine)\n"), "{text}");
    }
}

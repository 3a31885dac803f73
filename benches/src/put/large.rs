//! One large PUT after the other: CPU time and throughput.

use std::fmt;
use std::time::Duration;

use super::sink::{Pace, Sink};
use super::variant::{Payload, Variant};
use super::{client, constants, receive, start, warm};
use crate::configuration::SignedHeaders;
use crate::cpus::{CpuTime, Cpus};
use crate::error::BenchError;
use crate::memory::Memory;
use crate::options::Options;
use crate::quartiles::Quartiles;

/// The least throughput of a signed PUT beside an unsigned one (DESIGN.md).
const BUDGET: f64 = 0.85;

const MIB: f64 = (1 << 20) as f64;

/// Measures all variants, round by round.
pub(crate) fn measure(options: &Options, cpus: &Cpus) -> Result<Report, BenchError> {
    let length = u64::from(options.large_mib) << 20;
    let sink = Sink::start(Pace::Fast).map_err(BenchError::Store)?;
    let head = |variant, nginx: &_| Ok(warm(variant, nginx, &sink)?.head);
    let constants = constants(sink.port(), cpus, options, head, SignedHeaders::of)?;

    let variants = Variant::ALL;
    let mut report = Report::new(options, cpus.under_test());
    for round in 0..options.large_rounds {
        eprintln!("large PUT: round {} of {}", round + 1, options.large_rounds);
        for step in 0..variants.len() {
            // No variant always comes after the same other one's heat.
            let at = (round + step) % variants.len();
            let variant = variants[at];
            let nginx = start(variant, Some(&constants), sink.port(), cpus, options)?;
            warm(variant, &nginx, &sink)?;
            let body = variant.body(length);

            let memory = Memory::of(nginx.worker())?;
            let before = CpuTime::of(nginx.worker())?;
            let wall = client::put(nginx.port(), &body)?;
            let cpu = CpuTime::of(nginx.worker())?.since(before);
            receive(variant, &body, &sink)?;
            report.add(at, length, cpu, wall);
            report.series[at].grows(Memory::of(nginx.worker())?.growth_since(memory));
        }
    }
    Ok(report)
}

/// What was measured.
pub(crate) struct Report {
    heading: String,
    series: Vec<Series>,
    total: CpuTime,
}

/// The measurements of a variant, one a round.
struct Series {
    variant: Variant,
    /// Seconds of the worker's CPU for a GiB.
    cpu: Vec<f64>,
    /// MiB a second.
    rate: Vec<f64>,
    /// How much of the time the worker ran.
    busy: Vec<f64>,
    /// KiB, the most of all rounds.
    growth: u64,
}

impl Series {
    fn grows(&mut self, growth: u64) {
        self.growth = self.growth.max(growth);
    }
}

impl Report {
    fn new(options: &Options, cpu: usize) -> Self {
        Self {
            heading: format!(
                "PUT of {} MiB through an nginx worker on CPU {cpu}, {} rounds",
                options.large_mib, options.large_rounds
            ),
            series: Self::empty(),
            total: CpuTime::default(),
        }
    }

    fn empty() -> Vec<Series> {
        let series = |variant| Series {
            variant,
            cpu: Vec::new(),
            rate: Vec::new(),
            busy: Vec::new(),
            growth: 0,
        };
        Variant::ALL.map(series).into()
    }

    /// Adds what the variant of this number took for `length` bytes.
    fn add(&mut self, variant: usize, length: u64, cpu: CpuTime, wall: Duration) {
        let mib = length as f64 / MIB;
        let series = &mut self.series[variant];
        series.cpu.push(cpu.run.as_secs_f64() * 1024.0 / mib);
        series.rate.push(mib / wall.as_secs_f64());
        series.busy.push(cpu.run.as_secs_f64() / wall.as_secs_f64());
        self.total += cpu;
    }

    fn of(&self, variant: Variant) -> Option<&Series> {
        self.series.iter().find(|series| series.variant == variant)
    }

    /// The throughput of `a` in that of `b`.
    fn ratio(&self, a: Variant, b: Variant) -> Option<Quartiles> {
        Quartiles::within_rounds(&self.of(a)?.rate, &self.of(b)?.rate, |a, b| a / b)
    }

    fn line(&self, series: &Series) -> Option<String> {
        let of = |samples: &[f64]| Quartiles::of(samples.iter().copied());
        let (cpu, rate) = (of(&series.cpu)?, of(&series.rate)?);
        let ratio = self.ratio(series.variant, series.variant.plain())?;
        Some(format!(
            "{:24}{:>8.3}{:>16}{:>8.0}{:>16}{:>8.2}{:>14}{:>7.0}%{:>7}",
            series.variant.to_string(),
            cpu.median,
            format!("{:.3} .. {:.3}", cpu.lower, cpu.upper),
            rate.median,
            format!("{:.0} .. {:.0}", rate.lower, rate.upper),
            ratio.median,
            format!("{:.2} .. {:.2}", ratio.lower, ratio.upper),
            100.0 * of(&series.busy)?.median,
            series.growth,
        ))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.heading)?;
        writeln!(
            f,
            "{:24}{:>24}{:>24}{:>22}{:>8}{:>7}",
            "", "worker's CPU s / GiB", "MiB / s", "of plain's MiB / s", "busy", "grown"
        )?;
        for series in &self.series {
            if let Some(line) = self.line(series) {
                writeln!(f, "{line}")?;
            }
        }
        writeln!(
            f,
            "\nMedians with quartiles. Busy: the worker's part of the time; grown: the most that its \
             memory grew by, in KiB.\nOf the time it had work, the worker waited {:.0} % for its CPU",
            self.total.waited_percent()
        )?;

        let buffered = |payload| Variant {
            payload,
            buffered: true,
        };
        let Some(ratio) = self.ratio(buffered(Payload::Signed), buffered(Payload::Unsigned)) else {
            return Ok(());
        };
        let ratio = ratio.median;
        let verdict = if ratio >= BUDGET { "within" } else { "below" };
        let doubt = self.total.doubt();
        writeln!(
            f,
            "a signed PUT has {ratio:.2} of the throughput of an unsigned one: {verdict} the budget \
             of {BUDGET}{doubt}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(unsigned: &[u64], signed: &[u64]) -> String {
        let at = |payload| {
            let has = |variant: &Variant| variant.buffered && variant.payload == payload;
            Variant::ALL.iter().position(has).unwrap()
        };
        let mut report = Report {
            heading: String::new(),
            series: Report::empty(),
            total: CpuTime::default(),
        };
        for (at, samples) in [
            (at(Payload::Unsigned), unsigned),
            (at(Payload::Signed), signed),
        ] {
            for milliseconds in samples {
                let wall = Duration::from_millis(*milliseconds);
                let cpu = CpuTime {
                    run: wall / 2,
                    waited: Duration::ZERO,
                };
                report.add(at, 1 << 30, cpu, wall);
            }
        }
        report.to_string()
    }

    /// The first round ran while the machine was busy.
    #[test]
    fn throughput_is_compared_within_a_round() {
        let text = report(&[4000, 900, 900], &[4400, 1000, 1000]);
        assert!(text.contains("has 0.90 of the throughput"), "{text}");
        assert!(text.ends_with("within the budget of 0.85\n"), "{text}");
        let text = report(&[900], &[1800]);
        assert!(text.ends_with("below the budget of 0.85\n"), "{text}");
    }
}

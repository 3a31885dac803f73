//! Many small PUTs: CPU time and rate.

use std::fmt;

use super::body::Body;
use super::variant::Variant;
use super::{constants, start};
use crate::configuration::{self, SignedHeaders};
use crate::cpus::{CpuTime, Cpus};
use crate::error::BenchError;
use crate::load::{self, Answers, Load};
use crate::nginx::Nginx;
use crate::options::Options;
use crate::quartiles::Quartiles;

/// The length of the body, in bytes.
const LENGTH: u64 = 4096;

/// Measures all variants, round by round.
pub(crate) fn measure(options: &Options, cpus: &Cpus) -> Result<Report, BenchError> {
    let origin = Nginx::start(configuration::ORIGIN, &[], options)?;
    let constants = constants(origin.port(), cpus, options, echo, SignedHeaders::parse)?;

    let variants = Variant::ALL;
    let mut report = Report::new(options, cpus.under_test());
    for round in 0..options.small_rounds {
        eprintln!("small PUT: round {} of {}", round + 1, options.small_rounds);
        for step in 0..variants.len() {
            // No variant always comes after the same other one's heat.
            let at = (round + step) % variants.len();
            let variant = variants[at];
            let nginx = start(variant, Some(&constants), origin.port(), cpus, options)?;
            check(variant, &echo(variant, &nginx)?)?;
            let body = variant.body(LENGTH);
            let load = Load::put(options.seconds, &text(&body), body.headers())?;

            let before = CpuTime::of(nginx.worker())?;
            let answers = load.run(nginx.port())?;
            let cpu = CpuTime::of(nginx.worker())?.since(before);
            report.add(at, cpu, answers);
        }
    }
    Ok(report)
}

/// All that a client sends.
fn text(body: &Body) -> String {
    let (piece, times, end) = body.parts();
    piece.repeat(times as usize) + end
}

/// What the origin receives of the headers that signing is about, one a line.
fn echo(variant: Variant, nginx: &Nginx) -> Result<String, BenchError> {
    let body = variant.body(LENGTH);
    let (port, target) = (nginx.port(), configuration::ECHO);
    Ok(load::ask(
        port,
        "PUT",
        target,
        body.headers(),
        &text(&body),
    )?)
}

fn check(variant: Variant, echo: &str) -> Result<(), BenchError> {
    match SignedHeaders::parse(echo) {
        Some(headers) if variant.sends(headers.payload()) => Ok(()),
        _ => Err(BenchError::Sends {
            variant: variant.to_string(),
            received: echo.to_owned(),
        }),
    }
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
    /// Microseconds of the worker's CPU for a request.
    cpu: Vec<f64>,
    /// Requests a second.
    rate: Vec<f64>,
}

impl Report {
    fn new(options: &Options, cpu: usize) -> Self {
        let series = |variant| Series {
            variant,
            cpu: Vec::new(),
            rate: Vec::new(),
        };
        Self {
            heading: format!(
                "PUTs of {LENGTH} bytes through an nginx worker on CPU {cpu}, {} rounds of {} s",
                options.small_rounds, options.seconds
            ),
            series: Variant::ALL.map(series).into(),
            total: CpuTime::default(),
        }
    }

    /// Adds what the variant of this number took.
    fn add(&mut self, variant: usize, cpu: CpuTime, answers: Answers) {
        let microseconds = cpu.run.as_secs_f64() * 1e6 / answers.count as f64;
        self.series[variant].cpu.push(microseconds);
        self.series[variant].rate.push(answers.per_second);
        self.total += cpu;
    }

    fn line(&self, series: &Series) -> Option<String> {
        let of = |samples: &[f64]| Quartiles::of(samples.iter().copied());
        let (cpu, rate) = (of(&series.cpu)?, of(&series.rate)?);
        let plain = series.variant.plain();
        let plain = self.series.iter().find(|other| other.variant == plain)?;
        let more = Quartiles::within_rounds(&series.cpu, &plain.cpu, |a, b| a - b)?;
        let ratio = Quartiles::within_rounds(&series.rate, &plain.rate, |a, b| a / b)?;
        Some(format!(
            "{:24}{:>8.2}{:>16}{:>8.2}{:>16}{:>9.0}{:>8.2}",
            series.variant.to_string(),
            cpu.median,
            format!("{:.2} .. {:.2}", cpu.lower, cpu.upper),
            more.median,
            format!("{:.2} .. {:.2}", more.lower, more.upper),
            rate.median,
            ratio.median,
        ))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.heading)?;
        writeln!(
            f,
            "{:24}{:>24}{:>24}{:>9}{:>8}",
            "", "CPU us a request", "above plain", "PUT / s", "ratio"
        )?;
        for series in &self.series {
            if let Some(line) = self.line(series) {
                writeln!(f, "{line}")?;
            }
        }
        writeln!(
            f,
            "\nMedians with quartiles. Of the time it had work, the worker waited {:.0} % for its \
             CPU{}",
            self.total.waited_percent(),
            self.total.doubt()
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_signing_adds_is_taken_within_a_round() {
        let mut report = Report {
            heading: String::new(),
            series: Vec::new(),
            total: CpuTime::default(),
        };
        for (at, rounds) in [[80, 40, 40], [86, 47, 46]].into_iter().enumerate() {
            report.series.push(Series {
                variant: Variant::ALL[at],
                cpu: Vec::new(),
                rate: Vec::new(),
            });
            for microseconds in rounds {
                let cpu = CpuTime {
                    run: Duration::from_micros(microseconds * 1000),
                    waited: Duration::ZERO,
                };
                let answers = Answers {
                    count: 1000,
                    per_second: 1e6 / microseconds as f64,
                };
                report.add(at, cpu, answers);
            }
        }
        let text = report.to_string();
        let line = text
            .lines()
            .find(|line| line.starts_with("unsigned"))
            .unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[6], "6.00", "{line}");
        assert_eq!(words[10], "21277", "{line}");
    }
}

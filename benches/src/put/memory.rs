//! How much a worker's memory grows while it sends a body: to an upstream that is much slower than
//! the client, and with a very long body.

use std::fmt;
use std::thread;
use std::time::Duration;

use super::sink::{Pace, Sink};
use super::variant::{Payload, Variant};
use super::{client, constants, receive, start, warm};
use crate::configuration::SignedHeaders;
use crate::cpus::Cpus;
use crate::error::BenchError;
use crate::memory::Memory;
use crate::options::Options;

/// How long the slow upstream is slow: by then, any client here has sent everything that nginx
/// accepts.
const SLOW: Duration = Duration::from_secs(10);

/// What it is sent, in bytes. The kernel keeps a few MiB of that outside nginx.
const SLOW_LENGTH: u64 = 64 << 20;

/// A body as long as S3 takes in one PUT, in bytes.
const LONG_LENGTH: u64 = 5 << 30;

/// How much the worker may grow by while it streams, in KiB (DESIGN.md).
const BUDGET: u64 = 2048;

/// What was measured.
pub(crate) struct Report {
    /// Growth in KiB.
    slow: Vec<(Variant, u64)>,
    long: Vec<(Variant, u64)>,
}

/// Measures each variant once.
pub(crate) fn measure(options: &Options, cpus: &Cpus) -> Result<Report, BenchError> {
    eprintln!("PUT: memory");
    Ok(Report {
        slow: slow(options, cpus)?,
        long: long(options, cpus)?,
    })
}

/// All variants at the same time, since they only wait.
fn slow(options: &Options, cpus: &Cpus) -> Result<Vec<(Variant, u64)>, BenchError> {
    let fast = Sink::start(Pace::Fast).map_err(BenchError::Store)?;
    let head = |variant, nginx: &_| Ok(warm(variant, nginx, &fast)?.head);
    let constants = constants(fast.port(), cpus, options, head, SignedHeaders::of)?;
    let mut running = Vec::new();
    for variant in Variant::ALL {
        let sink = Sink::start(Pace::Slow(SLOW)).map_err(BenchError::Store)?;
        let nginx = start(variant, Some(&constants), sink.port(), cpus, options)?;
        warm(variant, &nginx, &sink)?;
        let before = Memory::of(nginx.worker())?;
        let (port, body) = (nginx.port(), variant.body(SLOW_LENGTH));
        let client = thread::spawn(move || client::put(port, &body).map(|_| body));
        running.push((variant, nginx, sink, before, client));
    }
    running
        .into_iter()
        .map(|(variant, nginx, sink, before, client)| {
            let body = client.join().expect("a client that does not panic")?;
            receive(variant, &body, &sink)?;
            let growth = Memory::of(nginx.worker())?.growth_since(before);
            Ok((variant, growth))
        })
        .collect()
}

/// The variants that hold chunks back.
fn long(options: &Options, cpus: &Cpus) -> Result<Vec<(Variant, u64)>, BenchError> {
    let sink = Sink::start(Pace::Fast).map_err(BenchError::Store)?;
    [Payload::Streaming, Payload::Resigned]
        .map(|payload| {
            let variant = Variant {
                payload,
                buffered: false,
            };
            let nginx = start(variant, None, sink.port(), cpus, options)?;
            warm(variant, &nginx, &sink)?;
            let before = Memory::of(nginx.worker())?;
            let body = variant.body(LONG_LENGTH);
            client::put(nginx.port(), &body)?;
            receive(variant, &body, &sink)?;
            let growth = Memory::of(nginx.worker())?.growth_since(before);
            Ok((variant, growth))
        })
        .into_iter()
        .collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = SLOW.as_secs();
        writeln!(
            f,
            "The most that a worker's memory grew by, in KiB\n\n\
             PUT of {} MiB to a store that reads 1 MiB/s for {seconds} s",
            SLOW_LENGTH >> 20
        )?;
        for (variant, growth) in &self.slow {
            writeln!(f, "{:24}{growth:>8}", variant.to_string())?;
        }
        writeln!(f, "\nPUT of {} GiB", LONG_LENGTH >> 30)?;
        for (variant, growth) in &self.long {
            writeln!(f, "{:24}{growth:>8}", variant.to_string())?;
        }
        writeln!(f)?;
        let signs = |(variant, _): &&(Variant, u64)| variant.payload != Payload::Plain;
        for (what, series) in [
            ("sent to a slow store", &self.slow),
            ("of 5 GiB, streamed,", &self.long),
        ] {
            let Some((_, most)) = series.iter().filter(signs).max_by_key(|(_, growth)| growth)
            else {
                continue;
            };
            let verdict = if *most < BUDGET { "within" } else { "over" };
            writeln!(
                f,
                "a PUT {what} grows the worker by up to {most} KiB: {verdict} the budget of \
                 {BUDGET} KiB"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_signs_is_held_to_the_budget() {
        let [plain, unsigned, ..] = Variant::ALL;
        let text = |long| {
            let report = Report {
                slow: vec![(plain, 5000), (unsigned, 2047)],
                long: vec![(unsigned, long)],
            };
            report.to_string()
        };
        let within = text(100);
        assert!(within.contains("up to 2047 KiB: within"), "{within}");
        assert!(within.contains("up to 100 KiB: within"), "{within}");
        assert!(text(2048).contains("up to 2048 KiB: over"));
    }
}

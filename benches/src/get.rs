//! The same GET through plain proxy_pass, with the signed headers as constants, signed in each style,
//! and signed by another module.

mod report;
mod variant;

use self::report::Report;
use self::variant::Variant;
use crate::configuration::{self, SignedHeaders};
use crate::cpus::{CpuTime, Cpus};
use crate::error::BenchError;
use crate::load::{self, Load};
use crate::nginx::Nginx;
use crate::options::Options;

/// Measures all variants, round by round.
pub(crate) fn measure(options: &Options, cpus: &Cpus) -> Result<Report, BenchError> {
    let load = Load::get(options.seconds, options.query);
    let origin = Nginx::start(configuration::ORIGIN, &[], options)?;

    let signed = start(Variant::Signed, None, &origin, cpus, options)?;
    let constants = SignedHeaders::parse(&echo(Variant::Signed, &signed)?)
        .ok_or_else(|| sends(Variant::Signed, ""))?;
    drop(signed);

    let variants = Variant::all(options.peer.is_some());
    let mut report = Report::new(options, &load, &variants, cpus.under_test());
    for round in 0..options.rounds {
        eprintln!("GET: round {} of {}", round + 1, options.rounds);
        for step in 0..variants.len() {
            // No variant always comes after the same other one's heat.
            let at = (round + step) % variants.len();
            let variant = variants[at];
            let nginx = start(variant, Some(&constants), &origin, cpus, options)?;
            check(variant, &echo(variant, &nginx)?, &constants)?;

            let before = CpuTime::of(nginx.worker())?;
            let answers = load.run(nginx.port())?;
            let after = CpuTime::of(nginx.worker())?;
            report.add(at, after.since(before), answers.count);
        }
    }
    Ok(report)
}

/// Starts the nginx of a variant, on the CPU that is measured.
fn start(
    variant: Variant,
    constants: Option<&SignedHeaders>,
    origin: &Nginx,
    cpus: &Cpus,
    options: &Options,
) -> Result<Nginx, BenchError> {
    let location = variant.location(constants);
    let values = [
        ("module", variant.load_module(options)),
        ("origin", origin.port().to_string()),
        ("location", location),
    ];
    Ok(cpus.on_the_measured(|| Nginx::start(configuration::PROXY, &values, options))??)
}

/// What the origin receives of the headers that signing is about, one a line.
fn echo(variant: Variant, nginx: &Nginx) -> Result<String, BenchError> {
    let headers = load::get(nginx.port(), configuration::ECHO)?;
    match headers.lines().count() {
        5 => Ok(headers),
        _ => Err(sends(variant, &headers)),
    }
}

fn check(variant: Variant, headers: &str, constants: &SignedHeaders) -> Result<(), BenchError> {
    let found = SignedHeaders::parse(headers);
    let mut rest = headers.lines().skip(3);
    let (authorization, query) = (rest.next().unwrap_or_default(), rest.next());
    let query = query.unwrap_or_default();
    let expected = match variant {
        Variant::Query => authorization.is_empty() && query.contains("&X-Amz-Signature="),
        Variant::V2 => authorization.starts_with("AWS AKIA") && query.is_empty(),
        Variant::QueryV2 => authorization.is_empty() && query.contains("&Signature="),
        Variant::Plain => found.is_none(),
        Variant::Constant => found.as_ref() == Some(constants),
        Variant::Signed | Variant::Peer => found.is_some_and(|found| found.host == constants.host),
    };
    if expected {
        Ok(())
    } else {
        Err(sends(variant, headers))
    }
}

fn sends(variant: Variant, received: &str) -> BenchError {
    BenchError::Sends {
        variant: variant.to_string(),
        received: received.to_owned(),
    }
}

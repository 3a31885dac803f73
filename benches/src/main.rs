//! What signing costs an nginx worker: the same GET through plain proxy_pass, with the signed
//! headers as constants, signed, and signed by another module. See README.md.

mod cpus;
mod load;
mod nginx;
mod options;
mod report;
mod variant;

use std::fmt;
use std::process::ExitCode;

use cpus::{CpuError, CpuTime, Cpus};
use load::{Load, LoadError};
use nginx::{Nginx, StartError};
use options::{Options, OptionsError};
use report::Report;
use variant::{SignedHeaders, Variant};

fn main() -> ExitCode {
    match Options::from_environment()
        .map_err(BenchError::from)
        .and_then(|options| run(&options))
    {
        Ok(report) => {
            print!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("nginx-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why nothing could be measured.
enum BenchError {
    Options(OptionsError),
    Cpu(CpuError),
    Start(StartError),
    Load(LoadError),
    /// A variant does not send what is to be measured.
    Sends {
        variant: Variant,
        headers: String,
    },
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(error) => error.fmt(f),
            Self::Cpu(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::Load(error) => error.fmt(f),
            Self::Sends { variant, headers } => write!(
                f,
                "{variant}: the origin received other headers than expected: {headers:?}"
            ),
        }
    }
}

/// Measures all variants, round by round.
fn run(options: &Options) -> Result<Report, BenchError> {
    let cpus = Cpus::choose()?;
    let load = Load::new(options.seconds, options.query);
    let origin = Nginx::start(variant::ORIGIN, &[], options)?;

    let signed = start(Variant::Signed, None, &origin, &cpus, options)?;
    let constants = SignedHeaders::parse(&echo(Variant::Signed, &signed)?).ok_or_else(|| {
        BenchError::Sends {
            variant: Variant::Signed,
            headers: String::new(),
        }
    })?;
    drop(signed);

    let variants = Variant::all(options.peer.is_some());
    let mut report = Report::new(options, &load, &variants, cpus.under_test());
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        for step in 0..variants.len() {
            // No variant always comes after the same other one's heat.
            let at = (round + step) % variants.len();
            let variant = variants[at];
            let nginx = start(variant, Some(&constants), &origin, &cpus, options)?;
            check(variant, &echo(variant, &nginx)?, &constants)?;

            let before = CpuTime::of(nginx.worker())?;
            let requests = load.run(nginx.port())?;
            let after = CpuTime::of(nginx.worker())?;
            report.add(at, after.since(before), requests);
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
    Ok(cpus.on_the_measured(|| Nginx::start(variant::PROXY, &values, options))??)
}

/// What the origin receives of the headers that signing is about, one a line.
fn echo(variant: Variant, nginx: &Nginx) -> Result<String, BenchError> {
    let headers = load::get(nginx.port(), variant::ECHO)?;
    match headers.lines().count() {
        4 => Ok(headers),
        _ => Err(BenchError::Sends { variant, headers }),
    }
}

fn check(variant: Variant, headers: &str, constants: &SignedHeaders) -> Result<(), BenchError> {
    let found = SignedHeaders::parse(headers);
    let expected = match variant {
        Variant::Plain => found.is_none(),
        Variant::Constant => found.as_ref() == Some(constants),
        Variant::Signed | Variant::Peer => found.is_some_and(|found| found.host == constants.host),
    };
    if expected {
        Ok(())
    } else {
        let headers = headers.to_owned();
        Err(BenchError::Sends { variant, headers })
    }
}

impl From<OptionsError> for BenchError {
    fn from(error: OptionsError) -> Self {
        Self::Options(error)
    }
}

impl From<CpuError> for BenchError {
    fn from(error: CpuError) -> Self {
        Self::Cpu(error)
    }
}

impl From<StartError> for BenchError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

impl From<LoadError> for BenchError {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

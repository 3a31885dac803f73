//! What signing costs an nginx worker, beside plain proxy_pass of the same requests. See README.md.

mod configuration;
mod cpus;
mod error;
mod get;
mod load;
mod memory;
mod nginx;
mod options;
mod put;
mod quartiles;

use std::process::ExitCode;

use cpus::Cpus;
use error::BenchError;
use options::{Options, Part};

fn main() -> ExitCode {
    match Options::from_environment()
        .map_err(BenchError::from)
        .and_then(|options| run(&options))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nginx-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures part after part, and prints each as it is there.
fn run(options: &Options) -> Result<(), BenchError> {
    let cpus = Cpus::choose()?;
    for part in &options.parts {
        match part {
            Part::Get => println!("{}", get::measure(options, &cpus)?),
            Part::Small => println!("{}", put::small::measure(options, &cpus)?),
            Part::Large => println!("{}", put::large::measure(options, &cpus)?),
            Part::Memory => println!("{}", put::memory::measure(options, &cpus)?),
        }
    }
    Ok(())
}

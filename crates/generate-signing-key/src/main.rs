//! Prints the signing keys that a secret access key derives for a region and a service, each with
//! its credential scope: the values of `aws_signing_key` and `aws_key_scope`.

mod arguments;
mod keys;
mod secret;

use std::io::{self, Write};
use std::process::ExitCode;

use arguments::{Arguments, Command, USAGE};

const VERSION: &str = concat!("generate_signing_key ", env!("CARGO_PKG_VERSION"), "\n");

/// An argument is invalid or missing.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(lexopt::Parser::from_env()) {
        Ok(Command::Generate(arguments)) => arguments,
        Ok(Command::Help) => return print(USAGE.as_bytes()),
        Ok(Command::Version) => return print(VERSION.as_bytes()),
        Err(error) => return fail(BAD_INPUT, &error.to_string()),
    };
    let secret = match arguments.secret.read() {
        Ok(secret) => secret,
        Err(error) => return fail(BAD_INPUT, &error.to_string()),
    };
    match keys::generate(&arguments, &secret) {
        Ok(lines) => {
            if arguments.verbose {
                eprint!("{}", keys::chosen(&arguments));
            }
            print(&lines)
        }
        Err(error) => fail(BAD_INPUT, &error.to_string()),
    }
}

fn print(text: &[u8]) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, &format!("cannot write to standard output: {error}")),
    }
}

fn fail(status: u8, message: &str) -> ExitCode {
    eprintln!("generate_signing_key: {message}");
    ExitCode::from(status)
}

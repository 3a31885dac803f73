//! Programs that print credentials.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_credentials::host::{Command, ExitStatus, Output, RunError};
use zeroize::Zeroizing;

use crate::ffi::net::connection::Connection;
use crate::ffi::process::child::{Child, Program, Report};
use crate::ffi::process::log::Log;
use crate::renewal::net::within;

/// Where programs are searched if the environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// How much longer than the worker the supervisor waits.
const SLACK: Duration = Duration::from_secs(1);

/// See [`aws_credentials::Host::run`].
pub(crate) async fn run(command: Command) -> Result<Output, RunError> {
    let program = prepare(&command)?;
    let child = Child::start(&program, command.timeout + SLACK).map_err(|error| system(&error))?;
    let finished = within(command.timeout, watch(child, command.limit)).await;
    finished.unwrap_or(Err(RunError::Timeout))
}

/// Collects the program's output, and waits for its end. It is dropped at the deadline, which kills
/// the program.
async fn watch(child: Child, limit: usize) -> Result<Output, RunError> {
    // Dropping it kills the program.
    let Child {
        output,
        reports,
        control,
    } = child;
    let stdout = read_all(output, limit).await?;
    let status = match read_report(reports).await? {
        Some(Report::Exited(status)) => ExitStatus::Exited(status),
        Some(Report::Signaled(signal)) => ExitStatus::Signaled(signal),
        Some(Report::NotStarted(error)) => {
            let error = io::Error::from_raw_os_error(error);
            return Err(RunError::Start(error.to_string()));
        }
        None => return Err(RunError::System("its end was not reported".to_owned())),
    };
    control.release();
    Ok(Output { status, stdout })
}

/// Everything that a program writes before it closes its standard output.
async fn read_all(pipe: OwnedFd, limit: usize) -> Result<Zeroizing<Vec<u8>>, RunError> {
    let mut pipe = Connection::of_pipe(pipe, Log::of_cycle()).map_err(|error| system(&error))?;
    // With room for one byte more than allowed, so that it need not grow.
    let mut bytes = Zeroizing::new(vec![0; limit + 1]);
    let mut length = 0;
    while length <= limit {
        match pipe.read(&mut bytes[length..]).await {
            Ok(0) => {
                bytes.truncate(length);
                return Ok(bytes);
            }
            Ok(count) => length += count,
            Err(error) => return Err(system(&error)),
        }
    }
    Err(RunError::TooLarge(limit))
}

/// The first report. There can be another one, on how a program ended that was not started.
async fn read_report(pipe: OwnedFd) -> Result<Option<Report>, RunError> {
    let mut pipe = Connection::of_pipe(pipe, Log::of_cycle()).map_err(|error| system(&error))?;
    let mut bytes = [0; Report::SIZE];
    let mut length = 0;
    while length < bytes.len() {
        match pipe.read(&mut bytes[length..]).await {
            Ok(0) => return Ok(None),
            Ok(count) => length += count,
            Err(error) => return Err(system(&error)),
        }
    }
    Ok(Report::decode(bytes))
}

fn system(error: &io::Error) -> RunError {
    RunError::System(error.to_string())
}

fn prepare(command: &Command) -> Result<Program, RunError> {
    let text = |bytes: &[u8]| {
        CString::new(bytes)
            .map_err(|_| RunError::Start("a word of it contains a zero byte".to_owned()))
    };
    let path = find(command)?;
    let mut arguments = vec![text(command.program.as_os_str().as_bytes())?];
    for argument in &command.arguments {
        arguments.push(text(argument.as_bytes())?);
    }
    let mut environment = Vec::new();
    for (name, value) in &command.environment {
        environment.push(text(format!("{name}={value}").as_bytes())?);
    }
    Ok(Program {
        path: text(path.as_os_str().as_bytes())?,
        arguments,
        environment,
    })
}

/// Where the program is.
fn find(command: &Command) -> Result<PathBuf, RunError> {
    let name = &command.program;
    if name.as_os_str().as_bytes().contains(&b'/') {
        return Ok(name.clone());
    }
    let path = command.environment.iter().find(|(name, _)| *name == "PATH");
    let path = path.map_or(DEFAULT_PATH, |(_, path)| path);
    let folders = path.split(':').filter(|folder| folder.starts_with('/'));
    let mut places = folders.map(|folder| Path::new(folder).join(OsStr::new(name)));
    let is_program = |place: &PathBuf| {
        std::fs::metadata(place)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    places
        .find(is_program)
        .ok_or_else(|| RunError::Start(format!("it is not in PATH, which is {path}")))
}

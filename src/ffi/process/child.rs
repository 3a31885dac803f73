//! Runs a program as a child process.
//!
//! nginx reaps all children of its processes itself, so the module cannot wait for an exit status;
//! and nginx logs an alert for each child that a signal has ended. So the program is the child of a
//! supervisor process, which is forked from the worker. The supervisor only waits, reports over a
//! pipe how the program ended, and exits with status 0. It kills the program and its process group
//! when the worker says over a pipe that it has read everything. It kills everything that the
//! program has left, in any session,
//!
//! - when the worker closes its end of that pipe without saying so, or dies;
//! - at the deadline, if the worker has done neither.
//!
//! So a program can start a daemon that outlives it, such as an agent that keeps a password, but a
//! program that hangs leaves nothing behind.

mod supervisor;

use std::ffi::{CString, c_char};
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::{null, null_mut};
use std::time::Duration;

use supervisor::{Prepared, supervise};

/// What to run: a program by its path, with its arguments (its own name first) and environment.
pub(crate) struct Program {
    pub(crate) path: CString,
    pub(crate) arguments: Vec<CString>,
    pub(crate) environment: Vec<CString>,
}

/// A running program.
pub(crate) struct Child {
    /// The program's standard output.
    pub(crate) output: OwnedFd,
    /// The source of [`Report`]s, of [`Report::SIZE`] bytes each.
    pub(crate) reports: OwnedFd,
    /// Dropping it kills the program and what it has left.
    pub(crate) control: Control,
}

/// The worker's end of the pipe that keeps a program alive.
pub(crate) struct Control(OwnedFd);

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// It was not started: a system error.
    NotStarted(i32),
    /// It exited with this status.
    Exited(i32),
    /// This signal ended it.
    Signaled(i32),
}

impl Report {
    /// The length of a report in bytes.
    pub(crate) const SIZE: usize = 5;

    const NOT_STARTED: u8 = 1;
    const EXITED: u8 = 2;
    const SIGNALED: u8 = 3;

    pub(crate) fn decode(bytes: [u8; Self::SIZE]) -> Option<Self> {
        let [kind, value @ ..] = bytes;
        let value = i32::from_ne_bytes(value);
        match kind {
            Self::NOT_STARTED => Some(Self::NotStarted(value)),
            Self::EXITED => Some(Self::Exited(value)),
            Self::SIGNALED => Some(Self::Signaled(value)),
            _ => None,
        }
    }

    fn encode(kind: u8, value: i32) -> [u8; Self::SIZE] {
        let [a, b, c, d] = value.to_ne_bytes();
        [kind, a, b, c, d]
    }
}

impl Child {
    /// Starts `program`, which can run for `limit`.
    pub(crate) fn start(program: &Program, limit: Duration) -> io::Result<Self> {
        let (output, its_output) = pipe()?;
        let (reports, its_reports) = pipe()?;
        let (its_control, control) = pipe()?;
        let null_device = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/null")?;
        for end in [&output, &reports] {
            set_nonblocking(end)?;
        }
        let arguments = pointers(&program.arguments);
        let environment = pointers(&program.environment);
        let prepared = Prepared {
            path: program.path.as_ptr(),
            arguments: arguments.as_ptr(),
            environment: environment.as_ptr(),
            null: null_device.as_raw_fd(),
            output: its_output.as_raw_fd(),
            reports: its_reports.as_raw_fd(),
            control: its_control.as_raw_fd(),
            milliseconds: i64::try_from(limit.as_millis()).unwrap_or(i64::MAX),
        };

        // SAFETY: signals are held back, so that no handler of nginx's runs in the new process. That
        // one goes on in `supervise`, which keeps to async-signal-safe functions and never returns.
        unsafe {
            let mut every = MaybeUninit::<libc::sigset_t>::uninit();
            let mut before = MaybeUninit::<libc::sigset_t>::uninit();
            libc::sigfillset(every.as_mut_ptr());
            libc::sigprocmask(libc::SIG_SETMASK, every.as_ptr(), before.as_mut_ptr());
            let pid = libc::fork();
            if pid == 0 {
                supervise(&prepared);
            }
            let error = io::Error::last_os_error();
            libc::sigprocmask(libc::SIG_SETMASK, before.as_ptr(), null_mut());
            if pid < 0 {
                return Err(error);
            }
        }
        Ok(Self {
            output,
            reports,
            control: Control(control),
        })
    }
}

impl Control {
    /// The program has done its work: what has left its process group can continue.
    pub(crate) fn release(self) {
        let Self(control) = self;
        // Nobody reads more than a byte, and writing so few to a pipe does not block.
        let _ = std::fs::File::from(control).write(b".");
    }
}

/// Both ends of a pipe, read and write, closed on exec. Neither is one of the first three
/// descriptors, which get another meaning in the program.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors, which are new and owned by nobody else.
    let (read, write) = unsafe {
        if libc::pipe(ends.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
    };
    Ok((raised(&read)?, raised(&write)?))
}

fn raised(end: &OwnedFd) -> io::Result<OwnedFd> {
    // SAFETY: a live descriptor; the new one is owned by nobody else.
    unsafe {
        let fd = libc::fcntl(end.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 10);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

fn set_nonblocking(end: &OwnedFd) -> io::Result<()> {
    // SAFETY: a live descriptor.
    let code = unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    if code < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Pointers to the texts, and a null pointer after them.
fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    let texts = texts.iter().map(|text| text.as_ptr());
    texts.chain([null()]).collect()
}

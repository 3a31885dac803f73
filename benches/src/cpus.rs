//! Which CPU is measured, and how long a process has run.

use std::fmt;
use std::fs;
use std::io;
use std::ops::AddAssign;
use std::time::Duration;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// How much of its time a process may wait for its CPU on a machine that is quiet, in percent.
const QUIET: f64 = 5.0;

/// The CPUs of this process: one for the worker under test, the rest for everything else.
pub(crate) struct Cpus {
    under_test: usize,
    rest: CpuSet,
}

/// Why CPUs or CPU times cannot be had.
#[derive(Debug)]
pub(crate) enum CpuError {
    /// Worker and load would share the only CPU.
    One,
    /// The kernel refuses to pin.
    Pin(io::Error),
    /// The process has ended, or the kernel was built without CONFIG_SCHED_INFO.
    Time { pid: Pid },
}

impl fmt::Display for CpuError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One => f.write_str("two CPUs are needed: one for nginx, one for the load"),
            Self::Pin(error) => write!(f, "cannot pin to a CPU: {error}"),
            Self::Time { pid } => write!(
                f,
                "/proc/{pid}/schedstat cannot be read: nginx has ended, or the kernel lacks \
                 CONFIG_SCHED_INFO"
            ),
        }
    }
}

impl Cpus {
    /// Takes the last CPU for the test, since the first ones serve most interrupts, and leaves it:
    /// this process and what it starts run on the others, except inside
    /// [`Cpus::on_the_measured`].
    pub(crate) fn choose() -> Result<Self, CpuError> {
        let mut rest = sched_getaffinity(None).map_err(pin)?;
        let under_test = (0..CpuSet::MAX_CPU)
            .rev()
            .find(|cpu| rest.is_set(*cpu))
            .filter(|_| rest.count() > 1)
            .ok_or(CpuError::One)?;
        rest.unset(under_test);
        sched_setaffinity(None, &rest).map_err(pin)?;
        Ok(Self { under_test, rest })
    }

    /// The number of the CPU that is measured.
    pub(crate) fn under_test(&self) -> usize {
        self.under_test
    }

    /// Calls `start` on the CPU that is measured: processes inherit where they may run.
    pub(crate) fn on_the_measured<T>(&self, start: impl FnOnce() -> T) -> Result<T, CpuError> {
        let mut only = CpuSet::new();
        only.set(self.under_test);
        sched_setaffinity(None, &only).map_err(pin)?;
        let started = start();
        sched_setaffinity(None, &self.rest).map_err(pin)?;
        Ok(started)
    }
}

fn pin(error: rustix::io::Errno) -> CpuError {
    CpuError::Pin(error.into())
}

/// What a process of one thread has had of its CPU so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CpuTime {
    /// How long it has run.
    pub(crate) run: Duration,
    /// How long it could have run, had others not run there.
    pub(crate) waited: Duration,
}

impl CpuTime {
    /// Asks the kernel. Exact where the process sleeps: what runs is accounted for at the next
    /// tick.
    pub(crate) fn of(pid: Pid) -> Result<Self, CpuError> {
        fs::read_to_string(format!("/proc/{pid}/schedstat"))
            .ok()
            .and_then(|text| Self::parse(&text))
            .ok_or(CpuError::Time { pid })
    }

    /// How much of the time in which it had work the process waited for its CPU, in percent.
    pub(crate) fn waited_percent(self) -> f64 {
        let Self { run, waited } = self;
        100.0 * waited.as_secs_f64() / (run + waited).as_secs_f64()
    }

    /// What to say of figures where the machine was not quiet.
    pub(crate) fn doubt(self) -> &'static str {
        if self.waited_percent() > QUIET {
            " (measured on a busy machine)"
        } else {
            ""
        }
    }

    /// What came after `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            run: self.run.saturating_sub(earlier.run),
            waited: self.waited.saturating_sub(earlier.waited),
        }
    }

    /// Nanoseconds on a CPU, nanoseconds of waiting for it, number of time slices.
    fn parse(schedstat: &str) -> Option<Self> {
        let mut numbers = schedstat.split_whitespace().map(|text| text.parse().ok());
        Some(Self {
            run: Duration::from_nanos(numbers.next()??),
            waited: Duration::from_nanos(numbers.next()??),
        })
    }
}

impl AddAssign for CpuTime {
    fn add_assign(&mut self, more: Self) {
        self.run += more.run;
        self.waited += more.waited;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_from_the_first_two_numbers() {
        let time = |run, waited| CpuTime {
            run: Duration::from_nanos(run),
            waited: Duration::from_nanos(waited),
        };
        let earlier = CpuTime::parse("1065823338 1157660623 337\n");
        assert_eq!(earlier, Some(time(1_065_823_338, 1_157_660_623)));
        let later = CpuTime::parse("1065823438 1157660630 338\n").unwrap();
        assert_eq!(later.since(earlier.unwrap()), time(100, 7));
        assert_eq!(CpuTime::parse("1"), None);
        assert_eq!(CpuTime::parse("x 1 2"), None);
    }
}

//! How much memory a process takes.

use std::fmt;
use std::fs;

use rustix::process::Pid;

/// The memory of a process, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// What it has now.
    pub(crate) resident: u64,
    /// The most that it has had.
    pub(crate) peak: u64,
}

/// The process has ended.
#[derive(Debug)]
pub(crate) struct MemoryError {
    pid: Pid,
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid } = self;
        write!(f, "/proc/{pid}/status cannot be read: nginx has ended")
    }
}

impl Memory {
    /// Asks the kernel.
    pub(crate) fn of(pid: Pid) -> Result<Self, MemoryError> {
        fs::read_to_string(format!("/proc/{pid}/status"))
            .ok()
            .and_then(|text| Self::parse(&text))
            .ok_or(MemoryError { pid })
    }

    /// By how much the peak lies above what there was at `earlier`.
    pub(crate) fn growth_since(self, earlier: Self) -> u64 {
        self.peak.saturating_sub(earlier.resident)
    }

    fn parse(status: &str) -> Option<Self> {
        let value = |name: &str| {
            let mut lines = status.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            value.trim().strip_suffix(" kB")?.parse().ok()
        };
        Some(Self {
            resident: value("VmRSS")?,
            peak: value("VmHWM")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_counts_from_what_there_was() {
        let status = |peak: u64, resident: u64| {
            format!("Name:\tnginx\nVmHWM:\t{peak:8} kB\nVmRSS:\t{resident:8} kB\nThreads:\t1\n")
        };
        let earlier = Memory::parse(&status(5000, 4000)).unwrap();
        let later = Memory::parse(&status(6500, 4100)).unwrap();
        assert_eq!(later.growth_since(earlier), 2500);
        assert_eq!(Memory::parse("VmHWM:\t 1 kB\n"), None);
    }
}

//! Why nothing could be measured.

use std::fmt;
use std::io;

use crate::cpus::CpuError;
use crate::load::LoadError;
use crate::memory::MemoryError;
use crate::nginx::StartError;
use crate::options::OptionsError;

/// Why nothing could be measured.
pub(crate) enum BenchError {
    Options(OptionsError),
    Cpu(CpuError),
    Memory(MemoryError),
    Start(StartError),
    Load(LoadError),
    /// The upstream for uploads does not run.
    Store(io::Error),
    /// A variant does not send what is to be measured.
    Sends {
        variant: String,
        received: String,
    },
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(error) => error.fmt(f),
            Self::Cpu(error) => error.fmt(f),
            Self::Memory(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::Load(error) => error.fmt(f),
            Self::Store(error) => write!(f, "the store cannot run: {error}"),
            Self::Sends { variant, received } => write!(
                f,
                "{variant}: the store received something else than expected: {received:?}"
            ),
        }
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

impl From<MemoryError> for BenchError {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
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

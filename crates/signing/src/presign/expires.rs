//! How long a presigned request is valid.

use std::time::Duration;

/// The lifetime of a presigned request: 1 second to 7 days, in whole seconds.
///
/// It is counted from the request's date. AWS also rejects the request once the credentials that
/// signed it have expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expires(u32);

impl Expires {
    /// The maximum that AWS allows: 7 days.
    pub const MAX: Self = Self(604_800);

    /// The default of most SDKs: 15 minutes.
    pub const DEFAULT: Self = Self(900);

    /// One hour.
    pub const HOUR: Self = Self(3600);

    /// A lifetime of `secs` seconds.
    pub fn from_secs(secs: u64) -> Result<Self, ExpiresError> {
        match u32::try_from(secs) {
            Ok(0) => Err(ExpiresError::Zero),
            Ok(secs) if secs <= Self::MAX.0 => Ok(Self(secs)),
            _ => Err(ExpiresError::TooLong { secs }),
        }
    }

    /// The lifetime in seconds.
    pub fn as_secs(self) -> u32 {
        self.0
    }
}

impl From<Expires> for Duration {
    fn from(expires: Expires) -> Self {
        Self::from_secs(expires.0.into())
    }
}

/// Why a presigned request cannot be valid for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpiresError {
    /// Zero: the request would expire when it is made.
    #[error("the lifetime of a presigned request must be at least one second")]
    Zero,
    /// Longer than 7 days.
    #[error("the lifetime of a presigned request must be at most 7 days (604800 s), not {secs} s")]
    TooLong {
        /// The requested seconds.
        secs: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_to_seven_days() {
        for secs in [1, 2, 900, 604_799, 604_800] {
            let expires = Expires::from_secs(secs).unwrap();
            assert_eq!(u64::from(expires.as_secs()), secs);
            assert_eq!(Duration::from(expires), Duration::from_secs(secs));
        }
        assert_eq!(Expires::from_secs(604_800), Ok(Expires::MAX));
        assert_eq!(Expires::from_secs(0), Err(ExpiresError::Zero));
        for secs in [604_801, 1 << 32, (1 << 32) + 1, u64::MAX] {
            let error = ExpiresError::TooLong { secs };
            assert_eq!(Expires::from_secs(secs), Err(error));
        }
    }
}

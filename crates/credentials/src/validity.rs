//! How long material can be used.

/// How long material can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// When it expires, in Unix seconds; `None`: never.
    pub expires_at: Option<i64>,
    /// Whether it is still used after that if its source returns nothing newer.
    pub outlives_expiry: bool,
}

impl Validity {
    /// Whether it can be used at `now`, in milliseconds.
    pub fn is_usable(self, now: i64) -> bool {
        self.left(now).is_none_or(|left| left > 0)
    }

    /// For how many milliseconds it can be used from `now` on; `None`: without limit.
    pub fn left(self, now: i64) -> Option<i64> {
        if self.outlives_expiry {
            return None;
        }
        let expires_at = self.expires_at?;
        Some(expires_at.saturating_mul(1000).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_323_045_000;

    fn validity(expires_at: Option<i64>, outlives_expiry: bool) -> Validity {
        Validity {
            expires_at,
            outlives_expiry,
        }
    }

    #[test]
    fn usable_until_they_expire() {
        let at = NOW / 1000;
        let is_usable = |at, outlives| validity(at, outlives).is_usable(NOW);
        assert!(is_usable(None, false));
        assert!(is_usable(Some(at + 1), false));
        assert!(!is_usable(Some(at), false));
        assert!(is_usable(Some(at - 86_400), true));
        let left = |at, outlives, now| validity(at, outlives).left(now);
        assert_eq!(left(Some(at + 2), false, NOW), Some(2000));
        assert_eq!(left(Some(at + 2), true, NOW), None);
        assert_eq!(left(Some(i64::MIN), false, i64::MAX), Some(i64::MIN));
    }
}

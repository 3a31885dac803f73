//! What a request requires, and is not available.

use std::fmt;
use std::rc::Rc;

use crate::conf::CredentialsError;
use crate::renewal::providers::Provider;
use crate::renewal::snapshot::UnavailableReason;
use crate::renewal::tokens::{Missing, Token};

/// What a request requires and is not available.
pub(super) enum NotReady {
    Credentials(Rc<Provider>, UnavailableReason),
    Token(Rc<Token>, Missing),
}

impl NotReady {
    /// Nothing is available any more, and nothing new can be fetched.
    pub(super) fn may_last(&self) -> bool {
        match self {
            Self::Credentials(_, UnavailableReason::NotYet) | Self::Token(_, Missing::NotYet) => {
                false
            }
            Self::Credentials(provider, _) => provider.refreshable().is_failing(),
            Self::Token(token, Missing::Expired) => token.refreshable().is_failing(),
        }
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials(provider, reason) => {
                let error = CredentialsError::Unavailable {
                    provider: Rc::clone(provider),
                    reason: *reason,
                };
                write!(f, "the request cannot be signed: {error}")
            }
            Self::Token(token, why) => {
                let name = token.name();
                write!(
                    f,
                    "the request is rejected: token \"{name}\" is required, but {why}"
                )
            }
        }
    }
}

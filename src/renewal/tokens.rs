//! Service tokens: `aws_token`, and the variables that contain them.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use aws_credentials::{Material, Secret};
use nginx_sys::ngx_str_t;

use crate::ffi::http::request::Request;
use crate::ffi::http::variable::Variable;
use crate::ffi::process::log::Level;
use crate::renewal::Refreshable;

/// An `aws_token`, and this worker's copy of what was fetched for it.
pub(crate) struct Token {
    refreshable: Rc<Refreshable>,
    seen: Cell<u64>,
    held: RefCell<Option<Held>>,
    /// Whether the log says that there is none.
    is_told: Cell<bool>,
}

struct Held {
    value: Secret,
    expires_at: Option<i64>,
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Missing {
    #[error("it has not been fetched yet")]
    NotYet,
    #[error("it has expired")]
    Expired,
}

impl Token {
    pub(crate) fn new(refreshable: Refreshable) -> Self {
        Self {
            refreshable: Rc::new(refreshable),
            seen: Cell::new(0),
            held: RefCell::new(None),
            is_told: Cell::new(false),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.refreshable.name()
    }

    pub(crate) fn refreshable(&self) -> &Rc<Refreshable> {
        &self.refreshable
    }

    /// Why there is none at `unix_time`; `None` if there is one.
    pub(crate) fn missing(&self, unix_time: i64) -> Option<Missing> {
        self.with_value(unix_time, |_| ()).err()
    }

    /// Calls `read` with the token at `unix_time`.
    fn with_value<T>(&self, unix_time: i64, read: impl FnOnce(&str) -> T) -> Result<T, Missing> {
        if let Some(Material::Token(token)) = self.refreshable.news(&self.seen) {
            self.held.replace(Some(Held {
                value: token.value,
                expires_at: token.expires_at,
            }));
            self.is_told.set(false);
        }
        match &*self.held.borrow() {
            None => Err(Missing::NotYet),
            Some(held) if held.expires_at.is_some_and(|end| end <= unix_time) => {
                Err(Missing::Expired)
            }
            Some(held) => Ok(read(held.value.expose())),
        }
    }
}

/// Shows its name and source.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?})", self.refreshable)
    }
}

/// `$aws_token_<name>`
pub(crate) struct TokenVariable(pub(crate) Rc<Token>);

impl Variable for TokenVariable {
    fn evaluate(&self, request: &Request) -> Option<ngx_str_t> {
        let Self(token) = self;
        let copied = token.with_value(nginx_sys::ngx_time(), |value| {
            request.copy(&[value.as_bytes()])
        });
        match copied {
            Ok(text) => text,
            Err(why) => {
                if !token.is_told.replace(true) {
                    let name = token.name();
                    request.log().write(
                        Level::Error,
                        format_args!(
                            "token \"{name}\" is used, but {why}: $aws_token_{name} is empty"
                        ),
                    );
                }
                None
            }
        }
    }
}

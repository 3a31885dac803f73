//! Prevents nginx from sending a request without the tokens that its location requires.
//!
//! Prepare waits for the tokens, and responds with 503 if they do not arrive. But prepare does not
//! see everything that is sent: slices and background updates begin after it, and a cached location
//! does not wait for a token. So the tokens are checked once more before a request is sent.

use std::rc::Rc;

use aws_status::{Counter, Rejection as Reason};

use super::counting::count;
use crate::ffi::http::seal_hook::SealHook;
use crate::ffi::http::upstream::Unsent;
use crate::ffi::process::log::Level;
use crate::renewal::tokens::Token;

/// The final check of one location.
pub(crate) struct TokenGuard {
    tokens: Vec<Rc<Token>>,
}

impl TokenGuard {
    pub(crate) fn new(tokens: Vec<Rc<Token>>) -> Self {
        Self { tokens }
    }
}

impl SealHook for TokenGuard {
    fn seal(&self, unsent: &Unsent<'_>) -> bool {
        let now = nginx_sys::ngx_time();
        for token in &self.tokens {
            if let Some(why) = token.missing(now) {
                unsent.request().log().write(
                    Level::Error,
                    format_args!(
                        "the request is not sent: token \"{}\" is required, but {why}",
                        token.name()
                    ),
                );
                count(unsent.request(), None, Counter::rejected(Reason::Token));
                return false;
            }
        }
        true
    }
}

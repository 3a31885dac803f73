//! `aws_token_required`

use std::rc::Rc;

use super::{DirectiveError, Result, set, utf8_arguments};
use crate::conf::{Directives, Required, TokensRequired};
use crate::ffi::conf::Conf;

/// The parameters that are not names of tokens.
pub(super) const SWITCHES: [&str; 2] = ["on", "off"];

pub(crate) fn token_required(block: &mut Directives, conf: &Conf) -> Result {
    let words = utf8_arguments(conf)?;
    let required = match &words[..] {
        ["on"] => Required::All,
        ["off"] => Required::Named(Vec::new()),
        names => {
            if let Some(switch) = names.iter().find(|name| SWITCHES.contains(name)) {
                return Err(DirectiveError::Because(format!(
                    "has \"{switch}\" beside names: write on, off, or the names of tokens"
                )));
            }
            Required::Named(names.iter().map(|name| (*name).to_owned()).collect())
        }
    };
    let position = conf.position();
    set(
        &mut block.tokens_required,
        Rc::new(TokensRequired { required, position }),
    )
}

//! `aws_token_required`

use std::rc::Rc;

use super::{DirectiveError, set, utf8_arguments};
use crate::conf::{Directives, TokenNames, TokenRequirement};
use crate::ffi::conf::Conf;

/// The parameters that are not names of tokens.
pub(super) const SWITCHES: [&str; 2] = ["on", "off"];

pub(crate) fn token_required(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let words = utf8_arguments(conf)?;
    let names = match &words[..] {
        ["on"] => TokenNames::All,
        ["off"] => TokenNames::Named(Vec::new()),
        names => {
            if let Some(switch) = names.iter().find(|name| SWITCHES.contains(name)) {
                return Err(DirectiveError::Because(format!(
                    "combines \"{switch}\" with names: write on, off, or the names of tokens"
                )));
            }
            TokenNames::Named(names.iter().map(|name| (*name).to_owned()).collect())
        }
    };
    let position = conf.position();
    set(
        &mut block.token_required,
        Rc::new(TokenRequirement { names, position }),
    )
}

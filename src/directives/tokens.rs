//! The directives about service tokens.

use std::rc::Rc;

use aws_credentials::{Definition, DefinitionError};

use super::providers::{declared_twice, list, note_needs, utf8_arguments, with_context};
use super::{DirectiveError, Result, invalid, set};
use crate::conf::{Directives, MainConf, Required, TokensRequired};
use crate::ffi::conf::Conf;
use crate::ffi::http::variable;
use crate::renewal::Refreshable;
use crate::renewal::tokens::{Token, TokenVariable};

/// What stands before a token's name in the name of its variable.
const PREFIX: &str = "aws_token_";

/// What `aws_token_required` takes for something else than a name.
const SWITCHES: [&str; 2] = ["on", "off"];

pub(crate) fn token(main: &mut MainConf, conf: &Conf) -> Result {
    let words = utf8_arguments(conf)?;
    let [name, source, parameters @ ..] = &words[..] else {
        return Err(DirectiveError::Because("names no source".to_owned()));
    };
    let is_part_of_variable = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || !name.bytes().all(is_part_of_variable) {
        let reason = "write letters, digits and underscores, which a variable's name may have";
        return Err(invalid(name, reason));
    }
    if SWITCHES.contains(name) {
        return Err(invalid(
            name,
            "\"aws_token_required\" would take it for a switch: write another name",
        ));
    }
    // nginx takes the names of variables so.
    let mut others = main.providers.tokens().iter();
    if others.any(|other| other.name().eq_ignore_ascii_case(name)) {
        return Err(declared_twice(name));
    }

    let wrong = |error: DefinitionError| DirectiveError::Because(format!("\"{name}\": {error}"));
    let definition = with_context(main, conf, |context| {
        Definition::parse_token(source, parameters, context)
    })
    .map_err(wrong)?;
    let check = definition.check(&main.shared.files).map_err(wrong)?;
    if definition.leaves_source_open() {
        conf.tell(format_args!(
            "token \"{name}\" comes from {}{}",
            check.description,
            conf.position()
        ));
    }

    let files = check.files.iter().map(|file| file.path.clone()).collect();
    let may_ask_others = definition.declaration().may_ask_others;
    let token = Rc::new(Token::new(Refreshable::token(name, definition, files)));
    note_needs(
        main,
        conf,
        format!("token \"{name}\""),
        check,
        may_ask_others,
    );
    list(main)?.add_token(Rc::clone(&token));
    let name = format!("{PREFIX}{name}");
    variable::define(conf, name.as_bytes(), TokenVariable(token))
        .map_err(|()| DirectiveError::Logged)
}

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

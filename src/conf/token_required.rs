//! Tokens that a location requires to serve requests: `aws_token_required`.

use std::rc::Rc;

use super::{LocationConf, MainConf, same_handler};
use crate::ffi::conf::merged::MergedBlock;
use crate::ffi::conf::pass_module::PassModule;
use crate::ffi::conf::upstream_conf::MergedUpstreamConf;
use crate::ffi::conf::{Conf, Position};
use crate::ffi::process::log::Level;
use crate::renewal::tokens::Token;

/// An `aws_token_required` directive.
#[derive(Clone, Debug)]
pub(crate) struct TokenRequirement {
    pub(crate) names: TokenNames,
    pub(crate) position: Position,
}

/// The tokens that it names.
#[derive(Clone, Debug)]
pub(crate) enum TokenNames {
    /// All that are declared.
    All,
    /// Those of these names. If there are none, no token is required.
    Named(Vec<String>),
}

/// The tokens that a location requires.
pub(crate) struct RequiredTokens {
    /// One at least.
    pub(crate) tokens: Vec<Rc<Token>>,
    /// `aws_credentials_timeout` in milliseconds.
    pub(crate) timeout: u64,
    /// Whether the location has a cache, which can respond if there is no token.
    pub(crate) has_cache: bool,
}

/// Determines the tokens that a merged block requires, and returns the configurations of what sends
/// requests from it, of which none may be sent without them. An error has been logged.
pub(crate) fn require_tokens<'c>(
    conf: &'c MergedBlock<'c>,
    main: &'c MainConf,
    inner: &mut LocationConf,
) -> Result<Vec<MergedUpstreamConf<'c>>, ()> {
    let block = conf.block().ok_or(())?;
    let effective = inner.effective().ok_or(())?;
    let Some(directive) = &effective.token_required else {
        return Ok(Vec::new());
    };
    let declared = main.providers.tokens();
    let tokens = match &directive.names {
        TokenNames::All if declared.is_empty() => {
            let line = format_args!(
                "\"aws_token_required on\" requires all tokens, and none is declared: add \
                 \"aws_token <name> <source>\" to http{{}}"
            );
            conf.log(Level::Emerg, &directive.position, line);
            return Err(());
        }
        TokenNames::All => declared.to_vec(),
        TokenNames::Named(names) => names
            .iter()
            .map(|name| find(conf, declared, name, &directive.position))
            .collect::<Result<_, ()>>()?,
    };
    if tokens.is_empty() {
        return Ok(Vec::new());
    }

    let is_condition = block.is_nested_condition();
    // An `if` inherits from its location: any of them can be the content handler there.
    let may_answer =
        |module: &&PassModule| is_condition || same_handler(module.handler, block.handler());
    let modules = main.pass_modules.iter().filter(may_answer);
    let senders: Vec<_> = modules
        .map(|module| module.upstream_conf(conf).ok_or(()))
        .collect::<Result<_, ()>>()?;
    let has_cache = senders.iter().any(MergedUpstreamConf::caches);
    inner.required_tokens = Some(Rc::new(RequiredTokens {
        has_cache,
        tokens,
        timeout: effective.credentials_timeout(),
    }));
    Ok(senders)
}

fn find(
    conf: &Conf,
    declared: &[Rc<Token>],
    name: &str,
    position: &Position,
) -> Result<Rc<Token>, ()> {
    let found = declared
        .iter()
        .find(|token| token.name().eq_ignore_ascii_case(name));
    if let Some(token) = found {
        return Ok(Rc::clone(token));
    }
    let names: Vec<_> = declared.iter().map(|token| token.name()).collect();
    let instead = if names.is_empty() {
        format!("add \"aws_token {name} <source>\" to http{{}}")
    } else {
        format!("the tokens are {}", names.join(", "))
    };
    conf.log(
        Level::Emerg,
        position,
        format_args!(
            "\"aws_token_required\" names \"{}\", which is not declared: {instead}",
            name.escape_debug()
        ),
    );
    Err(())
}

//! The directives about credentials and tokens that are fetched.

use std::rc::Rc;
use std::time::Duration;

use aws_credentials::{Check, Definition, DefinitionError, ParseContext};

use super::token_required::SWITCHES;
use super::{DirectiveError, invalid, set, utf8_arguments};
use crate::conf::{Directives, MainConf, Needs};
use crate::ffi::conf::Conf;
use crate::ffi::http::variable;
use crate::ffi::process;
use crate::ffi::process::log::Level;
use crate::renewal::Refreshable;
use crate::renewal::providers::{Provider, Providers};
use crate::renewal::tokens::{Token, TokenVariable};

/// A function that takes a directive of http{} itself.
pub(crate) type MainSetter = fn(&mut MainConf, &Conf) -> Result<(), DirectiveError>;

/// The prefix of a token's name in the name of its variable.
const VARIABLE_PREFIX: &str = "aws_token_";

/// What a directive declares.
#[derive(Clone, Copy)]
enum Fetched {
    Credentials,
    Token,
}

/// The number of pages in the smallest zone that nginx can use.
const FEWEST_PAGES: usize = 8;

pub(crate) fn provider(main: &mut MainConf, conf: &Conf) -> Result<(), DirectiveError> {
    let refreshable = declare(main, conf, Fetched::Credentials)?;
    list(main)?.add(Provider::new(refreshable));
    Ok(())
}

pub(crate) fn token(main: &mut MainConf, conf: &Conf) -> Result<(), DirectiveError> {
    let refreshable = declare(main, conf, Fetched::Token)?;
    let token = Rc::new(Token::new(refreshable));
    list(main)?.add_token(Rc::clone(&token));
    let name = format!("{VARIABLE_PREFIX}{}", token.name());
    variable::define(conf, name.as_bytes(), TokenVariable(token))
        .map_err(|()| DirectiveError::Logged)
}

/// Reads the declaration of something that is fetched and refreshed.
fn declare(
    main: &mut MainConf,
    conf: &Conf,
    fetched: Fetched,
) -> Result<Refreshable, DirectiveError> {
    let words = utf8_arguments(conf)?;
    let [name, source, parameters @ ..] = &words[..] else {
        return Err(DirectiveError::Because("has no source".to_owned()));
    };
    let (noun, verb) = match fetched {
        Fetched::Credentials => ("provider", "uses"),
        Fetched::Token => ("token", "comes from"),
    };
    match fetched {
        Fetched::Credentials => check_provider_name(main, name)?,
        Fetched::Token => check_token_name(main, name)?,
    }

    let wrong = |error: DefinitionError| {
        DirectiveError::Because(format!("\"{}\": {error}", name.escape_debug()))
    };
    let parse_time = |text: &str| conf.parse_time(text.as_bytes()).map(Duration::from_millis);
    let context = ParseContext {
        environment: main.shared.environment(),
        declared: main.providers.declared(),
        parse_time: &parse_time,
    };
    let definition = match fetched {
        Fetched::Credentials => Definition::parse(source, parameters, &context),
        Fetched::Token => Definition::parse_token(source, parameters, &context),
    };
    let definition = definition.map_err(wrong)?;
    let check = definition.check(&main.shared.files).map_err(wrong)?;
    if definition.leaves_source_open() {
        conf.tell(format_args!(
            "{noun} \"{name}\" {verb} {}{}",
            check.description,
            conf.position()
        ));
    }

    let files = check.files.iter().map(|file| file.path.clone()).collect();
    let may_ask_others = definition.declaration().may_ask_others;
    let subject = format!("{noun} \"{name}\"");
    note_needs(main, conf, subject, check, may_ask_others);
    Ok(match fetched {
        Fetched::Credentials => Refreshable::credentials(name, definition, files),
        Fetched::Token => Refreshable::token(name, definition, files),
    })
}

fn check_provider_name(main: &MainConf, name: &str) -> Result<(), DirectiveError> {
    match main.providers.find(name.as_bytes()) {
        Some(_) => Err(declared_twice(name)),
        None => Ok(()),
    }
}

fn check_token_name(main: &MainConf, name: &str) -> Result<(), DirectiveError> {
    let is_part_of_variable = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || !name.bytes().all(is_part_of_variable) {
        let reason = "use only letters, digits and underscores, as in the name of a variable";
        return Err(invalid(name, reason));
    }
    if SWITCHES.contains(&name) {
        return Err(invalid(
            name,
            "\"aws_token_required\" would treat it as a switch: use another name",
        ));
    }
    // nginx ignores the case of variable names.
    let mut others = main.providers.tokens().iter();
    match others.any(|other| other.name().eq_ignore_ascii_case(name)) {
        true => Err(declared_twice(name)),
        false => Ok(()),
    }
}

/// Reports that a name is in use.
fn declared_twice(name: &str) -> DirectiveError {
    DirectiveError::Because(format!(
        "declares \"{name}\", which is duplicate: use another name"
    ))
}

/// Warns of secrets that everybody can read, and records what must be prepared later for `subject`.
fn note_needs(
    main: &mut MainConf,
    conf: &Conf,
    subject: String,
    check: Check,
    may_ask_others: bool,
) {
    for file in check.files.iter().filter(|file| file.is_exposed()) {
        if !main.shared.key_files.is_first_exposure(&file.path) {
            continue;
        }
        conf.log(
            Level::Warn,
            &conf.position(),
            format_args!(
                "any user of this machine can read the secret in {}: run \"chmod 640\" on it, and change \
                 its group to that of the workers",
                file.path.display()
            ),
        );
    }
    main.shared.needs.push(Needs {
        subject,
        position: conf.position(),
        endpoints: check.endpoints,
        files: check.files,
        may_ask_others,
    });
}

/// The list that providers and tokens are added to. While the configuration is read nobody shares it.
pub(super) fn list(main: &mut MainConf) -> Result<&mut Providers, DirectiveError> {
    Rc::get_mut(&mut main.providers)
        .ok_or_else(|| DirectiveError::Because("comes too late".to_owned()))
}

pub(crate) fn zone(main: &mut MainConf, conf: &Conf) -> Result<(), DirectiveError> {
    let text = String::from_utf8_lossy(conf.arg(0));
    let (name, size) = text
        .rsplit_once(':')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| invalid(&text, "write <name>:<size>, such as aws_auth:1m"))?;
    let size = conf
        .parse_size(size.as_bytes())
        .ok_or_else(|| invalid(&text, "the size is not a number with k or m, such as 1m"))?;
    let smallest = FEWEST_PAGES * process::page_size();
    if size < smallest {
        let reason = format!("the zone must have at least {}k", smallest / 1024);
        return Err(invalid(&text, &reason));
    }
    set(&mut main.shared.zone, (name.as_bytes().to_vec(), size))
}

pub(crate) fn trusted_certificate(main: &mut MainConf, conf: &Conf) -> Result<(), DirectiveError> {
    let file = conf.arg(0).to_vec();
    set(&mut main.shared.trusted_certificate, file)
}

pub(crate) fn credentials_timeout(
    block: &mut Directives,
    conf: &Conf,
) -> Result<(), DirectiveError> {
    let time = conf.parse_time(conf.arg(0)).ok_or_else(|| {
        let text = String::from_utf8_lossy(conf.arg(0));
        invalid(&text, "write a time such as 5s or 500ms")
    })?;
    set(&mut block.credentials_timeout, time)
}

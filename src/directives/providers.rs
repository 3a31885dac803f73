//! The directives about credentials that are fetched.

use std::time::Duration;

use aws_credentials::{Check, Definition, DefinitionError, ParseContext};

use super::{DirectiveError, Result, invalid, set};
use crate::conf::{Directives, MainConf, Needs};
use crate::ffi::conf::Conf;
use crate::ffi::process;
use crate::ffi::process::log::Level;
use crate::renewal::Refreshable;
use crate::renewal::providers::{Provider, Providers};

/// A function that takes a directive of http{} itself.
pub(crate) type MainSetter = fn(&mut MainConf, &Conf) -> Result;

/// How many pages the smallest zone has that nginx can make something of.
const FEWEST_PAGES: usize = 8;

pub(crate) fn provider(main: &mut MainConf, conf: &Conf) -> Result {
    let words = utf8_arguments(conf)?;
    let [name, source, parameters @ ..] = &words[..] else {
        return Err(DirectiveError::Because("names no source".to_owned()));
    };
    if main.providers.find(name.as_bytes()).is_some() {
        return Err(declared_twice(name));
    }
    let wrong = |error: DefinitionError| {
        DirectiveError::Because(format!("\"{}\": {error}", name.escape_debug()))
    };
    let definition = with_context(main, conf, |context| {
        Definition::parse(source, parameters, context)
    })
    .map_err(wrong)?;
    let check = definition.check(&main.shared.files).map_err(wrong)?;

    if definition.leaves_source_open() {
        conf.tell(format_args!(
            "provider \"{name}\" uses {}{}",
            check.description,
            conf.position()
        ));
    }

    let files = check.files.iter().map(|file| file.path.clone()).collect();
    let may_ask_others = definition.declaration().may_ask_others;
    let refreshable = Refreshable::credentials(name, definition, files);
    let provider = Provider::new(refreshable);
    note_needs(
        main,
        conf,
        format!("provider \"{name}\""),
        check,
        may_ask_others,
    );
    list(main)?.add(provider);
    Ok(())
}

/// Calls `parse` with what the words of a source are read with.
pub(super) fn with_context<T>(
    main: &MainConf,
    conf: &Conf,
    parse: impl FnOnce(&ParseContext<'_>) -> T,
) -> T {
    let parse_time = |text: &str| conf.parse_time(text.as_bytes()).map(Duration::from_millis);
    parse(&ParseContext {
        environment: main.shared.environment(),
        declared: main.providers.declared(),
        parse_time: &parse_time,
    })
}

/// The directive's arguments.
pub(super) fn utf8_arguments(conf: &Conf) -> std::result::Result<Vec<&str>, DirectiveError> {
    let text = |word| std::str::from_utf8(word);
    let words: std::result::Result<_, _> = conf.args().map(text).collect();
    words.map_err(|_| DirectiveError::Because("is not UTF-8".to_owned()))
}

/// Says that a name is taken.
pub(super) fn declared_twice(name: &str) -> DirectiveError {
    DirectiveError::Because(format!(
        "declares \"{name}\" a second time: give it another name"
    ))
}

/// Warns of secrets that everybody can read, and keeps what has to be seen to later for `subject`.
pub(super) fn note_needs(
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
                "everybody on this machine can read the secret in {}: \"chmod 600\" it",
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
pub(super) fn list(main: &mut MainConf) -> std::result::Result<&mut Providers, DirectiveError> {
    std::rc::Rc::get_mut(&mut main.providers)
        .ok_or_else(|| DirectiveError::Because("comes too late".to_owned()))
}

pub(crate) fn zone(main: &mut MainConf, conf: &Conf) -> Result {
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

pub(crate) fn trusted_certificate(main: &mut MainConf, conf: &Conf) -> Result {
    let file = conf.arg(0).to_vec();
    set(&mut main.shared.trusted_certificate, file)
}

pub(crate) fn credentials(block: &mut Directives, conf: &Conf) -> Result {
    let name = conf.compile(0).map_err(|()| DirectiveError::Logged)?;
    if block.credentials.provider.is_none() && block.credentials.position.is_some() {
        return Err(DirectiveError::SecondKind {
            other: "a key of the configuration",
        });
    }
    set(&mut block.credentials.provider, name)?;
    block.credentials.position = Some(conf.position());
    Ok(())
}

pub(crate) fn credentials_timeout(block: &mut Directives, conf: &Conf) -> Result {
    let time = conf.parse_time(conf.arg(0)).ok_or_else(|| {
        let text = String::from_utf8_lossy(conf.arg(0));
        invalid(&text, "write a time such as 5s or 500ms")
    })?;
    set(&mut block.credentials_timeout, time)
}

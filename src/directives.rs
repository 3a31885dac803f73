//! The functions that read directives and report errors in their arguments.

#![forbid(unsafe_code)]

mod credentials;
mod presigned_url;
mod providers;
mod signature;
mod status;
mod token_required;

pub(crate) use credentials::{
    access_key, credentials, key_scope, secret_key, secret_key_file, session_token, signing_key,
};
pub(crate) use presigned_url::presigned_url;
pub(crate) use providers::{
    MainSetter, credentials_timeout, provider, token, trusted_certificate, zone,
};
pub(crate) use signature::{signature_in, signature_version};
pub(crate) use status::status;
pub(crate) use token_required::token_required;

use std::fmt;
use std::rc::Rc;

use aws_credentials::misplaced_quote;
use aws_operations::OperationSet;
use aws_sealing::value::{self, ValueError};
use aws_sealing::{Addressing, MethodSet, PassHeaders, PayloadMode, SignedHeaders};

use crate::conf::{BlockKind, Directives, Payload, Region, Sign, Switch};
use crate::ffi::conf::Conf;
use crate::ffi::http::value::Value;

/// Why a directive is rejected.
pub(crate) enum DirectiveError {
    /// nginx, or this module, has logged why.
    Logged,
    /// A second one in the same block.
    Duplicate,
    /// The same block has credentials of another kind.
    OtherCredentials { other: &'static str },
    /// What is wrong, and what to write instead.
    Because(String),
}

impl fmt::Display for DirectiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Logged => f.write_str("is invalid"),
            Self::Duplicate => f.write_str("is duplicate: keep one in this block"),
            Self::OtherCredentials { other } => write!(
                f,
                "cannot be combined with {other} in the same block: keep one kind of credentials"
            ),
            Self::Because(reason) => f.write_str(reason),
        }
    }
}

/// The function that reads a directive's arguments into a block.
pub(crate) type Setter = fn(&mut Directives, &Conf) -> Result<(), DirectiveError>;

pub(crate) fn s3_bucket(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let bucket = match conf.arg(0) {
        b"" => Value::Text(Rc::default()),
        _ => checked_value(conf, value::bucket)?,
    };
    set(&mut block.bucket, bucket)
}

/// May be repeated, as in the C module; the last one counts.
pub(crate) fn endpoint(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    block.endpoint = Some(checked_value(conf, value::endpoint)?);
    Ok(())
}

pub(crate) fn region(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let region = Region::new(checked_value(conf, value::region)?);
    set(&mut block.region, region)
}

pub(crate) fn service(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let service = checked_value(conf, value::service)?;
    set(&mut block.service, service)
}

/// Without argument it may be repeated, as in the C module.
pub(crate) fn sign(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let switch = match conf.args().next() {
        // An upstream has no inner blocks that a bare `aws_sign` would exclude.
        None if BlockKind::of(conf) == BlockKind::Upstream => Switch::On,
        None => Switch::Bare,
        Some(b"on") => Switch::On,
        Some(b"off") => Switch::Off,
        Some(text) => match conf.compile(0).map_err(|()| DirectiveError::Logged)? {
            Value::Template(template) => Switch::Template(template),
            Value::Text(_) => {
                return Err(invalid(
                    &String::from_utf8_lossy(text),
                    "write \"on\", \"off\" or a variable",
                ));
            }
        },
    };
    if let Some(earlier) = &block.sign
        && !matches!((&earlier.switch, &switch), (Switch::Bare, Switch::Bare))
    {
        return Err(DirectiveError::Duplicate);
    }
    block.sign = Some(Sign {
        switch,
        position: conf.position(),
        stands_in: BlockKind::of(conf),
    });
    Ok(())
}

pub(crate) fn sign_methods(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let mut methods = MethodSet::EMPTY;
    for name in conf.args() {
        if !methods.insert(name) {
            return Err(invalid(
                &String::from_utf8_lossy(name),
                "not a method: write names such as GET HEAD PUT, in capitals",
            ));
        }
    }
    set(&mut block.methods, methods)
}

pub(crate) fn sign_operations(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let mut operations = OperationSet::EMPTY;
    for name in conf.args() {
        let name = String::from_utf8_lossy(name);
        operations.insert(&name).map_err(|unknown| {
            invalid(
                &name,
                &format!(
                    "not a class or an operation of S3: did you mean \"{}\"?",
                    unknown.nearest
                ),
            )
        })?;
    }
    set(&mut block.operations, operations)
}

pub(crate) fn addressing_style(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let style = match conf.arg(0) {
        b"virtual" => Addressing::Virtual,
        b"path" => Addressing::Path,
        text => {
            return Err(invalid(
                &String::from_utf8_lossy(text),
                "write \"virtual\" or \"path\"",
            ));
        }
    };
    set(&mut block.addressing, style)
}

pub(crate) fn signed_headers(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let mut headers = SignedHeaders::default();
    for name in conf.args() {
        headers
            .insert(name)
            .map_err(|reason| invalid(&String::from_utf8_lossy(name), reason))?;
    }
    set(&mut block.signed_headers, headers)
}

pub(crate) fn pass_headers(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let mut headers = PassHeaders::none();
    if !(conf.args().count() == 1 && conf.arg(0) == b"off") {
        for pattern in conf.args() {
            headers
                .insert(pattern)
                .map_err(|reason| invalid(&String::from_utf8_lossy(pattern), reason))?;
        }
    }
    set(&mut block.pass_headers, headers)
}

pub(crate) fn response_overrides(
    block: &mut Directives,
    conf: &Conf,
) -> Result<(), DirectiveError> {
    set(&mut block.response_overrides, on_or_off(conf)?)
}

pub(crate) fn hide_auth_errors(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    set(&mut block.hide_auth_errors, on_or_off(conf)?)
}

fn on_or_off(conf: &Conf) -> Result<bool, DirectiveError> {
    match conf.arg(0) {
        b"on" => Ok(true),
        b"off" => Ok(false),
        text => Err(invalid(
            &String::from_utf8_lossy(text),
            "write \"on\" or \"off\"",
        )),
    }
}

pub(crate) fn payload(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let text = conf.arg(0);
    let mode = PayloadMode::ALL
        .into_iter()
        .find(|mode| mode.as_str().as_bytes() == text)
        .ok_or_else(|| {
            invalid(
                &String::from_utf8_lossy(text),
                "write \"auto\", \"signed\", \"unsigned\", \"streaming\" or \"decode\"",
            )
        })?;
    let position = conf.position();
    set(&mut block.payload, Payload { mode, position })
}

/// The directive's arguments.
fn utf8_arguments(conf: &Conf) -> Result<Vec<&str>, DirectiveError> {
    let text = |word| std::str::from_utf8(word);
    let words: Result<_, _> = conf.args().map(text).collect();
    words.map_err(|_| DirectiveError::Because("is not UTF-8".to_owned()))
}

fn set<T>(place: &mut Option<T>, value: T) -> Result<(), DirectiveError> {
    if place.is_some() {
        return Err(DirectiveError::Duplicate);
    }
    *place = Some(value);
    Ok(())
}

/// The first argument. If it contains no variable, it is checked now.
fn checked_value(
    conf: &Conf,
    check: fn(&[u8]) -> Result<(), ValueError>,
) -> Result<Value, DirectiveError> {
    let value = conf.compile(0).map_err(|()| DirectiveError::Logged)?;
    if let Some(text) = value.as_text() {
        check(text).map_err(|reason| invalid(&String::from_utf8_lossy(text), reason))?;
    }
    Ok(value)
}

/// Rejects a `key=value` parameter that has a quotation mark after its `=`, where nginx does not
/// recognize it: the value would include the mark and end at the first space.
fn reject_misplaced_quote(word: &str) -> Result<(), DirectiveError> {
    match misplaced_quote(word) {
        None => Ok(()),
        Some(instead) => Err(DirectiveError::Because(format!(
            "has a quotation mark in the middle of a word, and quotation marks belong around the \
             whole word: write {instead}"
        ))),
    }
}

fn invalid(value: &str, reason: &str) -> DirectiveError {
    DirectiveError::Because(format!(
        "has the invalid value \"{}\": {reason}",
        value.escape_debug()
    ))
}

//! The directives: what may be written, and what is wrong with what was written.

#![forbid(unsafe_code)]

mod presigned_url;
mod providers;
mod signature;
mod token_required;

pub(crate) use presigned_url::presigned_url;
pub(crate) use providers::{
    MainSetter, credentials, credentials_timeout, provider, token, trusted_certificate, zone,
};
pub(crate) use signature::{signature_in, signature_version};
pub(crate) use token_required::token_required;

use std::fmt;
use std::rc::Rc;

use aws_credentials::misplaced_quote;
use aws_operations::OperationSet;
use aws_sealing::value::{self, ValueError};
use aws_sealing::{Addressing, MethodSet, PassHeaders, PayloadMode, SignedHeaders};
use aws_signing::{CredentialScope, ScopeError, SigningKey};
use zeroize::Zeroizing;

use crate::conf::{
    BlockKind, DerivedKey, Directives, MainConf, Payload, Region, SecretValue, Sign, Switch,
};
use crate::ffi::conf::{Conf, decode_base64};
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
                "stands beside {other} in the same block: keep one kind of credentials"
            ),
            Self::Because(reason) => f.write_str(reason),
        }
    }
}

/// The function that takes a directive's arguments into a block.
pub(crate) type Setter = fn(&mut Directives, &Conf) -> Result<(), DirectiveError>;

pub(crate) fn access_key(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    reject_beside_provider(block)?;
    let value = checked_value(conf, value::access_key)?;
    set(&mut block.credentials.access_key, value)?;
    block.credentials.position = Some(conf.position());
    Ok(())
}

pub(crate) fn key_scope(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    reject_beside_secret_key(block)?;
    let text = String::from_utf8_lossy(conf.arg(0));
    let scope = CredentialScope::parse(&text).map_err(|error| match error {
        ScopeError::Parts => invalid(&text, &error.to_string()),
        _ => invalid(
            &text,
            &format!("{error}; write yyyymmdd/region/service/aws4_request"),
        ),
    })?;

    set(&mut block.credentials.key_scope, Rc::new(scope))?;
    block.credentials.position = Some(conf.position());
    Ok(())
}

pub(crate) fn signing_key(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    reject_beside_secret_key(block)?;
    let key = decode_base64(conf.arg(0)).map(Zeroizing::new);
    let Some(key) = key
        .as_deref()
        .and_then(|key| <&[u8; 32]>::try_from(&key[..]).ok())
    else {
        // The value is a secret, and not shown.
        return Err(DirectiveError::Because(
            "is not the base64 of 32 bytes: write the first line that generate_signing_key prints"
                .into(),
        ));
    };
    set(
        &mut block.credentials.signing_key,
        DerivedKey::new(SigningKey::from_bytes(key)),
    )?;
    block.credentials.position = Some(conf.position());
    Ok(())
}

pub(crate) fn secret_key(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let secret = secret_value(conf)?;
    set_secret_key(block, conf, secret)
}

/// A name, or a variable of a `map` of names.
pub(crate) fn secret_key_file(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let main = conf.main::<MainConf>().ok_or(DirectiveError::Logged)?;
    let (files, position) = (&main.shared.key_files, conf.position());
    let secret = match conf.compile(0).map_err(|()| DirectiveError::Logged)? {
        Value::Text(name) => files
            .read(conf, &name, &position)
            .map(SecretValue::Text)
            .map_err(DirectiveError::Because)?,
        Value::Template(template) => {
            let text = conf.arg(0);
            let name = text.strip_prefix(b"$").unwrap_or_default();
            let name = match name.strip_prefix(b"{") {
                Some(name) => name.strip_suffix(b"}").unwrap_or_default(),
                None => name,
            };
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            if name.is_empty() || !name.iter().all(is_part) {
                return Err(invalid(
                    &String::from_utf8_lossy(text),
                    "write the name of a file, or one variable of a \"map\" of such names",
                ));
            }
            SecretValue::File(files.note_variable(name, template, position))
        }
    };
    set_secret_key(block, conf, secret)
}

fn set_secret_key(
    block: &mut Directives,
    conf: &Conf,
    secret: SecretValue,
) -> Result<(), DirectiveError> {
    reject_beside_provider(block)?;
    if block.credentials.names_signing_key() {
        return Err(DirectiveError::OtherCredentials {
            other: "\"aws_signing_key\" or its scope",
        });
    }
    set(&mut block.credentials.secret_key, secret)?;
    block.credentials.position = Some(conf.position());
    Ok(())
}

fn reject_beside_provider(block: &Directives) -> Result<(), DirectiveError> {
    match block.credentials.provider {
        Some(_) => Err(DirectiveError::OtherCredentials {
            other: "\"aws_credentials\"",
        }),
        None => Ok(()),
    }
}

fn reject_beside_secret_key(block: &Directives) -> Result<(), DirectiveError> {
    reject_beside_provider(block)?;
    match block.credentials.secret_key {
        Some(_) => Err(DirectiveError::OtherCredentials {
            other: "a secret key",
        }),
        None => Ok(()),
    }
}

pub(crate) fn session_token(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    reject_beside_provider(block)?;
    let token = secret_value(conf)?;
    set(&mut block.credentials.session_token, token)?;
    block.credentials.position = Some(conf.position());
    Ok(())
}

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
        // An upstream has no blocks inside that could be left out.
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

/// The first argument; where it holds no variable, it is checked now.
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

fn secret_value(conf: &Conf) -> Result<SecretValue, DirectiveError> {
    match conf.compile(0).map_err(|()| DirectiveError::Logged)? {
        Value::Template(template) => Ok(SecretValue::Template(template)),
        Value::Text(text) => {
            value::secret(&text)
                .map_err(|reason| DirectiveError::Because(format!("has a bad value: {reason}")))?;
            Ok(SecretValue::Text(Rc::new(Zeroizing::new(text.to_vec()))))
        }
    }
}

/// Rejects a `key=value` parameter that has a quotation mark behind its `=`, where nginx does not
/// recognize it: the text in it would be used with the mark, up to the first blank.
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

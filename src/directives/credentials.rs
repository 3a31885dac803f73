//! The directives that determine who signs: keys in the configuration, or a provider.

use std::rc::Rc;

use aws_sealing::value;
use aws_signing::{CredentialScope, ScopeError, SigningKey};
use zeroize::Zeroizing;

use super::{DirectiveError, checked_value, invalid, set};
use crate::conf::{DerivedKey, Directives, MainConf, SecretValue};
use crate::ffi::conf::{Conf, decode_base64};
use crate::ffi::http::value::Value;
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
        // The value is a secret, and is not shown.
        return Err(DirectiveError::Because(
            "is not 32 bytes in base64: write the first line that generate_signing_key prints"
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

pub(crate) fn credentials(block: &mut Directives, conf: &Conf) -> Result<(), DirectiveError> {
    let name = conf.compile(0).map_err(|()| DirectiveError::Logged)?;
    if block.credentials.provider.is_none() && block.credentials.position.is_some() {
        return Err(DirectiveError::OtherCredentials {
            other: "a key of the configuration",
        });
    }
    set(&mut block.credentials.provider, name)?;
    block.credentials.position = Some(conf.position());
    Ok(())
}

fn secret_value(conf: &Conf) -> Result<SecretValue, DirectiveError> {
    match conf.compile(0).map_err(|()| DirectiveError::Logged)? {
        Value::Template(template) => Ok(SecretValue::Template(template)),
        Value::Text(text) => {
            value::secret(&text).map_err(|reason| {
                DirectiveError::Because(format!("has an invalid value: {reason}"))
            })?;
            Ok(SecretValue::Text(Rc::new(Zeroizing::new(text.to_vec()))))
        }
    }
}

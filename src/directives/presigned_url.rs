//! `aws_presigned_url`

use aws_sealing::{MethodSet, presigned_url};
use aws_signing::presign::Expires;

use super::{DirectiveError, invalid, reject_misplaced_quote};
use crate::conf::MainConf;
use crate::ffi::conf::Conf;
use crate::ffi::http::value::Value;
use crate::ffi::http::variable;
use crate::request::{PresignedUrl, WithAdvice};

/// How long a presigned URL is valid by default.
const DEFAULT_EXPIRES: Expires = Expires::HOUR;

pub(crate) fn presigned_url(main: &mut MainConf, conf: &Conf) -> Result<(), DirectiveError> {
    let shown = String::from_utf8_lossy(conf.arg(0));
    let Some(name) = conf.arg(0).strip_prefix(b"$").filter(|name| is_name(name)) else {
        return Err(invalid(
            &shown,
            "write the name of a variable, such as $link",
        ));
    };
    let url = conf.compile(1).map_err(|()| DirectiveError::Logged)?;
    if let Some(text) = url.as_text() {
        presigned_url::check(text).map_err(|error| {
            invalid(
                &String::from_utf8_lossy(text),
                &WithAdvice(&error).to_string(),
            )
        })?;
    }

    let (mut path, mut method, mut expires) = (None, None, None);
    for (at, word) in conf.args().enumerate().skip(2) {
        let shown = String::from_utf8_lossy(word);
        reject_misplaced_quote(&shown)?;
        let Some(equals) = word.iter().position(|byte| *byte == b'=') else {
            return Err(invalid(&shown, "write path=, method= or expires="));
        };
        let (key, text) = (&word[..equals], &word[equals + 1..]);
        let value = || {
            conf.compile_behind(at, equals + 1)
                .map_err(|()| DirectiveError::Logged)
        };
        let before = match key {
            b"path" => path.replace(value()?).is_some(),
            b"method" => method.replace(checked_method(value()?)?).is_some(),
            b"expires" => expires.replace(checked_expires(conf, text)?).is_some(),
            _ => return Err(invalid(&shown, "write path=, method= or expires=")),
        };
        if before {
            return Err(invalid(&shown, "it is duplicate"));
        }
    }

    let variable = PresignedUrl {
        name: shown.into(),
        url,
        path,
        method: method.unwrap_or(Value::Text((*b"GET").into())),
        expires: expires.unwrap_or(DEFAULT_EXPIRES),
    };
    main.has_presigned_urls = true;
    variable::define(conf, name, variable).map_err(|()| DirectiveError::Logged)
}

fn is_name(text: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    !text.is_empty() && text.iter().all(allowed)
}

fn checked_method(value: Value) -> Result<Value, DirectiveError> {
    let mut known = MethodSet::EMPTY;
    match value.as_text() {
        Some(text) if !known.insert(text) => {
            let reason =
                "not a method: write a name such as GET or PUT, in capitals, or a variable";
            Err(invalid(&String::from_utf8_lossy(text), reason))
        }
        _ => Ok(value),
    }
}

fn checked_expires(conf: &Conf, text: &[u8]) -> Result<Expires, DirectiveError> {
    let shown = String::from_utf8_lossy(text);
    let milliseconds = conf
        .parse_time(text)
        .ok_or_else(|| invalid(&shown, "write a time such as 15m or 1h"))?;
    if milliseconds % 1000 != 0 {
        return Err(invalid(&shown, "write whole seconds"));
    }
    Expires::from_secs(milliseconds / 1000).map_err(|error| invalid(&shown, &error.to_string()))
}

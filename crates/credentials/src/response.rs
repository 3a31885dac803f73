//! Responses of services and output of programs: JSON documents with credentials.
//!
//! Parsing is strict: anything that is not exactly credentials is an error, and an error never
//! becomes credentials.

use aws_signing::identity::{LONGEST_AWS_ACCESS_KEY, is_access_key};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::time::{format_iso8601, parse_iso8601};
use crate::{Credentials, Secret};

/// A JSON object. Values that are not removed from it are erased when it is dropped.
pub(crate) struct Document(Map<String, Value>);

impl Document {
    /// Parses a whole document, whose outermost value must be an object.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ResponseError> {
        if bytes.trim_ascii().is_empty() {
            return Err(ResponseError::Nothing);
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(mut value) => {
                erase(&mut value);
                Err(ResponseError::NotJson)
            }
            Err(_) => Err(ResponseError::NotJson),
        }
    }

    /// Removes and returns a text, if it is there and not null. As in the SDKs, the case of names
    /// is ignored.
    pub(crate) fn text(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Zeroizing<String>>, ResponseError> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(Zeroizing::new(text))),
            Some(mut value) => {
                erase(&mut value);
                Err(ResponseError::NotText(name))
            }
        }
    }

    /// Removes and returns a whole number.
    pub(crate) fn number(&mut self, name: &'static str) -> Option<i64> {
        self.take(name)?.as_i64()
    }

    /// Removes and returns an object, or the first of a list of objects.
    pub(crate) fn object(&mut self, name: &'static str) -> Result<Option<Self>, ResponseError> {
        let mut value = match self.take(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value,
        };
        let first = match &mut value {
            Value::Array(values) => values.first_mut(),
            value => Some(value),
        };
        let object = match first {
            Some(Value::Object(fields)) => Ok(Some(Self(std::mem::take(fields)))),
            None => Ok(None),
            Some(_) => Err(ResponseError::Malformed(name)),
        };
        erase(&mut value);
        object
    }

    /// Removes and returns a time, as Unix time in seconds: a text such as `2026-01-02T03:04:05Z`,
    /// or seconds since 1970, with an optional fraction.
    pub(crate) fn moment(&mut self, name: &'static str) -> Result<Option<i64>, ResponseError> {
        // Up to the end of the year 9999.
        const SECONDS: std::ops::Range<f64> = 0.0..253_402_300_800.0;
        let value = match self.take(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value,
        };
        let moment = match &value {
            Value::String(text) => parse_iso8601(text),
            Value::Number(number) => number
                .as_f64()
                .filter(|secs| SECONDS.contains(secs))
                .map(|secs| secs as i64),
            _ => None,
        };
        moment.map(Some).ok_or(ResponseError::Malformed(name))
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        if let Some(value) = self.0.remove(name) {
            return Some(value);
        }
        let mut names = self.0.keys();
        let name = names.find(|key| key.eq_ignore_ascii_case(name))?.clone();
        self.0.remove(&name)
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        for value in self.0.values_mut() {
            erase(value);
        }
    }
}

fn erase(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(erase),
        Value::Object(fields) => fields.values_mut().for_each(erase),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The fields of a response that form credentials.
pub(crate) struct CredentialFields {
    pub(crate) access_key_id: Option<Zeroizing<String>>,
    pub(crate) secret_access_key: Option<Zeroizing<String>>,
    pub(crate) session_token: Option<Zeroizing<String>>,
    pub(crate) expiration: Option<Zeroizing<String>>,
}

/// The sender's names of the fields, and which of them can be missing.
pub(crate) struct FieldNames {
    /// `Token` or `SessionToken`.
    pub(crate) session_token: &'static str,
    /// Whether the credentials must be temporary, with token and expiration.
    pub(crate) temporary: bool,
}

impl CredentialFields {
    /// Reads the fields from a document.
    pub(crate) fn of(document: &mut Document, names: &FieldNames) -> Result<Self, ResponseError> {
        Ok(Self {
            access_key_id: document.text("AccessKeyId")?,
            secret_access_key: document.text("SecretAccessKey")?,
            session_token: document.text(names.session_token)?,
            expiration: document.text("Expiration")?,
        })
    }

    /// Credentials, if all fields are there and valid.
    pub(crate) fn into_credentials(
        self,
        names: &FieldNames,
        origin: String,
    ) -> Result<Credentials, ResponseError> {
        let access_key_id = required("AccessKeyId", self.access_key_id)?;
        if !is_access_key_id(&access_key_id) {
            return Err(ResponseError::Malformed("AccessKeyId"));
        }
        let secret_access_key = required("SecretAccessKey", self.secret_access_key)?;
        let session_token = match self.session_token {
            None if !names.temporary => None,
            token => Some(required(names.session_token, token)?),
        };
        let expires_at = match self.expiration {
            None if !names.temporary => None,
            expiration => {
                let expiration = required("Expiration", expiration)?;
                Some(parse_iso8601(&expiration).ok_or(ResponseError::Malformed("Expiration"))?)
            }
        };
        if !is_secret(&secret_access_key) {
            return Err(ResponseError::Malformed("SecretAccessKey"));
        }
        if session_token
            .as_ref()
            .is_some_and(|token| !is_secret(token))
        {
            return Err(ResponseError::Malformed(names.session_token));
        }
        Ok(Credentials {
            access_key_id: access_key_id.to_string(),
            secret_access_key: Secret::from(secret_access_key),
            session_token: session_token.map(Secret::from),
            expires_at,
            outlives_expiry: false,
            origin,
        })
    }
}

fn required(
    name: &'static str,
    text: Option<Zeroizing<String>>,
) -> Result<Zeroizing<String>, ResponseError> {
    match text {
        None => Err(ResponseError::Missing(name)),
        Some(text) if text.is_empty() => Err(ResponseError::Missing(name)),
        Some(text) => Ok(text),
    }
}

/// Rejects credentials that have expired. `now` is Unix time in seconds.
pub(crate) fn check_fresh(credentials: &Credentials, now: i64) -> Result<(), ResponseError> {
    match credentials.expires_at {
        Some(at) if at <= now => Err(ResponseError::Expired(at)),
        _ => Ok(()),
    }
}

/// Whether this can be an access key. AWS issues none that is longer.
pub(crate) fn is_access_key_id(text: &str) -> bool {
    is_access_key(text.as_bytes(), LONGEST_AWS_ACCESS_KEY)
}

/// Whether this can be a secret key or a token; a token is sent as it is.
pub(crate) fn is_secret(text: &str) -> bool {
    aws_signing::identity::is_secret(text.as_bytes())
}

/// A text from outside, prepared for a log line: its first line, printable and short.
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 200;
    let line = text.trim().lines().next().unwrap_or_default();
    let mut quoted: String = line
        .chars()
        .take(LONGEST)
        .map(|c| {
            if c.is_ascii_graphic() || c == ' ' {
                c
            } else {
                '?'
            }
        })
        .collect();
    if line.chars().count() > LONGEST {
        quoted.push_str("...");
    }
    quoted
}

/// A service's error, prepared for a log line. Messages about signatures quote the canonical
/// request, and with it the session token: for these only the code is shown.
pub(crate) fn describe_error(code: &str, message: &str) -> String {
    if message.is_empty() || code.contains("Signature") {
        return quote(code);
    }
    format!("{}: {}", quote(code), quote(message))
}

/// The error in a response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// It is empty.
    #[error("the response is empty")]
    Nothing,
    /// It is not a JSON object.
    #[error("the response is not a JSON object")]
    NotJson,
    /// It is not an XML document of the expected kind.
    #[error("the response is not an XML document of STS")]
    NotXml,
    /// A part is missing or empty.
    #[error("the response has no {0}")]
    Missing(&'static str),
    /// A part is not a text.
    #[error("{0} in the response is not a string")]
    NotText(&'static str),
    /// A part is not valid.
    #[error("{0} in the response is malformed")]
    Malformed(&'static str),
    /// The version is missing or not 1.
    #[error("the response has no \"Version\": 1")]
    Version,
    /// The sender reports why there are none: its code and message.
    #[error("{0}")]
    Refused(String),
    /// The credentials had expired before they arrived, at this Unix time in seconds.
    #[error("the credentials in the response expired at {}: check the clock of this machine", format_iso8601(*.0))]
    Expired(i64),
    /// The same for a token.
    #[error("the token in the response expired at {}: check the clock of this machine", format_iso8601(*.0))]
    TokenExpired(i64),
    /// It is neither a token nor a JSON object that contains one.
    #[error(
        "the response is neither a token (visible ASCII without blanks) nor a JSON object with one"
    )]
    NotToken,
    /// A token that should be a user name and password has no colon between them.
    #[error("the token is not of the form <user>:<password>, which format=basic requires")]
    NoUser,
}

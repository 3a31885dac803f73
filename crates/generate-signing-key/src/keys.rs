//! The lines that are printed.

use std::fmt::Write;

use aws_signing::{CredentialScope, ScopeError, derive_key_bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::Date;

use crate::arguments::{Arguments, Choice};

/// The lines for each requested day: the key, then its scope.
pub(crate) fn generate(arguments: &Arguments, secret: &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut lines = String::new();
    let mut day = Some(*arguments.date.value());
    for _ in 0..arguments.days {
        let date = day.ok_or(KeyError::Calendar)?;
        let scope =
            CredentialScope::new(&digits(date), &arguments.region, arguments.service.value())
                .map_err(KeyError::Scope)?;
        let key = derive_key_bytes(secret, &scope);
        if arguments.base64 {
            STANDARD.encode_string(key, &mut lines);
        } else {
            // What Python prints for bytes decoded as Latin-1: each becomes the character of its
            // number, encoded as UTF-8.
            lines.extend(key.map(char::from));
        }
        let _ = write!(lines, "\n{scope}\n");
        day = date.next_day();
    }
    Ok(lines.into_bytes())
}

/// Reports which defaults were used.
pub(crate) fn chosen(arguments: &Arguments) -> String {
    let mut lines = String::new();
    if let Choice::Default(date) = arguments.date {
        lines += &format!("The auto-selected date is {}\n", digits(date));
    }
    if let Choice::Default(service) = &arguments.service {
        lines += &format!("The auto-selected service is {service}\n");
    }
    lines
}

/// `yyyymmdd`
fn digits(date: Date) -> String {
    format!(
        "{:04}{:02}{:02}",
        date.year(),
        u8::from(date.month()),
        date.day()
    )
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error(transparent)]
    Scope(ScopeError),
    /// The days extend beyond the year 9999.
    #[error("the calendar ends with the year 9999")]
    Calendar,
}

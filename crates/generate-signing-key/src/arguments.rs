//! The command line.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use lexopt::{Arg, Parser};
use time::{Date, Month, UtcDateTime};

use crate::secret::SecretSource;

/// The help text. Each option begins a line, and a value follows its long name after "=", which is
/// the format that shells parse for completion.
pub(crate) const USAGE: &str = "\
usage: generate_signing_key (-k SECRET | --secret-key-file=PATH) -r REGION [options]

Derives an AWS signing key and prints two lines: the key in base64 and its scope,
the values of the directives aws_signing_key and aws_key_scope. A key is valid for
one day, from midnight to midnight UTC.

  -k, --secret-key=SECRET    the secret access key, which is visible in the list of
                             processes; \"-\" reads it from standard input
      --secret-key-file=PATH the file that contains the secret access key
  -r, --region=REGION        the region, e.g. us-east-1
  -s, --service=SERVICE      the service (default: s3)
  -d, --date=DATE            the day, yyyymmdd (default: today, UTC)
      --days=N               print the keys of N days, beginning with DATE, 1 to 366 (default: 1)
      --no-base64            print the bytes of the key, each as one character
  -v, --verbose              print the default date and service to standard error
  -h, --help                 print this help
  -V, --version              print the version
";

/// What the program is to do.
pub(crate) enum Command {
    Help,
    Version,
    Generate(Arguments),
}

/// What keys to generate, and how to print them.
pub(crate) struct Arguments {
    pub(crate) secret: SecretSource,
    pub(crate) region: String,
    pub(crate) service: Choice<String>,
    pub(crate) date: Choice<Date>,
    pub(crate) days: u16,
    pub(crate) base64: bool,
    pub(crate) verbose: bool,
}

/// A value that the user has given, or its default.
pub(crate) enum Choice<T> {
    Given(T),
    Default(T),
}

impl<T> Choice<T> {
    pub(crate) fn value(&self) -> &T {
        match self {
            Self::Given(value) | Self::Default(value) => value,
        }
    }

    fn or_default(given: Option<T>, default: impl FnOnce() -> T) -> Self {
        given.map_or_else(|| Self::Default(default()), Self::Given)
    }
}

impl Arguments {
    pub(crate) fn parse(mut parser: Parser) -> Result<Command, ArgumentError> {
        let (mut secret, mut file) = (None, None);
        let (mut region, mut service, mut date) = (None, None, None);
        let (mut days, mut base64, mut verbose) = (1, true, false);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Short('k') | Arg::Long("secret-key") => secret = Some(parser.value()?),
                Arg::Long("secret-key-file") => file = Some(parser.value()?),
                Arg::Short('r') | Arg::Long("region") => region = Some(parser.value()?),
                Arg::Short('s') | Arg::Long("service") => service = Some(parser.value()?),
                Arg::Short('d') | Arg::Long("date") => date = Some(parse_date(parser.value()?)?),
                Arg::Long("days") => days = parse_days(parser.value()?)?,
                Arg::Long("no-base64") => base64 = false,
                Arg::Short('v') | Arg::Long("verbose") => verbose = true,
                Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
                Arg::Short('V') | Arg::Long("version") => return Ok(Command::Version),
                Arg::Short(_) | Arg::Long(_) => return Err(ArgumentError::unknown(&argument)),
                Arg::Value(_) => return Err(ArgumentError::Stray),
            }
        }
        let secret = match (secret, file) {
            (Some(_), Some(_)) => return Err(ArgumentError::TwoSecrets),
            (Some(secret), None) if secret == "-" => SecretSource::StandardInput,
            (Some(secret), None) => SecretSource::Given(secret.into_vec()),
            (None, Some(path)) => SecretSource::File(path.into()),
            (None, None) => return Err(ArgumentError::NoSecret),
        };
        // A name that is not UTF-8 is rejected later, for the replacement character.
        let name = |name: OsString| name.to_string_lossy().into_owned();
        Ok(Command::Generate(Self {
            secret,
            region: region.map(name).ok_or(ArgumentError::NoRegion)?,
            service: Choice::or_default(service.map(name), || "s3".to_owned()),
            date: Choice::or_default(date, || UtcDateTime::now().date()),
            days,
            base64,
            verbose,
        }))
    }
}

fn parse_date(date: OsString) -> Result<Date, ArgumentError> {
    let parse = |date: &str| {
        if date.len() != 8 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let month = Month::try_from(date[4..6].parse::<u8>().ok()?).ok()?;
        Date::from_calendar_date(date[..4].parse().ok()?, month, date[6..].parse().ok()?).ok()
    };
    date.to_str().and_then(parse).ok_or(ArgumentError::Date)
}

fn parse_days(days: OsString) -> Result<u16, ArgumentError> {
    let days = days.to_str().and_then(|days| days.parse().ok());
    days.filter(|days| (1..=366).contains(days))
        .ok_or(ArgumentError::Days)
}

/// The error in the command line. No message repeats a value, which can be a misplaced secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgumentError {
    #[error("the secret access key is missing: -k SECRET or --secret-key-file PATH")]
    NoSecret,
    #[error("--secret-key and --secret-key-file cannot be combined")]
    TwoSecrets,
    #[error("the region is missing: -r REGION")]
    NoRegion,
    #[error("--date requires a calendar day in the form yyyymmdd")]
    Date,
    #[error("--days requires a number from 1 to 366")]
    Days,
    /// An option without its value.
    #[error("{0} requires a value")]
    NoValue(String),
    /// A value for an option that accepts none.
    #[error("{0} does not accept a value")]
    Value(String),
    /// An unknown option; its name, if it can be shown.
    #[error("there is no {}; see --help", option(.0))]
    Unknown(Option<String>),
    /// A value without an option.
    #[error("unexpected argument; see --help")]
    Stray,
}

impl ArgumentError {
    fn unknown(argument: &Arg<'_>) -> Self {
        Self::Unknown(match argument {
            // It can be a mistyped option; a secret is longer and has upper-case letters.
            Arg::Long(name)
                if name.len() <= 20
                    && name
                        .bytes()
                        .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')) =>
            {
                Some(format!("--{name}"))
            }
            Arg::Short(name) if name.is_ascii_graphic() => Some(format!("-{name}")),
            _ => None,
        })
    }
}

impl From<lexopt::Error> for ArgumentError {
    fn from(error: lexopt::Error) -> Self {
        match error {
            lexopt::Error::MissingValue {
                option: Some(option),
            } => Self::NoValue(option),
            lexopt::Error::UnexpectedValue { option, .. } => Self::Value(option),
            _ => Self::Stray,
        }
    }
}

/// An unknown option in a message, if it can be shown.
fn option(name: &Option<String>) -> String {
    match name {
        Some(name) => format!("option {name}"),
        None => "such option".to_owned(),
    }
}

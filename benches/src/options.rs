//! What the environment says.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

/// A part of what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// GET.
    Get,
    /// Small PUTs.
    Small,
    /// A large PUT.
    Large,
    /// A worker's memory during PUTs.
    Memory,
}

impl Part {
    const ALL: [(&str, Self); 4] = [
        ("get", Self::Get),
        ("small", Self::Small),
        ("large", Self::Large),
        ("memory", Self::Memory),
    ];

    /// The parts of these names, or all.
    fn named(names: Option<&str>) -> Result<Vec<Self>, OptionsError> {
        let Some(names) = names else {
            return Ok(Self::ALL.map(|(_, part)| part).to_vec());
        };
        let parts = names.split_whitespace().map(|name| {
            let found = Self::ALL.iter().find(|(other, _)| *other == name);
            found.map(|(_, part)| *part)
        });
        parts.collect::<Option<_>>().ok_or(OptionsError::Part)
    }
}

/// What to measure, and for how long.
pub(crate) struct Options {
    /// What to measure, in this order.
    pub(crate) parts: Vec<Part>,
    /// The nginx program.
    pub(crate) nginx: PathBuf,
    /// The module.
    pub(crate) module: PathBuf,
    /// Another module, that takes the C module's six directives.
    pub(crate) peer: Option<PathBuf>,
    /// How often each variant of a GET is measured.
    pub(crate) rounds: usize,
    /// How often each variant of a small PUT is measured.
    pub(crate) small_rounds: usize,
    /// How often each variant of a large PUT is measured.
    pub(crate) large_rounds: usize,
    /// The length of a large body, in MiB: whole pieces of 8 MiB.
    pub(crate) large_mib: u32,
    /// How long each time, in seconds.
    pub(crate) seconds: u32,
    /// Whether the GET has a query and a Range.
    pub(crate) query: bool,
    /// The level of nginx's error log.
    pub(crate) log_level: String,
}

/// Why the environment makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OptionsError {
    /// A variable is no number, or too small a one.
    Number { name: &'static str, least: u32 },
    /// There is no such part.
    Part,
    /// There is no file of this name.
    NoModule { name: &'static str, path: PathBuf },
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { name, least } => write!(f, "{name} takes a number, {least} or more"),
            Self::Part => f.write_str("BENCH_PARTS takes some of \"get small large memory\""),
            Self::NoModule { name, path } => write!(
                f,
                "{}: no such module: run `make build`, or name another in {name}",
                path.display()
            ),
        }
    }
}

impl Options {
    /// Reads the variables that README.md lists.
    pub(crate) fn from_environment() -> Result<Self, OptionsError> {
        const MODULE: &str = "AWS_AUTH_MODULE";
        const PEER: &str = "PEER_MODULE";

        let built = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../build/modules/ngx_http_aws_auth_module.so"
        );
        Ok(Self {
            nginx: set("AWS_AUTH_NGINX").map_or_else(installed_nginx, PathBuf::from),
            module: existing(MODULE, set(MODULE).unwrap_or_else(|| built.to_owned()))?,
            peer: set(PEER).map(|path| existing(PEER, path)).transpose()?,
            parts: Part::named(set("BENCH_PARTS").as_deref())?,
            rounds: number("BENCH_ROUNDS", 15, 5)? as usize,
            small_rounds: number("BENCH_SMALL_ROUNDS", 5, 1)? as usize,
            large_rounds: number("BENCH_LARGE_ROUNDS", 3, 1)? as usize,
            large_mib: number("BENCH_LARGE_MIB", 1024, 8)?.next_multiple_of(8),
            seconds: number("BENCH_SECONDS", 1, 1)?,
            query: set("BENCH_QUERY").is_some(),
            log_level: set("BENCH_LOG_LEVEL").unwrap_or_else(|| "error".to_owned()),
        })
    }
}

/// The value of a variable. What make hands on empty is not set.
fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variable's value, a number.
fn number(name: &'static str, default: u32, least: u32) -> Result<u32, OptionsError> {
    parse(name, set(name), default, least)
}

fn parse(
    name: &'static str,
    value: Option<String>,
    default: u32,
    least: u32,
) -> Result<u32, OptionsError> {
    value
        .map_or(Ok(default), |text| text.parse())
        .ok()
        .filter(|number| *number >= least)
        .ok_or(OptionsError::Number { name, least })
}

/// The absolute path of a module: nginx looks for others below its own folder.
fn existing(name: &'static str, path: String) -> Result<PathBuf, OptionsError> {
    Path::new(&path)
        .canonicalize()
        .map_err(|_| OptionsError::NoModule {
            name,
            path: path.into(),
        })
}

/// Debian leaves sbin out of the PATH of ordinary users.
fn installed_nginx() -> PathBuf {
    let debian = Path::new("/usr/sbin/nginx");
    if debian.exists() {
        debian.to_owned()
    } else {
        "nginx".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_default_and_a_least_value() {
        let rounds = |text: Option<&str>| parse("N", text.map(str::to_owned), 15, 5);
        assert_eq!(rounds(None), Ok(15));
        assert_eq!(rounds(Some("5")), Ok(5));
        for bad in ["4", "x", "-1", "1.5"] {
            assert_eq!(
                rounds(Some(bad)),
                Err(OptionsError::Number {
                    name: "N",
                    least: 5
                }),
                "{bad}"
            );
        }
    }

    #[test]
    fn parts_are_named() {
        assert_eq!(Part::named(None).map(|parts| parts.len()), Ok(4));
        assert_eq!(
            Part::named(Some("memory get")),
            Ok(vec![Part::Memory, Part::Get])
        );
        assert_eq!(Part::named(Some("get put")), Err(OptionsError::Part));
    }

    #[test]
    fn a_missing_module_is_named() {
        let error = existing("PEER_MODULE", "/nonexistent/x.so".to_owned()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/nonexistent/x.so: no such module: run `make build`, or name another in PEER_MODULE"
        );
    }
}

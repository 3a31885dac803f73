//! What is needed to read the arguments of a directive.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::Source;
use crate::Environment;

/// What is needed to parse the arguments of a directive.
#[derive(Clone, Copy)]
pub struct ParseContext<'a> {
    /// The environment of the process that reads the configuration.
    pub environment: &'a Environment,
    /// The providers that the configuration has declared before.
    pub declared: &'a Declared,
    /// Parses a time as in the configuration, e.g. `1h30m`.
    pub parse_time: &'a dyn Fn(&str) -> Option<Duration>,
}

/// The providers that a configuration has declared, for those that get their credentials from
/// another one. [`Definition::declare`](crate::Definition::declare) adds to it.
#[derive(Default)]
pub struct Declared(HashMap<String, Source>);

impl Declared {
    pub(crate) fn add(&mut self, name: &str, source: Source) {
        self.0.insert(name.to_owned(), source);
    }

    pub(super) fn find(&self, name: &str) -> Option<&Source> {
        self.0.get(name)
    }
}

/// Shows the names.
impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

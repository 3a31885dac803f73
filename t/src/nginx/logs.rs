//! What in an error log fails a test.

use std::fmt;

/// Marks of lines that no test may cause without saying so.
const MARKS: [&str; 5] = ["[crit]", "[alert]", "[emerg]", "panicked", "signal 11"];

/// The severe lines of a log.
#[derive(Debug)]
pub(super) struct Severe {
    lines: Vec<String>,
}

impl Severe {
    /// Finds the severe lines that hold none of the allowed texts.
    pub(super) fn find(log: &str, allowed: &[String]) -> Self {
        let lines = log
            .lines()
            // A debug line may show what a client sent.
            .filter(|line| !line.contains("[debug]"))
            .filter(|line| MARKS.iter().any(|mark| line.contains(mark)))
            .filter(|line| !allowed.iter().any(|text| line.contains(text.as_str())))
            .map(str::to_owned)
            .collect();
        Self { lines }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl fmt::Display for Severe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

/// The module's lines in a log.
pub fn own_lines(log: &str) -> Vec<String> {
    let own = log.lines().filter(|line| line.contains("aws_auth:"));
    own.map(str::to_owned).collect()
}

/// The last lines of a log.
pub(super) fn tail(log: &str, lines: usize) -> String {
    let all: Vec<&str> = log.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

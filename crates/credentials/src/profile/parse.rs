//! The format of the files.
//!
//! The format is a dialect of INI. If the SDKs and the AWS CLI disagree, both readings are
//! accepted: settings can be indented, except deeper than the previous setting, which they would
//! continue.

use zeroize::Zeroizing;

use super::{Profile, Profiles};
use crate::command_line;

/// How a file writes the names of its profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FileSyntax {
    /// `[name]`, as in `~/.aws/credentials`.
    Credentials,
    /// `[profile name]` and `[default]`, as in `~/.aws/config`.
    Config,
    /// Either.
    Any,
}

/// Reads a file.
pub(crate) fn parse(text: &str, syntax: FileSyntax) -> Result<Profiles, ParseError> {
    let mut parser = Parser {
        syntax,
        profiles: Profiles::default(),
        default_is_prefixed: false,
        section: Section::None,
        setting: None,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (line, number) in text.lines().zip(1..) {
        parser
            .line(line)
            .map_err(|problem| ParseError { number, problem })?;
    }
    Ok(parser.profiles)
}

struct Parser {
    syntax: FileSyntax,
    profiles: Profiles,
    /// `[profile default]` was seen, after which `[default]` is ignored.
    default_is_prefixed: bool,
    section: Section,
    /// The name of the last setting, and its indentation.
    setting: Option<(String, usize)>,
}

enum Section {
    /// Before the first one.
    None,
    Profile(String),
    /// Not a profile, or one that is ignored.
    Other,
}

impl Parser {
    fn line(&mut self, line: &str) -> Result<(), Problem> {
        let text = line.trim_matches(BLANKS);
        if text.is_empty() || text.starts_with(['#', ';']) {
            return Ok(());
        }
        let indent = line.len() - line.trim_start_matches(BLANKS).len();
        match self.setting.take() {
            Some((name, of_setting)) if indent > of_setting => {
                self.extend(&name, text);
                self.setting = Some((name, of_setting));
                Ok(())
            }
            _ if text.starts_with('[') => self.section(text),
            _ => self.assign(text, indent),
        }
    }

    fn section(&mut self, text: &str) -> Result<(), Problem> {
        let text = text.split(['#', ';']).next().unwrap_or_default();
        let name = text
            .trim_matches(BLANKS)
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .ok_or(Problem::Section)?;
        self.section = match self.profile_name(name.trim_matches(BLANKS)) {
            Some(name) => {
                self.profiles.0.entry(name.clone()).or_default();
                Section::Profile(name)
            }
            None => Section::Other,
        };
        Ok(())
    }

    /// Which profile a section is, if any.
    fn profile_name(&mut self, section: &str) -> Option<String> {
        if let Some(name) = section.strip_prefix("profile")
            && name.starts_with(BLANKS)
        {
            if self.syntax == FileSyntax::Credentials {
                return None;
            }
            // A name with spaces is quoted.
            let words = command_line::split(name).ok()?;
            let [name] = &*words else {
                return None;
            };
            if name.as_str() == "default" && !self.default_is_prefixed {
                self.default_is_prefixed = true;
                self.profiles.0.remove("default");
            }
            return Some(name.to_string());
        }
        if section == "default" {
            return (!self.default_is_prefixed).then(|| section.to_owned());
        }
        (self.syntax != FileSyntax::Config && !section.is_empty()).then(|| section.to_owned())
    }

    fn assign(&mut self, text: &str, indent: usize) -> Result<(), Problem> {
        if let Section::None = self.section {
            return Err(Problem::NoSection);
        }
        let (name, value) = text.split_once('=').ok_or(Problem::NoValue)?;
        let name = name.trim_matches(BLANKS).to_ascii_lowercase();
        if name.is_empty() {
            return Err(Problem::NoName);
        }
        if let Some(profile) = self.profile() {
            let value = without_comment(value).trim_matches(BLANKS);
            profile
                .0
                .insert(name.clone(), Zeroizing::new(value.to_owned()));
        }
        self.setting = Some((name, indent));
        Ok(())
    }

    /// Adds another line to a setting. None of the settings that are read here has several; those
    /// that do have, such as `s3 =`, are skipped.
    fn extend(&mut self, name: &str, text: &str) {
        if let Some(profile) = self.profile()
            && let Some(value) = profile.0.get_mut(name)
        {
            let mut longer = Zeroizing::new(String::with_capacity(value.len() + 1 + text.len()));
            longer.push_str(value);
            longer.push('\n');
            longer.push_str(text);
            *value = longer;
        }
    }

    fn profile(&mut self) -> Option<&mut Profile> {
        match &self.section {
            Section::Profile(name) => self.profiles.0.get_mut(name),
            Section::None | Section::Other => None,
        }
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

/// A comment begins after a space: secrets can contain any of these characters.
fn without_comment(value: &str) -> &str {
    let mut after_blank = false;
    for (at, c) in value.char_indices() {
        if after_blank && (c == '#' || c == ';') {
            return &value[..at];
        }
        after_blank = c.is_whitespace();
    }
    value
}

/// The error in a file, with the line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number} {problem}")]
pub(crate) struct ParseError {
    number: usize,
    problem: Problem,
}

/// The error in a line. The line itself is not shown: it can contain a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("begins with \"[\", but does not end with \"]\"")]
    Section,
    #[error("is before the first [profile]")]
    NoSection,
    #[error("is not of the form name = value")]
    NoValue,
    #[error("has no name before the \"=\"")]
    NoName,
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;

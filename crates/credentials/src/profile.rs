//! The shared configuration and credentials files of the SDKs and the AWS CLI.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

mod parse;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

pub(crate) use parse::{FileSyntax, parse};

/// The profiles of one file or of several.
#[derive(Default)]
pub(crate) struct Profiles(BTreeMap<String, Profile>);

/// The settings of a profile; their names are in lower case.
#[derive(Default)]
pub(crate) struct Profile(BTreeMap<String, Zeroizing<String>>);

impl Profiles {
    pub(crate) fn get(&self, name: &str) -> Option<&Profile> {
        self.0.get(name)
    }

    /// Adds the profiles of another file, whose settings take precedence.
    pub(crate) fn merge(&mut self, other: Self) {
        for (name, profile) in other.0 {
            self.0.entry(name).or_default().0.extend(profile.0);
        }
    }

    /// Whether one of them contains a secret.
    pub(crate) fn hold_secrets(&self) -> bool {
        let mut profiles = self.0.values();
        profiles.any(|profile| {
            let secrets = ["aws_secret_access_key", "aws_session_token"];
            secrets.iter().any(|name| profile.get(name).is_some())
        })
    }
}

impl Profile {
    /// The value of a setting; an empty one counts as missing.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?;
        (!value.is_empty()).then_some(value)
    }
}

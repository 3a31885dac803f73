//! The environment variables that sources read, as they were when the configuration was read.

use std::fmt;
use std::rc::Rc;

use crate::Secret;

/// The variables that sources read.
const READ: [&str; 26] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_CODEARTIFACT",
    "AWS_ENDPOINT_URL_ECR",
    "AWS_ENDPOINT_URL_ECR_PUBLIC",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "HOME",
];

/// The environment of a program that a source runs: where its own configuration is and how to reach
/// the network, but no keys or tokens.
const PASSED_ON: [&str; 20] = [
    "ALL_PROXY",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SHARED_CREDENTIALS_FILE",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LC_ALL",
    "LOGNAME",
    "NO_PROXY",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "USER",
];

/// A snapshot of the variables that matter here. Workers of nginx lose their environment, so the
/// master takes it when it reads the configuration. Copies share it.
#[derive(Clone, Default, Hash)]
pub struct Environment {
    variables: Rc<[(&'static str, Secret)]>,
}

impl Environment {
    /// Calls `lookup` for each variable that matters. An empty one counts as not set, as in the
    /// SDKs.
    pub fn capture(mut lookup: impl FnMut(&str) -> Option<String>) -> Self {
        let mut names: Vec<_> = READ.iter().chain(&PASSED_ON).copied().collect();
        names.sort_unstable();
        names.dedup();
        let variables = names.into_iter().filter_map(|name| {
            let value = Secret::new(lookup(name)?);
            (!value.expose().is_empty()).then_some((name, value))
        });
        Self {
            variables: variables.collect(),
        }
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        debug_assert!(READ.contains(&name), "{name} is not captured");
        let (_, value) = self.variables.iter().find(|(known, _)| *known == name)?;
        Some(value.expose())
    }

    /// Whether a variable is set to `true`, in any case.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The environment of a program that a source runs.
    pub(crate) fn for_children(&self) -> Vec<(&'static str, String)> {
        let passed_on = |(name, _): &&(&'static str, _)| PASSED_ON.contains(name);
        let variables = self.variables.iter().filter(passed_on);
        variables
            .map(|(name, value)| (*name, value.expose().to_owned()))
            .collect()
    }
}

/// Shows which variables are set, but not their values.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.variables.iter().map(|(name, _)| name);
        f.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Environment {
        Environment::capture(|name| match name {
            "AWS_ACCESS_KEY_ID" => Some("AKIDEXAMPLE".to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some("wJalrX".to_owned()),
            "AWS_SESSION_TOKEN" => Some(String::new()),
            "AWS_CONTAINER_AUTHORIZATION_TOKEN" => Some("word".to_owned()),
            "AWS_EC2_METADATA_DISABLED" => Some("True".to_owned()),
            "HOME" => Some("/home/web".to_owned()),
            "PATH" => Some("/bin".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let environment = sample();
        assert_eq!(environment.get("AWS_ACCESS_KEY_ID"), Some("AKIDEXAMPLE"));
        assert_eq!(environment.get("AWS_SESSION_TOKEN"), None);
        assert_eq!(environment.get("AWS_PROFILE"), None);
        assert!(environment.is_true("AWS_EC2_METADATA_DISABLED"));
        assert!(!environment.is_true("AWS_USE_FIPS_ENDPOINT"));
    }

    #[test]
    fn children_get_no_secret() {
        let environment = sample().for_children();
        assert_eq!(
            environment,
            [
                ("HOME", "/home/web".to_owned()),
                ("PATH", "/bin".to_owned())
            ]
        );
    }

    #[test]
    fn debug_shows_names_only() {
        let text = format!("{:?}", sample());
        assert!(
            text.contains("AWS_SECRET_ACCESS_KEY") && !text.contains("wJalrX"),
            "{text}"
        );
    }
}

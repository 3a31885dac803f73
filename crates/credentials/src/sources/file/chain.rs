//! The source that a profile describes, which can be a chain of roles, each assumed with the
//! credentials of the next.
//!
//! The precedence of settings is that of the [SDKs][1]: a role first, then web identity, SSO, a
//! process, keys.
//!
//! [1]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html

use crate::profile::{Profile, Profiles};
use crate::response::{is_access_key_id, is_secret};
use crate::sources::{AssumeRole, Container, Imds, Keys, Process, Source, WebIdentity};
use crate::sts::{Role, Sts};
use crate::{Environment, FetchError, Secret};

/// What is needed to read the settings of a profile.
pub(crate) struct ProfileContext<'a> {
    pub(crate) profiles: &'a Profiles,
    pub(crate) environment: &'a Environment,
    /// `region=`, `endpoint=`, and `insecure` of the directive.
    pub(crate) region: Option<&'a str>,
    pub(crate) endpoint: Option<&'a str>,
    pub(crate) insecure: bool,
}

/// The source that the profile `name` describes. A profile without credentials is not configured; a
/// contradictory one is an error.
pub(crate) fn source_of(context: &ProfileContext<'_>, name: &str) -> Result<Source, FetchError> {
    let region_of_profile = context
        .profiles
        .get(name)
        .and_then(|profile| profile.get("region"));
    let of_environment = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .iter()
        .find_map(|name| context.environment.get(name));
    let chain = Chain {
        context,
        // One region for all roles: the one of the requested profile.
        region: context.region.or(of_environment).or(region_of_profile),
    };
    chain.source(name, &mut Vec::new())
}

struct Chain<'a> {
    context: &'a ProfileContext<'a>,
    region: Option<&'a str>,
}

impl<'a> Chain<'a> {
    fn source(&self, name: &'a str, visited: &mut Vec<&'a str>) -> Result<Source, FetchError> {
        let Some(profile) = self.context.profiles.get(name) else {
            let why = match visited.last() {
                Some(from) => format!("it does not exist, and profile \"{from}\" requires it"),
                None => "it does not exist: write it as [profile name] in the config file and \
                         [name] in the credentials file"
                    .to_owned(),
            };
            return Err(wrong(name, why));
        };
        if visited.contains(&name) {
            let path = visited.join(" > ");
            return Err(wrong(
                name,
                format!("source_profile forms a cycle: {path} > {name}"),
            ));
        }
        if visited.len() == LONGEST {
            let why = format!("more than {LONGEST} profiles refer to one another");
            return Err(wrong(visited[0], why));
        }
        visited.push(name);

        // If other profiles use this one as their source, its keys are used, even if it has a role,
        // too.
        if visited.len() > 1 && has_keys(profile) {
            return keys(name, profile).map(Source::Keys);
        }
        let role = profile.get("role_arn");
        match role.filter(|_| profile.get("web_identity_token_file").is_none()) {
            Some(arn) => self.role(name, profile, arn, visited),
            None => self.base(name, profile),
        }
    }

    /// A role, and the source whose credentials assume it.
    fn role(
        &self,
        name: &'a str,
        profile: &'a Profile,
        arn: &str,
        visited: &mut Vec<&'a str>,
    ) -> Result<Source, FetchError> {
        if profile.get("mfa_serial").is_some() {
            let why = "mfa_serial requires a code that a person enters";
            return Err(wrong(name, why));
        }
        let source = match (
            profile.get("source_profile"),
            profile.get("credential_source"),
        ) {
            (Some(_), Some(_)) => {
                return Err(wrong(
                    name,
                    "it has both source_profile and credential_source",
                ));
            }
            (None, None) => {
                let why = "role_arn requires a source_profile or a credential_source";
                return Err(wrong(name, why));
            }
            // Its role is assumed with its own keys.
            (Some(source), None) if source == name => keys(name, profile).map(Source::Keys)?,
            (Some(source), None) => match self.source(source, visited) {
                Err(FetchError::NotConfigured(_)) => {
                    let why = format!(
                        "it has no credentials, and profile \"{name}\" requires \
                                       them"
                    );
                    return Err(wrong(source, why));
                }
                other => other?,
            },
            (None, Some(source)) => self.named(name, source)?,
        };
        let role = Role::new(
            arn,
            profile.get("role_session_name"),
            profile.get("external_id"),
            profile.get("duration_seconds"),
        );
        let role = role.map_err(|error| within(name, error))?;
        let sts = self.sts(&role).map_err(|error| within(name, error))?;
        Ok(Source::AssumeRole(AssumeRole::new(source, role, sts)))
    }

    /// A source that needs no other credentials.
    fn base(&self, name: &str, profile: &Profile) -> Result<Source, FetchError> {
        if let Some(source) = profile.get("credential_source") {
            return self.named(name, source);
        }
        if let Some(token_file) = profile.get("web_identity_token_file") {
            let Some(arn) = profile.get("role_arn") else {
                return Err(wrong(name, "web_identity_token_file requires a role_arn"));
            };
            let role = Role::new(arn, profile.get("role_session_name"), None, None);
            let source = role.and_then(|role| {
                let sts = self.sts(&role)?;
                WebIdentity::new(role, token_file, sts)
            });
            let source = source.map_err(|error| within(name, error))?;
            return Ok(Source::WebIdentity(source));
        }
        if let Some(setting) = INTERACTIVE.iter().find(|name| profile.get(name).is_some()) {
            let why = format!(
                "{setting} requires a person to sign in: use the source process with \
                 \"command=aws configure export-credentials --format process --profile {name}\""
            );
            return Err(wrong(name, why));
        }
        if let Some(line) = profile.get("credential_process") {
            let process = Process::new("credential_process", line);
            return process
                .map(Source::Process)
                .map_err(|error| within(name, error));
        }
        if has_keys(profile) {
            return keys(name, profile).map(Source::Keys);
        }
        Err(FetchError::NotConfigured(format!(
            "profile \"{name}\" has no credentials"
        )))
    }

    /// A source that a profile names.
    fn named(&self, name: &str, source: &str) -> Result<Source, FetchError> {
        let environment = self.context.environment;
        let found = match source {
            "Environment" => Keys::find(environment).map(Source::Keys),
            "Ec2InstanceMetadata" => Imds::find(environment).map(Source::Imds),
            "EcsContainer" => Container::find(environment).map(Source::Container),
            _ => {
                let why = "credential_source must be Environment, Ec2InstanceMetadata or \
                           EcsContainer";
                return Err(wrong(name, why));
            }
        };
        // If it is not configured, this is an error of this profile, not a reason to try other
        // sources.
        found.map_err(|error| within(name, error))
    }

    fn sts(&self, role: &Role) -> Result<Sts, FetchError> {
        let ProfileContext {
            environment,
            endpoint,
            insecure,
            ..
        } = *self.context;
        Sts::new(self.region, endpoint, insecure, environment, &role.arn)
    }
}

/// How many profiles can be chained. Nobody needs that many, and a file must not exhaust the stack.
const LONGEST: usize = 16;

/// Settings of profiles whose credentials come from a browser.
const INTERACTIVE: [&str; 6] = [
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "sso_role_name",
    "sso_region",
    "login_session",
];

fn has_keys(profile: &Profile) -> bool {
    profile.get("aws_access_key_id").is_some() || profile.get("aws_secret_access_key").is_some()
}

fn keys(name: &str, profile: &Profile) -> Result<Keys, FetchError> {
    let part = |setting: &str| {
        let missing = || wrong(name, format!("{setting} is missing"));
        profile.get(setting).ok_or_else(missing)
    };
    let access_key_id = part("aws_access_key_id")?;
    let secret = part("aws_secret_access_key")?;
    let token = profile.get("aws_session_token");
    for (setting, is_good) in [
        ("aws_access_key_id", is_access_key_id(access_key_id)),
        ("aws_secret_access_key", is_secret(secret)),
        ("aws_session_token", token.is_none_or(is_secret)),
    ] {
        if !is_good {
            return Err(wrong(
                name,
                format!("{setting} contains blanks or control characters"),
            ));
        }
    }
    let own = |text: &str| Secret::new(text.to_owned());
    let origin = format!("file, profile \"{name}\"");
    Ok(Keys::new(
        access_key_id,
        own(secret),
        token.map(own),
        origin,
    ))
}

fn wrong(profile: &str, why: impl Into<String>) -> FetchError {
    FetchError::setting(&format!("profile \"{profile}\""), why)
}

/// Names the profile that has the invalid setting.
fn within(profile: &str, error: FetchError) -> FetchError {
    wrong(profile, error.to_string())
}

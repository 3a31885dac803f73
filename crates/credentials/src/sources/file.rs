//! `file`: a profile in the files that the SDKs and the AWS CLI share.
//!
//! The files are read for each fetch, and a fetch is due when one of them has changed. So keys that
//! another program refreshes need no reload.

mod chain;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use zeroize::Zeroizing;

use super::{CredentialSource, ParseContext};
use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::file::{FileError, FileIdentity};
use crate::profile::{FileSyntax, Profiles, parse};
use crate::profile_cache::LoadedFiles;
use crate::sources::Source;
use crate::{
    Check, Declaration, DefinitionError, Environment, FetchError, FileUse, Files, Host, Material,
    Url,
};

use chain::{ProfileContext, source_of};

/// Ten times the size of files with very many profiles.
const LIMIT: usize = 1024 * 1024;

/// A file's content, and its identity.
type Read = (Zeroizing<Vec<u8>>, Option<FileIdentity>);

/// Which files, and which profile in them.
#[derive(Clone, Hash)]
pub(crate) struct ProfileFile {
    /// Settings of later files take precedence.
    files: Vec<(PathBuf, FileSyntax)>,
    profile: String,
    /// Whether this profile was requested explicitly, so that its absence is an error.
    is_named: bool,
    region: Option<String>,
    endpoint: Option<String>,
    /// Whether a role can be requested over plain HTTP from another machine.
    insecure: bool,
}

impl ProfileFile {
    /// The files as the environment names them, by default those in the home directory.
    pub(crate) fn find(environment: &Environment, insecure: bool) -> Result<Self, FetchError> {
        let mut file = Self::empty(environment, insecure);
        for (variable, name, kind) in [
            ("AWS_CONFIG_FILE", ".aws/config", FileSyntax::Config),
            (
                "AWS_SHARED_CREDENTIALS_FILE",
                ".aws/credentials",
                FileSyntax::Credentials,
            ),
        ] {
            let home = environment.get("HOME").map(Path::new);
            let path = match (environment.get(variable), home) {
                (None, Some(home)) => home.join(name),
                (Some(path), home) => match (path.strip_prefix("~/"), home) {
                    (Some(path), Some(home)) => home.join(path),
                    _ => PathBuf::from(path),
                },
                (None, None) => continue,
            };
            if !path.is_absolute() {
                let name = if environment.get(variable).is_some() {
                    variable
                } else {
                    "HOME"
                };
                return Err(FetchError::setting(name, "it is not an absolute path"));
            }
            file.files.push((path, kind));
        }
        if file.files.is_empty() {
            let why = "neither HOME nor AWS_SHARED_CREDENTIALS_FILE is in the environment";
            return Err(FetchError::NotConfigured(why.to_owned()));
        }
        Ok(file)
    }

    fn empty(environment: &Environment, insecure: bool) -> Self {
        let profile = environment.get("AWS_PROFILE");
        Self {
            files: Vec::new(),
            profile: profile.unwrap_or("default").to_owned(),
            is_named: profile.is_some(),
            region: None,
            endpoint: None,
            insecure,
        }
    }

    /// Examines the current files: which source the profile describes.
    ///
    /// `NotConfigured` if there are no files, or if the profile has no credentials and was not
    /// requested by name.
    pub(crate) fn look(
        &self,
        files: &impl Files,
        environment: &Environment,
        check: &mut Check,
    ) -> Result<Source, FetchError> {
        let identities = self.identities(files);
        let loaded = match self.cached(files, &identities) {
            Some(loaded) => Ok(loaded),
            None => {
                let loaded = self.load(|path| match files.read(path, LIMIT) {
                    Ok(file) => Ok((file.content, Some(file.identity))),
                    Err(error) => Err(FetchError::File {
                        path: path.to_owned(),
                        error,
                    }),
                });
                loaded.map(|loaded| self.keep(files, loaded))
            }
        };
        for (at, ((path, _), identity)) in self.files.iter().zip(identities).enumerate() {
            // Most configuration files contain no secret, and everybody may read them.
            check.files.push(FileUse {
                path: path.clone(),
                identity,
                secret: loaded.as_ref().is_ok_and(|loaded| loaded.secrets[at]),
            });
        }
        self.resolve(&*loaded?, environment)
    }

    fn identities(&self, files: &impl Files) -> Vec<Option<FileIdentity>> {
        let paths = self.files.iter();
        paths.map(|(path, _)| files.identify(path).ok()).collect()
    }

    /// The content of the same files that was read for another provider.
    fn cached(
        &self,
        files: &impl Files,
        identities: &[Option<FileIdentity>],
    ) -> Option<Rc<LoadedFiles>> {
        let (cache, _) = files.profile_cache()?;
        cache.find(&self.files, identities)
    }

    /// Keeps the content for other providers.
    fn keep(&self, files: &impl Files, loaded: LoadedFiles) -> Rc<LoadedFiles> {
        let loaded = Rc::new(loaded);
        if let Some((cache, now)) = files.profile_cache() {
            cache.put(now, &self.files, &loaded);
        }
        loaded
    }

    /// Continues with the source that the profile describes.
    pub(crate) fn check_source(
        &self,
        source: &Source,
        files: &impl Files,
        environment: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        let description = source.check(files, environment, check)?;
        Ok(match source {
            // Keys know their source.
            Source::Keys(_) => description,
            _ => format!("{}: {description}", self.describe()),
        })
    }

    /// Reads the files, some of which can be missing.
    fn load(
        &self,
        mut read: impl FnMut(&Path) -> Result<Read, FetchError>,
    ) -> Result<LoadedFiles, FetchError> {
        let mut loaded = LoadedFiles {
            identities: Vec::new(),
            secrets: Vec::new(),
            profiles: None,
        };
        for (path, kind) in &self.files {
            let (content, identity) = match read(path) {
                Ok(read) => read,
                Err(FetchError::File {
                    error: FileError::NotFound,
                    ..
                }) => {
                    loaded.identities.push(None);
                    loaded.secrets.push(false);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let text = std::str::from_utf8(&content);
            let text = text.map_err(|_| FetchError::content(path, "it is not text in UTF-8"))?;
            let profiles =
                parse(text, *kind).map_err(|error| FetchError::content(path, error.to_string()))?;
            loaded.identities.push(identity);
            loaded.secrets.push(profiles.hold_secrets());
            let all = loaded.profiles.get_or_insert_with(Profiles::default);
            all.merge(profiles);
        }
        Ok(loaded)
    }

    fn resolve(
        &self,
        loaded: &LoadedFiles,
        environment: &Environment,
    ) -> Result<Source, FetchError> {
        let paths = || {
            let paths = self.files.iter().map(|(path, _)| path.to_string_lossy());
            paths.collect::<Vec<_>>().join(" nor ")
        };
        let Some(profiles) = &loaded.profiles else {
            let why = format!("there is no {}", paths());
            return Err(FetchError::NotConfigured(why));
        };
        if !self.is_named && profiles.get(&self.profile).is_none() {
            let why = format!("profile \"{}\" is not in {}", self.profile, paths());
            return Err(FetchError::NotConfigured(why));
        }
        let context = ProfileContext {
            profiles,
            environment,
            region: self.region.as_deref(),
            endpoint: self.endpoint.as_deref(),
            insecure: self.insecure,
        };
        source_of(&context, &self.profile)
    }
}

impl CredentialSource for ProfileFile {
    const DECLARATION: &'static Declaration = &Declaration {
        name: "file",
        keys: &["path=", "profile=", "region=", "endpoint=", "insecure"],
        may_ask_others: true,
        summary: "the credentials and config files of the SDKs, including `role_arn`, `source_profile`, \
                  and `credential_process`",
    };

    fn parse(
        arguments: &mut Arguments<'_>,
        context: &ParseContext<'_>,
    ) -> Result<Self, DefinitionError> {
        let mut file = match arguments.take("path") {
            Some(path) if !path.starts_with('/') => {
                return Err(FetchError::setting("path=", "it is not an absolute path").into());
            }
            Some(path) => Self {
                files: vec![(PathBuf::from(path), FileSyntax::Any)],
                ..Self::empty(context.environment, false)
            },
            None => Self::find(context.environment, false)?,
        };
        if let Some(profile) = arguments.take("profile") {
            file.profile = profile.to_owned();
            file.is_named = true;
        }
        file.region = arguments.take("region").map(str::to_owned);
        file.endpoint = arguments.take("endpoint").map(str::to_owned);
        file.insecure = arguments.take_insecure();
        if let Some(Err(error)) = file.endpoint.as_deref().map(Url::parse) {
            return Err(FetchError::setting("endpoint=", error.to_string()).into());
        }
        Ok(file)
    }

    fn describe(&self) -> String {
        format!("file, profile \"{}\"", self.profile)
    }

    fn check(
        &self,
        files: &impl Files,
        environment: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        let before = check.files.len();
        match self.look(files, environment, check) {
            Ok(source) => self.check_source(&source, files, environment, check),
            Err(FetchError::NotConfigured(_))
                if check.files[before..].iter().all(FileUse::is_missing) =>
            {
                Ok(self.describe())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn fetch<H: Host>(&self, fetch: &mut Fetch<'_, H>) -> Result<Material, FetchError> {
        let identities = self.identities(fetch.host);
        let loaded = match self.cached(fetch.host, &identities) {
            Some(loaded) => {
                for ((path, _), identity) in self.files.iter().zip(identities) {
                    fetch.note(path, identity);
                }
                loaded
            }
            None => {
                let loaded = self.load(|path| {
                    let content = fetch.read(path, LIMIT)?;
                    Ok((content, fetch.last_identity()))
                })?;
                self.keep(fetch.host, loaded)
            }
        };
        let source = self.resolve(&loaded, fetch.environment)?;
        drop(loaded);
        // Boxed, as that source can contain others.
        Box::pin(source.fetch(fetch)).await
    }
}

//! A source at work.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::definition::What;
use crate::host::{FileError, FileIdentity, Request, Response};
use crate::{Environment, FetchError, Files, Host, Material};

/// Fetches what a definition defines. It remembers only which files it read.
pub struct Provider {
    what: What,
    environment: Environment,
    read: Vec<(PathBuf, Option<FileIdentity>)>,
}

impl Provider {
    pub(crate) fn new(what: What, environment: Environment) -> Self {
        Self {
            what,
            environment,
            read: Vec::new(),
        }
    }

    /// Asks the source once. Each step has its deadline; dropping the future stops everything.
    pub async fn fetch<H: Host>(&mut self, host: &H) -> Result<Material, FetchError> {
        self.read.clear();
        let mut fetch = Fetch {
            host,
            environment: &self.environment,
            read: &mut self.read,
        };
        match &self.what {
            What::Credentials(source) => source.fetch(&mut fetch).await,
            What::Token(source) => source.fetch(&mut fetch).await.map(Material::Token),
        }
    }

    /// Whether a file that the last fetch read, or looked for, is another one now: a reason to
    /// fetch again. Costs a look at each of the few files.
    pub fn files_changed(&self, files: &impl Files) -> bool {
        let now = |path: &Path| files.identify(path).ok();
        self.read.iter().any(|(path, then)| now(path) != *then)
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({})", self.what.describe())
    }
}

/// One fetch: the host, and what is learned on the way.
pub(crate) struct Fetch<'a, H> {
    pub(crate) host: &'a H,
    pub(crate) environment: &'a Environment,
    read: &'a mut Vec<(PathBuf, Option<FileIdentity>)>,
}

impl<H: Host> Fetch<'_, H> {
    /// The time, as Unix time in seconds.
    pub(crate) fn now(&self) -> i64 {
        self.host.now().div_euclid(1000)
    }

    /// Sends a request and returns the answer, whatever its status is.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, FetchError> {
        let url = request.url.to_string();
        let result = self.host.http(request).await;
        result.map_err(|error| FetchError::Http { url, error })
    }

    /// Remembers which file it was, of one that was read for another provider.
    pub(crate) fn note(&mut self, path: &Path, identity: Option<FileIdentity>) {
        self.read.push((path.to_owned(), identity));
    }

    /// Which file was read last.
    pub(crate) fn last_identity(&self) -> Option<FileIdentity> {
        self.read.last().and_then(|(_, identity)| *identity)
    }

    /// Reads a file and remembers which one it was.
    pub(crate) fn read(
        &mut self,
        path: &Path,
        limit: usize,
    ) -> Result<Zeroizing<Vec<u8>>, FetchError> {
        let result = self.host.read(path, limit);
        let identity = match &result {
            Ok(file) => Some(file.identity),
            // It may be there by now: then it is a change.
            Err(FileError::NotFound) => None,
            // A file that is no good may be when it has changed.
            Err(_) => self.host.identify(path).ok(),
        };
        self.read.push((path.to_owned(), identity));
        result
            .map(|file| file.content)
            .map_err(|error| FetchError::File {
                path: path.to_owned(),
                error,
            })
    }
}

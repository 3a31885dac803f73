//! Fetching from one source.

use std::fmt;
use std::path::Path;

use crate::any_source::AnySource;
use crate::fetch::{Fetch, FilesRead};
use crate::{Environment, FetchError, Files, Host, Material};

/// Fetches from a definition's source. Between fetches it remembers only the files that it has
/// read.
pub struct Fetcher {
    source: AnySource,
    environment: Environment,
    read: FilesRead,
}

impl Fetcher {
    pub(crate) fn new(source: AnySource, environment: Environment) -> Self {
        Self {
            source,
            environment,
            read: FilesRead::new(),
        }
    }

    /// Asks the source once. Each step has its deadline; dropping the future cancels everything.
    pub async fn fetch<H: Host>(&mut self, host: &H) -> Result<Material, FetchError> {
        self.read.clear();
        let mut fetch = Fetch::new(host, &self.environment, &mut self.read);
        match &self.source {
            AnySource::Credentials(source) => source.fetch(&mut fetch).await,
            AnySource::Token(source) => source.fetch(&mut fetch).await.map(Material::Token),
        }
    }

    /// Whether a file that the last fetch has read, or has not found, is a different one now: a
    /// reason to fetch again. The cost is a look at each of the few files.
    pub fn files_changed(&self, files: &impl Files) -> bool {
        let now = |path: &Path| files.identify(path).ok();
        self.read.iter().any(|(path, then)| now(path) != *then)
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fetcher({})", self.source.describe())
    }
}

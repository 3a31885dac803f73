//! One fetch.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::file::{FileError, FileIdentity};
use crate::host::{Request, Response};
use crate::{Environment, FetchError, Host};

/// The files that a fetch has read, or has not found, with their identities.
pub(crate) type FilesRead = Vec<(PathBuf, Option<FileIdentity>)>;

/// One fetch: the host, and what is recorded during the fetch.
pub(crate) struct Fetch<'a, H> {
    pub(crate) host: &'a H,
    pub(crate) environment: &'a Environment,
    read: &'a mut FilesRead,
}

impl<'a, H: Host> Fetch<'a, H> {
    pub(crate) fn new(host: &'a H, environment: &'a Environment, read: &'a mut FilesRead) -> Self {
        Self {
            host,
            environment,
            read,
        }
    }

    /// The time, as Unix time in seconds.
    pub(crate) fn now(&self) -> i64 {
        self.host.now().div_euclid(1000)
    }

    /// Sends a request and returns the response with any status.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, FetchError> {
        let url = request.url.to_string();
        let result = self.host.http(request).await;
        result.map_err(|error| FetchError::Http { url, error })
    }

    /// Records the identity of a file that was read for another provider.
    pub(crate) fn note(&mut self, path: &Path, identity: Option<FileIdentity>) {
        self.read.push((path.to_owned(), identity));
    }

    /// The identity of the file that was read last.
    pub(crate) fn last_identity(&self) -> Option<FileIdentity> {
        self.read.last().and_then(|(_, identity)| *identity)
    }

    /// Reads a file and records its identity.
    pub(crate) fn read(
        &mut self,
        path: &Path,
        limit: usize,
    ) -> Result<Zeroizing<Vec<u8>>, FetchError> {
        let result = self.host.read(path, limit);
        let identity = match &result {
            Ok(file) => Some(file.identity),
            // It can exist by now, which is a change.
            Err(FileError::NotFound) => None,
            // An invalid file can be valid when it has changed.
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

//! The `Host` of providers: files, clocks, HTTP, and programs in a worker of nginx.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use aws_credentials::host::{
    Command, File, FileError, FileIdentity, Files, HttpError, Output, Request, Response, RunError,
};
use aws_credentials::{Host, ProfileCache};
use zeroize::Zeroizing;

use crate::ffi::process;
use crate::renewal::net::Client;

/// Local files.
pub(crate) struct LocalFiles;

impl Files for LocalFiles {
    fn read(&self, path: &Path, limit: usize) -> Result<File, FileError> {
        // Opening a FIFO would block until somebody writes to it.
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)
            .map_err(|error| describe(&error))?;
        let metadata = file.metadata().map_err(|error| describe(&error))?;
        if !metadata.is_file() {
            return Err(FileError::NotRegular);
        }
        // With room for one byte more than allowed, so that it need not grow.
        let expected = usize::try_from(metadata.len()).map_or(limit, |length| length.min(limit));
        let mut content = Zeroizing::new(vec![0; expected + 1]);
        let mut length = 0;
        loop {
            match file.read(&mut content[length..]) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(describe(&error)),
            }
            if length > limit {
                return Err(FileError::TooLarge(limit));
            }
            if length == content.len() {
                // It has grown since it was opened.
                let mut larger = Zeroizing::new(vec![0; limit + 1]);
                larger[..length].copy_from_slice(&content);
                content = larger;
            }
        }
        content.truncate(length);
        Ok(File {
            content,
            identity: identity(&metadata),
        })
    }

    fn identify(&self, path: &Path) -> Result<FileIdentity, FileError> {
        let metadata = std::fs::metadata(path).map_err(|error| describe(&error))?;
        Ok(identity(&metadata))
    }
}

fn identity(metadata: &std::fs::Metadata) -> FileIdentity {
    FileIdentity {
        device: metadata.dev(),
        inode: metadata.ino(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        size: metadata.len(),
        mode: metadata.mode(),
    }
}

fn describe(error: &io::Error) -> FileError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FileError::NotFound,
        _ => FileError::System(error.to_string()),
    }
}

/// Local files while a configuration is read: what several providers name is read and parsed once.
#[derive(Default)]
pub(crate) struct SharedFiles(ProfileCache);

impl SharedFiles {
    /// The configuration has been read.
    pub(crate) fn forget(&self) {
        self.0.forget();
    }
}

impl Files for SharedFiles {
    fn read(&self, path: &Path, limit: usize) -> Result<File, FileError> {
        LocalFiles.read(path, limit)
    }

    fn identify(&self, path: &Path) -> Result<FileIdentity, FileError> {
        LocalFiles.identify(path)
    }

    fn profile_cache(&self) -> Option<(&ProfileCache, i64)> {
        Some((&self.0, 0))
    }
}

/// How long the result of looking up a file at a path is valid, in milliseconds. Each provider asks
/// once a second; one lookup serves all providers that use the file.
const IDENTITY_LIFETIME: i64 = 500;

/// Which file was at a path, and when.
type Seen = (i64, Result<FileIdentity, FileError>);

/// A worker of nginx.
pub(crate) struct NginxHost {
    client: Rc<Client>,
    cache: ProfileCache,
    seen: RefCell<HashMap<PathBuf, Seen>>,
}

impl NginxHost {
    pub(crate) fn new(client: Rc<Client>) -> Self {
        Self {
            client,
            cache: ProfileCache::default(),
            seen: RefCell::default(),
        }
    }

    fn note(&self, path: &Path, identity: Result<FileIdentity, FileError>) {
        let mut seen = self.seen.borrow_mut();
        seen.insert(path.to_owned(), (process::time_of_day(), identity));
    }
}

impl Files for NginxHost {
    fn read(&self, path: &Path, limit: usize) -> Result<File, FileError> {
        let file = LocalFiles.read(path, limit);
        if let Ok(file) = &file {
            self.note(path, Ok(file.identity));
        }
        file
    }

    fn identify(&self, path: &Path) -> Result<FileIdentity, FileError> {
        let now = process::time_of_day();
        self.cache.clear(now);
        if let Some((since, identity)) = self.seen.borrow().get(path)
            && (0..IDENTITY_LIFETIME).contains(&(now - since))
        {
            return identity.clone();
        }
        let identity = LocalFiles.identify(path);
        self.note(path, identity.clone());
        identity
    }

    fn profile_cache(&self) -> Option<(&ProfileCache, i64)> {
        Some((&self.cache, process::time_of_day()))
    }
}

impl Host for NginxHost {
    fn now(&self) -> i64 {
        process::time_of_day()
    }

    /// The standard library's hasher has keys from the system's generator.
    fn random(&self) -> u64 {
        RandomState::new().hash_one(process::clock())
    }

    async fn sleep(&self, duration: Duration) {
        ngx::async_::sleep(duration).await;
    }

    async fn http(&self, request: Request) -> Result<Response, HttpError> {
        self.client.exchange(request).await
    }

    async fn run(&self, command: Command) -> Result<Output, RunError> {
        crate::renewal::program::run(command).await
    }
}

//! Temporary folders: removed when a test passes, kept and named when it fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A temporary folder that belongs to one test.
///
/// Dropping it removes the folder, unless the test is panicking or `T_KEEP` is set in the
/// environment: then the folder stays and its path is printed.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Creates an empty folder below the system's temporary folder; `kind` is part of its name.
    pub fn new(kind: &str) -> Self {
        Self::inside(&std::env::temp_dir(), kind)
    }

    /// Creates an empty folder below `parent`, which is created where it is missing.
    pub fn inside(parent: &Path, kind: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);

        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("aws-auth-{kind}-{}-{number}", std::process::id()));

        // A process number comes round again: what an earlier run kept is not this test's.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap_or_else(|e| panic!("cannot create {path:?}: {e}"));

        Self { path }
    }

    /// The folder's absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file (its folders are created) and returns its absolute path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).unwrap_or_else(|e| panic!("cannot create {parent:?}: {e}"));
        }
        fs::write(&path, content).unwrap_or_else(|e| panic!("cannot write {path:?}: {e}"));
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() || std::env::var_os("T_KEEP").is_some() {
            eprintln!("kept: {}", self.path.display());
        } else {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

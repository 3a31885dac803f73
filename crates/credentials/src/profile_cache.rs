//! The recently read contents of the shared configuration and credentials files.
//!
//! Many providers can use one file. It is read and parsed once, as long as it does not change.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use crate::host::FileIdentity;
use crate::profile::{FileSyntax, Profiles};

/// How long content is kept, in milliseconds: long enough for all providers of a configuration,
/// which start together. It contains secrets.
const LIFETIME: i64 = 5000;

/// Profiles by the files that they were read from. Each [`Files`](crate::Files) has at most one.
#[derive(Default)]
pub struct ProfileCache(RefCell<HashMap<Names, Kept>>);

/// The files, in the order of their precedence.
type Names = Vec<(PathBuf, FileSyntax)>;

/// When the content was added, in milliseconds, and the content.
type Kept = (i64, Rc<LoadedFiles>);

/// The combined content of several files.
pub(crate) struct LoadedFiles {
    /// The identities of the files; `None` for a file that did not exist.
    pub(crate) identities: Vec<Option<FileIdentity>>,
    /// Which of them contain secrets.
    pub(crate) secrets: Vec<bool>,
    /// `None` if none of them existed.
    pub(crate) profiles: Option<Profiles>,
}

impl ProfileCache {
    /// Removes content that was added long before `now`, in milliseconds.
    pub fn clear(&self, now: i64) {
        let mut all = self.0.borrow_mut();
        all.retain(|_, (since, _)| (0..LIFETIME).contains(&(now - *since)));
    }

    /// Removes everything.
    pub fn forget(&self) {
        self.0.take();
    }

    /// The content of `files`, if they have not changed.
    pub(crate) fn find(
        &self,
        files: &[(PathBuf, FileSyntax)],
        identities: &[Option<FileIdentity>],
    ) -> Option<Rc<LoadedFiles>> {
        let all = self.0.borrow();
        let (_, loaded) = all.get(files)?;
        (loaded.identities == identities).then(|| Rc::clone(loaded))
    }

    pub(crate) fn put(&self, now: i64, files: &[(PathBuf, FileSyntax)], loaded: &Rc<LoadedFiles>) {
        let mut all = self.0.borrow_mut();
        all.insert(files.to_vec(), (now, Rc::clone(loaded)));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::path::Path;

    use zeroize::Zeroizing;

    use super::*;
    use crate::host::{File, FileError};
    use crate::{Declared, Definition, Environment, Files, ParseContext};

    /// A file that counts how often it is read.
    #[derive(Default)]
    struct Counting {
        cache: ProfileCache,
        now: Cell<i64>,
        inode: Cell<u64>,
        reads: Cell<usize>,
    }

    impl Files for Counting {
        fn read(&self, path: &Path, _limit: usize) -> Result<File, FileError> {
            self.reads.set(self.reads.get() + 1);
            let profile = |nth: usize| {
                let key = format!("aws_access_key_id = A{nth}\naws_secret_access_key = s");
                format!("[p{nth}]\n{key}\n")
            };
            Ok(File {
                content: Zeroizing::new((0..100).map(profile).collect::<String>().into_bytes()),
                identity: self.identify(path)?,
            })
        }

        fn identify(&self, _path: &Path) -> Result<FileIdentity, FileError> {
            Ok(FileIdentity {
                device: 1,
                inode: self.inode.get(),
                modified: (0, 0),
                size: 1,
                mode: 0o100_644,
            })
        }

        fn profile_cache(&self) -> Option<(&ProfileCache, i64)> {
            Some((&self.cache, self.now.get()))
        }
    }

    fn check_all(files: &Counting) -> usize {
        let context = ParseContext {
            environment: &Environment::default(),
            declared: &Declared::default(),
            parse_time: &|_| None,
        };
        for nth in 0..100 {
            let words = ["path=/profiles".to_owned(), format!("profile=p{nth}")];
            let words = words.each_ref().map(String::as_str);
            let definition = Definition::parse("file", &words, &context).unwrap();
            let check = definition.check(files).unwrap();
            assert!(check.files[0].is_exposed());
            assert!(check.description.contains(&format!("p{nth}")));
        }
        files.reads.get()
    }

    #[test]
    fn a_file_is_read_once_for_all_who_use_it() {
        let files = Counting::default();
        assert_eq!(check_all(&files), 1);
        // A different file at the same path.
        files.inode.set(1);
        assert_eq!(check_all(&files), 2);
        // Nothing is kept for long.
        files.cache.clear(LIFETIME - 1);
        assert_eq!(check_all(&files), 2);
        files.cache.clear(LIFETIME);
        assert_eq!(check_all(&files), 3);
        files.cache.forget();
        assert_eq!(check_all(&files), 4);
    }
}

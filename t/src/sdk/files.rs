//! What clients upload.

use std::path::{Path, PathBuf};

use crate::ODD_KEYS;
use crate::scratch::Scratch;

/// The size of a part of a multipart upload, in bytes: the smallest that S3 takes.
pub const PART_SIZE: usize = 5 << 20;

/// A folder with the files that clients upload: `small` (26 bytes), `empty`, `large` (a part and
/// one byte more), and `keys.json`, the odd keys that the object store can hold.
#[derive(Debug)]
pub struct Files {
    folder: Scratch,
    keys: Vec<&'static str>,
}

impl Files {
    /// Writes the files; `keys` are those that `can_hold` takes of [`ODD_KEYS`].
    pub(super) fn write(can_hold: impl Fn(&str) -> bool) -> Self {
        let folder = Scratch::new("files");
        let keys: Vec<_> = ODD_KEYS.into_iter().filter(|key| can_hold(key)).collect();
        let files = Self { folder, keys };
        for name in ["small", "empty", "large"] {
            files.folder.write(name, files.content(name));
        }
        files.folder.write("keys.json", json(&files.keys));
        files
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a file.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The bytes of a file.
    #[track_caller]
    pub fn content(&self, name: &str) -> Vec<u8> {
        match name {
            "small" => b"abcdefghijklmnopqrstuvwxyz".to_vec(),
            "empty" => Vec::new(),
            // No two blocks are alike, so that a block that is lost or doubled shows.
            "large" => (0..=PART_SIZE as u32)
                .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
                .collect(),
            _ => panic!("there is no file {name:?}"),
        }
    }

    /// The odd keys that the object store can hold.
    pub fn keys(&self) -> &[&'static str] {
        &self.keys
    }
}

/// A list of texts in JSON.
fn json(texts: &[&str]) -> String {
    let quoted: Vec<String> = texts
        .iter()
        .map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
        .collect();
    format!("[{}]", quoted.join(",\n"))
}

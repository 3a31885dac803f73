//! `signing_keys`: a file of signing keys for the coming days, as `generate_signing_key --days`
//! prints it. The secret key stays on the machine where they were made.

use std::path::PathBuf;

use aws_signing::CredentialScope;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{CredentialSource, ParseContext, file_use};
use crate::arguments::Arguments;
use crate::fetch::Fetch;
use crate::file::FileError;
use crate::response::is_access_key_id;
use crate::{
    Check, DatedKey, Declaration, DefinitionError, Environment, FetchError, Files, Host, Material,
    SigningKeys,
};

/// Ten times the size of a file with keys for a year.
const LIMIT: usize = 1024 * 1024;

/// Where the keys are, and the access key that they belong to.
#[derive(Clone, Hash)]
pub(crate) struct KeyFile {
    path: PathBuf,
    access_key_id: String,
}

impl KeyFile {
    /// Parses pairs of lines: a key in base64, then its scope. Empty lines and lines that begin
    /// with `#` are ignored.
    fn read(&self, content: &[u8]) -> Result<SigningKeys, FetchError> {
        let text = std::str::from_utf8(content);
        let text = text.map_err(|_| self.wrong("it is not text in UTF-8"))?;
        let lines = text.lines().map(str::trim).zip(1..);
        let mut lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
        let mut keys = Vec::new();
        while let Some((line, number)) = lines.next() {
            let key = decode(line).ok_or_else(|| {
                let why = "is not a signing key, 32 bytes in base64";
                self.wrong(format!("line {number} {why}"))
            })?;
            let Some((scope, number)) = lines.next() else {
                return Err(self.wrong("the scope of the last key is missing"));
            };
            let scope = CredentialScope::parse(scope)
                .map_err(|error| self.wrong(format!("line {number}: {error}")))?;
            keys.push(DatedKey { scope, key });
        }
        if keys.is_empty() {
            return Err(self.wrong("it contains no keys"));
        }
        SigningKeys::new(self.access_key_id.clone(), keys, self.describe()).ok_or_else(|| {
            let why = "its keys must be for one region and service, with one key for each day";
            self.wrong(why)
        })
    }

    fn wrong(&self, why: impl Into<String>) -> FetchError {
        FetchError::content(&self.path, why)
    }
}

impl CredentialSource for KeyFile {
    const DECLARATION: &'static Declaration = &Declaration {
        name: "signing_keys",
        keys: &["path=", "access_key="],
        may_ask_others: false,
        summary: "a file of signing keys, one for each UTC day, as `generate_signing_key --days` prints them",
    };

    fn parse(arguments: &mut Arguments<'_>, _: &ParseContext<'_>) -> Result<Self, DefinitionError> {
        let path = arguments.require("path", "/etc/nginx/aws/signing_keys")?;
        let access_key_id = arguments.require("access_key", "AKIAIOSFODNN7EXAMPLE")?;
        if !path.starts_with('/') {
            return Err(FetchError::setting("path=", "it is not an absolute path").into());
        }
        if !is_access_key_id(access_key_id) {
            let why = "an access key must not contain blanks, control characters, \"/\" or \",\"";
            return Err(FetchError::setting("access_key=", why).into());
        }
        Ok(Self {
            path: PathBuf::from(path),
            access_key_id: access_key_id.to_owned(),
        })
    }

    fn describe(&self) -> String {
        format!("signing_keys in {}", self.path.display())
    }

    /// The file, if it exists, must contain what it should.
    fn check(
        &self,
        files: &impl Files,
        _: &Environment,
        check: &mut Check,
    ) -> Result<String, DefinitionError> {
        check.files.push(file_use(files, &self.path));
        match files.read(&self.path, LIMIT) {
            Ok(file) => drop(self.read(&file.content)?),
            Err(FileError::NotFound) => {}
            Err(error) => {
                let path = self.path.clone();
                return Err(FetchError::File { path, error }.into());
            }
        }
        Ok(self.describe())
    }

    async fn fetch<H: Host>(&self, fetch: &mut Fetch<'_, H>) -> Result<Material, FetchError> {
        let content = fetch.read(&self.path, LIMIT)?;
        let keys = self.read(&content)?;
        if keys.expires_at() <= fetch.now() {
            return Err(self.wrong("its last key has expired"));
        }
        Ok(Material::Derived(keys))
    }
}

fn decode(line: &str) -> Option<Zeroizing<[u8; 32]>> {
    // Decoding writes whole groups of three bytes, so a little more than the key.
    let mut bytes = Zeroizing::new([0; 36]);
    let length = STANDARD.decode_slice(line, &mut *bytes).ok()?;
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(bytes.get(..length).filter(|bytes| bytes.len() == 32)?);
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn read(content: &str) -> Result<Vec<String>, String> {
        let file = KeyFile {
            path: PathBuf::from("/keys"),
            access_key_id: "AKIDEXAMPLE".to_owned(),
        };
        match file.read(content.as_bytes()) {
            Ok(keys) => {
                let all = keys.keys().iter().inspect(|key| {
                    assert_eq!(*key.key, std::array::from_fn(|at| at as u8));
                });
                Ok(all.map(|key| key.scope.to_string()).collect())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn pairs_are_read() {
        let scope = |date| format!("{date}/eu-west-1/s3/aws4_request");
        let [first, second] = ["20260101", "20260102"].map(scope);
        let content = format!("# a comment\n{KEY}\n{first}\r\n\n  {KEY}  \n{second}");
        assert_eq!(read(&content), Ok(vec![first, second]));
    }

    #[test]
    fn each_mistake_has_its_line() {
        let scope = "20260101/eu-west-1/s3/aws4_request";
        for (content, why) in [
            (String::new(), "it contains no keys"),
            ("# nothing\n".to_owned(), "it contains no keys"),
            (KEY.to_owned(), "the scope of the last key is missing"),
            (
                format!("\n{scope}\n{KEY}"),
                "line 2 is not a signing key, 32 bytes in base64",
            ),
            (
                format!("{}\n{scope}", &KEY[4..]),
                "line 1 is not a signing key",
            ),
            (format!("AAAA{KEY}\n{scope}"), "line 1 is not a signing key"),
            (
                format!("{KEY}{KEY}{KEY}\n{scope}"),
                "line 1 is not a signing key",
            ),
            (
                format!("{KEY}\n{}", &scope[1..]),
                "line 2: the date of a credential scope",
            ),
            (
                format!("{KEY}\n{scope}\n{KEY}\n{scope}"),
                "its keys must be for one",
            ),
        ] {
            let error = read(&content).unwrap_err();
            assert!(error.starts_with(&format!("/keys: {why}")), "{error}");
        }
        let file = read("\u{0}").unwrap_err();
        assert!(file.contains("line 1"), "{file}");
    }
}

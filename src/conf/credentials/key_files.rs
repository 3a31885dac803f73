//! Files of secret keys: `aws_secret_key_file`.
//!
//! nginx reads each of them once, with the configuration: a worker can neither read them nor wait
//! for a disk. So a variable must come from a `map`, whose values are known.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use aws_credentials::Files;
use aws_credentials::host::FileError;
use aws_sealing::value;
use zeroize::Zeroizing;

use crate::ffi::conf::map::{Map, MapValue};
use crate::ffi::conf::{Conf, Position};
use crate::ffi::http::value::Template;
use crate::ffi::process::log::Level;
use crate::renewal::host::LocalFiles;

/// Far more than the length of a secret key.
const LIMIT: usize = 64 * 1024;

/// A secret key.
pub(crate) type Secret = Rc<Zeroizing<Vec<u8>>>;

/// The files of a configuration.
#[derive(Default)]
pub(crate) struct KeyFiles {
    read: RefCell<HashMap<PathBuf, Secret>>,
    exposed: RefCell<HashSet<PathBuf>>,
    maps: RefCell<HashMap<Vec<u8>, Map>>,
    variables: RefCell<Vec<(Variable, Position)>>,
}

/// A variable that names a file.
#[derive(Clone)]
pub(crate) struct Variable {
    name: Rc<[u8]>,
    template: Template,
    /// By the values of the variable; complete when the configuration is.
    keys: Rc<OnceCell<HashMap<Vec<u8>, Secret>>>,
}

impl Variable {
    pub(crate) fn template(&self) -> &Template {
        &self.template
    }

    /// The key in the file that the variable names.
    pub(crate) fn key(&self, value: &[u8]) -> Option<&Secret> {
        self.keys.get()?.get(value)
    }
}

impl KeyFiles {
    /// The key in the file `name`. The error says what is wrong.
    pub(crate) fn read(&self, conf: &Conf, name: &[u8], at: &Position) -> Result<Secret, String> {
        let path = conf.full_path(name).ok_or("not enough memory")?;
        if let Some(known) = self.read.borrow().get(&path) {
            return Ok(Rc::clone(known));
        }
        let shown = path.display();
        let file = LocalFiles.read(&path, LIMIT);
        let file = file.map_err(|error| match error {
            FileError::NotFound => format!("cannot read {shown}: No such file or directory"),
            FileError::NotRegular if path.is_dir() => {
                format!("cannot read {shown}: Is a directory")
            }
            error => format!("cannot read {shown}: {error}"),
        })?;
        let secret = file.content.trim_ascii();
        value::secret(secret).map_err(|reason| {
            format!(
                "names {shown}, which contains no secret key ({reason}): the file must contain \
                 only the key"
            )
        })?;
        if file.identity.is_world_readable() && self.is_first_exposure(&path) {
            conf.log(
                Level::Warn,
                at,
                format_args!(
                    "any user of this machine can read the secret key in {shown}: run \"chmod \
                     600\" on it"
                ),
            );
        }
        let secret = Rc::new(Zeroizing::new(secret.to_vec()));
        self.read.borrow_mut().insert(path, Rc::clone(&secret));
        Ok(secret)
    }

    /// Whether the warning that everybody can read a file is still to be written.
    pub(crate) fn is_first_exposure(&self, path: &Path) -> bool {
        self.exposed.borrow_mut().insert(path.to_owned())
    }

    /// A map that has been read; `name` is that of its variable, with the `$`.
    pub(crate) fn note_map(&self, name: &[u8], map: Map) {
        let name = name.strip_prefix(b"$").unwrap_or(name);
        self.maps
            .borrow_mut()
            .insert(name.to_ascii_lowercase(), map);
    }

    /// A variable that names files, which are read when all maps have been.
    pub(crate) fn note_variable(&self, name: &[u8], template: Template, at: Position) -> Variable {
        let variable = Variable {
            name: name.to_ascii_lowercase().into(),
            template,
            keys: Rc::default(),
        };
        self.variables.borrow_mut().push((variable.clone(), at));
        variable
    }

    /// All directives have been read: reads the files that variables can name. An error has been
    /// logged.
    pub(crate) fn complete(&self, conf: &Conf) -> Result<(), ()> {
        for (variable, at) in self.variables.take() {
            let keys = self.read_all(conf, &variable.name, &at).map_err(|reason| {
                conf.log(
                    Level::Emerg,
                    &at,
                    format_args!("\"aws_secret_key_file\" {reason}"),
                );
            })?;
            let _ = variable.keys.set(keys);
        }
        self.read.take();
        self.maps.take();
        Ok(())
    }

    fn read_all(
        &self,
        conf: &Conf,
        name: &[u8],
        at: &Position,
    ) -> Result<HashMap<Vec<u8>, Secret>, String> {
        let shown = String::from_utf8_lossy(name);
        let map = self.maps.borrow().get(name).copied().ok_or_else(|| {
            format!(
                "requires a variable of a \"map\", whose files are read with the configuration, \
                 and \"${shown}\" is not one"
            )
        })?;
        let mut keys = HashMap::new();
        for value in map.values() {
            match value {
                // No file, and so no key.
                MapValue::Constant(b"") => {}
                MapValue::Constant(file) => {
                    let key = self.read(conf, file, at)?;
                    keys.insert(file.to_vec(), key);
                }
                MapValue::Variable => {
                    return Err(format!(
                        "requires a \"map\" of constant file names, and a value of \"${shown}\" \
                         has variables"
                    ));
                }
            }
        }
        Ok(keys)
    }
}

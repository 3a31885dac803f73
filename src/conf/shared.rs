//! The declarations of providers and tokens in http{}, and what is made of them once http{} has
//! been read.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use aws_credentials::{Endpoint, Environment, FileUse, Scheme};

use super::MainConf;
use super::credentials::KeyFiles;
use crate::ffi::conf::{Conf, Position};
use crate::ffi::memory::shm;
use crate::ffi::net::connection::tls::{self, TrustStore};
use crate::ffi::process::log::{Level, Log};
use crate::ffi::process::user::User;
use crate::renewal::host::SharedFiles;
use crate::renewal::net::{Client, Names};

/// The name of the zone if there is no `aws_auth_zone`.
const DEFAULT_ZONE: (&[u8], usize) = (b"aws_auth", 1024 * 1024);

/// The places of trusted certificates in common systems: Debian, Red Hat, Alpine, SUSE, and their
/// derivatives.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// Directives of http{} itself.
#[derive(Default)]
pub(crate) struct SharedDirectives {
    environment: OnceCell<Environment>,
    /// `aws_auth_zone`: name and size in bytes.
    pub(crate) zone: Option<(Vec<u8>, usize)>,
    /// `aws_trusted_certificate`
    pub(crate) trusted_certificate: Option<Vec<u8>>,
    /// What must be prepared for each provider and token.
    pub(crate) needs: Vec<Needs>,
    /// The files that providers and tokens name, while the configuration is read.
    pub(crate) files: SharedFiles,
    /// The files of secret keys.
    pub(crate) key_files: KeyFiles,
}

/// What a provider or a token needs in addition to itself.
pub(crate) struct Needs {
    /// As it is called in messages, e.g. `provider "instance"`.
    pub(crate) subject: String,
    pub(crate) position: Position,
    /// The services that it asks, as far as they are known.
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) files: Vec<FileUse>,
    /// Whether it can ask others, depending on a file.
    pub(crate) may_ask_others: bool,
}

impl SharedDirectives {
    /// The environment of the process that reads the configuration; workers lose it.
    pub(crate) fn environment(&self) -> &Environment {
        self.environment
            .get_or_init(|| Environment::capture(|name| std::env::var(name).ok()))
    }

    /// Warns of files that the workers will not be able to read. To be called once the whole
    /// configuration is known.
    pub(crate) fn warn_of_unreadable_files(&self, user: &User, log: Log) {
        let mut known = HashSet::new();
        for needs in &self.needs {
            for file in &needs.files {
                if !known.insert(&file.path) {
                    continue;
                }
                if let Some(obstacle) = obstacle(&file.path, user) {
                    log.write(
                        Level::Warn,
                        format_args!(
                            "{} reads {}, which workers cannot, as they run as user \
                             \"{}\": {}{}",
                            needs.subject,
                            file.path.display(),
                            user.name,
                            obstacle,
                            needs.position
                        ),
                    );
                }
            }
        }
    }
}

/// Why `user` cannot read the file; `None` if the user can, or if there is no file.
fn obstacle(path: &Path, user: &User) -> Option<String> {
    let mut folders: Vec<&Path> = path.ancestors().skip(1).collect();
    folders.reverse();
    let blocked = folders.into_iter().find(|folder| {
        std::fs::metadata(folder)
            .is_ok_and(|found| !user.may(0o1, found.mode(), found.uid(), found.gid()))
    });
    if let Some(folder) = blocked {
        return Some(format!("they cannot enter {}", folder.display()));
    }
    let found = std::fs::metadata(path).ok()?;
    (!user.may(0o4, found.mode(), found.uid(), found.gid()))
        .then(|| format!("its permissions are {:04o}", found.mode() & 0o7777))
}

/// http{} has been read: names are resolved, certificates read, the zone is declared. An error has
/// been logged.
pub(crate) fn complete(conf: &Conf, main: &MainConf) -> Result<(), ()> {
    main.shared.key_files.complete(conf)?;
    main.shared.files.forget();
    if main.providers.refreshables().next().is_none() && main.providers.counting.is_none() {
        return Ok(());
    }
    let shared = &main.shared;
    let mut names = Names::new(conf);
    for needs in &shared.needs {
        for endpoint in &needs.endpoints {
            names.prepare(conf, &endpoint.host).map_err(|reason| {
                conf.log(
                    Level::Emerg,
                    &needs.position,
                    format_args!(
                        "{} asks {endpoint}: {reason}: correct the name, or add \
                         \"resolver\" to http{{}}",
                        needs.subject
                    ),
                );
            })?;
        }
    }
    let trust = trust(conf, shared)?;
    let (name, size) = match &shared.zone {
        Some((name, size)) => (&name[..], *size),
        None => DEFAULT_ZONE,
    };
    main.providers
        .connect(conf.cycle(), Client { names, trust }, name);
    shm::declare(conf, name, size, Rc::clone(&main.providers))
}

/// Whether the path leads to something other than a regular file, which could block a read.
fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| !found.is_file())
}

/// The certificates to verify servers with, if they can be needed.
fn trust(conf: &Conf, shared: &SharedDirectives) -> Result<Option<TrustStore>, ()> {
    let asks_https = |needs: &&Needs| {
        let mut endpoints = needs.endpoints.iter();
        endpoints.any(|endpoint| endpoint.scheme == Scheme::Https)
    };
    let sure = shared.needs.iter().find(asks_https);
    let may = shared.needs.iter().any(|needs| needs.may_ask_others);
    if sure.is_none() && !may {
        return Ok(None);
    }

    if !tls::is_available() {
        let Some(needs) = sure else { return Ok(None) };
        conf.log(
            Level::Emerg,
            &needs.position,
            format_args!(
                "{} needs https, and this nginx is built without TLS: use one that \
                 has --with-http_ssl_module",
                needs.subject
            ),
        );
        return Err(());
    }
    if let Some(file) = &shared.trusted_certificate {
        if conf.full_path(file).is_some_and(|path| is_special(&path)) {
            conf.log(
                Level::Emerg,
                &conf.position(),
                format_args!(
                    "\"aws_trusted_certificate\" names {}, which is not a regular file",
                    String::from_utf8_lossy(file)
                ),
            );
            return Err(());
        }
        return TrustStore::new(conf, file).map(Some);
    }
    let bundle = BUNDLES
        .iter()
        .map(PathBuf::from)
        .find(|file| file.is_file());
    match (bundle, sure) {
        (Some(bundle), _) => TrustStore::new(conf, bundle.as_os_str().as_encoded_bytes()).map(Some),
        (None, None) => Ok(None),
        (None, Some(needs)) => {
            conf.log(
                Level::Emerg,
                &needs.position,
                format_args!(
                    "{} needs https, and the trusted certificates of this system were not found: \
                     set \"aws_trusted_certificate\"",
                    needs.subject
                ),
            );
            Err(())
        }
    }
}

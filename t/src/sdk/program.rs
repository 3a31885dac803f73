//! Client programs as tests run them: with nothing of this machine's settings.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::stand::Entrance;

/// How long a program may run.
const LIMIT: Duration = Duration::from_secs(120);

/// A client program that is set up for an [`Entrance`]: its environment holds the keys and the
/// certificate to trust, where SDKs look for them, and a home folder of its own.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    entrance: &'a Entrance,
    path: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl<'a> Program<'a> {
    /// A program of the virtual environment of clients: `AWS_AUTH_CLIENTS`, or what `make deps`
    /// installs.
    #[track_caller]
    pub fn of_clients(name: &str, entrance: &'a Entrance) -> Self {
        let venv = match std::env::var_os("AWS_AUTH_CLIENTS") {
            Some(path) => PathBuf::from(path),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/clients-venv"),
        };
        let path = venv.join("bin").join(name);
        assert!(
            path.exists(),
            "no {name} in {}: run `make deps`, or name the clients' virtual environment in \
             AWS_AUTH_CLIENTS",
            venv.display()
        );
        // The first line of a script cannot name an interpreter whose path contains a space.
        let is_script = std::fs::read(&path).is_ok_and(|program| program.starts_with(b"#!"));
        if is_script {
            Self::installed(venv.join("bin/python"), entrance).argument(path)
        } else {
            Self::installed(path, entrance)
        }
    }

    /// A program by its path, or one that is found in `PATH`.
    pub fn installed(path: impl Into<PathBuf>, entrance: &'a Entrance) -> Self {
        let program = Self {
            entrance,
            path: path.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
        };
        program
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", entrance.home())
            .env("LANG", "C.UTF-8")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("AWS_ACCESS_KEY_ID", &entrance.access_key)
            .env("AWS_SECRET_ACCESS_KEY", &entrance.secret_key)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_CA_BUNDLE", &entrance.authority)
            // Nobody asks the network for other keys.
            .env("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// A scenario in `t/clients`, which does what is written there with the entrance's bucket.
    #[track_caller]
    pub fn scenario(script: &str, entrance: &'a Entrance, files: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("clients")
            .join(script);
        Self::of_clients("python", entrance)
            .argument(script)
            .argument(&entrance.url)
            .argument(&entrance.bucket)
            .argument(files)
    }

    /// Adds an argument that goes before those of each run.
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment
            .push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Runs it and returns what it prints; fails the test, showing what it says, unless it succeeds.
    #[track_caller]
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        let arguments: Vec<OsString> = self
            .arguments
            .iter()
            .cloned()
            .chain(arguments.into_iter().map(|a| a.as_ref().to_owned()))
            .collect();
        let (status, printed, said) = self.output(&arguments);
        assert!(
            status.is_some_and(|status| status.success()),
            "{} {arguments:?} at {}: {}\n{}{}",
            self.path.display(),
            self.entrance.url,
            status.map_or_else(|| format!("runs for {LIMIT:?}"), |s| s.to_string()),
            tail(&printed),
            tail(&said),
        );
        printed
    }

    /// The status, none if it was ended for the time it took, and what it wrote to stdout and
    /// stderr.
    #[track_caller]
    fn output(&self, arguments: &[OsString]) -> (Option<ExitStatus>, String, String) {
        let [out, err] = ["stdout", "stderr"].map(|name| self.entrance.home().join(name));
        let create = |path| File::create(path).expect("a file can be created");
        let mut child = Command::new(&self.path)
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.entrance.home())
            .stdin(Stdio::null())
            .stdout(create(&out))
            .stderr(create(&err))
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run {}: {e}: run `make deps`", self.path.display()));

        let start = Instant::now();
        let status = loop {
            match child.try_wait().expect("a child can be waited for") {
                Some(status) => break Some(status),
                None if start.elapsed() > LIMIT => {
                    let _ = child.kill();
                    let _ = child.wait();
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let read = |path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        (status, read(out), read(err))
    }
}

/// The end of a long text.
fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(4000);
    let start = (start..text.len()).find(|&i| text.is_char_boundary(i));
    &text[start.unwrap_or(text.len())..]
}

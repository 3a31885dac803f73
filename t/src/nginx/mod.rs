//! nginx under test: its configuration, its processes and its logs.

mod builder;
mod logs;
mod process;
mod tls;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub use builder::Builder;
pub use logs::own_lines;

use crate::alone::Running;
use crate::scratch::Scratch;
use crate::wait_until;
use logs::Severe;
use process::Process;

/// A running nginx that belongs to one test.
///
/// Dropping it stops its processes and removes its folder. A test that has not panicked then
/// fails if the error log tells of something severe that [`Builder::allow_log`] does not allow:
/// a level of `crit` or above, a panic, or a process that died from a signal.
#[derive(Debug)]
pub struct Nginx {
    // Declared first: the processes end before their folder goes.
    process: Process,
    builder: Builder,
    ports: Vec<(String, u16)>,
    allowed: Vec<String>,
    scratch: Scratch,
    _running: Running,
}

/// The outcome of `nginx -t`.
#[derive(Clone, Debug)]
pub struct TestResult {
    /// Whether nginx accepts the configuration.
    pub ok: bool,
    /// What nginx printed.
    pub stderr: String,
}

impl TestResult {
    /// The lines of level `warn`.
    pub fn warnings(&self) -> Vec<&str> {
        self.stderr
            .lines()
            .filter(|line| line.contains("[warn]"))
            .collect()
    }

    /// Fails the test unless nginx accepts the configuration.
    #[track_caller]
    pub fn expect_ok(self) -> Self {
        assert!(self.ok, "refused:\n{}", self.stderr);
        self
    }

    /// Fails the test unless nginx rejects the configuration in exactly one line of level
    /// `emerg`, and this line holds `message`.
    #[track_caller]
    pub fn expect_refused(self, message: &str) -> Self {
        assert!(
            !self.ok,
            "taken, where this was expected: {message}\n{}",
            self.stderr
        );
        let lines: Vec<&str> = self
            .stderr
            .lines()
            .filter(|l| l.contains("[emerg]"))
            .collect();
        assert_eq!(
            lines.len(),
            1,
            "one line of level emerg was expected:\n{}",
            self.stderr
        );
        assert!(
            lines[0].contains(message),
            "{message:?} is missing in:\n{}",
            self.stderr
        );
        self
    }

    /// Fails the test unless the line that rejects names the line of `content`, which is the file
    /// `name`, that ends with `#!`.
    #[track_caller]
    pub fn expect_at_mark(self, name: &str, content: &str) -> Self {
        let marked = content.lines().position(|line| line.ends_with("#!"));
        let number = marked.expect("a line that ends with #!") + 1;
        let mut lines = self.stderr.lines();
        let line = lines.find(|line| line.contains("[emerg]"));
        assert!(
            line.is_some_and(|line| line.ends_with(&format!("/{name}:{number}"))),
            "{name}:{number} is not named:\n{content}\n{}",
            self.stderr
        );
        self
    }
}

/// Runs `nginx -t` over a whole configuration file with the placeholders of [`Builder::conf`].
#[track_caller]
pub fn nginx_t(conf: &str) -> TestResult {
    Nginx::builder().conf(conf).check()
}

/// The version of the nginx under test: `(1, 22, 1)`.
pub fn nginx_version() -> (u32, u32, u32) {
    static VERSION: OnceLock<(u32, u32, u32)> = OnceLock::new();

    *VERSION.get_or_init(|| {
        let printed = process::version_line();
        let parse = || {
            let version = printed.split("nginx/").nth(1)?;
            let version = version
                .split(|c: char| c != '.' && !c.is_ascii_digit())
                .next()?;
            let mut numbers = version.split('.').map(|n| n.parse().ok());
            Some((numbers.next()??, numbers.next()??, numbers.next()??))
        };
        parse().unwrap_or_else(|| panic!("no version in what nginx -v printed: {printed:?}"))
    })
}

impl Nginx {
    /// A configuration to start from: one server on a free port of 127.0.0.1, one worker.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The port of the server.
    pub fn port(&self) -> u16 {
        self.port_of("port")
    }

    /// The port that takes HTTP/2 without TLS; see [`Builder::http2`].
    #[track_caller]
    pub fn h2_port(&self) -> u16 {
        self.port_of("h2_port")
    }

    /// The port that a placeholder stands for; see [`Builder::extra_port`].
    #[track_caller]
    pub fn port_of(&self, name: &str) -> u16 {
        match self.ports.iter().find(|(n, _)| n == name) {
            Some((_, port)) => *port,
            None => panic!("no port is named {name:?}"),
        }
    }

    /// nginx's folder: its prefix, with its logs and temporary files.
    pub fn dir(&self) -> &Path {
        self.scratch.path()
    }

    /// The master, or the only process where there is no master.
    pub fn master(&self) -> i32 {
        self.process.master()
    }

    /// The workers that take connections; those that are shutting down are not counted.
    pub fn workers(&self) -> Vec<i32> {
        self.process.workers().serving
    }

    /// The workers that only finish the requests they have.
    pub fn leaving_workers(&self) -> Vec<i32> {
        self.process.workers().leaving
    }

    /// Kills a worker (SIGKILL) and waits until the master has put another in its place. What
    /// the master logs about it is allowed.
    #[track_caller]
    pub fn kill_worker(&mut self, worker: i32) {
        let before = self.workers();
        assert!(
            before.contains(&worker),
            "{worker} is no worker: {before:?}"
        );
        self.allowed
            .push(format!("worker process {worker} exited on signal 9"));

        process::signal(worker, rustix::process::Signal::KILL);
        wait_until("the master has started another worker", || {
            let now = self.workers();
            now.len() == before.len() && !now.contains(&worker)
        });
    }

    /// Allows error log lines that hold this text, as [`Builder::allow_log`] does.
    pub fn allow_log(&mut self, text: &str) {
        self.allowed.push(text.to_owned());
    }

    /// Rewrites the configuration: `edit` gets the builder that nginx was started with, and gives
    /// it back changed. Takes effect with [`Nginx::reload`]. Ports cannot be added.
    pub fn edit(&mut self, edit: impl FnOnce(Builder) -> Builder) {
        self.builder = edit(self.builder.clone());
        self.allowed.extend(self.builder.allowed.iter().cloned());
        self.builder.write_files(&self.scratch, &self.ports);
    }

    /// Writes a file below nginx's folder, as it is.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        self.scratch.write(name, content);
    }

    /// Reloads the configuration (HUP) and waits until only new workers take connections.
    #[track_caller]
    pub fn reload(&mut self) {
        if let Err(refusal) = self.try_reload() {
            panic!("nginx refused the new configuration:\n{refusal}");
        }
    }

    /// Reloads the configuration; `Err` holds the log's lines where nginx rejects it and goes on
    /// with the old one (the rejection is not held against the test).
    #[track_caller]
    pub fn try_reload(&mut self) -> Result<(), String> {
        let old = self.workers();
        let wanted = self.builder.worker_count();
        let log_end = self.error_log().len();
        process::signal(self.master(), rustix::process::Signal::HUP);

        let mut refusal = None;
        wait_until("the new workers serve", || {
            let log = self.error_log();
            let news = log.get(log_end..).unwrap_or_default();
            refusal = news
                .contains("[emerg]")
                .then(|| {
                    news.lines()
                        .filter(|l| l.contains("[emerg]"))
                        .collect::<Vec<_>>()
                })
                .map(|lines| lines.join("\n"));

            let now = self.workers();
            refusal.is_some()
                || (now.len() >= wanted && now.iter().all(|worker| !old.contains(worker)))
        });

        match refusal {
            None => Ok(()),
            Some(lines) => {
                self.allowed.extend(lines.lines().map(str::to_owned));
                Err(lines)
            }
        }
    }

    /// Has an nginx without a master read its configuration again (HUP), and waits until it begins to:
    /// it does nothing else until that is done.
    #[track_caller]
    pub fn reload_single_process(&self) {
        let reloads = || self.error_log().matches("reconfiguring").count();
        let before = reloads();
        process::signal(self.master(), rustix::process::Signal::HUP);
        wait_until("nginx reads its configuration", || reloads() > before);
    }

    /// Reopens the log files (USR1).
    pub fn reopen_logs(&self) {
        process::signal(self.master(), rustix::process::Signal::USR1);
    }

    /// Ends nginx gracefully (QUIT), as soon as its requests are finished, and waits for it.
    #[track_caller]
    pub fn quit(&mut self) {
        self.process.quit();
    }

    /// The error log so far; bytes that are not UTF-8 are replaced.
    pub fn error_log(&self) -> String {
        self.read("error.log")
    }

    /// What the error log says of requests: without the lines about the configuration, such as warnings.
    pub fn request_log(&self) -> String {
        let log = self.error_log();
        let of_requests = |line: &&str| {
            // "<time> [<level>] <pid>#<tid>: *<connection> <text>"
            let text = line
                .split_once("#")
                .and_then(|(_, rest)| rest.split_once(": "));
            text.is_some_and(|(_, text)| text.starts_with('*'))
        };
        log.split_inclusive('\n').filter(of_requests).collect()
    }

    /// The module's lines in the error log.
    pub fn own_lines(&self) -> Vec<String> {
        own_lines(&self.error_log())
    }

    /// The module's lines in the error log that are about requests.
    pub fn own_request_lines(&self) -> Vec<String> {
        own_lines(&self.request_log())
    }

    /// The debug log so far; see [`Builder::debug`].
    pub fn debug_log(&self) -> String {
        self.read("debug.log")
    }

    /// The access log so far: a line `method|request_uri|status|upstream_status|cache_status` a
    /// request, written when its response is complete.
    pub fn access_log(&self) -> String {
        self.read("access.log")
    }

    /// A file in nginx's folder as text; empty where there is none.
    pub fn read(&self, name: &str) -> String {
        let bytes = std::fs::read(self.scratch.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until a line of the error log holds `text`, and returns the line.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str, timeout: Duration) -> String {
        let start = Instant::now();
        loop {
            let log = self.error_log();
            // The last line may still be half written.
            let whole_lines = &log[..log.rfind('\n').map_or(0, |i| i + 1)];
            if let Some(line) = whole_lines.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(
                start.elapsed() < timeout,
                "not logged within {timeout:?}: {text:?}\n{log}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the access log has `count` lines, and returns them.
    #[track_caller]
    pub fn wait_for_access_log(&self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        wait_until("the access log has its lines", || {
            let log = self.access_log();
            lines = log
                .split_inclusive('\n')
                .filter(|l| l.ends_with('\n'))
                .map(str::to_owned)
                .collect();
            lines.len() >= count
        });
        lines
            .iter()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.process.stop();

        let left = self.process.left();
        let severe = Severe::find(&self.error_log(), &self.allowed);
        if std::thread::panicking() {
            eprintln!("{}", logs::tail(&self.error_log(), 30));
            return;
        }
        assert!(left.is_empty(), "processes of nginx are left: {left:?}");
        assert!(
            severe.is_empty(),
            "nginx logged something severe:\n{severe}"
        );
    }
}

/// The directive that loads the module under test: the one that `AWS_AUTH_MODULE` names, or what
/// the Makefile builds. Empty where it is `static`, linked into nginx.
#[track_caller]
pub fn load_directive() -> String {
    let path = match std::env::var_os("AWS_AUTH_MODULE") {
        Some(path) if path == "static" => return String::new(),
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../build/modules/ngx_http_aws_auth_module.so"),
    };
    match path.canonicalize() {
        Ok(path) => format!("load_module \"{}\";", path.display()),
        Err(e) => panic!(
            "{}: {e}: run `make build`, or name the module in AWS_AUTH_MODULE",
            path.display()
        ),
    }
}

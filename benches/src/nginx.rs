//! An nginx of one worker, in a folder of its own.

use std::fmt;
use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process, set_parent_process_death_signal};

use crate::options::Options;

/// How long nginx may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running nginx. Dropping it ends it and removes its folder.
pub(crate) struct Nginx {
    master: Child,
    worker: Pid,
    port: u16,
    folder: PathBuf,
}

/// Why nginx does not run.
#[derive(Debug)]
pub(crate) enum StartError {
    /// Its folder cannot be made.
    Folder(io::Error),
    /// It cannot be started at all.
    Program { path: PathBuf, error: io::Error },
    /// It rejected the configuration, or has not begun to listen.
    Refused { printed: String },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(error) => write!(f, "cannot make nginx's folder: {error}"),
            Self::Program { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Refused { printed } => write!(f, "nginx does not start:\n{printed}"),
        }
    }
}

impl Nginx {
    /// Starts nginx with the configuration `template`, in which `{name}` is replaced by the value
    /// of that name, and waits until its worker accepts connections on `{port}`, a free one.
    pub(crate) fn start(
        template: &str,
        values: &[(&str, String)],
        options: &Options,
    ) -> Result<Self, StartError> {
        let (folder, port) = folder_and_port().map_err(StartError::Folder)?;
        let own = [
            ("main", main_context(&folder, &options.log_level)),
            ("paths", temporary_paths(&folder)),
            ("port", port.to_string()),
        ];
        let conf = values
            .iter()
            .chain(&own)
            .fold(template.to_owned(), |conf, (name, value)| {
                conf.replace(&format!("{{{name}}}"), value)
            });
        fs::write(folder.join("nginx.conf"), conf).map_err(StartError::Folder)?;

        let mut master = spawn(&options.nginx, &folder).map_err(|error| StartError::Program {
            path: options.nginx.clone(),
            error,
        })?;
        let Some(worker) = wait_for_worker(&mut master, port) else {
            end(&mut master);
            let printed = ["stderr.log", "error.log"]
                .map(|name| fs::read_to_string(folder.join(name)).unwrap_or_default())
                .concat();
            let _ = fs::remove_dir_all(&folder);
            return Err(StartError::Refused { printed });
        };
        Ok(Self {
            master,
            worker,
            port,
            folder,
        })
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The worker's process.
    pub(crate) fn worker(&self) -> Pid {
        self.worker
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        end(&mut self.master);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// An empty folder, and a port that is free at this moment.
fn folder_and_port() -> io::Result<(PathBuf, u16)> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);

    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("aws-auth-bench-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    Ok((folder, port))
}

fn main_context(folder: &Path, log_level: &str) -> String {
    let folder = folder.display();
    // As root, the worker would become a user who cannot write to our folder.
    let user = if geteuid().is_root() {
        "user root;\n"
    } else {
        ""
    };
    format!(
        "{user}daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\n\
         error_log {folder}/error.log {log_level};\nevents {{ worker_connections 512; }}\n"
    )
}

fn temporary_paths(folder: &Path) -> String {
    ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", folder.display()))
        .concat()
}

/// Starts the master such that it ends when this program does, even by SIGKILL.
fn spawn(program: &Path, folder: &Path) -> io::Result<Child> {
    let mut command = Command::new(program);
    command
        .arg("-p")
        .arg(folder)
        .arg("-e")
        .arg(folder.join("error.log"))
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("stderr.log"))?);
    // SAFETY: between fork and exec the closure makes one system call; it allocates nothing, takes
    // no lock and touches no memory of this process.
    unsafe {
        command.pre_exec(|| {
            set_parent_process_death_signal(Some(Signal::TERM))?;
            Ok(())
        });
    }
    command.spawn()
}

/// The worker, once it takes connections; none where it does not.
fn wait_for_worker(master: &mut Child, port: u16) -> Option<Pid> {
    let children = format!("/proc/{0}/task/{0}/children", master.id());
    let start = Instant::now();
    while start.elapsed() < PATIENCE && matches!(master.try_wait(), Ok(None)) {
        let worker = fs::read_to_string(&children)
            .ok()
            .and_then(|pids| Pid::from_raw(pids.trim().parse().ok()?));
        if worker.is_some() && TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return worker;
        }
        sleep(Duration::from_millis(5));
    }
    None
}

/// Ends a master with its worker: politely, then by force.
fn end(master: &mut Child) {
    if let Some(pid) = Pid::from_raw(master.id().cast_signed()) {
        let _ = kill_process(pid, Signal::TERM);
    }
    let start = Instant::now();
    while matches!(master.try_wait(), Ok(None)) {
        if start.elapsed() > PATIENCE {
            let _ = master.kill();
        }
        sleep(Duration::from_millis(2));
    }
}
